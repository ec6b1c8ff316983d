"""Content keys: made on demand for a set of renditions, kept wrapped, and given to those entitled.

Owns `transcoding_keys`: `content_keys`. Sends nothing. Hears nothing.
"""
