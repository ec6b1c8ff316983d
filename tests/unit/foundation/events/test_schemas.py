from dataclasses import dataclass
from typing import Any

import pytest

from vitascope.foundation.context import TenantId
from vitascope.foundation.events.schemas import breaks, schema_of
from vitascope.foundation.events.types import event


@dataclass(frozen=True)
class Frame:
    number: int


@event("test.frame_seen", version=1)
class FrameSeen:
    tenant: TenantId
    frame: Frame
    note: str | None = None


def _changed(change: dict[str, Any], *, required: list[str] | None = None) -> list[str]:
    kept = schema_of(FrameSeen)
    now = {**kept, "properties": {**kept["properties"], **change}, "required": required or kept["required"]}
    now["properties"] = {name: value for name, value in now["properties"].items() if value is not None}
    return list(breaks(kept, now))


class TestSchema:
    def test_tells_ids_and_what_stands_inside(self) -> None:
        """A schema names the type, tells the form of its ids, and holds nested types in itself."""
        schema = schema_of(FrameSeen)

        assert schema["$id"] == "vitascope.test.frame_seen.v1"
        assert schema["properties"]["tenant"]["pattern"].startswith("^ten_")
        assert schema["properties"]["frame"]["properties"] == {"number": {"type": "integer"}}
        assert sorted(schema["required"]) == ["frame", "tenant"]


class TestBreaks:
    def test_same_schema_breaks_nothing(self) -> None:
        """A type that did not change is compatible with itself."""
        assert _changed({}) == []

    def test_new_optional_field_breaks_nothing(self) -> None:
        """A field that may be missing can be added."""
        assert _changed({"colour": {"type": "string"}}) == []

    @pytest.mark.parametrize(
        ("change", "required", "told"),
        [
            ({"note": None}, None, "note was taken away"),
            ({"colour": {"type": "string"}}, ["frame", "tenant", "colour"], "colour is needed now"),
            ({"note": {"type": "integer"}}, None, "note. was"),
            ({"frame": {"type": "object", "properties": {}}}, None, "frame.number was taken away"),
        ],
    )
    def test_breaking_change_is_told(
        self, change: dict[str, Any], required: list[str] | None, told: str
    ) -> None:
        """A field taken away, needed anew or of another type is told with its place."""
        (line,) = _changed(change, required=required)

        assert line.startswith(told)
