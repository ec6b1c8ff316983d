"""The composition root: which modules there are, and how they are started."""
