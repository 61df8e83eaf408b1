"""The client can be imported in an environment that has only the client and its dependencies."""

import ast
import json
import re
import shutil
import subprocess
import sys
import venv
from configparser import ConfigParser
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

_CLIENT = Path(__file__).parents[2] / "client"
# Imports all modules of the client, and prints which distributions are installed and what else can be imported.
_PROGRAM = """
import importlib, importlib.metadata, importlib.util, json, pkgutil
import assay_client
for module in pkgutil.walk_packages(assay_client.__path__, "assay_client."):
    importlib.import_module(module.name)
names = ("app", "workers", "orjson", "arq", "asyncpg", "openai", "structlog")
print(json.dumps({
    "importable": [name for name in names if importlib.util.find_spec(name)],
    "installed": [distribution.metadata["Name"] for distribution in importlib.metadata.distributions()],
    "from": assay_client.__file__,
}))
"""


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared() -> list[Requirement]:
    """The dependencies that the client's `setup.cfg` declares."""
    settings = ConfigParser()
    settings.read(_CLIENT / "setup.cfg", "utf-8")
    return [Requirement(line) for line in settings["options"]["install_requires"].split("\n") if line]


def _closure(requirements: list[Requirement]) -> dict[str, Distribution]:
    """The dependencies and their own dependencies as installed here, by normalized name."""
    closure: dict[str, Distribution] = {}
    pending = list(requirements)
    while pending:
        requirement = pending.pop()
        name = _normalized(requirement.name)
        if name in closure:
            continue
        closure[name] = distribution(name)
        required = [Requirement(text) for text in closure[name].requires or ()]
        pending += [other for other in required if other.marker is None or other.marker.evaluate({"extra": ""})]
    return closure


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the client's package, so that a test may change it."""
    return Path(shutil.copytree(_CLIENT / "assay_client", tmp_path / "copy" / "assay_client"))


@pytest.fixture
def python(tmp_path: Path, package: Path) -> Path:
    """The interpreter of an environment with the copied client and its dependencies, and nothing else, not even pip."""
    venv.create(tmp_path / "env", symlinks=True)
    (packages,) = (tmp_path / "env" / "lib").glob("python3*/site-packages")
    for required in _closure(_declared()).values():
        assert required.files is not None
        for top in {file.parts[0] for file in required.files} - {"..", "__pycache__"}:
            (packages / top).symlink_to(Path(str(required.locate_file(top))))
    (packages / "assay_client").symlink_to(package)
    return tmp_path / "env" / "bin" / "python"


def _run(python: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-I", "-W", "error", "-c", _PROGRAM], capture_output=True, text=True, timeout=60)


def test_the_dependencies_are_five_and_allow_the_pinned_versions() -> None:
    declared = _declared()
    names = ["aiohttp", "aiohttp-retry", "pydantic", "standardwebhooks", "yarl"]
    assert sorted(requirement.name for requirement in declared) == names
    versions = {requirement: distribution(requirement.name).version for requirement in declared}
    assert [requirement for requirement, pinned in versions.items() if not requirement.specifier.contains(pinned)] == []


def test_every_import_is_of_a_declared_dependency() -> None:
    """Imports inside functions too, which importing the modules does not execute."""
    allowed = {requirement.name.replace("-", "_") for requirement in _declared()} | {"assay_client"}
    imported: set[str] = set()
    for path in (_CLIENT / "assay_client").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "assay_client").partition(".")[0])
    assert imported - sys.stdlib_module_names == allowed


def test_it_can_be_imported_with_only_these(python: Path, package: Path) -> None:
    run = _run(python)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["importable"] == []
    assert sorted(map(_normalized, report["installed"])) == sorted(_closure(_declared()))
    assert Path(report["from"]).resolve() == package / "__init__.py"


@pytest.mark.parametrize("module", ["app", "orjson"])
def test_another_dependency_makes_the_import_fail(module: str, python: Path, package: Path) -> None:
    with (package / "transport.py").open("a", encoding="utf-8") as source:
        source.write(f"import {module}\n")
    run = _run(python)
    assert run.returncode != 0 and f"No module named '{module}'" in run.stderr
