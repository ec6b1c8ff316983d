"""Objects: named bytes that belong to a tenant, on a local disk or in S3, behind one port.

`open_objects(url)` gives an `Objects`; keys are checked by their type; `signing` makes paths that expire.
"""
