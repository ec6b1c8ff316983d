"""Theatre: the pages that viewers and uploaders see (htmx and Jinja).

Owns no tables, sends nothing, hears nothing: it asks the services through their contracts and keeps
the session of a browser in cookies. Its browser parts are installed by `scripts/assets`.
"""
