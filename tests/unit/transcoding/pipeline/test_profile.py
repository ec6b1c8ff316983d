import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from vitascope.transcoding.pipeline.contracts import ProfileInvalid
from vitascope.transcoding.pipeline.profile import DEFAULT, RungProfile, VideoProfile, load, of


class TestOf:
    def test_nothing(self) -> None:
        """A profile that says nothing is the usual one."""
        assert of({}) == DEFAULT

    def test_own_ladder(self) -> None:
        """Rungs are read in the order in which they stand, each with what it says."""
        small = {"height": 720, "max_rate": 2_000_000, "crf": 22}
        large = {"height": 1080, "max_rate": 3_000_000, "codec": "av1"}

        profile = of({"video": {"rungs": [small, large]}})

        assert profile.video.rungs == (
            RungProfile(height=720, max_rate=2_000_000, crf=22),
            RungProfile(height=1080, max_rate=3_000_000, codec="av1"),
        )

    @pytest.mark.parametrize(
        ("members", "field"),
        [
            ({"sound": {}}, "profile"),
            ({"video": {"codecs": ["h264", "av2"]}}, "video.codecs[1]"),
            ({"video": {"hdr": "loud"}}, "video.hdr"),
            ({"video": {"hardware": True}}, "video.hardware"),
            ({"video": {"chunk_seconds": float("nan")}}, "video.chunk_seconds"),
            ({"video": {"rungs": [{"height": 720}]}}, "video.rungs[0]"),
            ({"video": {"rungs": [{"height": 1, "max_rate": 100_000}]}}, "video.rungs[0].height"),
            ({"video": {"rungs": [{"height": 720, "max_rate": "5M"}]}}, "video.rungs[0].max_rate"),
            ({"video": {"rungs": [{"height": 720, "max_rate": 10**6, "crf": 52}]}}, "video.rungs[0].crf"),
            ({"video": {"rungs": [{"height": 720, "max_rate": 10**6, "codec": "av1"}]}}, "video.rungs"),
            ({"video": {"rungs": [{"height": 720, "max_rate": 10**6}] * 2}}, "video.rungs"),
            ({"video": {"ladder": "auto", "rungs": [{"height": 720, "max_rate": 10**6}]}}, "video.rungs"),
            ([], "profile"),
        ],
    )
    def test_refused(self, members: Any, field: str) -> None:
        """What is wrong is refused, with the place of the field that is wrong."""
        with pytest.raises(ProfileInvalid) as caught:
            of(members)

        assert caught.value.field == field
        assert caught.value.problem()["status"] == 422


class TestGuide:
    def test_examples(self) -> None:
        """Every profile in the guide is one."""
        guide = Path(__file__).parents[4] / "docs" / "guides" / "profiles.md"

        examples = re.findall(r"```toml\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)

        assert len(examples) == 4
        assert all(of(tomllib.loads(example)) != DEFAULT or "auto" in example for example in examples)


class TestLoad:
    def test_both_forms(self, tmp_path: Path) -> None:
        """The same profile can be written as TOML and as JSON."""
        toml, json = tmp_path / "profile.toml", tmp_path / "profile.json"
        toml.write_text('[video]\ncodecs = ["av1"]\nhdr = "tonemap"\n', encoding="utf-8")
        json.write_text('{"video": {"codecs": ["av1"], "hdr": "tonemap"}}', encoding="utf-8")

        assert load(toml) == load(json)
        assert load(toml).video == VideoProfile(codecs=("av1",), hdr="tonemap")

    @pytest.mark.parametrize(
        ("name", "text"), [("profile.toml", "[video"), ("profile.json", "{"), ("profile.yaml", "video:")]
    )
    def test_unreadable(self, tmp_path: Path, name: str, text: str) -> None:
        """A file that is not TOML or JSON is told to be none."""
        (tmp_path / name).write_text(text, encoding="utf-8")

        with pytest.raises(ProfileInvalid, match=r"cannot be read|ends in"):
            load(tmp_path / name)

    def test_missing(self, tmp_path: Path) -> None:
        """A file that is not there is told by its name."""
        with pytest.raises(ProfileInvalid, match=r"mine\.toml cannot be opened"):
            load(tmp_path / "mine.toml")


class TestVideoProfile:
    def test_h264_always(self) -> None:
        """H.264 is made first, whatever is asked for, and each codec once."""
        profile = VideoProfile(codecs=("av1", "h264", "hevc", "av1"))

        assert profile.all_codecs == ("h264", "av1", "hevc")
