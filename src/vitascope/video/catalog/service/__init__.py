"""The rules of the catalog: `titles` for its readers and editors, `films` for what jobs make of uploads."""
