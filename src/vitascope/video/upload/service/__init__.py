"""The rules of uploads."""
