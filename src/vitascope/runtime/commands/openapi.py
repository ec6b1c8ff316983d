"""`vitascope openapi`: the API's description, for generators of clients."""

import json

import click

from vitascope.runtime.app import openapi
from vitascope.runtime.registry import MODULES


@click.command("openapi")
@click.option("--service", help="Only this service, such as video.upload.")
def command(service: str | None) -> None:
    """Print the OpenAPI document of all services, or of one."""
    modules = tuple(one for one in MODULES if service in {None, one.name})
    if not modules:
        raise click.BadParameter(f"there is no service {service!r}", param_hint="--service")
    click.echo(json.dumps(openapi(modules), indent=2))
