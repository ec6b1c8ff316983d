import pytest

from vitascope.foundation.errors import Invalid
from vitascope.video.catalog.contracts import TitleChanges, Visibility
from vitascope.video.catalog.service.changes import MAX_TAG, MAX_TAGS, values_of


class TestValuesOf:
    def test_only_what_is_given(self) -> None:
        """A field that is left out is not among the columns that change."""
        changes = TitleChanges(name="The Kiss", tags=["One", "one", "two"], visibility=Visibility.PRIVATE)

        values = values_of(changes)

        assert values == {"name": "The Kiss", "tags": ["one", "two"], "visibility": "private"}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            (TitleChanges(name=" "), "name"),
            (TitleChanges(name="a" * 201), "name"),
            (TitleChanges(name="two\nlines"), "name"),
            (TitleChanges(description="bell\a"), "description"),
            (TitleChanges(description="a" * 5001), "description"),
            (TitleChanges(tags=["a" * (MAX_TAG + 1)]), "tags"),
            (TitleChanges(tags=[str(number) for number in range(MAX_TAGS + 1)]), "tags"),
        ],
    )
    def test_names_the_wrong_field(self, changes: TitleChanges, field: str) -> None:
        """What cannot be said of a title is refused, and the field named."""
        with pytest.raises(Invalid) as refused:
            values_of(changes)

        assert refused.value.field == field
