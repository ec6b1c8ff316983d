import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.integration.transcoding.pipeline.corpus import Corpus

from vitascope.runtime.cli import main
from vitascope.transcoding.pipeline.run import STAGES_OF_AUTO


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """All films, made when they are asked for."""
    return Corpus(tmp_path_factory.mktemp("corpus"))


class TestTranscode:
    def test_json(self, corpus: Corpus, tmp_path: Path) -> None:
        """With --json exactly one object tells source, renditions, manifests and seconds."""
        result = CliRunner().invoke(
            main, ["transcode", str(corpus["silent"]), "-o", str(tmp_path / "set"), "--json"]
        )

        told = json.loads(result.stdout)
        assert result.exit_code == 0
        assert result.stdout.count("\n") == 1
        assert (told["source"]["video"]["width"], told["source"]["duration"]) == (640, 3.0)
        rendition = told["renditions"][0]
        assert (rendition["width"], rendition["height"], rendition["codec"][:5]) == (640, 360, "avc1.")
        assert 0 < rendition["average_bandwidth"] <= rendition["peak_bandwidth"]
        assert all((tmp_path / "set" / name).is_file() for name in told["manifests"].values())
        assert told["stages"]["encode"]["cpu"] > 0

    def test_for_people(self, corpus: Corpus, tmp_path: Path) -> None:
        """Without it the renditions, the time of each stage and the manifests are listed."""
        result = CliRunner().invoke(main, ["transcode", str(corpus["silent"]), "-o", str(tmp_path / "set")])

        assert "640x360" in result.stdout
        assert "encode" in result.stdout
        assert str(tmp_path / "set" / "master.m3u8") in result.stdout

    def test_own_ladder(self, corpus: Corpus, tmp_path: Path) -> None:
        """With --ladder auto every rendition has its quality, and the report shows how they were found."""
        report = tmp_path / "ladder.html"
        options = ["--ladder", "auto", "--report", str(report), "--json"]

        result = CliRunner().invoke(
            main, ["transcode", str(corpus["silent"]), "-o", str(tmp_path / "set"), *options]
        )

        told = json.loads(result.stdout)
        assert result.exit_code == 0
        assert tuple(told["stages"]) == STAGES_OF_AUTO
        assert all(rendition["quality"]["mean"] > 40 for rendition in told["renditions"])
        text = report.read_text(encoding="utf-8")
        assert all(rendition["name"] in text for rendition in told["renditions"])

    @pytest.mark.parametrize(
        ("ladder", "name"), [("fixed", "report.svg"), ("auto", "report.pdf"), ("auto", "missing/report.svg")]
    )
    def test_no_report(self, corpus: Corpus, tmp_path: Path, ladder: str, name: str) -> None:
        """A report that cannot be is refused before anything is done."""
        options = ["--ladder", ladder, "--report", str(tmp_path / name), "--json"]

        result = CliRunner().invoke(
            main, ["transcode", str(corpus["silent"]), "-o", str(tmp_path / "set"), *options]
        )

        assert result.exit_code == 1
        assert json.loads(result.stdout)["field"] == "report"
        assert list(tmp_path.iterdir()) == []

    def test_refused(self, corpus: Corpus, tmp_path: Path) -> None:
        """A file that is no film is told as a problem, and nothing is made."""
        result = CliRunner().invoke(
            main, ["transcode", str(corpus["html"]), "-o", str(tmp_path / "set"), "--json"]
        )

        assert result.exit_code == 1
        assert json.loads(result.stdout)["type"] == "vitascope:not-media"
        assert not (tmp_path / "set").exists()

    def test_too_long(self, corpus: Corpus, tmp_path: Path) -> None:
        """The longest film that is taken can be set."""
        result = CliRunner().invoke(
            main, ["transcode", str(corpus["silent"]), "-o", str(tmp_path / "set"), "--max-hours", "0.0001"]
        )

        assert result.exit_code == 1
        assert "Media beyond limits" in result.stderr

    @pytest.mark.parametrize(("workers", "code"), [("3", 0), ("0", 2), ("many", 2)])
    def test_workers(self, corpus: Corpus, tmp_path: Path, workers: str, code: int) -> None:
        """How many parts are encoded at once can be set, to one at least."""
        command = ["transcode", str(corpus["silent"]), "-o", str(tmp_path / "set"), "--workers", workers]

        result = CliRunner().invoke(main, command)

        assert result.exit_code == code
        assert (tmp_path / "set" / "master.m3u8").is_file() == (code == 0)

    def test_tracks(self, corpus: Corpus, tmp_path: Path) -> None:
        """Subtitles and chapters beside the film, pictures at a second and the loudness can be given."""
        (tmp_path / "film.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n", encoding="utf-8")
        (tmp_path / "parts").write_text("0:00 One\n0:01 Two\n", encoding="utf-8")
        files = ("--subtitle", f"{tmp_path}/film.srt:ger:sdh", "--chapters", str(tmp_path / "parts"))
        wishes = ("--thumbnail-at", "1.5", "--poster-at", "2", "--loudness", "keep", "--opus")
        arguments = [
            "transcode",
            str(corpus["silent"]),
            "-o",
            str(tmp_path / "set"),
            *files,
            *wishes,
            "--json",
        ]

        told = json.loads(CliRunner().invoke(main, arguments).stdout)

        (caption,) = told["captions"]
        assert (caption["language"], caption["hard_of_hearing"]) == ("de", True)
        assert [(one["start"], one["title"]) for one in told["chapters"]] == [(0.0, "One"), (1.0, "Two")]
        assert [still["at"] for still in told["pictures"]["stills"]] == [1.5]

    @pytest.mark.parametrize(
        ("wish", "field"),
        [
            (("--loudness", "loud"), "loudness"),
            (("--loudness", "3"), "audio.loudness"),
            (("--subtitle", "none.srt:en"), "subtitle"),
            (("--subtitle", "none.srt:klingonian"), "subtitle"),
            (("--chapters", "none.txt"), "chapters"),
        ],
    )
    def test_wishes_refused(self, corpus: Corpus, tmp_path: Path, wish: tuple[str, str], field: str) -> None:
        """A wish that cannot be granted is refused, with the field that is wrong, and nothing is made."""
        arguments = ["transcode", str(corpus["silent"]), "-o", str(tmp_path / "set"), *wish, "--json"]

        result = CliRunner().invoke(main, arguments)

        assert result.exit_code == 1
        assert json.loads(result.stdout)["field"] == field
        assert not (tmp_path / "set").exists()

    def test_profile(self, corpus: Corpus, tmp_path: Path) -> None:
        """A profile says which rungs to make; options beside it say otherwise, what is left out is told."""
        profile = tmp_path / "profile.toml"
        profile.write_text(
            '[video]\ncodecs = ["hevc"]\n'
            "[[video.rungs]]\nheight = 90\nmax_rate = 200_000\n"
            '[[video.rungs]]\nheight = 720\nmax_rate = 900_000\ncodec = "av1"\n',
            encoding="utf-8",
        )
        options = ["--profile", str(profile), "--codec", "VP9", "--hdr", "tonemap", "--json"]
        arguments = ["transcode", str(corpus["short-groups"]), "-o", str(tmp_path / "set"), *options]

        result = CliRunner().invoke(main, arguments)

        told = json.loads(result.stdout)
        assert [(made["name"], made["codec"][:4]) for made in told["renditions"]] == [
            ("90p", "avc1"),
            ("90p-vp9", "vp09"),
        ]
        assert any("720 lines in av1" in warning for warning in told["warnings"])

    def test_hardware_required(self, corpus: Corpus, tmp_path: Path) -> None:
        """Hardware for a codec that none here encodes is refused before anything is made."""
        options = ["--codec", "vp9", "--hardware", "require", "--json"]
        arguments = ["transcode", str(corpus["short-groups"]), "-o", str(tmp_path / "set"), *options]

        result = CliRunner().invoke(main, arguments)

        told = json.loads(result.stdout)
        assert (result.exit_code, told["type"]) == (1, "vitascope:hardware-unusable")
        assert "vp9" in told["detail"]

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_interrupted(self, corpus: Corpus, tmp_path: Path, number: signal.Signals) -> None:
        """Ctrl-C and a polite kill stop the encoder, remove what was begun, and exit with 1."""
        out = tmp_path / "out" / "set"
        command = [sys.executable, "-m", "vitascope", "transcode", str(corpus["fast"]), "-o", str(out)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
            _wait_for_work(out.parent)
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)

        assert process.returncode == 1
        assert b"cancelled" in errors
        assert not out.parent.exists()


