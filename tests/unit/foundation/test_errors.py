from http import HTTPStatus

from vitascope.foundation.errors import Conflict, VitascopeError


class WatchlistFull(Conflict):
    """A watchlist holds at most 500 titles; remove one first."""


class TestErrors:
    def test_docstring_is_the_message(self) -> None:
        """An error that is raised without a word says what its class says."""
        assert str(WatchlistFull()) == "A watchlist holds at most 500 titles; remove one first."

    def test_problem(self) -> None:
        """The problem document has a stable type, the status and the field."""
        problem = WatchlistFull(field="title", extra={"limit": 500}).problem()

        assert problem == {
            "type": "vitascope:watchlist-full",
            "title": "Watchlist full",
            "status": HTTPStatus.CONFLICT,
            "detail": "A watchlist holds at most 500 titles; remove one first.",
            "field": "title",
            "limit": 500,
        }

    def test_registered(self) -> None:
        """A client finds the class again by the type."""
        assert VitascopeError.registry["vitascope:watchlist-full"] is WatchlistFull
