"""Names that people gave their files: cleaned for display, never part of a path."""

import unicodedata

_LONGEST = 200
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # control, format (also bidi), unassigned
UNNAMED = "unnamed"


def clean_filename(given: str) -> str:
    """The last part of a path-like name, without what does not show; `unnamed` if nothing is left."""
    last = given.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return clean_text(last).strip(". ") or UNNAMED


def clean_text(given: str) -> str:
    """One line of visible text, in composed form, of at most 200 characters."""
    composed = unicodedata.normalize("NFC", given)
    shown = ("" if unicodedata.category(one) in _UNSHOWN else one for one in composed.replace("\n", " "))
    return " ".join("".join(shown).split())[:_LONGEST].rstrip()
