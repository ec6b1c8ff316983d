"""Leases on names, with a fencing number that grows with every holder.

Owns the schema `locks`: `leases`.
"""