def _wait_for_work(folder: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if list(folder.glob(".vitascope-*/chunks/.chunk-*/*.mp4")):
            return
        time.sleep(0.01)
    pytest.fail("the encoder did not start")


class TestProtect:
    @pytest.mark.parametrize("scheme", ["cbcs", "cenc"])
    def test_keys_are_made_once(self, corpus: Corpus, tmp_path: Path, scheme: str) -> None:
        """A set is encrypted with keys that are made for their owner alone, and used again the next time."""
        keys, film = tmp_path / "keys.json", str(corpus["silent"])
        options = ["--protect", scheme, "--keys", str(keys), "--json"]

        first = CliRunner().invoke(main, ["transcode", film, "-o", str(tmp_path / "a"), *options])
        made = keys.read_bytes()
        again = CliRunner().invoke(main, ["transcode", film, "-o", str(tmp_path / "b"), *options])
        checked = CliRunner().invoke(main, ["validate", str(tmp_path / "b"), "--keys", str(keys)])

        assert (first.exit_code, again.exit_code, checked.exit_code) == (0, 0, 0)
        assert keys.stat().st_mode & 0o777 == 0o600
        assert keys.read_bytes() == made
        assert "plays" in checked.stdout
        assert "EXT-X-KEY" in (tmp_path / "a/video/360p/index.m3u8").read_text(encoding="utf-8")
        assert json.loads(made)["keys"][0]["key"] not in first.stdout + first.stderr

    def test_wants_both(self, corpus: Corpus, tmp_path: Path) -> None:
        """Keys that nobody keeps are worth nothing: how and with which keys go together."""
        result = CliRunner().invoke(
            main, ["transcode", str(corpus["silent"]), "-o", str(tmp_path / "set"), "--protect", "cbcs"]
        )

        assert result.exit_code == 1
        assert "--keys" in result.stderr
        assert not (tmp_path / "set").exists()
