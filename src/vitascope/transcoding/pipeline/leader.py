"""Render a film leader: a countdown with its sweep and beeps, then a moving picture with a chord.

A real film for those who have none at hand: `make demo` shows it, and tests transcode short ones.
"""

from collections.abc import Iterator
from math import ceil
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.binaries import Tools
from vitascope.transcoding.pipeline.contracts import ProgramFailed
from vitascope.transcoding.pipeline.sandbox.program import NEVER, Bounds, Cancellation, Command, run
from vitascope.transcoding.pipeline.workbench import first_error

_FONTS = tuple(
    Path("/usr/share/fonts") / name
    for name in (
        "truetype/dejavu/DejaVuSans-Bold.ttf",
        "truetype/dejavu/DejaVuSans.ttf",
        "truetype/liberation/LiberationSans-Bold.ttf",
        "truetype/freefont/FreeSansBold.ttf",
        "truetype/noto/NotoSans-Bold.ttf",
        "TTF/DejaVuSans-Bold.ttf",
        "dejavu-sans-fonts/DejaVuSans-Bold.ttf",
    )
)
_LONGEST_COUNTDOWN = 10  # seconds
_SWEEP_DIVISOR = 2  # the sweep is computed at half size: every pixel of it is an arctangent
_PICTURE_DIVISOR = 4  # soft colours look the same when enlarged
_PAPER, _SHADE, _INK = 196, 150, 40  # 8 bit grey of the card, of what the hand has passed, of its lines


class Leader(Struct, frozen=True, kw_only=True):
    """What to render: seconds, size (even), whole frames per second."""

    seconds: float = 30.0
    width: int = 1920
    height: int = 1080
    rate: int = 30

    @property
    def countdown(self) -> int:
        """Seconds of countdown: a third of the film, ten at most."""
        return max(1, min(_LONGEST_COUNTDOWN, ceil(self.seconds / 3)))


def render(leader: Leader, *, file: Path, tools: Tools, cancel: Cancellation = NEVER) -> None:
    """Render a leader as an MP4 file; without a font it has no numerals. Raises ProgramFailed."""
    font = next((font for font in _FONTS if font.is_file()), None)
    finished = run(
        Command(
            program=tools.ffmpeg,
            arguments=tuple(_arguments(leader, font, file)),
            readable=(font,) if font else (),
            writable=(file.parent.resolve(),),
        ),
        bounds=Bounds(cpu=3600, wall=3600),
        cancel=cancel,
    )
    if finished.code != 0:
        raise ProgramFailed(f"The film leader could not be rendered: {first_error(finished.errors)}")


def _arguments(leader: Leader, font: Path | None, file: Path) -> Iterator[str]:
    yield from ("-nostdin", "-hide_banner", "-v", "error", "-y")
    yield from ("-f", "lavfi", "-i", _sweep(leader), "-f", "lavfi", "-i", _moving_picture(leader))
    yield from ("-f", "lavfi", "-i", _sound(leader))
    yield from ("-filter_complex", ";".join(_graph(leader, font)), "-map", "[film]", "-map", "2:a")
    yield from ("-t", f"{leader.seconds:.3f}", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20")
    yield from ("-c:a", "aac", "-b:a", "128k", "-metadata", "title=Vitascope film leader")
    yield from ("-metadata:s:a:0", "language=eng", "-movflags", "+faststart", str(file.resolve()))


def _sweep(leader: Leader) -> str:
    """One second of the card: circles, cross hairs, and the hand that goes once around."""
    size = f"{leader.width // _SWEEP_DIVISOR}x{leader.height // _SWEEP_DIVISOR}"
    radius = "hypot(X-W/2,Y-H/2)"
    lines = (
        f"lt(abs({radius}-H*0.40),H*0.006)+lt(abs({radius}-H*0.34),H*0.006)"
        "+lt(abs(X-W/2),H*0.003)+lt(abs(Y-H/2),H*0.003)"
    )
    # The angle from twelve o'clock, clockwise, as a part of the whole turn.
    angle = "mod(atan2(X-W/2,H/2-Y)/(2*PI)+1,1)"
    card = f"if({lines},{_INK},if(lt({angle},T),{_SHADE},{_PAPER}))"
    return f"color=gray:s={size}:r={leader.rate}:d=1,format=gray,geq=lum='{card}'"


def _moving_picture(leader: Leader) -> str:
    size = f"{leader.width // _PICTURE_DIVISOR}x{leader.height // _PICTURE_DIVISOR}"
    colours = "c0=0x1b2a49:c1=0xb5446e:c2=0xf2a65a:c3=0x2a9d8f"
    return f"gradients=s={size}:r={leader.rate}:{colours}:nb_colors=4:speed=0.02:seed=1896"


def _sound(leader: Leader) -> str:
    beep = f"0.25*sin(2*PI*1000*t)*lt(mod(t,1),0.1)*lt(t,{leader.countdown})"
    notes = "+".join(f"sin(2*PI*{hertz}*t)" for hertz in (220, 277.18, 329.63))
    chord = f"0.06*({notes})*gte(t,{leader.countdown})*min(1,t-{leader.countdown})"
    return f"aevalsrc='{beep}+{chord}|{beep}+{chord}':s=48000:d={leader.seconds:.3f}"


def _graph(leader: Leader, font: Path | None) -> Iterator[str]:
    frames, size = leader.countdown * leader.rate, f"{leader.width}:{leader.height}"
    numeral = (
        [_text(font, f"%{{eif\\:{leader.countdown}-floor(t)\\:d}}", size="h*0.5", colour="0x202020")]
        if font
        else []
    )
    title = [_text(font, "VITASCOPE", size="h*0.12", colour="white@0.9")] if font else []
    yield (
        f"[0:v]loop=loop=-1:size={leader.rate}:start=0,setpts=N/({leader.rate}*TB),trim=end_frame={frames},"
        + ",".join([f"scale={size}", "format=yuv420p", *numeral, "setsar=1[card]"])
    )
    yield f"[1:v]format=yuv444p,scale={size}:flags=bilinear,format=yuv420p," + ",".join(
        [*_perforations(), *title, "setsar=1[picture]"]
    )
    yield "[card][picture]concat=n=2:v=1:a=0[film]"


def _text(font: Path | None, text: str, *, size: str, colour: str) -> str:
    place = "x=(w-text_w)/2:y=(h-text_h)/2"
    return f"drawtext=fontfile={font}:text='{text}':fontsize={size}:fontcolor={colour}:{place}"


def _perforations() -> Iterator[str]:
    """Two dark edges with eight holes each."""
    for edge in ("0", "iw*0.95"):
        yield f"drawbox=x={edge}:y=0:w=iw*0.05:h=ih:color=0x101010:t=fill"
        for hole in range(8):
            place = f"x={edge}+iw*0.0125:y=ih*{(hole + 0.25) / 8}"
            yield f"drawbox={place}:w=iw*0.025:h=ih*0.0625:color=0xe8e0d0:t=fill"
