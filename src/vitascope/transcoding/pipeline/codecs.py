"""What the encoders are told."""

from collections.abc import Iterator

from vitascope.transcoding.pipeline.contracts import Rung

_PRESET = "veryfast"


def video_options(rung: Rung, *, gop: int, threads: int) -> Iterator[str]:
    """The options of a rung's encoder; zero threads: as many as it likes."""
    yield from ("-c:v", "libx264", "-preset", _PRESET, "-profile:v", rung.profile, "-crf", str(rung.crf))
    yield from ("-maxrate", str(rung.max_rate), "-bufsize", str(rung.buffer))
    yield from ("-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-flags", "+cgop")
    yield from ("-threads", str(threads))
