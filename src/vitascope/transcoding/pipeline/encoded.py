"""What encoding leaves: all tracks of a set, checked but not packaged."""

from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import (
    AudioTrack,
    Mix,
    Plan,
    Rung,
    TextTrack,
)


class EncodedVideo(Struct, frozen=True, kw_only=True):
    """An encoded rung, with the seconds at which its key frames stand."""

    rung: Rung
    file: Path
    frames: int
    duration: float
    key_frames: tuple[float, ...]


class EncodedAudio(Struct, frozen=True, kw_only=True):
    """An encoded sound track, how loud its source was (LUFS) and by how much that was changed (dB)."""

    track: AudioTrack
    mix: Mix
    file: Path
    duration: float
    loudness: float | None = None
    gain: float = 0.0


class EncodedText(Struct, frozen=True, kw_only=True):
    """A subtitle track as WebVTT."""

    track: TextTrack
    file: Path


class Encoded(Struct, frozen=True, kw_only=True):
    """All tracks of a set, encoded and checked but not packaged; files are named within the folder."""

    folder: Path
    plan: Plan
    video: tuple[EncodedVideo, ...]
    audio: tuple[EncodedAudio, ...]
    text: tuple[EncodedText, ...]
    warnings: tuple[str, ...]

    @property
    def duration(self) -> float:
        """Seconds of picture."""
        return self.video[0].duration

    @property
    def smallest(self) -> EncodedVideo:
        """The smallest rendition in H.264, which everything can decode and show."""
        return [video for video in self.video if video.rung.codec == "h264"][-1]
