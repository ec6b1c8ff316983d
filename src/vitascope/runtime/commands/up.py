"""`vitascope up`: the whole platform on this machine, until Ctrl-C."""

import json
from functools import partial
from pathlib import Path

import click

from vitascope.foundation.telemetry.logs import configure_logging
from vitascope.runtime.commands.printing import problems_told
from vitascope.runtime.processes import run_web, run_worker
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import at_port, listen, overruled, read_settings
from vitascope.runtime.share import Share
from vitascope.runtime.startup import ground
from vitascope.runtime.supervisor import Child, Supervisor


@click.command("up")
@click.option("--data", type=click.Path(path_type=Path), help="The folder that holds everything.")
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on; 0 takes a free one.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as one JSON object.")
def command(data: Path | None, host: str | None, port: int | None, *, as_json: bool) -> None:
    """Start database, web and worker, and keep them running until Ctrl-C."""
    with problems_told(as_json=as_json):
        settings = overruled(read_settings(MODULES), data=data, host=host, port=port)
        share = Share.all_but_remote(MODULES, settings=settings)
        configure_logging(settings.logging)
        with listen(settings.http) as listening:
            settings = at_port(settings, listening.getsockname()[1])
            with ground(settings, modules=MODULES) as base:
                web = partial(run_web, settings, endpoint=base.endpoint, share=share, listening=listening)
                worker = partial(run_worker, settings, endpoint=base.endpoint, share=share)
                click.echo(
                    json.dumps({"url": settings.public_url, "data": str(settings.data)})
                    if as_json
                    else f"Vitascope serves at {settings.public_url} from {settings.data} (Ctrl-C stops it)"
                )
                Supervisor([Child("web", web), Child("worker", worker)], check=base.check).run()
