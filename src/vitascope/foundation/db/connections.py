"""What asyncpg raises when a connection cannot be had or is lost, in whatever state it was."""

import asyncpg

LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""The last is raised when the server ends a connection just as a statement is sent on it."""
