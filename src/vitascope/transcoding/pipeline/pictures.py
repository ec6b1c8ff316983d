"""Poster and seek bar thumbnails, from key frames only: no second decode of the film."""

import re
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import msgspec
from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import Rung
from vitascope.transcoding.pipeline.encoded import Encoded, EncodedVideo
from vitascope.transcoding.pipeline.outcome import Picture, Pictures, StageTime, Still
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.webvtt import timestamp
from vitascope.transcoding.pipeline.workbench import Workbench, built

FOLDER = "pictures"
RESULT = "pictures.json"
_BOUNDS = Bounds(cpu=1800, wall=3600, file=256 << 20)
_POSTER_WIDTHS = (1280, 640, 320)
_THUMBNAIL_SIDE = 160
_SHEET_SIDE = 10
_MOST_THUMBNAILS = 720
_POSTER_SOON = 0.1  # of the film
_POSTER_WITHIN = 0.5  # of the film: its end should not be on the poster
_STATISTIC = re.compile(rb"lavfi\.signalstats\.(YAVG|YLOW|YHIGH|SATAVG)=([0-9.]+)")
_MIDDLE_GREY = 118.0


class Look(Struct, frozen=True):
    """What a key frame looks like: mean brightness, dark and bright end, mean saturation (8 bit)."""

    mean: float
    low: float
    high: float
    saturation: float

    @property
    def appeal(self) -> float:
        """How well it would do as a poster: contrast and colour, neither night nor glare."""
        return (self.high - self.low) + 0.5 * self.saturation - 0.8 * abs(self.mean - _MIDDLE_GREY)


def draw(encoded: Encoded, *, work: Path, bench: Workbench) -> tuple[Pictures, Path, StageTime]:
    """Draw the pictures of a set into a folder of `work`; skips what is there."""
    folder = work.resolve() / encoded.folder.name.replace("encoded", "pictures")
    if (folder / RESULT).is_file():
        pictures = msgspec.json.decode((folder / RESULT).read_bytes(), type=Pictures)
        return pictures, folder, StageTime(wall=0.0, cpu=0.0)
    with built(folder) as partial:
        sheets, looks, first = _draw_sheets(encoded, partial, bench=bench)
        posters, second = _draw_posters(encoded, looks, partial, bench=bench)
        stills, third = _draw_stills(encoded, partial, bench=bench)
        pictures = Pictures(
            posters=posters, thumbnails=f"{FOLDER}/thumbnails.vtt", sheets=sheets, stills=stills
        )
        (partial / RESULT).write_bytes(msgspec.json.encode(pictures))
    times = (first, second, third)
    return pictures, folder, StageTime(wall=sum(t.wall for t in times), cpu=sum(t.cpu for t in times))


def draw_poster(encoded: Encoded, *, work: Path, bench: Workbench) -> tuple[Path, StageTime]:
    """Draw the poster alone, of a picture soon after the beginning; the seek bar has no thumbnails then."""
    folder, took = (
        work.resolve() / encoded.folder.name.replace("encoded", "poster"),
        StageTime(wall=0.0, cpu=0.0),
    )
    if not folder.is_dir():
        at = encoded.plan.poster_at or encoded.duration * _POSTER_SOON
        plan = msgspec.structs.replace(encoded.plan, poster_at=at)
        with built(folder) as partial:
            _, took = _draw_posters(msgspec.structs.replace(encoded, plan=plan), [], partial, bench=bench)
            (partial / "thumbnails.vtt").write_text("WEBVTT\n", encoding="ascii")
    return folder, took


def best(looks: list[Look]) -> int:
    """Which key frame the poster shows: the most appealing of the film's first half."""
    candidates = range(max(1, ceil(len(looks) * _POSTER_WITHIN)))
    return max(candidates, key=lambda number: looks[number].appeal) if looks else 0


