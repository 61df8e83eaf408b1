"""Programs out of Debian packages, unpacked beside the environment: nothing is installed, and no root is needed."""

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

# It goes away with the environment.
_FOLDER = Path(sys.prefix) / "debian-packages"
_DOWNLOAD_SECONDS = 120
# Set by `.ci/run`: a program that is missing then fails the tests instead of skipping them.
_REQUIRED = "REQUIRE_DEBIAN_PACKAGES"


@dataclass(frozen=True)
class Program:
    """A program with the environment that it needs."""

    path: Path
    environment: dict[str, str]


def debian_program(name: str, *libraries: str) -> Program:
    """The program `name`: that of this machine, or that of the Debian package of the same name, with the packages of
    libraries that it needs. Skips the test where there is neither."""
    installed = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if installed:
        return Program(Path(installed), {})
    folder = _FOLDER / name
    reason = _unpack((name, *libraries), folder)
    program = next((path for path in folder.glob(f"usr/*bin/{name}")), None)
    if program is None:
        message = f"no {name} on this machine ({reason}); as root on Debian: apt-get install {name}"
        if os.environ.get(_REQUIRED):
            pytest.fail(message)
        pytest.skip(message)
    libraries_at = sorted({str(path.parent) for path in folder.glob("**/lib*.so.*")})
    return Program(program, {"LD_LIBRARY_PATH": os.pathsep.join(libraries_at)} if libraries_at else {})


def _unpack(packages: tuple[str, ...], folder: Path) -> str:
    """Downloads the packages and unpacks them into the folder unless it exists; returns why that failed."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return "no apt-get and dpkg-deb"
    _FOLDER.mkdir(exist_ok=True)
    with (_FOLDER / f"{folder.name}.lock").open("w") as lock:
        # Of several test processes the first downloads.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return ""
        draft = _FOLDER / f"{folder.name}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            _download(packages, draft)
            for package in draft.glob("*.deb"):
                _run(["dpkg-deb", "-x", str(package), "."], draft)
                package.unlink()
        except (OSError, subprocess.SubprocessError) as error:
            return str(getattr(error, "stderr", None) or error).strip().splitlines()[-1]
        draft.rename(folder)
    return ""


def _download(packages: tuple[str, ...], folder: Path) -> None:
    """Images often come without the lists of packages; they are then fetched into a folder of our own."""
    try:
        _run(["apt-get", "download", *packages], folder)
    except subprocess.CalledProcessError:
        lists = _FOLDER / "lists"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        options = ("-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={_FOLDER / 'cache'}")
        _run(["apt-get", *options, "update"], folder)
        _run(["apt-get", *options, "download", *packages], folder)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS)
