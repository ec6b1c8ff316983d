"""The rules of content keys: made once for a set, kept wrapped, given to the platform only."""
