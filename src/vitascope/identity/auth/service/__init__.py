"""The rules of sign-in."""
