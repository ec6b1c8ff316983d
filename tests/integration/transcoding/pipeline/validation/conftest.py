"""Sets that the tests of the validator look at, and spoil copies of."""

from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.validation.sets import Sets


@pytest.fixture(scope="session")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    """Good sets, made when they are asked for."""
    return Sets(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="session")
def film(sets: Sets) -> Path:
    """A set of ours: two rungs, two languages, captions, thumbnails."""
    return sets["film"]
