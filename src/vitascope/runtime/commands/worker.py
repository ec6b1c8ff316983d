"""`vitascope worker`: one more worker process, on this machine or another."""

import os
import socket
from pathlib import Path

import click

from vitascope.runtime.commands.printing import problems_told
from vitascope.runtime.processes import run_worker
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import overruled, read_settings
from vitascope.runtime.share import Share
from vitascope.runtime.startup import ground


@click.command("worker")
@click.option("--data", type=click.Path(path_type=Path), help="The folder that holds everything.")
@click.option(
    "--name", help="The worker's name; one that is started again under it goes on with its work at once."
)
def command(data: Path | None, name: str | None) -> None:
    """Do durable work and hear events, beside whatever else runs on the same database."""
    with problems_told(as_json=False):
        settings = overruled(read_settings(MODULES), data=data, host=None, port=None)
        with ground(settings, modules=MODULES) as base:
            share = Share.all_but_remote(MODULES, settings=settings)
            executor = name or f"{socket.gethostname()}/{os.getpid()}"
            run_worker(settings, endpoint=base.endpoint, share=share, executor=executor)
