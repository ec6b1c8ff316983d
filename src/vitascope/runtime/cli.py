"""The command line: a table of commands, each imported only when it is called.

Help must answer at once, and `vitascope transcode` must not load a web server to encode a film. So a
command is a line in the table and a module in `commands/` with a function `command`.
"""

import importlib
from typing import NamedTuple

import click

from vitascope import __version__


class _Lazy(NamedTuple):
    """A command that is not imported yet: the module that has it, and its line in the help."""

    module: str
    summary: str


_COMMANDS = {
    "db": _Lazy("database", "Bring the database's schemas to their newest revision."),
    "demo": _Lazy("demo", "Start everything and take a film from a file to a screen."),
    "deploy": _Lazy("deploy", "Make configuration for a server in front of the platform."),
    "doctor": _Lazy("doctor", "Tell what this machine has, what is missing, and how to get it."),
    "openapi": _Lazy("openapi", "Print the description of the API."),
    "run": _Lazy("run", "Run some services in processes of their own, called by the others."),
    "transcode": _Lazy("transcode", "Make an adaptive set (HLS and DASH) of one film file; needs no server."),
    "up": _Lazy("up", "Start the whole platform on this machine and serve until Ctrl-C."),
    "validate": _Lazy("validate", "Check that an adaptive set in a folder plays."),
    "worker": _Lazy("worker", "Run one more worker, here or on another machine."),
}


class _Commands(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        lazy = _COMMANDS.get(cmd_name)
        if lazy is None:
            return None
        module = importlib.import_module(f"vitascope.runtime.commands.{lazy.module}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name].summary) for name in self.list_commands(ctx)])


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted and not ctx.resilient_parsing:
        click.echo(f"vitascope {__version__}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
def main() -> None:
    """Vitascope: a streaming business on your own machines."""
