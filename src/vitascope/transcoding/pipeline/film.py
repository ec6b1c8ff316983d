"""A film and what is to be made of it: what every stage that reads the source works on."""

from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import Plan
from vitascope.transcoding.pipeline.workbench import digest_of


class Film(Struct, frozen=True, kw_only=True):
    """The file, a name for its content that is the same on every machine, and the plan."""

    file: Path
    digest: str
    plan: Plan

    @classmethod
    def of(cls, file: Path, plan: Plan) -> "Film":
        """Read the file's digest."""
        return cls(file=file, digest=digest_of(file), plan=plan)
