"""`vitascope run`: some services in processes of their own, on the platform's database."""

import json
import socket
from functools import partial
from pathlib import Path

import click

from vitascope.foundation.telemetry.logs import configure_logging
from vitascope.runtime.commands.printing import problems_told
from vitascope.runtime.processes import run_web, run_worker
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import listen, overruled, read_settings
from vitascope.runtime.share import Share, hosting
from vitascope.runtime.startup import ground
from vitascope.runtime.supervisor import Child, Supervisor


@click.command("run")
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@click.option("--data", type=click.Path(path_type=Path), help="The folder that holds everything.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="The port to listen on; by default a free one.",
)
@click.option("--name", help="The worker's name, where several hosts of these services run on one machine.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as one JSON object.")
def command(  # noqa: PLR0917 - one parameter for each option
    services: tuple[str, ...],
    data: Path | None,
    host: str,
    port: int,
    name: str | None,
    *,
    as_json: bool,
) -> None:
    """Host each SERVICE, such as transcoding.jobs: its API, events and durable work, and calls of others.

    The others are told where it is by VITASCOPE_RPC_REMOTES='{"transcoding.jobs": "http://..."}'.
    Keep the port on the inner network. All processes need the same secrets, and the same
    VITASCOPE_HTTP_PUBLIC_URL.
    """
    with problems_told(as_json=as_json):
        share = Share.of(services, modules=MODULES)
        settings = overruled(hosting(read_settings(MODULES), services), data=data, host=None, port=None)
        inner = settings.http.model_copy(update={"host": host, "port": port})
        configure_logging(settings.logging)
        with listen(inner) as listening, ground(settings, modules=MODULES) as base:
            web = partial(run_web, settings, endpoint=base.endpoint, share=share, listening=listening)
            executor = name or _executor(services)
            worker = partial(run_worker, settings, endpoint=base.endpoint, share=share, executor=executor)
            url = f"http://{host}:{listening.getsockname()[1]}"
            click.echo(
                json.dumps({"url": url, "services": services, "worker": executor})
                if as_json
                else f"{', '.join(services)} at {url} (Ctrl-C stops it)"
            )
            Supervisor([Child("web", web), Child("worker", worker)], check=base.check).run()


def _executor(services: tuple[str, ...]) -> str:
    """A name that a restart finds again, and no other host of other services has."""
    return f"{socket.gethostname()}/{'+'.join(sorted(services))}"
