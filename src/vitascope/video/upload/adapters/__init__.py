"""The protocol that upload clients speak."""
