"""Does a set play? Its manifests are checked against its segments, and its segments are decoded.

All indexes are read, but of the pictures only the key frames are decoded, so that the check costs a
few hundredths of the encoding. The rules are those of RFC 8216, ISO/IEC 23009-1 and 23000-19.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import floor
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.contracts import SetInvalid, StageTime
from vitascope.transcoding.pipeline.dash import problems_of_mpd
from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.package import MANIFESTS
from vitascope.transcoding.pipeline.playlists import (
    Entry,
    MasterPlaylist,
    MediaPlaylist,
    read_master,
    read_media,
)
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.workbench import Workbench, first_error

_IDR = 5
_BANDWIDTH_TOLERANCE = 0.1
_INSTANT = 0.05  # seconds by which a written duration may differ from that of the media
_SHOWN_PROBLEMS = 5
_CPU_PER_SECOND = 4


class Stream(Struct, frozen=True, kw_only=True):
    """A rendition as its segments are: what they hold, not what a manifest says of them."""

    playlist: str
    initialisation: mp4.Initialisation
    starts: tuple[float, ...]
    lengths: tuple[float, ...]
    sizes: tuple[int, ...]
    frames: int

    @property
    def duration(self) -> float:
        """Seconds of media."""
        return sum(self.lengths)

    @property
    def average_bandwidth(self) -> int:
        """Bits per second over the whole."""
        return round(sum(self.sizes) * 8 / self.duration)

    @property
    def peak_bandwidth(self) -> int:
        """Bits per second of the greatest segment."""
        return round(max(size * 8 / length for size, length in zip(self.sizes, self.lengths, strict=True)))


class Checked(Struct, frozen=True, kw_only=True):
    """A set that was read: its streams in the manifest's order, and everything wrong with it."""

    video: tuple[Stream, ...]
    audio: tuple[Stream, ...]
    problems: tuple[str, ...]


def verify(folder: Path, *, bench: Workbench, encoded: Encoded | None = None) -> tuple[Checked, StageTime]:
    """Check a set; `encoded` is what it was made of, if known. Raises SetInvalid with what is wrong."""
    checked = examine(folder)
    problems = list(checked.problems)
    if encoded is not None:
        problems += _against_encoded(checked, encoded)
    if problems:
        raise _invalid(problems)
    decoding, time = _decode(folder, checked, bench=bench)
    if decoding:
        raise _invalid([decoding])
    return checked, time


def _invalid(problems: Sequence[str]) -> SetInvalid:
    more = f" (and {len(problems) - _SHOWN_PROBLEMS} more)" if len(problems) > _SHOWN_PROBLEMS else ""
    return SetInvalid(
        "The set is not playable: " + " ".join(problems[:_SHOWN_PROBLEMS]) + more,
        extra={"problems": list(problems)},
    )


def examine(folder: Path) -> Checked:
    """Read a set's manifests and indexes; raises SetInvalid only if that is not possible."""
    try:
        return _examine(folder)
    except (OSError, ValueError, KeyError, IndexError, EOFError) as problem:
        raise SetInvalid(f"The set cannot be read: {problem}") from problem


def _examine(folder: Path) -> Checked:
    master = read_master(folder / MANIFESTS.hls)
    video, faults_of_video = _read_all(folder, master.variants, video=True)
    sounds = tuple(entry for entry in master.media if entry.attributes.get("TYPE") == "AUDIO")
    audio, faults_of_audio = _read_all(folder, sounds, video=False)
    lasting = max((stream.duration for stream in video), default=0.0)
    problems = [
        *faults_of_video,
        *faults_of_audio,
        *_problems_of_master(master),
        *_problems_of_variants(master, video, audio),
        *_problems_of_alignment(video, audio),
        *_problems_of_iframes(folder, master),
        *problems_of_mpd(folder / MANIFESTS.dash, tracks=len(video) + len(audio), duration=lasting),
    ]
    return Checked(video=video, audio=audio, problems=tuple(problems))


