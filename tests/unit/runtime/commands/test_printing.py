import json

import pytest

from vitascope.foundation.errors import NotFound
from vitascope.runtime.commands.printing import problems_told, safe


class TestSafe:
    def test_control_characters(self) -> None:
        """Nothing that a terminal would obey is left in a name."""
        assert safe("a\x1b[31m\nb\u202eé") == "a\ufffd[31m\ufffdb\ufffdé"


class TestProblemsTold:
    def test_for_machines(self, capsys: pytest.CaptureFixture[str]) -> None:
        """With --json a problem is one object on standard output, and the exit code is 1."""
        with pytest.raises(SystemExit) as caught, problems_told(as_json=True):
            raise NotFound("No such film.", field="file")

        assert caught.value.code == 1
        assert json.loads(capsys.readouterr().out)["type"] == "vitascope:not-found"

    def test_for_people(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Without it a problem is one line on the error output."""
        with pytest.raises(SystemExit), problems_told(as_json=False):
            raise NotFound("No film \x1b.")

        assert capsys.readouterr().err == "Not found: No film \ufffd.\n"
