"""The whole way from a file to a published set, in stages that can also be called one by one."""

import errno
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec.structs import replace

from vitascope.transcoding.pipeline import audio, binaries, first, hardware, keyframes, ladder, video
from vitascope.transcoding.pipeline import encode as encoding
from vitascope.transcoding.pipeline import package as packaging
from vitascope.transcoding.pipeline import pictures as drawing
from vitascope.transcoding.pipeline import probe as probing
from vitascope.transcoding.pipeline import verify as checking
from vitascope.transcoding.pipeline.analysis import analyse as analysing
from vitascope.transcoding.pipeline.analysis import measure as measuring
from vitascope.transcoding.pipeline.analysis.findings import Analysis, Window
from vitascope.transcoding.pipeline.audio import EncodedSound
from vitascope.transcoding.pipeline.chapters import arranged
from vitascope.transcoding.pipeline.contracts import (
    Chunk,
    HardwareUnusable,
    OutOfSpace,
    OutputOccupied,
    OutputUnwritable,
    Plan,
    Progress,
    Rung,
    SourceMedia,
)
from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.hardware import Works
from vitascope.transcoding.pipeline.outcome import (
    Caption,
    Outcome,
    Pictures,
    Quality,
    Rendition,
    SoundRendition,
    StageTime,
)
from vitascope.transcoding.pipeline.package import MANIFESTS, Packaged
from vitascope.transcoding.pipeline.profile import DEFAULT, Profile
from vitascope.transcoding.pipeline.protection import Protection, Protector, classes_of, unprotected
from vitascope.transcoding.pipeline.side_files import NONE_BESIDE, SideFiles, files_of, with_side_files
from vitascope.transcoding.pipeline.verify import Checked
from vitascope.transcoding.pipeline.video import EncodedChunk
from vitascope.transcoding.pipeline.workbench import Workbench

STAGES = ("probe", "encode", "package", "pictures", "verify")
STAGES_OF_AUTO = ("probe", "analyse", "encode", "measure", "package", "pictures", "verify")
"""The stages where the ladder is found for the film."""


def _unread(analysis: Analysis) -> None:
    """For those who do not want to see an analysis."""