def _read_all(folder: Path, entries: Sequence[Entry], *, video: bool) -> tuple[tuple[Stream, ...], list[str]]:
    streams, problems = [], []
    for entry in entries:
        playlist = read_media(_inside(folder, entry.uri))
        stream, faults = _read_stream(folder, entry.uri, playlist, video=video)
        streams.append(stream)
        problems += faults
        problems += _problems_of_playlist(entry.uri, playlist, stream)
    return tuple(streams), problems


def _inside(folder: Path, uri: str) -> Path:
    path = (folder / unquote(uri)).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise SetInvalid(f"A manifest points outside of the set: {uri!r}.")
    return path


def _read_stream(folder: Path, uri: str, playlist: MediaPlaylist, *, video: bool) -> tuple[Stream, list[str]]:
    here = _inside(folder, uri).parent
    start = mp4.read_initialisation(_inside(here, playlist.initialisation or ""))
    starts, lengths, sizes, frames, problems = [], [], [], 0, []
    for segment in playlist.segments:
        file = _inside(here, segment.uri)
        fragments = mp4.read_fragments(file, start)
        starts.append(fragments[0].start / start.timescale)
        lengths.append(sum(fragment.ticks for fragment in fragments) / start.timescale)
        sizes.append(file.stat().st_size)
        frames += sum(fragment.samples for fragment in fragments)
        if not fragments[0].starts_with_sync or (video and fragments[0].first_unit != _IDR):
            problems.append(f"{uri}: {segment.uri} does not start with an IDR picture.")
    stream = Stream(
        playlist=uri,
        initialisation=start,
        starts=tuple(starts),
        lengths=tuple(lengths),
        sizes=tuple(sizes),
        frames=frames,
    )
    return stream, problems


def _problems_of_playlist(uri: str, playlist: MediaPlaylist, stream: Stream) -> Iterator[str]:
    if not playlist.ended:
        yield f"{uri}: it has no end."
    for segment, length in zip(playlist.segments, stream.lengths, strict=True):
        if floor(segment.seconds + 0.5) > playlist.target:
            yield f"{uri}: {segment.uri} is longer than the target duration."
        if abs(segment.seconds - length) > _INSTANT:
            yield f"{uri}: {segment.uri} lasts {length:.3f} s, not {segment.seconds:.3f} s."
    ends = [start + length for start, length in zip(stream.starts, stream.lengths, strict=True)]
    for end, start in zip(ends, stream.starts[1:], strict=False):
        if abs(end - start) > 1 / stream.initialisation.timescale:
            yield f"{uri}: its times jump from {end:.3f} to {start:.3f} s."


def _problems_of_master(master: MasterPlaylist) -> Iterator[str]:
    if not master.independent:
        yield "The master playlist does not say that segments are independent."
    if not master.variants:
        yield "The master playlist names no rendition."
    if len(master.iframes) != len(master.variants):
        yield "Not every rendition has a playlist of its key frames."
    for group in {entry.attributes.get("TYPE") for entry in master.media}:
        names = [e.attributes.get("NAME") for e in master.media if e.attributes.get("TYPE") == group]
        if len(set(names)) != len(names):
            yield f"Two tracks of the type {group} have the same name."


def _problems_of_variants(
    master: MasterPlaylist, video: Sequence[Stream], audio: Sequence[Stream]
) -> Iterator[str]:
    loudest = max((stream.peak_bandwidth for stream in audio), default=0)
    usual = max((stream.average_bandwidth for stream in audio), default=0)
    for entry, stream in zip(master.variants, video, strict=True):
        said, start = entry.attributes, stream.initialisation
        if start.codec not in said.get("CODECS", "").split(","):
            yield f"{entry.uri}: CODECS is {said.get('CODECS')}, the stream is {start.codec}."
        if said.get("RESOLUTION") != f"{start.width}x{start.height}":
            yield f"{entry.uri}: RESOLUTION is {said.get('RESOLUTION')}, not {start.width}x{start.height}."
        if abs(float(said.get("FRAME-RATE", 0)) - stream.frames / stream.duration) > _INSTANT:
            yield f"{entry.uri}: FRAME-RATE is {said.get('FRAME-RATE')}."
        yield from _bandwidth(entry, "BANDWIDTH", stream.peak_bandwidth + loudest)
        yield from _bandwidth(entry, "AVERAGE-BANDWIDTH", stream.average_bandwidth + usual)
        if not start.square:
            yield f"{entry.uri}: its pixels are not square."


