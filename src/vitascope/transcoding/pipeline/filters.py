"""From decoded pictures to those of every rung: one decode, the largest rung, the others from that one."""

from collections.abc import Iterator, Sequence
from math import ceil

from vitascope.transcoding.pipeline.contracts import Chunk, Plan, Rate, Rung

_FINEST_HERTZ = 90_000


def graph(plan: Plan, chunk: Chunk, rungs: Sequence[Rung]) -> str:
    """The filter graph of a chunk; the pictures of the rung number N come out as `[vN]`.

    Whatever rungs are asked for, the way to each is the same: by the size of the plan's largest.
    """
    chain = ",".join(_source_filters(plan, chunk))
    inputs = "".join(f"[s{number}]" for number in range(len(rungs)))
    splits = f"[0:{plan.video.index}]{chain},split={len(rungs)}{inputs}"
    return ";".join([splits, *(_rung_filters(plan, rung, number) for number, rung in enumerate(rungs))])


def _rung_filters(plan: Plan, rung: Rung, number: int) -> str:
    if (rung.width, rung.height) == (plan.rungs[0].width, plan.rungs[0].height):
        return f"[s{number}]null[v{number}]"
    return f"[s{number}]scale={rung.width}:{rung.height}:flags=bicubic,setsar=1[v{number}]"


def _source_filters(plan: Plan, chunk: Chunk) -> Iterator[str]:
    largest = plan.rungs[0]
    if plan.video.interlaced:
        yield "bwdif=mode=send_frame"
    yield from _chunk_filters(plan.frame_rate, chunk)
    yield f"scale={largest.width}:{largest.height}:flags=bicubic:out_range=tv"
    if plan.video.high_dynamic_range:
        # Linear light in BT.709 primaries, mapped to what an ordinary screen shows.
        # Told in full first: files often name the transfer and forget the rest.
        told = f"color_primaries=bt2020:color_trc={plan.video.transfer}:colorspace=bt2020nc:range=tv"
        yield f"setparams={told},zscale=t=linear:npl=100,format=gbrpf32le"
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
