from errno import ENOSPC

import pytest

from vitascope.foundation.storage.objects import StorageFull
from vitascope.transcoding.jobs.service.outcomes import Failure
from vitascope.transcoding.pipeline.contracts import (
    NotMedia,
    OutOfSpace,
    ProgramFailed,
    SetInvalid,
)


class TestFailure:
    @pytest.mark.parametrize(
        ("failure", "kind", "kept"),
        [
            (NotMedia(), "not-media", False),
            (OutOfSpace(), "out-of-space", False),
            (StorageFull(), "storage-full", False),
            (SetInvalid(), "set-invalid", False),
            (OSError(ENOSPC, "No space left on device"), "out-of-space", False),
            (ProgramFailed("ffmpeg failed: it was killed"), "program-failed", True),
            (RuntimeError("password"), "transcoding-broken", True),
        ],
    )
    def test_is_told_in_words(self, failure: Exception, kind: str, kept: bool) -> None:
        """People are told what they can act on; what was made is kept where a retry could use it."""
        told = Failure.of(failure)

        assert told.problem["type"] == f"vitascope:{kind}"
        assert told.worth_keeping is kept
        assert "password" not in str(told.problem)
