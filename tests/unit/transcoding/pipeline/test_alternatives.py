import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.transcoding.pipeline.test_ladder import video

from vitascope.transcoding.pipeline.alternatives import CRF, in_codecs, translated
from vitascope.transcoding.pipeline.contracts import Codec, Rung
from vitascope.transcoding.pipeline.ladder import rungs_for
from vitascope.transcoding.pipeline.profile import GREATEST_CRF, Hdr, VideoProfile

RUNG = Rung(name="720p", width=1280, height=720, profile="high", crf=23, max_rate=10**6, buffer=10**6)


class TestInCodecs:
    def test_order(self) -> None:
        """The H.264 rungs come first and unchanged, then the same sizes in each other codec."""
        rungs = rungs_for(video(1280, 720))

        made = in_codecs(rungs, video(1280, 720), VideoProfile(codecs=("av1", "vp9")))

        assert made[:3] == rungs
        assert [rung.name for rung in made[3:]] == [
            *("720p-av1", "480p-av1", "360p-av1"),
            *("720p-vp9", "480p-vp9", "360p-vp9"),
        ]
        assert {(rung.width, rung.height) for rung in made} == {(rung.width, rung.height) for rung in rungs}

    @pytest.mark.parametrize(
        ("transfer", "hdr", "expected"),
        [
            ("smpte2084", "keep", {"h264": "sdr", "hevc": "pq", "av1": "pq", "vp9": "sdr"}),
            ("arib-std-b67", "keep", {"h264": "sdr", "hevc": "hlg", "av1": "hlg", "vp9": "sdr"}),
            ("smpte2084", "tonemap", dict.fromkeys(("h264", "hevc", "av1", "vp9"), "sdr")),
            ("bt709", "keep", dict.fromkeys(("h264", "hevc", "av1", "vp9"), "sdr")),
        ],
    )
    def test_dynamic_range(self, transfer: str, hdr: Hdr, expected: dict[str, str]) -> None:
        """HEVC and AV1 keep what the film has if they may; H.264 and VP9 are for every screen."""
        film = msgspec.structs.replace(video(640, 360), transfer=transfer)

        made = in_codecs((RUNG,), film, VideoProfile(codecs=("hevc", "av1", "vp9"), hdr=hdr))

        assert {rung.codec: rung.dynamic_range for rung in made} == expected


class TestTranslated:
    @given(st.integers(10, 45), st.sampled_from(("hevc", "av1", "vp9")))
    def test_cheaper(self, crf: int, codec: Codec) -> None:
        """Another codec has a lower ceiling than H.264, a buffer as long, and a quality on its scale."""
        rung = msgspec.structs.replace(RUNG, crf=crf)

        made = translated(rung, codec, dynamic_range="sdr")

        assert made.max_rate < rung.max_rate
        assert made.buffer / made.max_rate == pytest.approx(rung.buffer / rung.max_rate, rel=0.01)
        assert 1 <= made.crf <= GREATEST_CRF[codec]
        assert (made.crf > CRF[codec]) == (crf > CRF["h264"])
