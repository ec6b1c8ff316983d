"""The MediaFlow part: upload, catalog, delivery and views."""