def tile_size(rung: Rung) -> tuple[int, int]:
    """The size of a thumbnail: the picture's shape, its longer side 160."""
    scale = _THUMBNAIL_SIDE / max(rung.width, rung.height)
    return max(2, round(rung.width * scale / 2) * 2), max(2, round(rung.height * scale / 2) * 2)


def _draw_sheets(
    encoded: Encoded, folder: Path, *, bench: Workbench
) -> tuple[tuple[Picture, ...], list[Look], StageTime]:
    smallest = encoded.smallest
    step = ceil(len(smallest.key_frames) / _MOST_THUMBNAILS)
    width, height = tile_size(smallest.rung)
    columns, rows = _sheet_shape(ceil(len(smallest.key_frames) / step))
    graph = (
        "[0:v]split[looks][tiles];[looks]signalstats,metadata=print:file=-:direct=1[seen];"
        f"[tiles]select=not(mod(n\\,{step})),scale={width}:{height},format=yuvj420p,tile={columns}x{rows}[sheet]"
    )
    outputs = ("-map", "[seen]", "-f", "null", "-", "-map", "[sheet]", "-q:v", "5", "thumbnails-%02d.jpg")
    arguments = ("-filter_complex", graph, "-fps_mode", "passthrough", *outputs)
    finished = bench.must(
        _command(encoded, smallest, folder, seek=_key_frames(0.0), arguments=arguments, bench=bench),
        bounds=_BOUNDS,
    )
    _write_index(encoded, folder, step=step)
    sheets = tuple(
        Picture(file=f"{FOLDER}/{file.name}", width=width * columns, height=height * rows)
        for file in sorted(folder.glob("thumbnails-*.jpg"))
    )
    return sheets, _looks(finished.output), StageTime(wall=finished.wall, cpu=finished.cpu)


def _sheet_shape(thumbnails: int) -> tuple[int, int]:
    """Columns and rows: full sheets of a long film, no empty rows for a short one."""
    return min(_SHEET_SIDE, thumbnails), min(_SHEET_SIDE, ceil(thumbnails / _SHEET_SIDE))


def _command(
    encoded: Encoded,
    video: EncodedVideo,
    folder: Path,
    *,
    seek: tuple[str, ...],
    arguments: tuple[str, ...],
    bench: Workbench,
) -> Command:
    # Run in the folder: a percent sign in its path would be taken for part of a pattern.
    file = (encoded.folder / video.file).resolve()
    return Command(
        program=bench.tools.ffmpeg,
        arguments=(
            *("-nostdin", "-hide_banner", "-v", "error", "-y", "-protocol_whitelist", "file,pipe"),
            *seek,
            *("-f", "mov", "-i", f"file:{file}"),
            *arguments,
        ),
        readable=(file,),
        writable=(folder.resolve(),),
        folder=folder,
    )


def _write_index(encoded: Encoded, folder: Path, *, step: int) -> None:
    text = "\n\n".join(["WEBVTT", *thumbnail_cues(encoded.smallest, encoded.duration, step=step)]) + "\n"
    (folder / "thumbnails.vtt").write_text(text, encoding="ascii")


def thumbnail_cues(video: EncodedVideo, duration: float, *, step: int) -> Iterator[str]:
    """One WebVTT cue for each thumbnail, its text the sheet and the place on it (`#xywh=`)."""
    width, height = tile_size(video.rung)
    starts = video.key_frames[::step]
    columns, rows = _sheet_shape(len(starts))
    for number, (start, end) in enumerate(zip(starts, (*starts[1:], duration), strict=True)):
        sheet, place = divmod(number, columns * rows)
        row, column = divmod(place, columns)
        place_text = f"#xywh={column * width},{row * height},{width},{height}"
        yield f"{timestamp(start)} --> {timestamp(end)}\nthumbnails-{sheet + 1:02}.jpg{place_text}"


