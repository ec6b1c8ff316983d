"""Films to test with: small real ones, and the ways in which files are broken or hostile.

Each is made by ffmpeg when it is first asked for, in a second or less.
"""

import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

from vitascope.transcoding.pipeline import binaries

TOOLS = binaries.find(os.environ)
SUBTITLES = "1\n00:00:00,500 --> 00:00:02,000\nHello <i>there</i>\n\n2\n00:00:02,500 --> 00:00:03,500\nBye\n"


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg without a sandbox: the corpus is ours."""
    command = [str(TOOLS.ffmpeg), "-nostdin", "-v", "error", "-y", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def picture(size: str = "640x360", *, rate: str = "30", seconds: float = 4) -> tuple[str, ...]:
    """An input of moving colour bars."""
    return ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}")


def tone(hertz: int = 440, *, seconds: float = 4) -> tuple[str, ...]:
    """An input of a sine."""
    return ("-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=48000:duration={seconds}")


X264 = ("-c:v", "libx264", "-preset", "ultrafast")
H264 = (*X264, "-pix_fmt", "yuv420p")


class Corpus:
    """The films in a folder, made on demand and kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Path:
        """The file of this name; see FILMS."""
        file = self._folder / f"{name}{_SUFFIX.get(name, '.mp4')}"
        if not file.exists():
            FILMS[name](file, self)
        return file


FILMS: dict[str, Callable[[Path, Corpus], None]] = {}
_SUFFIX = {
    "mkv": ".mkv",
    "webm": ".webm",
    "transport-stream": ".ts",
    "variable-rate": ".mkv",
    "avi": ".avi",
    "tracks": ".mkv",
}


def _film(make: Callable[[Path, Corpus], None]) -> Callable[[Path, Corpus], None]:
    FILMS[make.__name__.replace("_", "-")] = make
    return make


@_film
def plain(file: Path, _corpus: Corpus) -> None:
    """Two rungs (480p, 360p) at 25 frames per second, mono sound, five seconds."""
    ffmpeg(*picture("854x480", rate="25", seconds=5), *tone(seconds=5), *H264, "-c:a", "aac", str(file))


@_film
def silent(file: Path, _corpus: Corpus) -> None:
    """No sound track."""
    ffmpeg(*picture(seconds=3), *H264, str(file))


@_film
def soundless_picture(file: Path, _corpus: Corpus) -> None:
    """Sound only: no video stream."""
    ffmpeg(*tone(seconds=2), "-c:a", "aac", str(file))


@_film
def long_sound(file: Path, _corpus: Corpus) -> None:
    """Sound that goes on for three seconds after the picture has ended."""
    ffmpeg(*picture("320x180", seconds=2), *tone(seconds=5), *H264, "-c:a", "aac", str(file))


@_film
def short_sound(file: Path, _corpus: Corpus) -> None:
    """Sound that ends three seconds before the picture."""
    ffmpeg(*picture("320x180", seconds=5), *tone(seconds=2), *H264, "-c:a", "aac", str(file))


@_film
def single_frame(file: Path, _corpus: Corpus) -> None:
    """One picture, a twenty-fifth of a second."""
    ffmpeg(*picture("320x180", rate="25", seconds=1), "-frames:v", "1", *H264, str(file))


@_film
def moment(file: Path, _corpus: Corpus) -> None:
    """Three pictures, with as much sound."""
    ffmpeg(*picture("320x180", rate="25", seconds=0.12), *tone(seconds=0.12), *H264, "-c:a", "aac", str(file))


@_film
def slides(file: Path, _corpus: Corpus) -> None:
    """A picture every four seconds."""
    ffmpeg(*picture("320x180", rate="1/4", seconds=12), *H264, str(file))


@_film
def languages(file: Path, corpus: Corpus) -> None:
    """English and (default) German sound, two English tracks, French captions, a cover picture."""
    captions, cover = file.with_suffix(".srt"), file.with_suffix(".jpg")
    captions.write_text(SUBTITLES, encoding="utf-8")
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", "-update", "1", str(cover))
    inputs = (*picture(), *tone(440), *tone(880), *tone(660), "-i", str(captions), "-i", str(cover))
    maps = [part for number in range(6) for part in ("-map", str(number))]
    tags = (
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=ger",
        "-metadata:s:a:2",
        "language=eng",
    )
    flags = ("-disposition:a:0", "0", "-disposition:a:1", "default", "-disposition:v:1", "attached_pic")
    codecs = (
        "-c:v:0",
        "libx264",
        "-preset",
        "ultrafast",
        "-c:v:1",
        "mjpeg",
        "-c:a",
        "aac",
        "-c:s",
        "mov_text",
    )
    ffmpeg(*inputs, *maps, *codecs, *tags, *flags, "-metadata:s:s:0", "language=fra", str(file))


