import importlib
import os
import subprocess
import sys

from click.testing import CliRunner

from vitascope import __version__
from vitascope.runtime.cli import main

FORBIDDEN = {
    "fastapi",
    "starlette",
    "uvicorn",
    "aiohttp",
    "sqlalchemy",
    "asyncpg",
    "dbos",
    "alembic",
    "pydantic",
}


def modules_after(*imported: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after these imports."""
    code = f"import sys, {', '.join(imported)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    finished = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    return set(finished.stdout.decode().split())


class TestMain:
    def test_help(self) -> None:
        """Help lists every command with what it does."""
        result = CliRunner().invoke(main, ["--help"])

        assert result.exit_code == 0
        assert "transcode" in result.output
        assert "validate" in result.output

    def test_version(self) -> None:
        """The version is told."""
        result = CliRunner().invoke(main, ["--version"])

        assert result.output == f"vitascope {__version__}\n"

    def test_unknown(self) -> None:
        """An unknown command is a usage error."""
        result = CliRunner().invoke(main, ["film"])

        assert result.exit_code == 2

    def test_every_line_of_the_table(self) -> None:
        """Each command of the table can be imported and has a help of its own."""
        listed = main.list_commands(main.make_context("vitascope", [], resilient_parsing=True))

        helps = [CliRunner().invoke(main, [name, "--help"]).exit_code for name in listed]

        assert set(helps) == {0}

    def test_python_m(self) -> None:
        """`python -m vitascope` is the same command."""
        assert importlib.import_module("vitascope.__main__").main is main


class TestImports:
    def test_help_loads_no_command(self) -> None:
        """Help needs the table only: neither the pipeline nor rich is loaded."""
        loaded = modules_after("vitascope.runtime.cli")

        assert not loaded & {*FORBIDDEN, "rich", "msgspec"}

    def test_transcode_loads_no_server(self) -> None:
        """`vitascope transcode` loads neither a web framework nor a database driver."""
        loaded = modules_after("vitascope.runtime.commands.transcode", "vitascope.runtime.commands.validate")

        assert not loaded & FORBIDDEN
