"""Hints between those in one process who hand parts out and those who encode them."""

from vitascope.foundation.events.hints import Hint


class Bells:
    """Rung when a part waits, and when one has ended; whoever does not hear it looks by himself soon."""

    def __init__(self) -> None:
        self.waiting, self.ended = Hint(), Hint()
