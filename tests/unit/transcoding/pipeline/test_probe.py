from fractions import Fraction
from typing import Any

import pytest

from vitascope.transcoding.pipeline.contracts import (
    Limits,
    MediaBeyondLimits,
    NoVideo,
    Rate,
    UnreadableMedia,
)
from vitascope.transcoding.pipeline.probe import nominal_rate, require_within, understand
from vitascope.transcoding.pipeline.sniff import CONTAINERS

MP4 = CONTAINERS["mov"]


def picture(**fields: Any) -> dict[str, Any]:
    """A video stream as ffprobe tells it."""
    usual = {
        "index": 0,
        "codec_type": "video",
        "codec_name": "h264",
        "width": 1280,
        "height": 720,
        "r_frame_rate": "25/1",
        "avg_frame_rate": "25/1",
        "pix_fmt": "yuv420p",
    }
    return {**usual, **fields}


def sound(index: int, **fields: Any) -> dict[str, Any]:
    """An audio stream as ffprobe tells it."""
    return {
        "index": index,
        "codec_type": "audio",
        "codec_name": "aac",
        "channels": 2,
        "sample_rate": "48000",
        **fields,
    }


def report(*streams: dict[str, Any], duration: str = "10.0") -> dict[str, Any]:
    """What ffprobe prints."""
    return {"streams": list(streams), "format": {"duration": duration, "bit_rate": "1000"}}


class TestNominalRate:
    @pytest.mark.parametrize(
        ("stated", "average", "expected"),
        [
            (Fraction(25), Fraction(25), (Fraction(25), False)),
            (Fraction(30000, 1001), Fraction(30000, 1001), (Fraction(30000, 1001), False)),
            (Fraction(2997, 100), Fraction(2997, 100), (Fraction(30000, 1001), False)),
            (Fraction(120), Fraction(120), (Fraction(60), False)),
            (Fraction(100), Fraction(100), (Fraction(50), False)),
            (Fraction(90000), Fraction(2743, 100), (Fraction(30000, 1001), True)),
            (Fraction(60), Fraction(2399, 100), (Fraction(24000, 1001), True)),
            (Fraction(1000), Fraction(200), (Fraction(60), True)),
            (Fraction(0), Fraction(0), (Fraction(25), True)),
            (Fraction(12), Fraction(12), (Fraction(12), False)),
        ],
    )
    def test_rates(self, stated: Fraction, average: Fraction, expected: tuple[Fraction, bool]) -> None:
        """A constant rate is kept, halved above sixty; a varying one becomes the next standard rate."""
        assert nominal_rate(stated, average) == expected


class TestUnderstand:
    @pytest.mark.parametrize(
        ("fields", "shown"),
        [
            ({}, (1280, 720)),
            ({"side_data_list": [{"rotation": -90}]}, (720, 1280)),
            ({"side_data_list": [{"rotation": 180}]}, (1280, 720)),
            ({"width": 720, "height": 576, "sample_aspect_ratio": "64:45"}, (1024, 576)),
            ({"sample_aspect_ratio": "0:1"}, (1280, 720)),
            ({"sample_aspect_ratio": "1:99999"}, (1280, 720)),
        ],
    )
    def test_display_size(self, fields: dict[str, Any], shown: tuple[int, int]) -> None:
        """The display size has rotation and pixel shape applied."""
        media = understand(report(picture(**fields)), container=MP4, size=9)

        assert (media.video.display_width, media.video.display_height) == shown

    def test_tracks(self) -> None:
        """Sound and text tracks have BCP 47 languages; pictures, data and bitmap captions are left out."""
        media = understand(
            report(
                picture(index=0, codec_name="mjpeg", disposition={"attached_pic": 1}),
                picture(index=1),
                sound(2, tags={"language": "ger", "title": 'Regie"kommentar\n'}),
                {"index": 3, "codec_type": "subtitle", "codec_name": "subrip", "tags": {"LANGUAGE": "pt-br"}},
                {"index": 4, "codec_type": "subtitle", "codec_name": "hdmv_pgs_subtitle"},
                {"index": 5, "codec_type": "data"},
            ),
            container=MP4,
            size=9,
        )

        assert media.video.index == 1
        assert [(t.language, t.title) for t in media.audio] == [("de", "Regie kommentar")]
        assert [t.language for t in media.text] == ["pt-BR"]
        assert len(media.ignored) == 3

    def test_no_video(self) -> None:
        """A file with sound only is refused."""
        with pytest.raises(NoVideo):
            understand(report(sound(0)), container=MP4, size=9)

    def test_no_size(self) -> None:
        """A picture without a size is damage."""
        with pytest.raises(UnreadableMedia):
            understand(report(picture(width=0)), container=MP4, size=9)

    def test_nonsense(self) -> None:
        """Numbers that are none are taken as unknown."""
        media = understand(
            report(picture(r_frame_rate="x", avg_frame_rate="1/0"), duration="N/A"), container=MP4, size=9
        )

        assert media.duration is None
        assert media.video.frame_rate == Rate(25)


class TestLimits:
    @pytest.mark.parametrize(
        ("limits", "said"),
        [
            (Limits(pixels=1000), "1280x720"),
            (Limits(duration=5.0), "hours"),
            (Limits(streams=1), "2 tracks"),
            (Limits(audio_tracks=0), "sound tracks"),
        ],
    )
    def test_beyond(self, limits: Limits, said: str) -> None:
        """Each limit refuses with what is too much and how much is taken."""
        media = understand(report(picture(), sound(1)), container=MP4, size=9)

        with pytest.raises(MediaBeyondLimits, match=said):
            require_within(media, limits)
