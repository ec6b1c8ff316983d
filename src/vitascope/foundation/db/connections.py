"""What asyncpg raises when a connection cannot be had or is lost, in whatever state it was."""

import asyncpg

LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""The last is raised when the server ends a connection just as a statement is sent on it."""


def tells_outage(code: str | None) -> bool:
    """Codes 57P0x (shutdown, crash, cannot connect now) and class 08 (connection)."""
    return code is not None and code.startswith(("57P0", "08"))


def is_outage(failure: Exception) -> bool:
    """Whether asyncpg's error says that the database is away, and not that a statement is wrong."""
    if isinstance(failure, asyncpg.PostgresError):
        return tells_outage(failure.sqlstate)
    return not isinstance(failure, ValueError)  # an argument that does not fit its type
