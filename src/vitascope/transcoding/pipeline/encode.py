"""Encode a film on this machine: chunks in parallel, the sound whole, the subtitles, then all joined."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

import msgspec

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.audio import EncodedSound, encode_sound, place
from vitascope.transcoding.pipeline.captions import Captions, extract
from vitascope.transcoding.pipeline.contracts import (
    AudioTrack,
    Chunk,
    IncompleteMedia,
    Plan,
    Progress,
    Rung,
    SetInvalid,
    UnreadableMedia,
)
from vitascope.transcoding.pipeline.encoded import Encoded, EncodedAudio, EncodedText, EncodedVideo
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.keyframes import cut
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.sandbox.program import Cancellation
from vitascope.transcoding.pipeline.turns import turn
from vitascope.transcoding.pipeline.video import encode_chunk, join
from vitascope.transcoding.pipeline.workbench import Workbench, built, fingerprint

CHUNKS = "chunks"
"""The folder of checkpoints in `work`."""

_RESULT = "encoded.json"
_MISSING_TOLERATED = 0.05  # of the promised duration
_MISSING_SECONDS = 2.0


def encode(film: Film, *, work: Path, bench: Workbench) -> tuple[Encoded, StageTime]:
    """Encode a film in a folder of `work` named after it and its plan; skips what is there.

    Raises UnreadableMedia, IncompleteMedia, OutOfSpace, TranscodeCancelled, DeadlineExceeded.
    """
    began = time.monotonic()
    if (done := _done(film, work)) is not None:
        return done, StageTime(wall=0.0, cpu=0.0)
    chunks, cpu = _encode_parts(film, work=work, bench=bench)
    encoded, joined = assemble(film, chunks, work=work, bench=bench)
    return encoded, StageTime(wall=time.monotonic() - began, cpu=cpu + joined.cpu)


def _encode_parts(film: Film, *, work: Path, bench: Workbench) -> tuple[list[Chunk], float]:
    """Leave every chunk and the sound in `work`; the chunks, and the CPU seconds that it took."""
    crew, meter = _Crew(bench), Meter(film.plan, bench)
    chunks: list[Chunk] = []

    def encode_one(chunk: Chunk) -> StageTime:
        folder, reader = work / CHUNKS, meter.reader(chunk)
        rungs = film.plan.rungs
        return encode_chunk(film, chunk, rungs, folder=folder, bench=crew.bench, on_output=reader)[1]

    def found(chunk: Chunk) -> None:
        chunks.append(chunk)
        crew.add(lambda: encode_one(chunk))

    with crew:
        crew.add(lambda: encode_sound(film, work=work, bench=crew.bench)[1])
        crew.add(lambda: cut(film, found=found, bench=crew.bench))
        return chunks, crew.finish()


class _Crew:
    """Does tasks of one job at once, as many as the bench allows; when one fails, all stop."""

    def __init__(self, bench: Workbench) -> None:
        self._stop = threading.Event()
        self.bench = msgspec.structs.replace(bench, cancel=_Either(bench.cancel, self._stop))
        self._pool = ThreadPoolExecutor(bench.workers)
        self._tasks: list[Future[StageTime]] = []

    def __enter__(self) -> None:
        """Nothing to do: the threads start with the first task."""

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def add(self, task: Callable[[], StageTime]) -> None:
        self._tasks.append(self._pool.submit(task))

    def finish(self) -> float:
        """Wait for all tasks, those too that tasks add; the CPU seconds that they took."""
        while pending := [task for task in self._tasks if not task.done()]:
            wait(pending, return_when=FIRST_EXCEPTION)
            if failed := next((task for task in self._tasks if task.done() and task.exception()), None):
                failed.result()
        return sum(task.result().cpu for task in self._tasks)


class _Either(msgspec.Struct, frozen=True):
    one: Cancellation
    other: Cancellation

    def is_set(self) -> bool:
        return self.one.is_set() or self.other.is_set()


class Meter:
    """Adds up what the encoders of a film's chunks say of their progress, and tells the bench's listener."""

    def __init__(self, plan: Plan, bench: Workbench) -> None:
        self._bench = bench
        self._total = plan.frame_rate.frames(plan.duration) if plan.duration else 0
        self._done: dict[int, int] = {}
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def reader(self, chunk: Chunk) -> Callable[[bytes], None]:
        """Takes what ffmpeg says with `-progress` while it encodes this chunk."""
        return ProgressReader(lambda frames: self._move(chunk.number, frames))

    def _move(self, number: int, frames: int) -> None:
        with self._lock:
            self._done[number] = frames
            done, taken = sum(self._done.values()), time.monotonic() - self._began
        fraction = min(1.0, done / self._total) if self._total else 0.0
        rate = round(done / taken, 1) if taken > 0 else None
        self._bench.listen(Progress(stage="encode", fraction=fraction, frames_per_second=rate))


class ProgressReader:
    """Reads what ffmpeg says with `-progress`, and tells the number of frames now and then."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._rest = b""
        self._frames = 0

    def __call__(self, data: bytes) -> None:
        """Take the next bytes of output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            name, _, value = line.strip().partition(b"=")
            if name == b"frame" and value.isdigit():
                self._frames = int(value)
            if name == b"progress":
                self._tell(self._frames)


def _folder(film: Film, work: Path) -> Path:
    return work.resolve() / f"encoded-{fingerprint(film.digest, film.plan)}"


def _done(film: Film, work: Path) -> Encoded | None:
    folder = _folder(film, work)
    return _load(folder) if (folder / _RESULT).is_file() else None


def is_assembled(film: Film, *, work: Path) -> bool:
    """Whether what was made of a film lies in `work`, joined."""
    return _done(film, work) is not None


def _load(folder: Path) -> Encoded:
    encoded = msgspec.json.decode(
        (folder / _RESULT).read_bytes(), type=Encoded, dec_hook=lambda kind, text: kind(text)
    )
    return msgspec.structs.replace(encoded, folder=folder)


def assemble(
    film: Film, chunks: Sequence[Chunk], *, work: Path, bench: Workbench
) -> tuple[Encoded, StageTime]:
    """Join what was encoded, in a folder of `work`; a checkpoint that is missing is made again.

    However many ask for it at once, it is done once. Raises as `encode` does.
    """
    began = time.monotonic()
    with turn(_folder(film, work), cancel=bench.cancel):
        if (done := _done(film, work)) is not None:
            return done, StageTime(wall=0.0, cpu=0.0)
        encoded, cpu = _assemble(film, chunks, work=work, bench=bench)
    return encoded, StageTime(wall=time.monotonic() - began, cpu=cpu)


def _assemble(film: Film, chunks: Sequence[Chunk], *, work: Path, bench: Workbench) -> tuple[Encoded, float]:
    folder = _folder(film, work)
    sound, heard = encode_sound(film, work=work, bench=bench)
    parts, encoded = _parts(film, chunks, folder=work / CHUNKS, bench=bench)
    with built(folder) as partial:
        joined = _join_all(film.plan, parts, folder=partial, bench=bench)
        captions = extract(film, folder=partial, bench=bench)
        examined = _examine(film.plan, partial, sound, captions, bench=bench)
        (partial / _RESULT).write_bytes(msgspec.json.encode(examined, enc_hook=str))
    return _load(folder), heard.cpu + encoded + captions.cpu + joined


def _join_all(plan: Plan, parts: dict[Rung, list[Path]], *, folder: Path, bench: Workbench) -> float:
    """Join the chunks of all rungs, several at once; the CPU seconds that it took."""

    def join_one(rung: Rung) -> StageTime:
        return join(plan, rung, parts[rung], out=folder / _video_name(rung), bench=bench)

    with ThreadPoolExecutor(bench.workers) as pool:
        return sum(one.cpu for one in pool.map(join_one, parts))


def _parts(
    film: Film, chunks: Sequence[Chunk], *, folder: Path, bench: Workbench
) -> tuple[dict[Rung, list[Path]], float]:
    """The checkpoints of every rung, in order, and the CPU seconds of those that had to be made."""
    files: dict[Rung, list[Path]] = {rung: [] for rung in film.plan.rungs}
    cpu = 0.0
    for chunk in sorted(chunks, key=lambda chunk: chunk.number):
        made, took = encode_chunk(film, chunk, film.plan.rungs, folder=folder, bench=bench)
        cpu += took.cpu
        for rung, one in zip(film.plan.rungs, made, strict=True):
            files[rung].append(folder / one.name)
    return files, cpu


def _video_name(rung: Rung) -> str:
    return f"video-{rung.name}.mp4"


def _examine(
    plan: Plan, folder: Path, sound: EncodedSound, captions: Captions, *, bench: Workbench
) -> Encoded:
    """Read back what was encoded; raises UnreadableMedia, IncompleteMedia or SetInvalid."""
    video = tuple(_examine_video(rung, folder / _video_name(rung)) for rung in plan.rungs)
    heard = tuple(track for track in sound.tracks if track.duration > 0)
    _require_aligned(video, gop=plan.gop)
    _require_complete(plan, video[0].duration, max((track.duration for track in heard), default=0.0))
    lost = dict.fromkeys(_lost(track.track) for track in sound.tracks if track.duration == 0)
    ended = _end_sounds(heard, sound.folder, folder, seconds=video[0].duration, bench=bench)
    return Encoded(
        folder=Path(),
        plan=plan,
        video=video,
        audio=heard,
        text=tuple(EncodedText(track=track, file=Path(file)) for track, file in captions.files),
        warnings=(*plan.warnings, *lost, *ended, *captions.warnings),
    )


def _lost(track: AudioTrack) -> str:
    return f"The sound track {track.index} ({track.language}) could not be decoded; it is left out."


def _end_sounds(
    sounds: tuple[EncodedAudio, ...], here: Path, there: Path, *, seconds: float, bench: Workbench
) -> list[str]:
    """Put all sound tracks beside the picture, none longer than it: a set lasts as long as its picture."""
    excesses = [
        place(here / sound.file, out=there / sound.file, seconds=seconds, bench=bench) for sound in sounds
    ]
    said = (
        f"The sound track {sound.track.index} ({sound.track.language}) goes on for {clock(excess)} "
        "after the picture; it ends with the picture."
        for sound, excess in zip(sounds, excesses, strict=True)
        if excess
    )
    return list(dict.fromkeys(said))


def _examine_video(rung: Rung, file: Path) -> EncodedVideo:
    track = mp4.read_track(file) if file.is_file() and file.stat().st_size else None
    if track is None or not track.samples:
        raise UnreadableMedia("Not one picture of the film could be decoded: it is damaged.", field="file")
    tick = track.seconds / track.samples
    return EncodedVideo(
        rung=rung,
        file=Path(file.name),
        frames=track.samples,
        duration=track.seconds,
        key_frames=tuple(round(number * tick, 6) for number in track.sync),
    )


def _require_aligned(video: tuple[EncodedVideo, ...], *, gop: int) -> None:
    expected = video[0]
    groups = -(-expected.frames // gop)
    for rendition in video:
        same = (rendition.frames, rendition.key_frames) == (expected.frames, expected.key_frames)
        if not same or len(rendition.key_frames) != groups:
            raise SetInvalid(f"The rung {rendition.rung.name} is not aligned with the others.")


def _require_complete(plan: Plan, pictures: float, sound: float) -> None:
    promised = plan.video.duration or plan.duration
    if promised is None:
        return
    # Where only the whole file's length is known, the sound may be what lasts that long.
    decoded = pictures if plan.video.duration else max(pictures, sound)
    if promised - decoded > max(_MISSING_SECONDS, promised * _MISSING_TOLERATED):
        raise IncompleteMedia(
            f"The film says it lasts {clock(promised)}, but only {clock(decoded)} of it can be decoded: "
            "it was cut off or is damaged. Upload the whole file again.",
            field="file",
        )


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
