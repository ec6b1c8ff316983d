"""A film and what is to be made of it: what every stage that reads the source works on."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import Plan
from vitascope.transcoding.pipeline.workbench import digest_of


class Film(Struct, frozen=True, kw_only=True):
    """The file, a name for its content that is the same on every machine, and the plan.

    `beside` are the subtitle files that the plan names, by their digests.
    """

    file: Path
    digest: str
    plan: Plan
    beside: Mapping[str, Path] = {}

    @classmethod
    def of(cls, file: Path, plan: Plan, *, beside: Iterable[Path] = ()) -> "Film":
        """Read the digests of the file and of those beside it."""
        return cls(
            file=file,
            digest=digest_of(file),
            plan=plan,
            beside={digest_of(one): one for one in beside},
        )
