"""The client imports in an environment that has only what the client requires."""

import json
import re
import shutil
import subprocess
import venv
from configparser import ConfigParser
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

_CLIENT = Path(__file__).parents[2] / "client"
# Imports all modules of the client, and prints what else could be imported and what was.
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
    """What the client requires, as its `setup.cfg` declares it."""
    settings = ConfigParser()
    settings.read(_CLIENT / "setup.cfg", "utf-8")
    return [Requirement(line) for line in settings["options"]["install_requires"].split("\n") if line]


def _closure(requirements: list[Requirement]) -> dict[str, Distribution]:
    """The installed distributions that the requirements lead to, by normalized name."""
    closure: dict[str, Distribution] = {}
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = _normalized(requirement.name)
        if name in closure:
            continue
        closure[name] = distribution(name)
        required = [Requirement(text) for text in closure[name].requires or ()]
        waiting += [other for other in required if other.marker is None or other.marker.evaluate({"extra": ""})]
    return closure


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the client's package."""
    return Path(shutil.copytree(_CLIENT / "assay_client", tmp_path / "copy" / "assay_client"))


@pytest.fixture
def python(tmp_path: Path, package: Path) -> Path:
    """The interpreter of an environment with the copied client, what it requires, and nothing else: no pip either."""
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


def test_it_requires_five_distributions_and_the_installed_versions_do() -> None:
    declared = _declared()
    names = ["aiohttp", "aiohttp-retry", "pydantic", "standardwebhooks", "yarl"]
    assert sorted(requirement.name for requirement in declared) == names
    unmet = [str(needed) for needed in declared if not needed.specifier.contains(distribution(needed.name).version)]
    assert unmet == []


def test_it_imports_with_only_these(python: Path, package: Path) -> None:
    run = _run(python)
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)
    assert seen["importable"] == []
    assert sorted(map(_normalized, seen["installed"])) == sorted(_closure(_declared()))
    assert Path(seen["from"]).resolve() == package / "__init__.py"


@pytest.mark.parametrize("module", ["app", "orjson"])
def test_it_would_not_import_with_another_dependency(module: str, python: Path, package: Path) -> None:
    with (package / "transport.py").open("a", encoding="utf-8") as source:
        source.write(f"import {module}\n")
    run = _run(python)
    assert run.returncode != 0 and f"No module named '{module}'" in run.stderr
