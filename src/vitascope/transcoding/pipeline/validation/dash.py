"""The DASH side of a set (ISO/IEC 23009-1): the MPD against the segments."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from vitascope.transcoding.pipeline.mp4 import read_subsegments
from vitascope.transcoding.pipeline.playlists import number
from vitascope.transcoding.pipeline.sample_entries import same_codec
from vitascope.transcoding.pipeline.validation.language import well_formed
from vitascope.transcoding.pipeline.validation.media import check_stream
from vitascope.transcoding.pipeline.validation.mpd import AdaptationSet, Listed, Mpd, Representation, read_mpd
from vitascope.transcoding.pipeline.validation.protection import check_shields
from vitascope.transcoding.pipeline.validation.shelf import Shelf
from vitascope.transcoding.pipeline.validation.streams import Part, Stream, measure

_MEDIA = {"video", "audio"}
_ROLES = {
    "caption", "subtitle", "main", "alternate", "supplementary", "commentary", "dub", "description", "sign",
    "metadata", "enhanced-audio-intelligibility", "emergency", "forced-subtitle", "easyreader", "karaoke",
}  # fmt: skip
_INACCURACY = 0.5  # seconds, of the film's length and of a segment's time
_RATE_TOLERANCE = 0.1
_FRAME_RATE_ROUNDING = 0.05


class Dash:
    """Checks one MPD; what HLS has measured is not measured again."""

    def __init__(self, shelf: Shelf, file: Path, known: Sequence[Stream]) -> None:
        self._shelf = shelf
        self.file = file
        self._known = {stream.files: stream for stream in known}
        self._by_first = {stream.files[0]: stream for stream in known}
        self.video: list[Stream] = []
        self.audio: list[Stream] = []

    def check(self) -> None:
        """Check all of it; raises Refused if it cannot be read."""
        with self._shelf.reading(self.file):
            mpd = read_mpd(self.file)
        self._shelf.used.add(self.file)
        if mpd.several_periods:
            self._tell("not-checked", "Periods after the first are not checked.")
        for adaptation in mpd.sets:
            self._check_set(adaptation)
        _check_roles(self._shelf, self.file, mpd)
        self._check_presentation(mpd)

    def _tell(self, rule: str, problem: str) -> None:
        self._shelf.tell(rule, self.file, problem)

    def _check_presentation(self, mpd: Mpd) -> None:
        if mpd.type != "static":
            self._tell("dash-static", "It says that the film is live.")
        lasting = max((stream.duration for stream in self.video or self.audio), default=mpd.duration)
        if abs(mpd.duration - lasting) > _INACCURACY:
            self._tell("dash-duration", f"It says {mpd.duration:.3f} s, the film lasts {lasting:.3f} s.")

    def _check_set(self, adaptation: AdaptationSet) -> None:
        tag = adaptation.attributes.get("lang")
        if tag is not None and not well_formed(tag):
            self._tell("language", f"{tag[:40]!r} is no language tag.")
        for listed in adaptation.representations:
            if adaptation.kind in _MEDIA | {"text"}:
                with self._shelf.tolerating(), self._shelf.reading(self.file):
                    self._check_representation(adaptation, listed)

    def _check_representation(self, adaptation: AdaptationSet, listed: Representation) -> None:
        if adaptation.kind in _MEDIA:
            self._check_attributes(listed)
        if not listed.header and adaptation.kind == "text":
            self._check_plain_text(listed)
            return
        stream = self._stream(adaptation, listed)
        check_shields(self._shelf, self.file, listed, stream)
        if adaptation.kind in _MEDIA:
            self._check_said(listed, stream)
        if adaptation.kind in _MEDIA and adaptation.trick_of is None:
            (self.video if adaptation.kind == "video" else self.audio).append(stream)

    def _check_plain_text(self, listed: Representation) -> None:
        for segment in listed.segments:
            self._shelf.find(self.file, segment.address)

    def _check_attributes(self, listed: Representation) -> None:
        missing = [name for name in ("bandwidth", "codecs", "mimeType") if not listed.get(name)]
        if missing:
            self._tell("dash-attributes", f"The Representation {listed.id!r} has no {', '.join(missing)}.")

    def _stream(self, adaptation: AdaptationSet, listed: Representation) -> Stream:
        parts = tuple(self._parts(listed))
        files = tuple(self._shelf.name(part.file) for part in parts)
        stream = self._known.get(files) or self._by_first.get(files[0] if files else "")
        if stream is None or any(part.span for part in parts):
            stream = measure(self._shelf, f"{self._shelf.name(self.file)}#{listed.id}", parts)
            if files not in self._known:
                check_stream(self._shelf, stream, text=adaptation.kind == "text")
        self._check_times(listed, parts, stream)
        return stream

    def _parts(self, listed: Representation) -> Iterator[Part]:
        header = self._shelf.find(self.file, listed.header.address) if listed.header else None
        span = listed.header.span if listed.header else None
        for segment in listed.segments:
            file = self._shelf.find(self.file, segment.address)
            if listed.index:
                yield from self._subsegments(listed, segment, file, header or file)
                continue
            yield Part(
                file=file,
                span=segment.span,
                header=header,
                header_span=span,
                seconds=segment.seconds or 0.0,
                start=segment.start,
            )

    def _subsegments(
        self, listed: Representation, segment: Listed, file: Path, header: Path
    ) -> Iterator[Part]:
        with self._shelf.reading(file):
            subsegments = read_subsegments(file, listed.index)
        for span, seconds in subsegments:
            yield Part(
                file=file,
                span=span,
                header=header,
                header_span=listed.header.span if listed.header else segment.span,
                seconds=seconds,
            )

    def _check_times(self, listed: Representation, parts: Sequence[Part], stream: Stream) -> None:
        if len(parts) != len(stream.starts):
            said = f"The Representation {listed.id!r} has {len(parts)} segments of {len(stream.starts)}."
            self._tell("dash-segments", said)
        for part, file, start, length in zip(
            parts, stream.files, stream.starts, stream.lengths, strict=False
        ):
            late = abs(part.start - start) > _INACCURACY if part.start is not None else False
            long = abs(part.seconds - length) > _INACCURACY if part.seconds else False
            if late or long:
                said = (
                    f"{file} starts at {start:.3f} s and lasts {length:.3f} s, the timeline says otherwise."
                )
                self._tell("dash-segments", said)

    def _check_said(self, listed: Representation, stream: Stream) -> None:
        said, held = listed.get("codecs"), stream.initialisation.codec
        if said and not same_codec(said, held):
            self._tell("dash-codecs", f"codecs of {listed.id!r} is {said!r}, not {held!r}.")
        rate = number(listed.get("bandwidth") or "0", "bandwidth")
        low, high = stream.average_bandwidth, stream.highest_bandwidth
        if rate and not low * (1 - _RATE_TOLERANCE) <= rate <= high * (1 + _RATE_TOLERANCE):
            self._tell(
                "dash-bandwidth", f"bandwidth of {listed.id!r} is {rate:.0f}, measured {low} to {high}."
            )
        if stream.initialisation.width:
            self._check_size(listed, stream)

    def _check_size(self, listed: Representation, stream: Stream) -> None:
        held = (stream.initialisation.width, stream.initialisation.height)
        said = tuple(
            listed.get(name) or str(size) for name, size in zip(("width", "height"), held, strict=True)
        )
        rate = _rate(listed.get("frameRate"))
        wrong_rate = rate is not None and abs(rate * stream.frame - 1) > _FRAME_RATE_ROUNDING
        if said != tuple(map(str, held)) or wrong_rate:
            problem = f"{listed.id!r} is not {'x'.join(said)} at {listed.get('frameRate') or 'any rate'}."
            self._tell("dash-size", problem)


def _rate(text: str) -> float | None:
    numerator, _, denominator = text.partition("/")
    if not text:
        return None
    below = number(denominator or "1", "frameRate")
    return number(numerator, "frameRate") / below if below else 0.0


def _check_roles(shelf: Shelf, file: Path, mpd: Mpd) -> None:
    for adaptation in mpd.sets:
        for role in adaptation.roles:
            if role not in _ROLES:
                shelf.tell("dash-role", file, f"{role[:40]!r} is no role.")
        if adaptation.trick_of is not None and adaptation.trick_of not in _identities(mpd):
            shelf.tell("dash-trick-play", file, f"It names {adaptation.trick_of[:40]!r}, which is not there.")
    alike = Counter(_looks(one) for one in mpd.sets if one.kind in {"audio", "text"})
    for (kind, language, *_), count in alike.items():
        if count > 1:
            said = f"{count} AdaptationSets of {kind} in {language or 'no language'} cannot be told apart."
            shelf.tell("dash-role", file, said)


def _identities(mpd: Mpd) -> set[str]:
    return {one.id for one in mpd.sets if one.id and one.trick_of is None}


def _looks(adaptation: AdaptationSet) -> tuple[str, ...]:
    codecs = {listed.get("codecs") for listed in adaptation.representations}
    return (
        adaptation.kind,
        adaptation.attributes.get("lang", ""),
        adaptation.label,
        ",".join(sorted(adaptation.roles)),
        str(adaptation.accessible),
        ",".join(sorted(codecs)),
    )


def check_tracks(shelf: Shelf, file: Path, *, dash: int, hls: int) -> None:
    """Check that both manifests name as many tracks of picture and sound."""
    if dash != hls:
        shelf.tell("dash-tracks", file, f"It names {dash} tracks, the master playlist {hls}.")
