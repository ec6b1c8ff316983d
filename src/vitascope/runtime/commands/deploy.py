"""`vitascope deploy`: configuration for other servers, made from the platform's own rules."""

import os
from pathlib import Path

import click

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.errors import Invalid
from vitascope.foundation.secrets import Secrets
from vitascope.runtime.commands.printing import problems_told
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import Settings, overruled, read_settings
from vitascope.video.streaming.service.delivery.nginx import Site, configuration
from vitascope.video.streaming.service.settings import StreamingSettings
from vitascope.video.streaming.service.tokens import Tokens


@click.group("deploy")
def command() -> None:
    """Make configuration for servers in front of the platform."""


@command.command("nginx")
@click.option("--data", type=click.Path(path_type=Path), help="The folder that holds everything.")
@click.option("--listen", default="8090", show_default=True, help="Where nginx serves media, as it takes it.")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="The file to write.")
def nginx(data: Path | None, listen: str, output: Path) -> None:
    """Write the nginx configuration that sends films without asking the platform.

    Include it within `http { }`, and set VITASCOPE_VIDEO_STREAMING_EDGE=true and
    VITASCOPE_VIDEO_STREAMING_MEDIA_URL to nginx's address. nginx must be able to read the objects.
    """
    with problems_told(as_json=False):
        settings = overruled(read_settings(MODULES), data=data, host=None, port=None)
        secrets = Secrets.in_folder(settings.data / "secrets")
        key = Tokens(secrets=secrets, clock=SystemClock(), settings=StreamingSettings()).edge_key
        text = configuration(Site(listen=listen, objects=_objects(settings), key=key))
        _write_private(output, text)
    click.echo(f"Wrote {output}, which holds a key: only its owner may read it.")


def _objects(settings: Settings) -> Path:
    if settings.storage.url is not None:
        raise Invalid(
            "nginx reads the objects in the data folder; these are elsewhere.", field="VITASCOPE_STORAGE_URL"
        )
    return (settings.data / "objects").resolve()


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
