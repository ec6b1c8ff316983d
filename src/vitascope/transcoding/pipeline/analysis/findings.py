"""What an analysis found, in frozen values that are kept as JSON beside the encoded film."""

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import Rung


class Window(Struct, frozen=True):
    """A run of frames of the film, by the number of its first."""

    first: int
    frames: int


class Point(Struct, frozen=True):
    """A way to encode the film: size, x264's CRF, bits per second, and VMAF at the common size."""

    width: int
    height: int
    crf: int
    rate: int
    vmaf: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


class Size(Struct, frozen=True, kw_only=True):
    """A size that rungs may have: its lines (of the 16:9 box around it), profile and ceiling."""

    width: int
    height: int
    lines: int
    profile: str
    max_rate: int
    buffer: int


class Analysis(Struct, frozen=True, kw_only=True):
    """How the ladder of a film was found; all sizes are compared at `width` x `height`.

    `trials` were measured, `estimates` lie between them, `hull` is the best of these, lowest rate
    first, and `chosen` are the points of `rungs`, largest rate first.
    """

    width: int
    height: int
    windows: tuple[Window, ...]
    trials: tuple[Point, ...]
    estimates: tuple[Point, ...]
    hull: tuple[Point, ...]
    chosen: tuple[Point, ...]
    rungs: tuple[Rung, ...]
    warnings: tuple[str, ...] = ()
