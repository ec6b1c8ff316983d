"""What the encoders are told.

All make closed groups of pictures of one fixed length, whatever is in the picture, so that the rungs of
all codecs have their key frames at the same times. In software a chunk has one thread and gives the same
bytes each time.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import Codec, Hdr10, Rung
from vitascope.transcoding.pipeline.hardware import hardware_options
from vitascope.transcoding.pipeline.hdr10 import svt_parameters, x265_parameters

_MANY = 4  # threads of a film that is not cut: a number, not all there are, for it decides the bytes
_X264_PRESET = "veryfast"
_X265_PRESET = "veryfast"
_SVT_PRESET = "9"
_VP9_EFFORT = "5"


def video_options(rung: Rung, *, gop: int, threads: int, hdr10: Hdr10 | None = None) -> Iterator[str]:
    """The options of a rung's encoder; zero threads: as many as it likes.

    `hdr10` is what the film says of its grading; a rung that is not in PQ takes no notice.
    """
    task = _Task(rung=rung, gop=gop, threads=threads, hdr10=hdr10 if rung.dynamic_range == "pq" else None)
    if rung.engine is not None:
        yield from hardware_options(rung, gop=gop)
    else:
        yield from _SOFTWARE[rung.codec](task)
    yield from tag_options(rung)


class _Task(Struct, frozen=True, kw_only=True):
    rung: Rung
    gop: int
    threads: int
    hdr10: Hdr10 | None


def tag_options(rung: Rung) -> Iterator[str]:
    """The sample entry, where the muxer's own choice is not what players want."""
    if rung.codec == "hevc":
        yield from ("-tag:v", "hvc1")


def _h264(task: _Task) -> Iterator[str]:
    rung, gop = task.rung, str(task.gop)
    yield from ("-c:v", "libx264", "-preset", _X264_PRESET, "-profile:v", rung.profile, "-crf", str(rung.crf))
    yield from _ceiling(rung)
    yield from ("-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-flags", "+cgop")
    yield from ("-threads", str(task.threads))


def _hevc(task: _Task) -> Iterator[str]:
    rung = task.rung
    yield from ("-c:v", "libx265", "-preset", _X265_PRESET, "-profile:v", rung.profile, "-crf", str(rung.crf))
    yield from (*_ceiling(rung), "-x265-params", ":".join(_x265_parameters(task)))
    if task.hdr10:
        # Repeated headers bring the metadata before each key frame; the parameter sets that come with
        # them must not be in the samples of an `hvc1` track.
        yield from ("-bsf:v", "filter_units=remove_types=32-34")


def _x265_parameters(task: _Task) -> Iterator[str]:
    yield from (f"keyint={task.gop}", f"min-keyint={task.gop}", "scenecut=0", "open-gop=0")
    threads = (
        ("pools=none", "frame-threads=1") if task.threads == 1 else (f"pools={_MANY}", "frame-threads=2")
    )
    # Without `info` it would write its own options into the film.
    yield from (*threads, "info=0", "log-level=none")
    if task.hdr10:
        yield from ("repeat-headers=1", *x265_parameters(task.hdr10))


def _av1(task: _Task) -> Iterator[str]:
    rung = task.rung
    yield from ("-c:v", "libsvtav1", "-preset", _SVT_PRESET, "-crf", str(rung.crf), *_ceiling(rung))
    # irefresh-type=2: each group begins with a key frame, not with a forward one that may be skipped over.
    own = ("irefresh-type=2", "scd=0", f"lp={task.threads or _MANY}")
    metadata = svt_parameters(task.hdr10) if task.hdr10 else ()
    yield from ("-g", str(task.gop), "-svtav1-params", ":".join((*own, *metadata)))


def _vp9(task: _Task) -> Iterator[str]:
    rung, gop = task.rung, str(task.gop)
    yield from ("-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", _VP9_EFFORT, "-row-mt", "1")
    # With a rate beside it, crf is the best quality that is made, and the rate is not passed for long.
    yield from ("-crf", str(rung.crf), "-b:v", str(rung.max_rate), *_ceiling(rung))
    yield from ("-g", gop, "-keyint_min", gop, "-threads", str(task.threads or _MANY))


_SOFTWARE: dict[Codec, Callable[[_Task], Iterator[str]]] = {
    "h264": _h264,
    "hevc": _hevc,
    "av1": _av1,
    "vp9": _vp9,
}


def _ceiling(rung: Rung) -> Iterator[str]:
    yield from ("-maxrate", str(rung.max_rate), "-bufsize", str(rung.buffer))
