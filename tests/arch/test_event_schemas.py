import json
import os
from pathlib import Path

import pytest

from vitascope.foundation.events.schemas import breaks, path_of, schema_of, text_of
from vitascope.foundation.events.types import event_types
from vitascope.runtime.registry import MODULES

_FOLDER = Path(__file__).parents[2] / "docs" / "events"
_WRITE = "WRITE_SCHEMAS"  # WRITE_SCHEMAS=1 pytest tests/arch/test_event_schemas.py
_TYPES = {
    name: kind
    for name, kind in event_types().items()
    if MODULES and kind.__module__.startswith("vitascope.")  # the registry imports every service's events
}


class TestCatalogue:
    @pytest.mark.parametrize("name", sorted(_TYPES))
    def test_type_is_compatible_with_its_committed_schema(self, name: str) -> None:
        """What the repository promised about an event type still holds, and its schema is up to date."""
        kind = _TYPES[name]
        path = path_of(kind, _FOLDER)
        if path.exists():
            found = list(breaks(json.loads(path.read_text()), schema_of(kind)))
            assert not found, f"{name} needs a new version: {'; '.join(found)}"
        if os.environ.get(_WRITE):
            _FOLDER.mkdir(parents=True, exist_ok=True)
            path.write_text(text_of(kind))

        assert path.exists(), f"{name} has no schema yet: {_WRITE}=1 pytest tests/arch/test_event_schemas.py"
        assert path.read_text() == text_of(kind), f"run {_WRITE}=1 pytest tests/arch/test_event_schemas.py"
