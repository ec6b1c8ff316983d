"""Find links in the documentation that lead nowhere: files that are not there, headings that changed."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def main() -> int:
    """Print every dead link; returns how many there are."""
    dead = [line for page in pages() for line in dead_links(page)]
    sys.stdout.writelines(f"{line}\n" for line in dead)
    return min(len(dead), 100)


def pages() -> list[Path]:
    """The Markdown files of the repository."""
    top = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")]
    return sorted(top)


def dead_links(page: Path) -> list[str]:
    """Links of one page that lead nowhere within the repository."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    targets = [first or second for first, second in _LINK.findall(text)]
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    return [f"{page.relative_to(ROOT)}: {target}" for target in local if not leads_somewhere(page, target)]


def leads_somewhere(page: Path, target: str) -> bool:
    """Whether a relative link names a file, and a heading of it where it names one."""
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    if not file.exists():
        return False
    return not anchor or file.suffix != ".md" or anchor in anchors(file)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual forges make them."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


if __name__ == "__main__":
    sys.exit(main())
