"""Encoders in hardware: which work on this machine, and what they are told.

Whether one works is found by encoding a few pictures with it, in the sandbox, with the options of real
work: a driver that is there but too old, or a card that is taken, is not chosen.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import get_args

from msgspec.structs import replace

from vitascope.foundation.errors import VitascopeError
from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.contracts import (
    Codec,
    DynamicRange,
    Engine,
    HardwareUnusable,
    Plan,
    Rung,
)
from vitascope.transcoding.pipeline.profile import Hardware
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, run

ENGINES: tuple[Engine, ...] = get_args(Engine)
"""In the order in which they are tried."""

CODECS: tuple[Codec, ...] = ("h264", "hevc", "av1")
"""What hardware is asked for."""

_RENDER_NODE = Path("/dev/dri/renderD128")
# A device that must be there, and whatever else its driver opens.
_DEVICES: dict[Engine, tuple[Path, ...]] = {
    "nvenc": (Path("/dev/nvidia0"), Path("/dev/nvidiactl"), Path("/dev/nvidia-uvm")),
    "qsv": (_RENDER_NODE,),
    "vaapi": (_RENDER_NODE,),
}
_DRIVER_FILES = (Path("/sys"), Path("/proc"))
_USUAL_SHARE = 0.75  # of the greatest rate, where an engine knows no constant quality that all drivers have
_PROBE_GOP, _PROBE_GROUPS = 5, 2
_PROBE = Rung(name="probe", width=640, height=360, profile="main", crf=28, max_rate=10**6, buffer=10**6)


Works = Callable[[Engine, Codec], bool]
"""Whether an engine encodes a codec here."""


def choose(rungs: Sequence[Rung], *, wish: Hardware, works: Works) -> tuple[Rung, ...]:
    """The rungs, each with the first engine that works for it; raises HardwareUnusable if one must.

    All rungs of a codec have the same engine: a player changes between them. HDR is for software, which
    alone is told what the film was graded on.
    """
    if wish == "never":
        return tuple(rungs)
    kinds = dict.fromkeys((rung.codec, rung.dynamic_range) for rung in rungs)
    engines = {kind: _engine_for(*kind, works=works) for kind in kinds}
    without = sorted({_told(*kind) for kind, engine in engines.items() if engine is None})
    if wish == "require" and without:
        raise HardwareUnusable(
            f"The profile requires hardware, but none here encodes {' and '.join(without)}; "
            "`vitascope doctor` says what works.",
            field="video.hardware",
        )
    return tuple(replace(rung, engine=engines[rung.codec, rung.dynamic_range]) for rung in rungs)


def in_software(plan: Plan, *, because: str) -> Plan:
    """The same plan for the processor alone, with a warning that says why."""
    rungs = tuple(replace(rung, engine=None) for rung in plan.rungs)
    warning = f"{because} The film was encoded in software."
    return replace(plan, rungs=rungs, warnings=(*plan.warnings, warning))


def _told(codec: Codec, dynamic_range: DynamicRange) -> str:
    return codec if dynamic_range == "sdr" else f"{codec} in HDR"


def _engine_for(codec: Codec, dynamic_range: DynamicRange, *, works: Works) -> Engine | None:
    if codec not in CODECS or dynamic_range != "sdr":
        return None
    return next((engine for engine in ENGINES if works(engine, codec)), None)


def on_this_machine(ffmpeg: Path) -> Works:
    """Tells by real encodes with this ffmpeg; each is tried once in a process."""
    return lambda engine, codec: why_not(ffmpeg, engine, codec) is None


@cache
def why_not(ffmpeg: Path, engine: Engine, codec: Codec) -> str | None:
    """Why an engine does not encode a codec here; None if it does."""
    device = _DEVICES[engine][0]
    if not device.exists():
        return f"there is no {device}"
    try:
        return _tried(ffmpeg, replace(_PROBE, codec=codec, engine=engine))
    except VitascopeError as problem:
        return problem.detail


def _tried(ffmpeg: Path, rung: Rung) -> str | None:
    with tempfile.TemporaryDirectory(prefix="vitascope-hardware-") as name:
        folder = Path(name).resolve()
        command = Command(
            program=ffmpeg,
            arguments=tuple(_probe_arguments(rung, folder / "probe.mp4")),
            readable=driver_files([rung]),
            writable=(folder, *devices([rung])),
        )
        finished = run(command, bounds=Bounds(cpu=20, wall=60))
        if finished.code != 0:
            return (finished.errors.strip().splitlines() or ["it failed without a word"])[0][:200]
        expected = tuple(range(0, _PROBE_GOP * _PROBE_GROUPS, _PROBE_GOP))
        exact = mp4.read_track(folder / "probe.mp4").sync == expected
        return None if exact else "its key frames are not where they are wanted"


def _probe_arguments(rung: Rung, out: Path) -> Iterator[str]:
    yield from ("-nostdin", "-hide_banner", "-v", "error", "-y", *device_options([rung]))
    yield from ("-f", "lavfi", "-i", f"testsrc2=s={rung.width}x{rung.height}:r=25")
    filters = ",".join(("format=yuv420p", *upload_filters(rung)))
    yield from ("-frames:v", str(_PROBE_GOP * _PROBE_GROUPS), "-vf", filters)
    yield from (*hardware_options(rung, gop=_PROBE_GOP), str(out))


def devices(rungs: Sequence[Rung]) -> tuple[Path, ...]:
    """The devices that these rungs' engines open."""
    named = (device for rung in rungs if rung.engine for device in _DEVICES[rung.engine])
    return tuple(device for device in dict.fromkeys(named) if device.exists())


def driver_files(rungs: Sequence[Rung]) -> tuple[Path, ...]:
    """What their drivers read besides."""
    return _DRIVER_FILES if any(rung.engine for rung in rungs) else ()


def device_options(rungs: Sequence[Rung]) -> Iterator[str]:
    """What stands before the inputs where these rungs' engines need a device to be named."""
    if any(rung.engine == "vaapi" for rung in rungs):
        yield from ("-init_hw_device", f"vaapi=card:{_RENDER_NODE}", "-filter_hw_device", "card")


def upload_filters(rung: Rung) -> tuple[str, ...]:
    """What brings a picture to the engine, where that is not its encoder's own work."""
    return ("format=nv12", "hwupload") if rung.engine == "vaapi" else ()


def hardware_options(rung: Rung, *, gop: int) -> Iterator[str]:
    """The options of a rung's encoder in hardware."""
    yield from ("-c:v", f"{rung.codec}_{rung.engine}", "-g", str(gop))
    yield from ("-maxrate", str(rung.max_rate), "-bufsize", str(rung.buffer))
    if rung.engine == "nvenc":
        # Constant quality under a ceiling, as in software.
        yield from ("-preset", "p5", "-rc", "vbr", "-cq", str(rung.crf), "-b:v", "0")
        yield from ("-no-scenecut", "1", "-forced-idr", "1", "-strict_gop", "1", "-bf", "0")
        return
    yield from ("-b:v", str(round(rung.max_rate * _USUAL_SHARE)), "-flags", "+cgop", "-bf", "0")
    if rung.engine == "vaapi":
        yield from ("-rc_mode", "VBR", "-idr_interval", "0")
    else:
        yield from ("-preset", "medium", "-adaptive_i", "0")