class Pipeline:
    """The stages of transcoding, on one workbench.

    Each stage takes what the one before gave and leaves its result in the folder `work` under a name
    made of its inputs: called again, after a crash or on a retry, it finds that and does nothing.
    `work` can be shared by jobs and workers; who owns it removes it.
    """

    def __init__(self, bench: Workbench, *, works: Works | None = None) -> None:
        """`works` tells which encoders in hardware work; by default they are tried."""
        self._bench = bench
        self._works = works or hardware.on_this_machine(bench.tools.ffmpeg)

    def probe(self, source: Path) -> tuple[SourceMedia, StageTime]:
        """What the film is; raises a MediaRejected if it cannot be transcoded."""
        with self._stage("probe") as clock:
            media, cpu = probing.probe(
                source,
                ffprobe=self._bench.tools.ffprobe,
                limits=self._bench.limits,
                cancel=self._bench.cancel,
            )
        return media, StageTime(wall=clock(), cpu=cpu)

    def plan(self, media: SourceMedia, profile: Profile = DEFAULT, beside: SideFiles = NONE_BESIDE) -> Plan:
        """What will be made of it and of the files beside it, by what is here.

        Raises ProgramMissing, HardwareUnusable, or TrackRejected for a file beside it.
        """
        plan = ladder.plan(media, profile)
        binaries.require_encoders(self._bench.tools.ffmpeg, {rung.codec for rung in plan.rungs})
        rungs = hardware.choose(plan.rungs, wish=profile.video.hardware, works=self._works)
        return with_side_files(replace(plan, rungs=rungs), beside, limits=self._bench.limits)

    def analyse(self, film: Film, *, work: Path) -> tuple[Analysis, StageTime]:
        """Find the ladder that suits a film, under the ceilings of its plan."""
        with self._stage("analyse"):
            return analysing.analyse(film, work=work, bench=self._bench)

    def measure(
        self, film: Film, encoded: Encoded, windows: Sequence[Window], *, work: Path
    ) -> tuple[tuple[Quality | None, ...], StageTime]:
        """VMAF of every rung in these windows, at the size of the largest rung of the film's own plan.

        A rung in HDR has none: the measure does not know it.
        """
        comparable = [made for made in encoded.video if made.rung.dynamic_range == "sdr"]
        files = [encoded.folder / made.file for made in comparable]
        with self._stage("measure"):
            found, time = measuring.measure(film, files, windows=windows, work=work, bench=self._bench)
        named = dict(zip((made.rung.name for made in comparable), found, strict=True))
        return tuple(named.get(made.rung.name) for made in encoded.video), time

    def encode(
        self, source: Path, plan: Plan, *, work: Path, beside: SideFiles = NONE_BESIDE
    ) -> tuple[Encoded, StageTime]:
        """Encode all rungs and sound tracks, and read out the captions, on this machine alone."""
        film = Film.of(source, plan, beside=files_of(beside))
        return encoding.encode(film, work=work, bench=self._bench)

    def cut(self, film: Film, *, found: Callable[[Chunk], None]) -> StageTime:
        """Cut a film into chunks; `found` is given each as soon as it is known."""
        return keyframes.cut(film, found=found, bench=self._bench)

    def encode_chunk(
        self,
        film: Film,
        chunk: Chunk,
        rungs: Sequence[Rung],
        *,
        work: Path,
        on_frames: Callable[[int], None] = lambda _frames: None,
    ) -> tuple[tuple[EncodedChunk, ...], StageTime]:
        """Encode one chunk in these rungs, into checkpoints in the folder `chunks` of `work`.

        `on_frames` hears now and then how many frames are done.
        """
        return video.encode_chunk(
            film,
            chunk,
            rungs,
            folder=work / encoding.CHUNKS,
            bench=self._bench,
            on_output=encoding.ProgressReader(on_frames),
        )

    def checkpoint_names(self, film: Film, chunks: Sequence[Chunk]) -> Sequence[str]:
        """The names that the checkpoints of these chunks have in every rung."""
        return [
            video.checkpoint_name(film, chunk, rung, bench=self._bench)
            for chunk in chunks
            for rung in film.plan.rungs
        ]

    def is_assembled(self, film: Film, *, work: Path) -> bool:
        """Whether `assemble` has nothing to do."""
        return encoding.is_assembled(film, work=work)

    def encode_sound(self, film: Film, *, work: Path) -> tuple[EncodedSound, StageTime]:
        """Encode all sound tracks, whole, into a folder of `work`."""
        return audio.encode_sound(film, work=work, bench=self._bench)

    def assemble(self, film: Film, chunks: Sequence[Chunk], *, work: Path) -> tuple[Encoded, StageTime]:
        """Join what was encoded in parts; what is missing is encoded here."""
        return encoding.assemble(film, chunks, work=work, bench=self._bench)

    def first(self, film: Film, *, work: Path) -> tuple[Encoded | None, StageTime]:
        """The source's own picture as a set of one rung, copied; None if it cannot play as it is."""
        if not first.conforms(film.plan, size=film.file.stat().st_size):
            return None, StageTime(wall=0.0, cpu=0.0)
        return first.copy(film, work=work, bench=self._bench)

    def package(
        self, encoded: Encoded, *, work: Path, protection: Protection | None = None
    ) -> tuple[Packaged, StageTime]:
        """Make one CMAF set with its two manifests, encrypted if so told."""
        with self._stage("package"):
            return packaging.package(encoded, work=work, bench=self._bench, protection=protection)

    def poster(self, encoded: Encoded, *, work: Path) -> tuple[Path, StageTime]:
        """Draw the poster alone, at once; answers the folder that it is in."""
        return drawing.draw_poster(encoded, work=work, bench=self._bench)

    def pictures(self, encoded: Encoded, *, work: Path) -> tuple[Pictures, Path, StageTime]:
        """Draw poster and thumbnails; answers them and the folder that they are in."""
        with self._stage("pictures"):
            return drawing.draw(encoded, work=work, bench=self._bench)

    def verify(
        self, packaged: Packaged, encoded: Encoded, *, protection: Protection | None = None
    ) -> tuple[Checked, StageTime]:
        """Check that the set plays with its keys and is all that was encoded; raises SetInvalid."""
        with self._stage("verify") as clock:
            checked, time_of_decoding = checking.verify(
                packaged.folder, bench=self._bench, encoded=encoded, protection=protection
            )
        return checked, StageTime(wall=clock(), cpu=time_of_decoding.cpu)

    def publish(self, packaged: Packaged, drawn: Path, *, out: Path) -> None:
        """Put set and pictures together under their final name, all at once.

        `out` may be absent or empty, on the disk of `work`; raises OutputOccupied if it is neither.
        """
        require_free(out)
        target = packaged.folder / drawing.FOLDER
        if drawn.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            (drawn / drawing.RESULT).unlink(missing_ok=True)
            drawn.rename(target)
        try:
            packaged.folder.rename(out)
        except OSError as problem:
            require_free(out)
            raise OutputUnwritable(field="output") from problem

    def transcode(
        self,
        source: Path,
        *,
        out: Path,
        profile: Profile = DEFAULT,
        beside: SideFiles = NONE_BESIDE,
        on_analysis: Callable[[Analysis], None] = _unread,
        protect: Protector = unprotected,
    ) -> Outcome:
        """Do all of it; `out` is complete when this returns, and untouched if it raises.

        `on_analysis` is given what was found of the film, where the profile asks for its own ladder.
        `protect` gives the keys for the classes of tracks that were made.
        """
        require_free(out)
        times: dict[str, StageTime] = {}
        media, times["probe"] = self.probe(source)
        film = full = Film.of(source, self.plan(media, profile, beside), beside=files_of(beside))
        # Beside the output: the last step is a rename, which stays on one disk.
        with _workspace(out) as work:
            windows: Sequence[Window] = ()
            if profile.video.ladder == "auto":
                analysis, times["analyse"] = self.analyse(film, work=work)
                on_analysis(analysis)
                film, windows = analysing.with_ladder(film, analysis), analysis.windows
            encoded, times["encode"] = self._encode_anyhow(film, profile, work=work, beside=beside)
            qualities: Sequence[Quality | None] = ()
            if windows:
                qualities, times["measure"] = self.measure(full, encoded, windows, work=work)
            with ThreadPoolExecutor(max_workers=1) as pool:
                drawing_now = pool.submit(self.pictures, encoded, work=work)
                protection = protect(classes_of(encoded.plan.rungs, sound=bool(encoded.audio)))
                packaged, times["package"] = self.package(encoded, work=work, protection=protection)
                checked, verified = self.verify(packaged, encoded, protection=protection)
                pictures, drawn, times["pictures"] = drawing_now.result()
            self.publish(packaged, drawn, out=out)
        times["verify"] = verified
        made = outcome(media, encoded, packaged, checked, pictures=pictures, stages=times)
        return judged(made, qualities) if qualities else made

    def _encode_anyhow(
        self, film: Film, profile: Profile, *, work: Path, beside: SideFiles
    ) -> tuple[Encoded, StageTime]:
        """Encode, in software if hardware that need not be used fails."""
        try:
            return self.encode(film.file, film.plan, work=work, beside=beside)
        except HardwareUnusable as problem:
            if profile.video.hardware == "require":
                raise
            plan = hardware.in_software(film.plan, because=problem.detail)
            return self.encode(film.file, plan, work=work, beside=beside)

    @contextmanager
    def _stage(self, name: str) -> Iterator["_Clock"]:
        self._bench.listen(Progress(stage=name, fraction=0.0))
        yield _Clock()
        self._bench.listen(Progress(stage=name, fraction=1.0))


