"""The durable work that uploads ask for."""

from dataclasses import dataclass

from vitascope.foundation.workflows.declaration import Work
from vitascope.video.upload.contracts import UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """The upload whose pieces become one object."""

    upload: UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """Prefixes in the object store below which nothing is needed any more."""

    prefixes: list[str]


ASSEMBLE: Work[Assembly] = Work("video.upload.assemble")
CLEAR: Work[Leftovers] = Work("video.upload.clear")
