"""Sending mail: into a folder by default, through an SMTP server by setting."""
