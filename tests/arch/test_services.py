"""What import-linter cannot see of the walls between services."""

import ast
from functools import cache
from pathlib import Path

import grimp
import pytest

from vitascope.runtime.registry import MODULES

SOURCE = Path(__file__).resolve().parents[2] / "src" / "vitascope"
TESTS = Path(__file__).resolve().parents[1]
SYSTEMS = ("identity", "transcoding", "video")
LIBRARIES = {"transcoding.pipeline"}  # code without tables, whose files are named for what they do
FILES = {
    "__init__", "contracts", "events", "models", "repository", "service", "routes", "handlers", "jobs",
    "module", "adapters", "migrations",
}  # fmt: skip
OPEN_TO_OTHERS = {"contracts", "events"}


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("vitascope")


def _services() -> list[str]:
    folders = [folder for system in SYSTEMS for folder in (SOURCE / system).iterdir() if folder.is_dir()]
    names = {f"{folder.parent.name}.{folder.name}" for folder in folders if folder.name != "__pycache__"}
    return sorted(names - LIBRARIES)


def _service_of(module: str) -> str | None:
    name = ".".join(module.removeprefix("vitascope.").split(".")[:2])
    return name if name in _services() else None


class TestWalls:
    @pytest.mark.parametrize("service", _services())
    def test_others_import_only_contracts_and_events(self, service: str) -> None:
        """No service reaches into another, past its contracts and events; only the composition root may."""
        graph = _graph()
        inside = [module for module in graph.modules if module.startswith(f"vitascope.{service}.")]
        closed = [module for module in inside if module.split(".")[3] not in OPEN_TO_OTHERS]

        trespasses = [
            (importer, module)
            for module in closed
            for importer in graph.find_modules_that_directly_import(module)
            if _service_of(importer) != service and not importer.startswith("vitascope.runtime")
        ]

        assert trespasses == []

    @pytest.mark.parametrize("service", _services())
    def test_only_the_known_files(self, service: str) -> None:
        """A reader who knows one service knows where to look in every other."""
        folder = SOURCE.joinpath(*service.split("."))

        names = {path.stem for path in folder.iterdir() if path.name != "__pycache__"}

        assert names <= FILES

    def test_every_service_is_registered(self) -> None:
        """A service that is built is also started."""
        registered = {module.name for module in MODULES}

        assert set(_services()) <= registered


class TestFolders:
    def test_every_folder_is_a_package(self) -> None:
        """A folder without `__init__.py` would be invisible to the checks of imports."""
        with_code = {path.parent for path in SOURCE.rglob("*.py") if "versions" not in path.parts}

        assert [str(folder) for folder in with_code if not (folder / "__init__.py").exists()] == []

    def test_no_vague_names(self) -> None:
        """No file is called by a name that says nothing."""
        vague = {"utils", "helpers", "common", "misc", "util", "helper", "base"}

        assert [str(path) for path in SOURCE.rglob("*.py") if path.stem in vague] == []


class TestTables:
    def test_no_foreign_key_leaves_its_schema(self) -> None:
        """Each schema can move to a database of its own."""
        tables = [table for one in MODULES if one.schema for table in one.schema.metadata.tables.values()]

        leaving = [
            str(key)
            for table in tables
            for key in table.foreign_keys
            if not key.target_fullname.startswith(f"{table.schema}.")
        ]

        assert leaving == []

    def test_tenant_leads_every_key(self) -> None:
        """Every row belongs to a tenant, by its primary key."""
        tables = [table for one in MODULES if one.schema for table in one.schema.metadata.tables.values()]
        ours = [table for table in tables if table.info.get("tenant")]

        assert [table.name for table in ours if next(iter(table.primary_key)).name != "tenant_id"] == []


class TestTests:
    def test_every_test_says_what_it_shows(self) -> None:
        """Each test has a docstring of one sentence."""
        silent = [
            f"{path.relative_to(TESTS)}:{node.name}"
            for path in TESTS.rglob("test_*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.startswith("test_")
            and not ast.get_docstring(node)
        ]

        assert silent == []
