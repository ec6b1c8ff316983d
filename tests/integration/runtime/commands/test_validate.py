import json
from pathlib import Path

from click.testing import CliRunner
from tests.integration.transcoding.pipeline.corpus import TOOLS, Corpus

from vitascope.runtime.cli import main
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench


class TestValidate:
    def test_good_and_spoiled(self, tmp_path: Path) -> None:
        """A good set is told stream by stream; with a segment missing it is a problem and exit code 1."""
        Pipeline(Workbench(tools=TOOLS)).transcode(Corpus(tmp_path)["webm"], out=tmp_path / "set")

        good = CliRunner().invoke(main, ["validate", str(tmp_path / "set"), "--json"])
        people = CliRunner().invoke(main, ["validate", str(tmp_path / "set")])
        (tmp_path / "set/audio/0/00001.m4s").unlink()
        spoiled = CliRunner().invoke(main, ["validate", str(tmp_path / "set")])

        assert [stream["codec"][:4] for stream in json.loads(good.stdout)["renditions"]] == ["avc1", "mp4a"]
        assert people.stdout.count("plays") == 2
        assert spoiled.exit_code == 1
        assert "file-missing" in spoiled.stderr
        assert json.loads(good.stdout)["findings"] == []

    def test_findings_as_json(self, tmp_path: Path) -> None:
        """A folder of somebody else is told finding by finding, each with its rule, file and remedy."""
        (tmp_path / "film.mpd").write_text("<!DOCTYPE MPD [<!ENTITY a 'b'>]><MPD>&a;</MPD>", encoding="ascii")

        result = CliRunner().invoke(main, ["validate", str(tmp_path), "--json"])

        answer = json.loads(result.stdout)
        assert result.exit_code == 1
        assert (answer["errors"], answer["warnings"], answer["renditions"]) == (1, 0, [])
        assert [(one["rule"], one["severity"], one["file"]) for one in answer["findings"]] == [
            ("unreadable", "error", "film.mpd")
        ]
        assert "document type" in answer["findings"][0]["problem"]
