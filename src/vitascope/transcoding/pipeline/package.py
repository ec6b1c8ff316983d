"""One CMAF set for HLS and DASH, by Shaka Packager."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from vitascope.transcoding.pipeline.audio_groups import arrange, group_of
from vitascope.transcoding.pipeline.chapter_marks import add_chapters
from vitascope.transcoding.pipeline.contracts import (
    AudioTrack,
    Mix,
    Rung,
    SoundRole,
    TextTrack,
)
from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.languages import UNKNOWN
from vitascope.transcoding.pipeline.outcome import Manifests, StageTime
from vitascope.transcoding.pipeline.protection import FLAGS_FROM_INPUT, SOUND, Protection, class_of
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.signalling import signal
from vitascope.transcoding.pipeline.workbench import Workbench, built

MANIFESTS = Manifests(hls="master.m3u8", dash="manifest.mpd")
_NO_LANGUAGE = "zxx"  # ISO 639-2 for no linguistic content: matches no track, so no caption is forced on
_CPU_PER_SECOND = 2
_DESCRIBES = {
    "hls_characteristics": "public.accessibility.describes-video",
    "dash_accessibilities": "urn:tva:metadata:cs:AudioPurposeCS:2007=1",
    "dash_roles": "alternate",
}
_SOUND_ROLES: dict[SoundRole, dict[str, str]] = {
    "main": {"dash_roles": "main"},
    "dub": {"dash_roles": "dub"},
    "commentary": {"dash_roles": "commentary"},
    "description": _DESCRIBES,
}
_TRANSCRIPT = "public.accessibility.transcribes-spoken-dialog;public.accessibility.describes-music-and-sound"


class PackagedSound(Struct, frozen=True, kw_only=True):
    """A sound track in the set; those of a group are of one codec and one number of channels."""

    track: AudioTrack
    mix: Mix
    group: str
    loudness: float | None
    gain: float
    name: str
    default: bool
    folder: str
    source: str


class PackagedText(Struct, frozen=True, kw_only=True):
    """A subtitle track in the set."""

    track: TextTrack
    name: str
    folder: str
    source: str


class Packaged(Struct, frozen=True, kw_only=True):
    """A packaged but unchecked set."""

    folder: Path
    audio: tuple[PackagedSound, ...]
    text: tuple[PackagedText, ...]


def package(
    encoded: Encoded, *, work: Path, bench: Workbench, protection: Protection | None = None
) -> tuple[Packaged, StageTime]:
    """Package what was encoded into a folder of `work`, encrypted if so told; skips what is there."""
    kind = f"packaged-{protection.name}" if protection else "packaged"
    folder = work.resolve() / encoded.folder.name.replace("encoded", kind)
    packaged = Packaged(folder=folder, audio=_sounds(encoded), text=_texts(encoded))
    if (folder / MANIFESTS.hls).is_file():
        return packaged, StageTime(wall=0.0, cpu=0.0)
    with built(folder) as partial:
        finished = bench.must(
            _protected(_command(encoded, packaged, partial, bench=bench), protection),
            bounds=_bounds(encoded),
        )
        arrange(packaged.audio, partial / MANIFESTS.hls)
        if protection:
            signal(partial, protection)
        _keep_captions(encoded, packaged, partial)
        add_chapters(encoded.plan.chapters, partial, duration=encoded.duration)
    return packaged, StageTime(wall=finished.wall, cpu=finished.cpu)


def _bounds(encoded: Encoded) -> Bounds:
    seconds = 300 + _CPU_PER_SECOND * encoded.duration
    return Bounds(cpu=int(seconds), wall=3 * seconds)


def _command(encoded: Encoded, packaged: Packaged, folder: Path, *, bench: Workbench) -> Command:
    # Relative names: in the packager's notation a comma in a path would end it.
    return Command(
        program=bench.tools.packager,
        arguments=tuple(arguments(encoded, packaged, folder.name)),
        readable=(encoded.folder.resolve(),),
        writable=(folder.resolve(),),
        folder=folder.parent,
    )


def _protected(command: Command, protection: Protection | None) -> Command:
    if protection is None:
        return command
    flags = (*command.arguments, *FLAGS_FROM_INPUT)
    return replace(command, arguments=flags, secret=protection.encrypting())


def arguments(encoded: Encoded, packaged: Packaged, out: str) -> Iterator[str]:
    """The packager's command line, to be run in the folder that holds both the input and `out`."""
    source = encoded.folder.name
    for rendition in encoded.video:
        yield _video(f"{source}/{rendition.file}", out, rendition.rung)
    for sound in packaged.audio:
        yield _audio(f"{source}/{sound.source}", out, sound)
    for text in packaged.text:
        yield from _text(f"{source}/{text.source}", out, text)
    yield from ("--segment_duration", f"{encoded.plan.segment_seconds:.6f}", "--generate_static_live_mpd")
    yield from ("--default_text_language", _NO_LANGUAGE)
    if packaged.audio:
        yield from _chosen("--default_language", packaged.audio[0].track.language)
    yield from ("--mpd_output", f"{out}/{MANIFESTS.dash}")
    yield from ("--hls_master_playlist_output", f"{out}/{MANIFESTS.hls}", "--quiet")


