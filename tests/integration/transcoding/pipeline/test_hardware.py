import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.integration.transcoding.pipeline.corpus import TOOLS, Corpus
from tests.unit.transcoding.pipeline.test_alternatives import RUNG

from vitascope.transcoding.pipeline.contracts import Codec, Engine, HardwareUnusable
from vitascope.transcoding.pipeline.hardware import CODECS, ENGINES, hardware_options, why_not
from vitascope.transcoding.pipeline.profile import Profile, VideoProfile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

OF_ALL = {"-c:v", "-g", "-maxrate", "-bufsize", "-b:v", "-bf", "-flags"}  # options of every encoder


def absent() -> Engine:
    """An engine that does not work on this machine; most have none at all."""
    missing = [engine for engine in ENGINES if why_not(TOOLS.ffmpeg, engine, "h264")]
    if not missing:
        pytest.skip("every kind of hardware works here")
    return missing[0]


class TestOptions:
    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize("codec", CODECS)
    def test_known(self, engine: Engine, codec: Codec) -> None:
        """The encoder of an engine knows every option that it is given."""
        name = f"{codec}_{engine}"
        command = [str(TOOLS.ffmpeg), "-v", "error", "-hide_banner", "-h", f"encoder={name}"]
        known = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

        options = list(hardware_options(replace(RUNG, codec=codec, engine=engine), gop=50))

        own = [option for option in options if option.startswith("-") and option not in OF_ALL]
        assert f"Encoder {name}" in known
        assert [option for option in own if f"\n  {option} " not in known] == []


class TestFallback:
    def test_software(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A film whose encoder in hardware fails is made in software, and the outcome says so."""
        engine = absent()
        pipeline = Pipeline(bench, works=lambda tried, codec: (tried, codec) == (engine, "h264"))

        outcome = pipeline.transcode(corpus["short-groups"], out=tmp_path / "set")

        assert [rendition.frames for rendition in outcome.renditions] == [125]
        assert f"Encoding with h264_{engine} failed" in outcome.warnings[0]
        assert outcome.warnings[0].endswith("The film was encoded in software.")

    def test_required(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A film that must be made in hardware is not made without."""
        engine = absent()
        pipeline = Pipeline(bench, works=lambda tried, _codec: tried == engine)
        profile = Profile(video=VideoProfile(hardware="require"))

        with pytest.raises(HardwareUnusable, match=f"h264_{engine} failed"):
            pipeline.transcode(corpus["short-groups"], out=tmp_path / "set", profile=profile)

        assert list(tmp_path.iterdir()) == []


class TestWhyNot:
    def test_told(self) -> None:
        """An engine that does not work is told with a reason."""
        engine = absent()

        assert why_not(TOOLS.ffmpeg, engine, "h264")
