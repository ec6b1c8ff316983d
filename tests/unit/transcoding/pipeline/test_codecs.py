import pytest
from msgspec.structs import replace
from tests.unit.transcoding.pipeline.test_alternatives import RUNG
from tests.unit.transcoding.pipeline.test_hdr10 import GRADED

from vitascope.transcoding.pipeline.alternatives import translated
from vitascope.transcoding.pipeline.codecs import video_options
from vitascope.transcoding.pipeline.contracts import Codec


class TestVideoOptions:
    @pytest.mark.parametrize(
        ("codec", "groups", "thread"),
        [
            ("h264", "-g 48 -keyint_min 48 -sc_threshold 0 -flags +cgop", "-threads 1"),
            ("hevc", "keyint=48:min-keyint=48:scenecut=0:open-gop=0", "pools=none:frame-threads=1"),
            ("av1", "-g 48 -svtav1-params irefresh-type=2:scd=0", "lp=1"),
            ("vp9", "-g 48 -keyint_min 48", "-threads 1"),
        ],
    )
    def test_groups(self, codec: Codec, groups: str, thread: str) -> None:
        """Every encoder closes its groups, has them of one length, and one thread for a chunk."""
        rung = translated(RUNG, codec, dynamic_range="sdr")

        options = " ".join(video_options(rung, gop=48, threads=1))

        assert groups in options
        assert thread in options
        assert f"-crf {rung.crf}" in options
        assert f"-maxrate {rung.max_rate}" in options

    def test_sample_entry(self) -> None:
        """HEVC is tagged as Apple's players want it."""
        options = list(video_options(translated(RUNG, "hevc", dynamic_range="sdr"), gop=48, threads=1))

        assert options[-2:] == ["-tag:v", "hvc1"]

    @pytest.mark.parametrize(
        ("codec", "sign"), [("hevc", "max-cll=1000,400"), ("av1", "content-light=1000,400")]
    )
    def test_graded(self, codec: Codec, sign: str) -> None:
        """What a film was graded on is told to rungs in PQ only."""
        wide, plain = (translated(RUNG, codec, dynamic_range=seen) for seen in ("pq", "sdr"))

        assert sign in " ".join(video_options(wide, gop=48, threads=1, hdr10=GRADED))
        assert sign not in " ".join(video_options(plain, gop=48, threads=1, hdr10=GRADED))

    def test_engine(self) -> None:
        """A rung with an engine is encoded by it."""
        options = list(video_options(replace(RUNG, engine="nvenc"), gop=48, threads=1))

        assert options[:2] == ["-c:v", "h264_nvenc"]
