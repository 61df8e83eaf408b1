"""Programs out of Debian packages, unpacked beside the environment: nothing is installed, and no root is needed."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

# It goes away with the environment.
_FOLDER = Path(sys.prefix) / "debian-packages"
# The largest package, a browser, has 60 MB.
_COMMAND_SECONDS = 300
# Set by `.ci/run`: a program that is missing then fails the tests instead of skipping them.
_REQUIRED = "REQUIRE_DEBIAN_PACKAGES"


@dataclass(frozen=True)
class Program:
    """A program with the environment that it needs."""

    path: Path
    environment: dict[str, str]


def debian_program(name: str, package: str = "") -> Program:
    """The program `name` of this machine, or the program of the Debian package `package` (by default of the same name),
    with the libraries that this machine lacks. Skips the test where there is neither."""
    package = package or name
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    installed = shutil.which(name, path=places) or shutil.which(package, path=places)
    if installed:
        return Program(Path(installed), {})
    folder = _FOLDER / package
    reason = _unpack(package, folder)
    # What is in `usr/bin` may be a script that calls the program under `/usr/lib`, where it is not.
    program = next((path for where in ("usr/lib/*", "usr/*bin") for path in folder.glob(f"{where}/{package}")), None)
    if program is None:
        message = f"no {name} on this machine ({reason}); as root on Debian: apt-get install {package}"
        if os.environ.get(_REQUIRED):
            pytest.fail(message)
        pytest.skip(message)
    libraries = sorted({str(path.parent) for path in folder.glob("**/lib*.so*")})
    return Program(program, {"LD_LIBRARY_PATH": os.pathsep.join(libraries)} if libraries else {})


def _unpack(name: str, folder: Path) -> str:
    """Downloads the package with what it needs and unpacks both into the folder unless it exists; returns why that
    failed."""
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
            _download(name, draft)
            for package in draft.glob("*.deb"):
                _run(["dpkg-deb", "-x", str(package), "."], draft)
                package.unlink()
        except (OSError, subprocess.SubprocessError) as error:
            return str(getattr(error, "stderr", None) or error).strip().splitlines()[-1]
        draft.rename(folder)
    return ""


def _download(name: str, folder: Path) -> None:
    """Images often come without the lists of packages, or with old ones; they are then fetched into a folder of our
    own."""
    try:
        _download_missing(name, folder)
    except subprocess.CalledProcessError:
        lists = _FOLDER / "lists"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        options = ("-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={_FOLDER / 'cache'}")
        _run(["apt-get", *options, "update"], folder)
        _download_missing(name, folder, *options)


def _download_missing(name: str, folder: Path, *options: str) -> None:
    """Downloads what an installation would add to this machine."""
    plan = _run(["apt-get", *options, "--simulate", "--no-install-recommends", "install", name], folder)
    packages = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
    _run(["apt-get", *options, "download", *packages], folder)


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=_COMMAND_SECONDS)
    return done.stdout