def _bandwidth(entry: Entry, name: str, measured: int) -> Iterator[str]:
    said = int(entry.attributes.get(name, 0))
    if abs(said - measured) > _BANDWIDTH_TOLERANCE * measured:
        yield f"{entry.uri}: {name} is {said}, but {measured} is needed."


def _problems_of_alignment(video: Sequence[Stream], audio: Sequence[Stream]) -> Iterator[str]:
    for one, other in pairwise(video):
        if (one.starts, one.frames) != (other.starts, other.frames):
            yield f"{one.playlist} and {other.playlist} do not have the same segments."
    for sound in audio:
        frame = video[0].duration / video[0].frames if video else 0.0
        if video and sound.starts and abs(sound.starts[0] - video[0].starts[0]) > frame:
            yield f"{sound.playlist} does not start together with the picture."


def _problems_of_iframes(folder: Path, master: MasterPlaylist) -> Iterator[str]:
    for entry in master.iframes:
        path = _inside(folder, entry.uri)
        playlist = read_media(path)
        if not (playlist.only_iframes and playlist.ended and playlist.segments):
            yield f"{entry.uri}: it is not a finished playlist of key frames."
        for segment in playlist.segments:
            if not _is_fragment(_inside(path.parent, segment.uri), segment.span):
                yield f"{entry.uri}: no fragment stands where it says in {segment.uri}."


def _is_fragment(file: Path, span: tuple[int, int] | None) -> bool:
    length, offset = span or (file.stat().st_size, 0)
    with file.open("rb") as handle:
        handle.seek(offset + 4)
        return handle.read(4) == b"moof" and offset + length <= file.stat().st_size


def _against_encoded(checked: Checked, encoded: Encoded) -> Iterator[str]:
    for stream, rendition in zip(checked.video, encoded.video, strict=False):
        if stream.frames != rendition.frames:
            yield f"{stream.playlist} has {stream.frames} frames of {rendition.frames}."
    if (len(checked.video), len(checked.audio)) != (len(encoded.video), len(encoded.audio)):
        yield "The master playlist does not name every track that was encoded."


def _decode(folder: Path, checked: Checked, *, bench: Workbench) -> tuple[str | None, StageTime]:
    """Decode every key frame and all sound in one process; answers the first error."""
    # Video first, so that output maps count on from zero; a playlist is read only as a playlist.
    streams = (*checked.video, *checked.audio)
    inputs = [part for stream in streams for part in _input(folder, stream, keys=stream in checked.video)]
    maps = [part for number in range(len(streams)) for part in ("-map", str(number))]
    finished = bench.run(
        Command(
            program=bench.tools.ffmpeg,
            arguments=("-nostdin", "-hide_banner", "-v", "error", *inputs, *maps, *_SINK),
            readable=(folder.resolve(),),
        ),
        bounds=_bounds(checked),
    )
    failed = finished.code != 0 or finished.errors.strip()
    problem = f"It does not decode: {first_error(finished.errors)}." if failed else None
    return problem, StageTime(wall=finished.wall, cpu=finished.cpu)


_SINK = ("-fps_mode", "passthrough", "-c", "rawvideo", "-c:a", "pcm_s16le", "-f", "null", "-")


def _input(folder: Path, stream: Stream, *, keys: bool) -> Iterator[str]:
    yield from ("-protocol_whitelist", "file", "-format_whitelist", "hls,mov,mp4,m4a,3gp,3g2,mj2")
    if keys:
        yield from ("-skip_frame", "nokey")
    yield from ("-f", "hls", "-i", f"file:{(folder / stream.playlist).resolve()}")


def _bounds(checked: Checked) -> Bounds:
    seconds = 300 + _CPU_PER_SECOND * sum(stream.duration for stream in (*checked.video, *checked.audio))
    return Bounds(cpu=int(seconds), wall=3 * seconds)
