"""What a multivariant playlist says of its renditions, against what they are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vitascope.transcoding.pipeline.playlists import Entry, MasterPlaylist
from vitascope.transcoding.pipeline.sample_entries import same_codec
from vitascope.transcoding.pipeline.validation.language import well_formed
from vitascope.transcoding.pipeline.validation.shelf import Shelf
from vitascope.transcoding.pipeline.validation.streams import Stream

_TOLERANCE = 0.1
_FRAME_RATE_ROUNDING = 0.05
_TEXT_CODECS = {"wvtt", "stpp"}
_GROUPS = {"AUDIO": "AUDIO", "VIDEO": "VIDEO", "SUBTITLES": "SUBTITLES", "CLOSED-CAPTIONS": "CLOSED-CAPTIONS"}


def check_master(shelf: Shelf, file: Path, master: MasterPlaylist) -> None:
    """Check what a master playlist must say whatever it names."""
    if not master.variants:
        shelf.tell("hls-variants", file, "It names no rendition.")
    if not master.independent:
        shelf.tell("hls-independent", file, "It does not say that segments are independent.")
    for entry in _once(master.variants):
        if entry.get("RESOLUTION") and not any(_same_picture(one, entry) for one in master.iframes):
            said = f"There is no key frame playlist for {entry.get('RESOLUTION')} in {_video_codec(entry)}."
            shelf.tell("hls-iframes", file, said)
    _check_groups(shelf, file, master)
    _check_names(shelf, file, master.media)
    for entry in master.media:
        _check_languages(shelf, file, entry)


def _once(variants: Sequence[Entry]) -> Iterator[Entry]:
    """One variant of each picture: with several groups of sound a picture is listed several times."""
    yield from {entry.uri: entry for entry in variants}.values()


def _video_codec(entry: Entry) -> str:
    codecs = entry.get("CODECS").split(",")
    return next((codec.strip() for codec in codecs if codec.strip()[:2] not in {"mp", "Op", "op", "ac", "ec"}), "")


def _same_picture(one: Entry, other: Entry) -> bool:
    if one.get("RESOLUTION") and one.get("RESOLUTION") != other.get("RESOLUTION"):
        return False
    return _video_codec(one).partition(".")[0] == _video_codec(other).partition(".")[0]


def _check_groups(shelf: Shelf, file: Path, master: MasterPlaylist) -> None:
    known = {(entry.get("TYPE"), entry.get("GROUP-ID")) for entry in master.media}
    for entry in master.variants:
        for attribute, kind in _GROUPS.items():
            name = entry.get(attribute)
            if name and name != "NONE" and (kind, name) not in known:
                shelf.tell("hls-group", file, f"{entry.uri} names a group {name!r} of {kind} that is not there.")


def _check_names(shelf: Shelf, file: Path, media: Sequence[Entry]) -> None:
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in media:
        groups.setdefault((entry.get("TYPE"), entry.get("GROUP-ID")), []).append(entry)
    for (kind, group), entries in groups.items():
        if len({entry.get("NAME") for entry in entries}) != len(entries):
            shelf.tell("hls-names", file, f"Two tracks of the group {group!r} of {kind} have the same name.")
        if sum(entry.get("DEFAULT") == "YES" for entry in entries) > 1:
            shelf.tell("hls-names", file, f"Two tracks of the group {group!r} of {kind} are the default.")


def _check_languages(shelf: Shelf, file: Path, entry: Entry) -> None:
    for attribute in ("LANGUAGE", "ASSOC-LANGUAGE"):
        tag = entry.attributes.get(attribute)
        if tag is not None and not well_formed(tag):
            shelf.tell("language", file, f"{tag[:40]!r} of {entry.get('NAME')[:40]!r} is no language tag.")


def check_variant(shelf: Shelf, file: Path, entry: Entry, stream: Stream, sounds: Sequence[Stream]) -> None:
    """Check one variant; `sounds` are those of its group. Raises SetInvalid for absurd numbers."""
    _check_codecs(shelf, file, entry, (stream, *sounds))
    if stream.initialisation.width:
        _check_picture(shelf, file, entry, stream)
    loudest = max((sound.peak_bandwidth for sound in sounds), default=0)
    usual = max((sound.average_bandwidth for sound in sounds), default=0)
    _check_rate(shelf, file, entry, "BANDWIDTH", stream.peak_bandwidth + loudest)
    _check_rate(shelf, file, entry, "AVERAGE-BANDWIDTH", stream.average_bandwidth + usual)


def _check_codecs(shelf: Shelf, file: Path, entry: Entry, streams: Sequence[Stream]) -> None:
    said = [codec.strip() for codec in entry.get("CODECS").split(",") if codec.strip()]
    held = list(dict.fromkeys(stream.initialisation.codec for stream in streams))
    missing = [codec for codec in held if not any(same_codec(one, codec) for one in said)]
    extra = [one for one in said if not any(same_codec(one, codec) for codec in held)]
    if missing or [codec for codec in extra if codec.partition(".")[0] not in _TEXT_CODECS]:
        shelf.tell("hls-codecs", file, f"CODECS of {entry.uri} is {','.join(said)!r}, not {','.join(held)!r}.")


def _check_picture(shelf: Shelf, file: Path, entry: Entry, stream: Stream) -> None:
    size = f"{stream.initialisation.width}x{stream.initialisation.height}"
    if entry.get("RESOLUTION") != size:
        shelf.tell("hls-resolution", file, f"RESOLUTION of {entry.uri} is {entry.get('RESOLUTION')!r}, not {size}.")
    rate = stream.frames / stream.duration if stream.duration else 0.0
    if abs(entry.number("FRAME-RATE") - rate) > _FRAME_RATE_ROUNDING:
        said = f"FRAME-RATE of {entry.uri} is {entry.get('FRAME-RATE')!r}, not {rate:.3f}."
        shelf.tell("hls-frame-rate", file, said)
    transfer, said = stream.initialisation.sample.transfer, entry.get("VIDEO-RANGE") or "SDR"
    if transfer and said != transfer:
        shelf.tell("hls-video-range", file, f"VIDEO-RANGE of {entry.uri} is {said}, the picture is {transfer}.")


def _check_rate(shelf: Shelf, file: Path, entry: Entry, name: str, measured: int) -> None:
    said = entry.number(name)
    if abs(said - measured) > _TOLERANCE * measured:
        rule = f"hls-{name.lower()}"
        shelf.tell(rule, file, f"{name} of {entry.uri} is {said:.0f}, {measured} is needed.")
