from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import pytest

from vitascope.foundation.encoding import from_json, from_plain, to_json, to_plain
from vitascope.foundation.ids import Id, RandomIds


class ReelId(Id, prefix="reel"):
    """An id for these tests."""


@dataclass(frozen=True, kw_only=True)
class Reel:
    """A value with what events carry."""

    id: ReelId
    shot_at: datetime
    parts: tuple[ReelId, ...] = ()
    length: float | None = None


REEL = Reel(
    id=RandomIds().new(ReelId), shot_at=datetime(1896, 4, 23, tzinfo=UTC), parts=(RandomIds().new(ReelId),)
)


class TestJson:
    def test_there_and_back(self) -> None:
        """A value comes back equal, its ids typed."""
        back = from_json(to_json(REEL), Reel)

        assert back == REEL
        assert type(back.id) is ReelId

    def test_plain(self) -> None:
        """Plain data holds strings where the value holds ids."""
        plain = to_plain(REEL)

        assert type(plain["id"]) is str
        assert from_plain(plain, Reel) == REEL

    def test_wrong_id_is_named(self) -> None:
        """A wrong id is told with its place."""
        with pytest.raises(msgspec.ValidationError, match=r"\$\.id"):
            from_json(b'{"id": "film_x", "shot_at": "1896-04-23T00:00:00Z"}', Reel)

    def test_unknown_type_is_refused(self) -> None:
        """A value without a JSON form is refused, not guessed."""
        with pytest.raises(NotImplementedError, match="object"):
            to_json(object())
