import re
from pathlib import Path

import pytest

from vitascope.console.theatre import pages

TEMPLATES = sorted((pages.STATIC.parent / "templates").glob("*.html"))
SCRIPTS = sorted(path for path in pages.STATIC.rglob("*.js") if "vendor" not in path.parts)
_IMPORT = re.compile(r"""(?:from|import\()\s*["'](\.[^"']+)["']""")
_ASSET = re.compile(r"asset\('([^']+)'(?: if [^)]* else '([^']+)')?\)")


class TestTemplates:
    @pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
    def test_nothing_inline(self, template: Path) -> None:
        """No template holds a script or a style of its own, which the policy would block."""
        text = template.read_text(encoding="utf-8")

        assert not re.search(r"<script(?![^>]*\bsrc=)", text)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", text)

    @pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
    def test_assets_exist(self, template: Path) -> None:
        """Every file of ours that a page names is there."""
        text = template.read_text(encoding="utf-8")
        named = {name for pair in _ASSET.findall(text) for name in pair if name}

        ours = {name for name in named if not name.startswith("vendor/")}
        assert [name for name in ours if not (pages.STATIC / name).is_file()] == []

    @pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
    def test_imports_exist(self, script: Path) -> None:
        """Every module of ours that a module imports is there."""
        text = script.read_text(encoding="utf-8")
        named = [name for name in _IMPORT.findall(text) if "vendor/" not in name]

        assert [name for name in named if not (script.parent / name).is_file()] == []


class TestPolicy:
    def test_strict(self) -> None:
        """Nothing may run or be loaded but what is ours."""
        policy = str(pages.policy_for(None))

        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "*" not in policy
