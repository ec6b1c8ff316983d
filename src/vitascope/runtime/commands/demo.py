"""`vitascope demo`: start everything and take a film from a file to a screen."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from vitascope.foundation.errors import Invalid, Unavailable
from vitascope.runtime.commands.printing import problems_told, safe
from vitascope.runtime.demo.account import DemoAccount, demo_account
from vitascope.runtime.demo.journey import Journey, Progress, travel
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import overruled, read_settings
from vitascope.transcoding.pipeline import binaries
from vitascope.transcoding.pipeline.binaries import Tools
from vitascope.transcoding.pipeline.leader import Leader, render

_END_SECONDS = 30


@click.command("demo")
@click.option("--video", type=click.Path(path_type=Path), help="Your film; without one a leader is rendered.")
@click.option("--data", type=click.Path(path_type=Path), help="The folder that holds everything.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on; 0 takes a free one.")
@click.option("--once", is_flag=True, help="Stop when every rendition has been played to its end.")
def command(video: Path | None, data: Path | None, port: int | None, *, once: bool) -> None:
    """Start the platform, upload a film, transcode it, publish it and play it; then serve until Ctrl-C."""
    settings = overruled(read_settings(MODULES), data=data, host=None, port=port)
    tools = binaries.find(os.environ)
    console = Console()
    with problems_told(as_json=False), _bars(console) as heard:
        film = _film(video, folder=settings.data, tools=tools, heard=heard)
        heard("start", 0.0)
        with _platform(settings.data, settings.http.port) as (url, process):
            account = demo_account(settings)
            heard("start", 1.0)
            journey = asyncio.run(travel(url, account=account, film=film, tools=tools, heard=heard))
            _tell(console, url, account, journey)
            if not once:
                console.print("Serving until Ctrl-C.")
                with suppress(KeyboardInterrupt):
                    process.wait()


def _film(video: Path | None, *, folder: Path, tools: Tools, heard: Progress) -> Path:
    """The user's film, or a leader that is rendered once and kept."""
    if video is not None:
        if not video.is_file():
            raise Invalid(f"There is no file {safe(str(video))}.", field="--video")
        return video.resolve()
    film = folder / "Film leader.mp4"
    if not film.exists():
        folder.mkdir(parents=True, exist_ok=True)
        heard("render a film leader", 0.0)
        render(Leader(), file=film, tools=tools)
        heard("render a film leader", 1.0)
    return film


@contextmanager
def _platform(data: Path, port: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The platform as a process of its own, with its log in the data folder; stopped at the end."""
    data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "vitascope", "up", "--json", "--data", str(data), "--port", str(port)]
    log = data / "vitascope.log"
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        said = json.loads(line) if line else {}
        if "url" not in said:
            raise Unavailable(said.get("detail") or f"The platform did not start; {log} says why.")
        yield said["url"], process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_END_SECONDS)


@contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    """A bar for each part, as far as it has come."""
    columns = (TextColumn("{task.description:<22}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Bars(*columns, TimeElapsedColumn(), console=console) as bars:
        tasks = {}

        def heard(part: str, done: float) -> None:
            if part not in tasks:
                tasks[part] = bars.add_task(part, total=1.0)
            bars.update(tasks[part], completed=done)

        yield heard


def _tell(console: Console, url: str, account: DemoAccount, journey: Journey) -> None:
    times = Table("part", "seconds", title="Time")
    for part, spent in journey.seconds.items():
        times.add_row(part, f"{spent:.2f}")
    played = Table("rendition", "megabytes", "seconds", title="Played to the end")
    for one in journey.played:
        played.add_row(safe(one.name), f"{one.size / 1e6:.2f}", f"{one.seconds:.2f}")
    console.print(times, played)
    console.print(f"Watch      {journey.page}", soft_wrap=True)
    console.print(f"Home       {url}", soft_wrap=True)
    console.print(f"HLS        {journey.hls}", soft_wrap=True)
    console.print(f"DASH       {journey.dash}", soft_wrap=True)
    console.print(f"Sign in    {account.email}  {account.password}", soft_wrap=True, markup=False)
