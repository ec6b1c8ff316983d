"""Uploaded pictures, made again by ffmpeg: of a stranger's file only the pixels are kept.

The decoder runs in a process of its own with limits on memory, time and pixels, reads its standard
input and may open nothing. What is hidden in the file (where it was taken, a second file) does not
come through.
"""

import asyncio
import contextlib
import resource
from functools import cache

from vitascope.foundation.errors import Invalid, TooLarge, Unavailable

MAX_BYTES = 8 * 1024 * 1024
_MAX_PIXELS = 50_000_000
_LONGEST_SIDE = 1280
_SECONDS = 20
_MEMORY_BYTES = 2 << 30  # of addresses, of which ffmpeg reserves many and touches few

# what ffmpeg is told to read, by the first bytes of the file
_KINDS = ((b"\xff\xd8\xff", "jpeg_pipe"), (b"\x89PNG\r\n\x1a\n", "png_pipe"))


class NotAPicture(Invalid):
    """This is not a picture that can be read; send a JPEG, PNG or WebP file of at most 50 million pixels."""


class PictureTooLarge(TooLarge):
    """A picture may have at most 8 MiB; send a smaller one."""


class PictureProgramMissing(Unavailable):
    """The program that reads pictures cannot be started; `vitascope doctor` says what is missing."""


def kind_of(data: bytes) -> str | None:
    """Which of the known picture formats this is, by its first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp_pipe"
    return next((kind for magic, kind in _KINDS if data.startswith(magic)), None)


async def reencode(data: bytes) -> bytes:
    """The picture as a JPEG of at most 1280 pixels a side; raises NotAPicture or PictureTooLarge."""
    if len(data) > MAX_BYTES:
        raise PictureTooLarge(field="body")
    kind = kind_of(data)
    if kind is None:
        raise NotAPicture(field="body")
    made = await _run(_command(kind), data)
    if kind_of(made) != "jpeg_pipe":
        raise NotAPicture(field="body")
    return made


def _command(kind: str) -> list[str]:
    side = _LONGEST_SIDE
    fit = f"scale=w='min({side},iw)':h='min({side},ih)':force_original_aspect_ratio=decrease"
    quiet = ["-nostdin", "-v", "error", "-filter_threads", "1"]
    reading = ["-protocol_whitelist", "pipe", "-threads", "1", "-max_pixels", str(_MAX_PIXELS), "-f", kind]
    writing = ["-frames:v", "1", "-vf", f"{fit},setsar=1,format=yuvj420p", "-map_metadata", "-1", "-q:v", "3"]
    return [_program(), *quiet, *reading, "-i", "pipe:0", *writing, "-threads", "1", "-f", "mjpeg", "pipe:1"]


async def _run(command: list[str], data: bytes) -> bytes:
    """What the program makes of the data; empty if it fails."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
    except OSError as failure:
        raise PictureProgramMissing from failure
    try:
        _confine(process.pid)
        async with asyncio.timeout(_SECONDS):
            made, _ = await process.communicate(data)
    except TimeoutError as failure:
        raise NotAPicture(field="body") from failure
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return made if process.returncode == 0 else b""


def _confine(pid: int) -> None:
    """Limit the decoder, which has got nothing to read yet."""
    limits = {
        resource.RLIMIT_AS: _MEMORY_BYTES,
        resource.RLIMIT_CPU: _SECONDS,
        resource.RLIMIT_FSIZE: MAX_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    with contextlib.suppress(ProcessLookupError):
        for kind, most in limits.items():
            resource.prlimit(pid, kind, (most, most))


@cache
def _program() -> str:
    import imageio_ffmpeg  # noqa: PLC0415 - it looks for its program when it is imported

    path: str = imageio_ffmpeg.get_ffmpeg_exe()
    return path