def _chosen(option: str, language: str) -> Iterator[str]:
    # The packager knows no tag for an unknown language: it wants none then.
    if language != UNKNOWN:
        yield from (option, language)


def _language(track: AudioTrack | TextTrack) -> dict[str, str]:
    return {"language": track.language} if track.language != UNKNOWN else {}


def _descriptor(**fields: str) -> str:
    return ",".join(f"{name}={value}" for name, value in fields.items())


def _segments(out: str, folder: str) -> dict[str, str]:
    path = f"{out}/{folder}"
    return {"init_segment": f"{path}/init.mp4", "segment_template": f"{path}/$Number%05d$.m4s"}


def _video(file: str, out: str, rung: Rung) -> str:
    folder = f"video/{rung.name}"
    playlists = {"playlist_name": f"{folder}/index.m3u8", "iframe_playlist_name": f"{folder}/iframes.m3u8"}
    label = {"drm_label": class_of(rung)}
    return _descriptor(**{"in": file}, stream="video", **_segments(out, folder), **playlists, **label)


def _audio(file: str, out: str, sound: PackagedSound) -> str:
    surround = " 5.1" if sound.mix.channels > 2 else ""
    return _descriptor(
        **{"in": file},
        stream="audio",
        **_segments(out, sound.folder),
        playlist_name=f"{sound.folder}/index.m3u8",
        hls_group_id=sound.group,
        hls_name=sound.name,
        # Representations of one set are switched between at will: stereo and 5.1 must not be in one.
        dash_label=f"{sound.name}{surround}",
        **_SOUND_ROLES[sound.track.role],
        drm_label=SOUND,
        **_language(sound.track),
    )


def _text(file: str, out: str, text: PackagedText) -> Iterator[str]:
    """Plain WebVTT segments for HLS, and the same in MP4 for DASH: what players of each can read."""
    common = {"in": file, "stream": "text", **_language(text.track)}
    characteristics, roles = {}, {"dash_roles": "subtitle"}
    if text.track.forced:
        common["forced_subtitle"], roles = "1", {}
    if text.track.hard_of_hearing:
        characteristics, roles = {"hls_characteristics": _TRANSCRIPT}, {"dash_roles": "caption"}
    yield _descriptor(
        **common,
        **characteristics,
        segment_template=f"{out}/{text.folder}/$Number%05d$.vtt",
        playlist_name=f"{text.folder}/index.m3u8",
        hls_group_id="text",
        hls_name=text.name,
        hls_only="1",
    )
    dash = {"dash_label": text.name, "dash_only": "1", **roles}
    yield _descriptor(**common, **_segments(out, text.folder), **dash)


def _sounds(encoded: Encoded) -> tuple[PackagedSound, ...]:
    # The packager marks the first track of the default language: the default one stands first.
    ordered = sorted(encoded.audio, key=lambda sound: (not sound.track.default, sound.mix.track))
    # All mixes of a track have its name: that is how players find it again in another group.
    tracks = {sound.mix.track: sound.track for sound in ordered}
    named = dict(zip(tracks, names(list(tracks.values()), "Sound"), strict=True))
    return tuple(
        PackagedSound(
            track=sound.track,
            mix=sound.mix,
            group=group_of(sound.mix),
            loudness=None if sound.loudness is None else round(sound.loudness + sound.gain, 1),
            gain=sound.gain,
            name=named[sound.mix.track],
            default=sound.mix.track == ordered[0].mix.track,
            folder=f"audio/{number}",
            source=str(sound.file),
        )
        for number, sound in enumerate(ordered)
    )


def _texts(encoded: Encoded) -> tuple[PackagedText, ...]:
    named = names([text.track for text in encoded.text], "Captions")
    return tuple(
        PackagedText(track=text.track, name=name, folder=f"text/{number}", source=str(text.file))
        for number, (text, name) in enumerate(zip(encoded.text, named, strict=True))
    )


def names(tracks: Sequence[AudioTrack | TextTrack], kind: str) -> list[str]:
    """A name for each track that no other has: its title, else its language, else what it is."""
    given: list[str] = []
    for track in tracks:
        language = kind if track.language == UNKNOWN else track.language
        wanted = track.title or f"{language}{_told(track)}"
        name, number = wanted, 1
        while name in given:
            number += 1
            name = f"{wanted} {number}"
        given.append(name)
    return given


def _told(track: AudioTrack | TextTrack) -> str:
    """What a track's language does not tell of it."""
    if isinstance(track, AudioTrack):
        return {"commentary": " (commentary)", "description": " (audio description)"}.get(track.role, "")
    return " (forced)" if track.forced else " (SDH)" if track.hard_of_hearing else ""


def _keep_captions(encoded: Encoded, packaged: Packaged, folder: Path) -> None:
    """Put the whole track beside its segments, for download and for players without HLS."""
    for text in packaged.text:
        (folder / text.folder / "captions.vtt").write_bytes((encoded.folder / text.source).read_bytes())