class _Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() - self._start


def require_free(out: Path) -> None:
    """Raise OutputOccupied unless a folder of this name is absent or empty."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise OutputOccupied(field="output")


@contextmanager
def _workspace(out: Path) -> Iterator[Path]:
    made = [folder for folder in out.absolute().parents if not folder.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".vitascope-", dir=out.parent))
    except OSError as problem:
        if problem.errno == errno.ENOSPC:
            raise OutOfSpace from problem
        raise OutputUnwritable(
            f"The output folder cannot be made: {problem.strerror}.", field="output"
        ) from problem
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        for folder in made:
            # Goes only if it is empty: if the set is in it, it stays.
            with suppress(OSError):
                folder.rmdir()


def outcome(
    media: SourceMedia,
    encoded: Encoded,
    packaged: Packaged,
    checked: Checked,
    *,
    pictures: Pictures,
    stages: dict[str, StageTime],
) -> Outcome:
    """The account of a finished set."""
    return Outcome(
        source=media,
        renditions=renditions(encoded, checked),
        audio=sounds(packaged, checked),
        captions=captions(packaged),
        manifests=MANIFESTS,
        pictures=pictures,
        chapters=arranged(encoded.plan.chapters, duration=encoded.duration),
        duration=encoded.duration,
        warnings=encoded.warnings,
        stages=stages,
    )


def judged(outcome: Outcome, qualities: Sequence[Quality | None]) -> Outcome:
    """The account with the quality of each video rendition."""
    rated = zip(outcome.renditions, qualities, strict=True)
    return replace(outcome, renditions=tuple(replace(one, quality=quality) for one, quality in rated))


def renditions(encoded: Encoded, checked: Checked) -> tuple[Rendition, ...]:
    """The video renditions, largest first, with what was measured of them."""
    return tuple(
        Rendition(
            name=made.rung.name,
            width=stream.initialisation.width,
            height=stream.initialisation.height,
            codec=stream.initialisation.codec,
            frame_rate=encoded.plan.frame_rate.hertz,
            average_bandwidth=stream.average_bandwidth,
            peak_bandwidth=stream.peak_bandwidth,
            frames=stream.frames,
            duration=round(stream.duration, 6),
            playlist=stream.playlist,
        )
        for made, stream in zip(encoded.video, checked.video, strict=True)
    )


def sounds(packaged: Packaged, checked: Checked) -> tuple[SoundRendition, ...]:
    """The audio renditions, the default first."""
    streams = {stream.playlist: stream for stream in checked.audio}
    return tuple(
        SoundRendition(
            language=sound.track.language,
            name=sound.name,
            default=sound.default,
            role=sound.track.role,
            channels=sound.mix.channels,
            loudness=sound.loudness,
            gain=sound.gain,
            codec=stream.initialisation.codec,
            average_bandwidth=stream.average_bandwidth,
            peak_bandwidth=stream.peak_bandwidth,
            playlist=stream.playlist,
        )
        for sound, stream in ((sound, streams[f"{sound.folder}/index.m3u8"]) for sound in packaged.audio)
    )


def captions(packaged: Packaged) -> tuple[Caption, ...]:
    """The text tracks."""
    return tuple(
        Caption(
            language=text.track.language,
            name=text.name,
            default=text.track.default,
            forced=text.track.forced,
            hard_of_hearing=text.track.hard_of_hearing,
            playlist=f"{text.folder}/index.m3u8",
            file=f"{text.folder}/captions.vtt",
        )
        for text in packaged.text
    )
