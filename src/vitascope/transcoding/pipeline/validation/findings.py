"""What a check finds: which rule, how bad, where, what is wrong, and what to do about it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from vitascope.transcoding.pipeline.validation.rules import RULES

_MOST_OF_A_KIND = 5


class Severity(StrEnum):
    """An error keeps some player from playing the set; a warning tells what is unusual or unchecked."""

    ERROR = "error"
    WARNING = "warning"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a file, named by its path in the set."""

    rule: str
    severity: Severity
    file: str
    problem: str
    remedy: str


def found(rule: str, file: str, problem: str) -> Finding:
    """A finding; severity and remedy are the rule's."""
    return Finding(
        rule=rule,
        severity=Severity.WARNING if RULES[rule].warning else Severity.ERROR,
        file=file,
        problem=problem,
        remedy=RULES[rule].remedy,
    )


def condensed(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Each finding once, and of those of one rule in one file the first few: all would say the same."""
    counts: Counter[tuple[str, str]] = Counter()
    for finding in dict.fromkeys(findings):
        kind = (finding.rule, finding.file)
        counts[kind] += 1
        if counts[kind] <= _MOST_OF_A_KIND:
            yield finding
    for (rule, file), count in counts.items():
        if count > _MOST_OF_A_KIND:
            yield found(rule, file, f"There are {count - _MOST_OF_A_KIND} more of this kind.")
