"""What each rendition must be by itself, and all of them together."""

from collections.abc import Sequence
from itertools import pairwise

from vitascope.transcoding.pipeline.bitstream import Opening
from vitascope.transcoding.pipeline.validation.shelf import Shelf
from vitascope.transcoding.pipeline.validation.streams import Stream

_ENTRIES_IN_STREAM = {"hev1": "hvc1", "avc3": "avc1"}
_SOUND_AND_PICTURE = 0.5  # seconds


def check_stream(shelf: Shelf, stream: Stream, *, text: bool = False) -> None:
    """Check one rendition by itself."""
    if not text:
        _check_openings(shelf, stream)
    _check_timeline(shelf, stream)
    _check_entry(shelf, stream)
    _check_boxes(shelf, stream, text=text)


def _check_openings(shelf: Shelf, stream: Stream) -> None:
    sample = stream.initialisation.sample
    if sample.width and stream.openings[0] is Opening.UNKNOWN:
        shelf.tell("not-checked", stream.playlist, f"The pictures of {sample.format} are not looked at.")
    for file, opening, synchronous in zip(stream.files, stream.openings, stream.synchronous, strict=True):
        if opening is Opening.OPEN:
            shelf.tell("key-frame", file, "Its first group of pictures is open: it needs the segment before.")
        elif opening is Opening.OTHER or not synchronous:
            shelf.tell("key-frame", file, "It does not start with an IDR picture (a closed key frame).")


def _check_timeline(shelf: Shelf, stream: Stream) -> None:
    tick = 1 / stream.initialisation.timescale
    ends = [start + length for start, length in zip(stream.starts, stream.lengths, strict=True)]
    for file, end, start in zip(stream.files[1:], ends, stream.starts[1:], strict=False):
        if abs(end - start) > 1.5 * tick:
            shelf.tell("timeline", file, f"Times jump from {end:.3f} to {start:.3f} s.")


def _check_entry(shelf: Shelf, stream: Stream) -> None:
    sample = stream.initialisation.sample
    if sample.format in _ENTRIES_IN_STREAM:
        wanted = _ENTRIES_IN_STREAM[sample.format]
        shelf.tell("hvc1", stream.playlist, f"The sample entry is {sample.format}, not {wanted}.")
    if not sample.square:
        shelf.tell("pixels", stream.playlist, "Its pixels are not square.")


def _check_boxes(shelf: Shelf, stream: Stream, *, text: bool) -> None:
    sample = stream.initialisation.sample
    if not sample.encrypted:
        return
    if sample.protection is None:
        shelf.tell("encryption-boxes", stream.playlist, "The sample entry does not say how it is encrypted.")
        return
    # With a constant IV and whole samples (cbcs sound) there is nothing to say of each sample.
    if not (sample.width or sample.protection.iv_size) or text:
        return
    for file, sealed in zip(stream.files, stream.sealed, strict=True):
        if not sealed:
            shelf.tell("encryption-boxes", file, "It is encrypted, but has no senc box.")


def check_together(shelf: Shelf, video: Sequence[Stream], audio: Sequence[Stream]) -> None:
    """Check that renditions can stand for each other, and sound with the picture."""
    for one, other in pairwise(sorted(video, key=lambda stream: stream.initialisation.sample.format)):
        if one.initialisation.sample.format == other.initialisation.sample.format:
            _check_alignment(shelf, one, other)
    for stream in video[1:]:
        if abs(stream.duration - video[0].duration) > max(stream.frame, video[0].frame):
            said = f"It lasts {stream.duration:.3f} s, {video[0].playlist} {video[0].duration:.3f} s."
            shelf.tell("duration", stream.playlist, said)
    for sound in audio if video else ():
        _check_sound(shelf, sound, video[0])


def _check_alignment(shelf: Shelf, one: Stream, other: Stream) -> None:
    near = min(one.frame, other.frame) / 2
    if any(abs(here - there) > near for here, there in zip(one.starts, other.starts, strict=False)):
        shelf.tell(
            "alignment", other.playlist, f"Its segments do not start where those of {one.playlist} do."
        )


def _check_sound(shelf: Shelf, sound: Stream, picture: Stream) -> None:
    if abs(sound.starts[0] - picture.starts[0]) > max(sound.frame, picture.frame):
        said = f"It starts at {sound.starts[0]:.3f} s, the picture at {picture.starts[0]:.3f} s."
        shelf.tell("start", sound.playlist, said)
    if abs(sound.duration - picture.duration) > _SOUND_AND_PICTURE:
        said = f"It lasts {sound.duration:.3f} s, the picture {picture.duration:.3f} s."
        shelf.tell("sound-duration", sound.playlist, said)
