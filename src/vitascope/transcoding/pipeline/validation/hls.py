"""The HLS side of a set (RFC 8216): playlists, against each other and against their segments."""

from collections.abc import Iterator, Sequence
from functools import partial
from math import floor
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.playlists import (
    Entry,
    MasterPlaylist,
    MediaPlaylist,
    Segment,
    read_master,
    read_media,
)
from vitascope.transcoding.pipeline.validation.findings import found
from vitascope.transcoding.pipeline.validation.master import check_master, check_variant
from vitascope.transcoding.pipeline.validation.media import check_stream
from vitascope.transcoding.pipeline.validation.protection import check_keys
from vitascope.transcoding.pipeline.validation.shelf import Refused, Shelf
from vitascope.transcoding.pipeline.validation.streams import Part, Stream, measure

_INACCURACY = 0.5  # seconds between EXTINF and the media
_WHOLE_SEGMENT = "AES-128"


class Hls(Struct, frozen=True, kw_only=True):
    """What the playlists lead to; each rendition once, in the order of the master playlist."""

    file: Path
    master: MasterPlaylist
    video: tuple[Stream, ...]
    audio: tuple[Stream, ...]


def check_hls(shelf: Shelf, file: Path) -> Hls:
    """Check a master playlist and all that it names; raises Refused if it cannot be read."""
    with shelf.reading(file):
        master = read_master(file)
    shelf.used.add(file)
    streams = {entry.uri: None for entry in master.variants} | _sounds(master)
    attempts = {uri: shelf.attempt(partial(_rendition, shelf, file, uri)) for uri in streams}
    measured = {uri: stream for uri, stream in attempts.items() if stream}
    for entry in master.media:
        if entry.get("TYPE") == "SUBTITLES":
            _text(shelf, file, entry)
    for entry in master.iframes:
        _key_frames(shelf, file, entry)
    check_master(shelf, file, master)
    _check_variants(shelf, file, master, measured)
    return Hls(
        file=file,
        master=master,
        video=tuple(stream for stream in measured.values() if stream.initialisation.width),
        audio=tuple(stream for stream in measured.values() if not stream.initialisation.width),
    )


def _sounds(master: MasterPlaylist) -> dict[str, None]:
    return {
        entry.uri: None for entry in master.media if entry.get("TYPE") in {"AUDIO", "VIDEO"} and entry.uri
    }


def _check_variants(shelf: Shelf, file: Path, master: MasterPlaylist, measured: dict[str, Stream]) -> None:
    for entry in master.variants:
        group = [one for one in master.media if one.get("TYPE") == "AUDIO" and _same_group(one, entry)]
        sounds = [measured[one.uri] for one in group if one.uri in measured]
        if entry.uri in measured and len(sounds) == len([one for one in group if one.uri]):
            with shelf.tolerating(), shelf.reading(file):
                check_variant(shelf, file, entry, (measured[entry.uri], *sounds))


def _same_group(sound: Entry, variant: Entry) -> bool:
    return bool(variant.get("AUDIO")) and sound.get("GROUP-ID") == variant.get("AUDIO")


def _rendition(shelf: Shelf, master: Path, uri: str) -> Stream:
    path, playlist = _playlist(shelf, master, uri)
    _check_playlist(shelf, path, playlist)
    if any(key.get("METHOD") == _WHOLE_SEGMENT for key in playlist.keys):
        said = "Segments encrypted as a whole (AES-128) are not looked into."
        raise Refused(found("not-checked", shelf.name(path), said))
    stream = measure(shelf, shelf.name(path), tuple(_parts(shelf, path, playlist.segments)))
    _check_lengths(shelf, path, playlist, stream)
    check_stream(shelf, stream)
    check_keys(shelf, path, playlist.keys, stream)
    return stream


def _playlist(shelf: Shelf, master: Path, uri: str) -> tuple[Path, MediaPlaylist]:
    path = shelf.find(master, uri)
    with shelf.reading(path):
        return path, read_media(path)


def _parts(shelf: Shelf, playlist: Path, segments: Sequence[Segment]) -> Iterator[Part]:
    for segment in segments:
        header = segment.initialisation
        yield Part(
            file=shelf.find(playlist, segment.uri),
            span=segment.span,
            header=shelf.find(playlist, header.uri) if header else None,
            header_span=header.span if header else None,
            seconds=segment.seconds,
        )


def _check_playlist(shelf: Shelf, path: Path, playlist: MediaPlaylist) -> None:
    if not playlist.ended:
        shelf.tell("hls-endlist", path, "It has no end.")
    for segment in playlist.segments:
        if floor(segment.seconds + 0.5) > playlist.target:
            said = f"{segment.uri} lasts {segment.seconds:.3f} s, the target is {playlist.target:.0f} s."
            shelf.tell("hls-target-duration", path, said)


def _check_lengths(shelf: Shelf, path: Path, playlist: MediaPlaylist, stream: Stream) -> None:
    for segment, length in zip(playlist.segments, stream.lengths, strict=True):
        if abs(segment.seconds - length) > _INACCURACY:
            said = f"{segment.uri} lasts {length:.3f} s, not {segment.seconds:.3f} s."
            shelf.tell("hls-extinf", path, said)


def _text(shelf: Shelf, master: Path, entry: Entry) -> None:
    """Subtitles are there and their playlist is whole; what is in them is checked file by file."""
    with shelf.tolerating():
        path, playlist = _playlist(shelf, master, entry.uri)
        _check_playlist(shelf, path, playlist)
        for segment in playlist.segments:
            shelf.find(path, segment.uri)


def _key_frames(shelf: Shelf, master: Path, entry: Entry) -> None:
    with shelf.tolerating():
        path, playlist = _playlist(shelf, master, entry.uri)
        if not (playlist.only_iframes and playlist.ended and playlist.segments):
            shelf.tell("hls-iframe-playlist", path, "It is not a finished playlist of key frames.")
        for part in _parts(shelf, path, playlist.segments):
            _check_key_frame(shelf, path, part)


def _check_key_frame(shelf: Shelf, path: Path, part: Part) -> None:
    length, offset = part.span or (part.file.stat().st_size, 0)
    with shelf.reading(part.file), part.file.open("rb") as handle:
        handle.seek(offset)
        head = handle.read(8)
    if part.header is None:
        raise Refused(
            found("not-checked", shelf.name(path), "Key frames that are not in MP4 are not checked.")
        )
    if head[4:] not in {b"moof", b"styp", b"sidx"} or offset + length > part.file.stat().st_size:
        said = f"No fragment stands where it says in {shelf.name(part.file)}."
        shelf.tell("hls-iframe-playlist", path, said)
