"""From decoded pictures to those of every rung: one decode, the largest rung, the others from that one."""

from collections.abc import Iterator, Sequence
from math import ceil

from vitascope.transcoding.pipeline.contracts import (
    Chunk,
    DynamicRange,
    Plan,
    Rate,
    Rung,
)
from vitascope.transcoding.pipeline.hardware import upload_filters

_FINEST_HERTZ = 90_000


def graph(plan: Plan, chunk: Chunk, rungs: Sequence[Rung]) -> str:
    """The filter graph of a chunk; the pictures of the rung number N come out as `[vN]`.

    Whatever rungs are asked for, the way to each is the same: by the size of the plan's largest, then
    to its dynamic range, then to its size. What several rungs need is made once.
    """
    sizes = tuple(dict.fromkeys((rung.dynamic_range, rung.width, rung.height) for rung in rungs))
    ranges = tuple(dict.fromkeys(size[0] for size in sizes))
    chain = ",".join(_source_filters(plan, chunk))
    parts = [f"[0:{plan.video.index}]{chain},{_split([f'r{n}' for n in range(len(ranges))])}"]
    parts += [
        f"[r{number}]{','.join(_range_filters(plan, seen))},"
        + _split([f"s{n}" for n, size in enumerate(sizes) if size[0] == seen])
        for number, seen in enumerate(ranges)
    ]
    return ";".join([*parts, *(_size_filters(plan, rungs, size, n) for n, size in enumerate(sizes))])


def _size_filters(plan: Plan, rungs: Sequence[Rung], size: tuple[DynamicRange, int, int], number: int) -> str:
    outputs = [n for n, rung in enumerate(rungs) if (rung.dynamic_range, rung.width, rung.height) == size]
    _, width, height = size
    same = (width, height) == (plan.largest.width, plan.largest.height)
    scale = "null" if same else f"scale={width}:{height}:flags=bicubic,setsar=1"
    uploads = {n: upload_filters(rungs[n]) for n in outputs}
    labels = [f"u{n}" if uploads[n] else f"v{n}" for n in outputs]
    parts = [f"[s{number}]{scale},{_split(labels)}"]
    parts += [f"[u{n}]{','.join(filters)}[v{n}]" for n, filters in uploads.items() if filters]
    return ";".join(parts)


def _split(labels: Sequence[str]) -> str:
    return f"split={len(labels)}" + "".join(f"[{label}]" for label in labels)


def _source_filters(plan: Plan, chunk: Chunk) -> Iterator[str]:
    if plan.video.interlaced:
        yield "bwdif=mode=send_frame"
    yield from _chunk_filters(plan.frame_rate, chunk)
    yield f"scale={plan.largest.width}:{plan.largest.height}:flags=bicubic:out_range=tv"
    if plan.video.high_dynamic_range:
        # Told in full: files often name the transfer and forget the rest.
        told = f"color_primaries=bt2020:color_trc={plan.video.transfer}:colorspace=bt2020nc:range=tv"
        yield f"setparams={told}"
        # What it was graded on goes to the encoders by their options; on SDR it has no business.
        yield "sidedata=mode=delete"


def _range_filters(plan: Plan, seen: DynamicRange) -> Iterator[str]:
    if seen != "sdr":
        yield "format=yuv420p10le,setsar=1"
        return
    if plan.video.high_dynamic_range:
        # Linear light in BT.709 primaries, mapped to what an ordinary screen shows.
        yield "zscale=t=linear:npl=100,format=gbrpf32le"
        yield "zscale=p=bt709,tonemap=hable:desat=0"
        yield "zscale=t=bt709:m=bt709:r=tv"
    yield "format=yuv420p,setsar=1"


def _chunk_filters(rate: Rate, chunk: Chunk) -> Iterator[str]:
    """Bring the source to its constant rate and keep the chunk's frames.

    Times are told in a unit in which every frame of the constant rate starts exactly: a frame of the
    source is then shown at the same place whether the film is read from its start or from the middle.
    """
    yield f"settb=1/{rate.numerator * ceil(_FINEST_HERTZ / rate.numerator)}"
    yield f"fps={rate}:start_time={rate.seconds(chunk.first):.6f}"
    if chunk.frames is not None:
        yield f"trim=end_frame={chunk.frames}"
    yield "setpts=PTS-STARTPTS"