@_film
def tracks(file: Path, _corpus: Corpus) -> None:
    """Quiet 5.1, a loud commentary, a silent dub, a moment of description; subtitles; two chapters."""
    chapters, captions = file.with_suffix(".chapters"), file.with_suffix(".srt")
    chapters.write_text(_CHAPTERS, encoding="utf-8")
    captions.write_text(SUBTITLES, encoding="utf-8")
    noise = "anoisesrc=d=4:c=brown:a=0.4:r=48000:seed=1,lowpass=8000,volume=-12dB"
    surround = f"{noise},pan=5.1|c0=c0|c1=c0|c2=c0|c3=0*c0|c4=c0|c5=c0"
    loud = "sine=frequency=1000:sample_rate=44100:duration=4,volume=17dB"
    sounds = (surround, loud, "anullsrc=d=4", "sine=frequency=880:duration=0.1")
    inputs = [part for sound in sounds for part in ("-f", "lavfi", "-i", sound)]
    maps = [part for number in (0, 1, 2, 3, 4, 5) for part in ("-map", str(number))]
    ffmpeg(
        *(*picture("320x180", rate="25"), *inputs, "-i", str(captions), "-i", str(chapters)),
        *(*maps, "-map_chapters", "6", *H264, "-c:a", "flac", "-c:s", "srt"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=eng"),
        *("-metadata:s:a:1", "title=Director's commentary", "-metadata:s:a:2", "language=ger"),
        *("-metadata:s:a:3", "language=fra", "-metadata:s:s:0", "language=eng"),
        *("-disposition:a:0", "default", "-disposition:a:2", "dub", "-disposition:a:3", "visual_impaired"),
        str(file),
    )


_CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1500
title=The Arrival
[CHAPTER]
TIMEBASE=1/1000
START=1500
END=4000
title=Die Jagd & mehr
"""


@_film
def variable_rate(file: Path, _corpus: Corpus) -> None:
    """Thirty frames per second of which a third is missing, unevenly."""
    drop = "select='not(mod(n\\,4)*lt(t\\,2)*0+eq(mod(n\\,3)\\,1)*gte(t\\,1))'"
    ffmpeg(*picture(), "-vf", drop, "-fps_mode", "vfr", *H264, str(file))


@_film
def rotated(file: Path, _corpus: Corpus) -> None:
    """Stored as 640x360, to be shown upright as 360x640."""
    upright = file.with_suffix(".upright.mp4")
    ffmpeg(*picture(seconds=3), *H264, str(upright))
    ffmpeg("-display_rotation", "90", "-i", str(upright), "-c", "copy", str(file))


@_film
def anamorphic(file: Path, _corpus: Corpus) -> None:
    """PAL widescreen: 720x576 stored, 1024x576 shown."""
    ffmpeg(*picture("720x576", rate="25", seconds=3), "-vf", "setsar=64/45", *H264, str(file))


@_film
def odd(file: Path, _corpus: Corpus) -> None:
    """641 by 361 pixels."""
    ffmpeg(*picture("641x361", seconds=3), *X264, "-pix_fmt", "yuv444p", str(file))


@_film
def ten_bit(file: Path, _corpus: Corpus) -> None:
    """HEVC, 10 bit, in the PQ transfer of HDR10."""
    colour = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=none"
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", colour)
    ffmpeg(*picture(seconds=2), *codec, "-tag:v", "hvc1", str(file))


@_film
def graded(file: Path, _corpus: Corpus) -> None:
    """HDR10 with all that it can say of its grading: 25 frames per second, two chunks and a bit."""
    colour = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=none:keyint=25"
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    parameters = f"{colour}:master-display={display}:max-cll=1000,400"
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", parameters)
    ffmpeg(*picture("320x180", rate="25", seconds=5), *codec, "-tag:v", "hvc1", str(file))


@_film
def short_groups(file: Path, _corpus: Corpus) -> None:
    """A key frame every second: 25 frames per second, two chunks and a bit."""
    ffmpeg(*picture("160x90", rate="25", seconds=5), *H264, "-g", "25", str(file))


@_film
def hybrid_log_gamma(file: Path, _corpus: Corpus) -> None:
    """HEVC, 10 bit, with the transfer of HLG and nothing else told about its colours."""
    colour = "transfer=arib-std-b67:log-level=none"
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", colour)
    ffmpeg(*picture("320x180", seconds=1), *codec, "-tag:v", "hvc1", str(file))


@_film
def interlaced(file: Path, _corpus: Corpus) -> None:
    """Top field first, 25 frames per second."""
    ffmpeg(
        *picture(rate="50", seconds=2),
        *("-vf", "interlace=scan=tff,setfield=tff", *H264, "-flags", "+ildct+ilme", "-x264opts", "tff=1"),
        str(file),
    )


@_film
def fast(file: Path, _corpus: Corpus) -> None:
    """120 frames per second."""
    ffmpeg(*picture(rate="120", seconds=3), *H264, str(file))


@_film
def single_pixel(file: Path, _corpus: Corpus) -> None:
    """One pixel by one."""
    ffmpeg(*picture("16x16", rate="10", seconds=2), "-vf", "format=rgb24,crop=1:1", "-c:v", "png", str(file))


@_film
def gigantic(file: Path, corpus: Corpus) -> None:
    """A header that says 32768 by 32768 pixels."""
    small = file.with_suffix(".small.mov")
    ffmpeg(*picture("320x240", seconds=1), "-c:v", "png", str(small))
    data = bytearray(small.read_bytes())
    for mark, offset, size in ((b"png ", 28, ">HH"), (b"IHDR", 4, ">II")):
        at = data.find(mark)
        while at >= 0:
            if struct.unpack_from(size, data, at + offset) == (320, 240):
                struct.pack_into(size, data, at + offset, 32768, 32768)
            at = data.find(mark, at + 1)
    file.write_bytes(data)


@_film
def ten_hours(file: Path, corpus: Corpus) -> None:
    """Five seconds of film whose header says ten hours."""
    data = bytearray(corpus["plain"].read_bytes())
    for box in (b"mvhd", b"mdhd", b"tkhd", b"elst"):
        at = data.find(box)
        while at >= 0:
            _lengthen(data, box, at + 4)
            at = data.find(box, at + 1)
    file.write_bytes(data)


def _lengthen(data: bytearray, box: bytes, body: int) -> None:
    if box in {b"mvhd", b"mdhd"}:
        scale = struct.unpack_from(">I", data, body + 12)[0]
        struct.pack_into(">I", data, body + 16, 36000 * scale)
    elif box == b"tkhd":
        struct.pack_into(">I", data, body + 20, 36000 * 1000)
    else:
        struct.pack_into(">I", data, body + 8, 36000 * 1000)


@_film
def ten_hours_matroska(file: Path, _corpus: Corpus) -> None:
    """Two seconds of film in a Matroska file whose header says ten hours."""
    ffmpeg(*picture("320x180", seconds=2), *H264, "-f", "matroska", str(file))
    data = bytearray(file.read_bytes())
    at = data.find(b"\x44\x89\x88") + 3  # Duration, eight bytes, in milliseconds
    struct.pack_into(">d", data, at, 36_000_000.0)
    file.write_bytes(data)


@_film
def truncated(file: Path, corpus: Corpus) -> None:
    """An index that promises five seconds, and a third of the media."""
    indexed = file.with_suffix(".indexed.mp4")
    ffmpeg("-i", str(corpus["plain"]), "-c", "copy", "-movflags", "+faststart", str(indexed))
    data = indexed.read_bytes()
    file.write_bytes(data[: len(data) // 3])


@_film
def without_index(file: Path, corpus: Corpus) -> None:
    """Cut off before the index that stands at the end."""
    data = corpus["plain"].read_bytes()
    file.write_bytes(data[: len(data) // 2])


@_film
def damaged(file: Path, corpus: Corpus) -> None:
    """A good index over media that is noise."""
    data = bytearray(corpus["plain"].read_bytes())
    start, end = data.find(b"mdat") + 4, data.find(b"moov") - 4
    data[start:end] = (b"\xa5\x5a\x13" * (end - start))[: end - start]
    file.write_bytes(data)


@_film
def empty(file: Path, _corpus: Corpus) -> None:
    """Zero bytes."""
    file.write_bytes(b"")


@_film
def text(file: Path, _corpus: Corpus) -> None:
    """Plain text."""
    file.write_text("Dear committee,\nplease find my film attached.\n" * 40, encoding="utf-8")


@_film
def html(file: Path, _corpus: Corpus) -> None:
    """An error page that somebody saved as a film."""
    file.write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>", encoding="utf-8")


@_film
def mkv(file: Path, _corpus: Corpus) -> None:
    """Matroska with ASS subtitles."""
    captions = file.with_suffix(".srt")
    captions.write_text(SUBTITLES, encoding="utf-8")
    inputs = (*picture(seconds=4), *tone(seconds=4), "-i", str(captions))
    ffmpeg(*inputs, *H264, "-c:a", "libopus", "-c:s", "ass", "-metadata:s:s:0", "language=pt-BR", str(file))


@_film
def transport_stream(file: Path, _corpus: Corpus) -> None:
    """An MPEG transport stream that starts ten seconds into its clock."""
    ffmpeg(*picture(seconds=3), *tone(seconds=3), *H264, "-c:a", "aac", "-output_ts_offset", "10", str(file))


@_film
def webm(file: Path, _corpus: Corpus) -> None:
    """VP9 and Opus."""
    codecs = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
    ffmpeg(*picture("320x180", seconds=2), *tone(seconds=2), *codecs, str(file))


@_film
def vertical(file: Path, _corpus: Corpus) -> None:
    """Portrait: 480 by 854."""
    ffmpeg(*picture("480x854", rate="30000/1001", seconds=3), *H264, str(file))


@_film
def cinemascope(file: Path, _corpus: Corpus) -> None:
    """1280 by 536."""
    ffmpeg(*picture("1280x536", rate="24000/1001", seconds=3), *H264, str(file))


def playlist(file: Path, *, port: int) -> Path:
    """An HLS playlist named as a film, whose only segment is an address on this machine."""
    file.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n"
        f"http://127.0.0.1:{port}/secret.ts\n#EXT-X-ENDLIST\n",
        encoding="ascii",
    )
    return file
