"""Programs that the catalog runs."""
