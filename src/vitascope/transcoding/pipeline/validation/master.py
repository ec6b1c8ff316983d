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
    return next(
        (codec.strip() for codec in codecs if codec.strip()[:2] not in {"mp", "Op", "op", "ac", "ec"}), ""
    )


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
                shelf.tell(
                    "hls-group", file, f"{entry.uri} names a group {name!r} of {kind} that is not there."
                )


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


def check_variant(shelf: Shelf, file: Path, entry: Entry, streams: Sequence[Stream]) -> None:
    """Check one variant: its own stream, then those of its group. Raises SetInvalid for absurd numbers."""
    stream, *sounds = streams
    _check_codecs(shelf, file, entry, streams)
    if stream.initialisation.width:
        _check_picture(shelf, file, entry, stream)
    for name, measured in (("BANDWIDTH", "peak_bandwidth"), ("AVERAGE-BANDWIDTH", "average_bandwidth")):
        least = _together(stream, sounds, measured)
        most = _together(stream, sounds, "highest_bandwidth") if name == "BANDWIDTH" else least
        said = entry.number(name)
        if not least * (1 - _TOLERANCE) <= said <= most * (1 + _TOLERANCE):
            told = f"{said:.0f}" if entry.get(name) else "missing"
            shelf.tell(f"hls-{name.lower()}", file, f"{name} of {entry.uri} is {told}, {least} is needed.")


def _together(picture: Stream, sounds: Sequence[Stream], rate: str) -> int:
    """A rate of the picture with that of the sound that takes most."""
    return int(getattr(picture, rate) + max((getattr(sound, rate) for sound in sounds), default=0))


def _check_codecs(shelf: Shelf, file: Path, entry: Entry, streams: Sequence[Stream]) -> None:
    said = [codec.strip() for codec in entry.get("CODECS").split(",") if codec.strip()]
    held = list(dict.fromkeys(stream.initialisation.codec for stream in streams))
    missing = [codec for codec in held if not any(same_codec(one, codec) for one in said)]
    extra = [one for one in said if not any(same_codec(one, codec) for codec in held)]
    if missing or [codec for codec in extra if codec.partition(".")[0] not in _TEXT_CODECS]:
        shelf.tell(
            "hls-codecs", file, f"CODECS of {entry.uri} is {','.join(said)!r}, not {','.join(held)!r}."
        )


def _check_picture(shelf: Shelf, file: Path, entry: Entry, stream: Stream) -> None:
    sample = stream.initialisation.sample
    size = f"{sample.width}x{sample.height}"
    if entry.get("RESOLUTION") not in {size, f"{sample.display_width}x{sample.height}"}:
        said = f"RESOLUTION of {entry.uri} is {entry.get('RESOLUTION')!r}, not {size}."
        shelf.tell("hls-resolution", file, said)
    rate = stream.frames / stream.duration if stream.duration else 0.0
    if abs(entry.number("FRAME-RATE") - rate) > _FRAME_RATE_ROUNDING:
        said = f"FRAME-RATE of {entry.uri} is {entry.get('FRAME-RATE') or 'missing'}, not {rate:.3f}."
        shelf.tell("hls-frame-rate", file, said)
    transfer = entry.get("VIDEO-RANGE") or "SDR"
    if sample.transfer and transfer != sample.transfer:
        said = f"VIDEO-RANGE of {entry.uri} is {transfer}, the picture is {sample.transfer}."
        shelf.tell("hls-video-range", file, said)
