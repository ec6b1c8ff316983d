"""Theatre: the pages that viewers and uploaders see (htmx and Jinja)."""
