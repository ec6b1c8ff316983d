"""What the stages of a job leave for the ones after them: small, and kept in the workflow's history."""

from collections.abc import Mapping
from errno import EDQUOT, ENOSPC
from typing import Any

import structlog
from msgspec import Struct

from vitascope.foundation.errors import VitascopeError
from vitascope.foundation.storage.objects import ObjectMissing, StorageFull
from vitascope.transcoding.jobs.contracts import JobRendition
from vitascope.transcoding.pipeline.contracts import MediaRejected, OutOfSpace, SetInvalid

_FULL = {ENOSPC, EDQUOT}
_NOT_OURS = "vitascope:step-failed"  # the kind that the engine gives to what it cannot name

_log = structlog.get_logger(__name__)


class TranscodingBroken(VitascopeError):
    """Something went wrong on our side while this film was transcoded. It is logged; try again."""


class TranscodingGivenUp(VitascopeError):
    """The film was given up because the worker that transcoded it died every time; try again later."""


class PartGivenUp(VitascopeError):
    """The film was given up: every worker that encoded one part of it died. Try again, or export it anew."""


class SourceGone(ObjectMissing):
    """The file of this film is not there any more; upload it again."""


class Made(Struct, frozen=True, kw_only=True):
    """What a verified set is."""

    renditions: tuple[JobRendition, ...]
    duration: float
    warnings: tuple[str, ...]


class Failure(Struct, frozen=True, kw_only=True):
    """Why a job failed, as RFC 9457 tells it, and whether what it made so far may help a retry."""

    problem: dict[str, Any]
    worth_keeping: bool

    @classmethod
    def of(cls, failure: Exception) -> "Failure":
        """What people are told of an error; unexpected ones are logged here and told in general."""
        told = _told(failure)
        useless = isinstance(told, MediaRejected | OutOfSpace | StorageFull | SetInvalid | ObjectMissing)
        return cls(problem=told.problem(), worth_keeping=not useless)


def revived(problem: Mapping[str, Any]) -> VitascopeError:
    """The error that a worker has told of, to be raised where its part was awaited."""
    kind = VitascopeError.registry.get(str(problem["type"]), TranscodingBroken)
    return kind(str(problem["detail"]), field=problem.get("field"))


def _told(failure: Exception) -> VitascopeError:
    if isinstance(failure, VitascopeError) and failure.kind != _NOT_OURS:
        return failure
    if isinstance(failure, OSError) and failure.errno in _FULL:
        return OutOfSpace()
    _log.error("transcoding broke", error=str(failure), exc_info=failure)
    return TranscodingBroken()