def _looks(output: bytes) -> list[Look]:
    values: dict[bytes, list[float]] = {name: [] for name in (b"YAVG", b"YLOW", b"YHIGH", b"SATAVG")}
    for name, value in _STATISTIC.findall(output):
        values[name].append(float(value))
    return [Look(*row) for row in zip(*values.values(), strict=False)]


def _draw_posters(
    encoded: Encoded, looks: list[Look], folder: Path, *, bench: Workbench
) -> tuple[tuple[Picture, ...], StageTime]:
    largest = encoded.video[0]
    posters = tuple(poster_sizes(largest.rung))
    labels = "".join(f"[p{number}]" for number in range(len(posters)))
    scales = [
        f"[p{number}]scale={poster.width}:{poster.height}:flags=lanczos,format=yuvj420p[q{number}]"
        for number, poster in enumerate(posters)
    ]
    outputs = [
        part
        for number, poster in enumerate(posters)
        for part in (
            "-map",
            f"[q{number}]",
            "-frames:v",
            "1",
            "-q:v",
            "3",
            "-update",
            "1",
            Path(poster.file).name,
        )
    ]
    graph = ";".join([f"[0:v]split={len(posters)}{labels}", *scales])
    wanted = encoded.plan.poster_at
    chosen = largest.key_frames[min(best(looks), len(largest.key_frames) - 1)]
    finished = bench.must(
        _command(
            encoded,
            largest,
            folder,
            seek=_key_frames(chosen) if wanted is None else _shown(encoded, wanted),
            arguments=("-filter_complex", graph, *outputs),
            bench=bench,
        ),
        bounds=_BOUNDS,
    )
    return posters, StageTime(wall=finished.wall, cpu=finished.cpu)


def poster_sizes(rung: Rung) -> Iterator[Picture]:
    """The poster in each width that does not enlarge it, largest first; at least one."""
    widths = [width for width in _POSTER_WIDTHS if width <= rung.width] or [rung.width]
    for number, width in enumerate(widths):
        name = "poster.jpg" if number == 0 else f"poster-{width}.jpg"
        height = max(2, round(rung.height * width / rung.width / 2) * 2)
        yield Picture(file=f"{FOLDER}/{name}", width=width, height=height)


def _key_frames(at: float) -> tuple[str, ...]:
    """Read the key frames from a second on, and nothing between them."""
    return ("-skip_frame", "nokey", "-ss", f"{at:.6f}")


def _shown(encoded: Encoded, at: float) -> tuple[str, ...]:
    """Read from the picture on that is seen at a second; after the end that is the last one."""
    rate = encoded.plan.frame_rate
    frame = min(int(at * rate.numerator / rate.denominator + 1e-6), encoded.video[0].frames - 1)
    # Half a picture earlier, since of two times that are nearly equal either may be the greater.
    return ("-ss", f"{max(0.0, rate.seconds(frame) - 0.5 * rate.seconds(1)):.6f}")


def _draw_stills(encoded: Encoded, folder: Path, *, bench: Workbench) -> tuple[tuple[Still, ...], StageTime]:
    """Draw the pictures that were asked for, each exactly the one that is seen at its second."""
    largest, stills, wall, cpu = encoded.video[0], [], 0.0, 0.0
    for number, at in enumerate(sorted(set(encoded.plan.thumbnails_at)), start=1):
        name = f"thumbnail-{number:02}.jpg"
        drawn = ("-frames:v", "1", "-pix_fmt", "yuvj420p", "-q:v", "3", "-update", "1", name)
        command = _command(encoded, largest, folder, seek=_shown(encoded, at), arguments=drawn, bench=bench)
        finished = bench.must(command, bounds=_BOUNDS)
        picture = Picture(file=f"{FOLDER}/{name}", width=largest.rung.width, height=largest.rung.height)
        stills.append(Still(at=at, picture=picture))
        wall, cpu = wall + finished.wall, cpu + finished.cpu
    return tuple(stills), StageTime(wall=wall, cpu=cpu)
