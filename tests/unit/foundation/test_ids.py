from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from vitascope.foundation.ids import Id, RandomIds


class FilmId(Id, prefix="film"):
    """An id for these tests."""


class TestText:
    @given(st.uuids())
    def test_there_and_back(self, value: UUID) -> None:
        """The text form keeps all 128 bits."""
        assert FilmId(str(FilmId.of(value))).uuid == value

    @given(st.uuids(), st.uuids())
    def test_sorts_as_the_number(self, one: UUID, other: UUID) -> None:
        """Ids sort as text as their numbers do, so a cursor can be an id."""
        assert (FilmId.of(one) < FilmId.of(other)) == (one.int < other.int)

    def test_known_form(self) -> None:
        """The form is that of the TypeID specification."""
        value = UUID("01890a5d-ac96-774b-bcce-b302099a8057")

        assert FilmId.of(value) == "film_01h455vb4pex5vsknk084sn02q"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "film_",
            "film_01h455vb4pex5vsknk084sn02",
            "reel_01h455vb4pex5vsknk084sn02q",
            "film_81h455vb4pex5vsknk084sn02q",
            "film_01h455vb4pex5vsknk084sn02l",
            "film_01H455VB4PEX5VSKNK084SN02Q",
            "01h455vb4pex5vsknk084sn02q",
            "film_01h455vb4pex5vsknk084sn02q\n",
        ],
    )
    def test_malformed_is_refused(self, text: str) -> None:
        """Anything else than the one spelling of an id of this kind is refused."""
        with pytest.raises(ValueError, match="not an id"):
            FilmId(text)

    def test_pydantic_names_the_field(self) -> None:
        """A wrong id in a request is told with its field."""

        class Body(BaseModel):
            film: FilmId

        with pytest.raises(ValidationError) as caught:
            Body.model_validate({"film": "reel_x"})

        assert caught.value.errors()[0]["loc"] == ("film",)


class TestRandomIds:
    def test_grow_within_a_millisecond(self) -> None:
        """Ids made in the same millisecond are distinct and in order."""
        ids = RandomIds(milliseconds=lambda: 1_700_000_000_000)

        made = [ids.new(FilmId) for _ in range(2000)]

        assert made == sorted(set(made))

    def test_clock_that_goes_back(self) -> None:
        """A clock that is set back makes no id smaller than those before."""
        times = iter([2_000, 1_000, 1_000])
        ids = RandomIds(milliseconds=lambda: next(times))

        made = [ids.new(FilmId) for _ in range(3)]

        assert made == sorted(made)

    def test_version_and_variant(self) -> None:
        """They are UUIDs of version 7 with the standard's variant."""
        value = RandomIds().uuid()

        assert (value.version, value.variant) == (7, "specified in RFC 4122")
