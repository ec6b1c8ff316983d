"""A Protocol of a `contracts.py`, called in another process: the same calls, results and errors.

`methods` reads the contract, `client` makes an object that implements it over HTTP, `server` the
routes that answer, and `envelope` carries the context between them, signed.
"""
