"""Postgres refuses root. As root, its programs run as `nobody`, in the way that this machine allows."""

import os
import pwd
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.local.embedded.processes import EmbeddedServerError, run

LAUNCHER = Path(__file__).with_name("as_nobody.py")
PROBE_SECONDS = 10.0


@dataclass(frozen=True)
class Disguise:
    """What to put before a command, and who has to own the data it works on."""

    prefix: tuple[str, ...]
    uid: int
    gid: int

    def give(self, folder: Path) -> None:
        if folder.stat().st_uid == self.uid:
            return
        # The folder last: its owner says that everything within has been given.
        for path in (*_everything_in(folder), folder):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def _everything_in(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, topdown=False):
        yield from (Path(parent, name) for name in (*folders, *files))


def find_disguise(folder: Path, program: Path) -> Disguise:
    """The first way in which `program --version` runs and reaches the folder.

    The namespace is preferred: its files stay root's. Containers often refuse it; there a real `nobody`,
    which keeps the right to pass closed folders, works with what such a container's root may do.
    Raises EmbeddedServerError if both are refused.
    """
    if os.geteuid() != 0:
        return Disguise((), os.geteuid(), os.getegid())
    refusals = []
    for way in ("namespace", "capability"):
        disguise = _disguise(way, folder)
        try:
            run([*disguise.prefix, program, "--version"], PROBE_SECONDS)
        except EmbeddedServerError as refusal:
            refusals.append(f"{way}: {refusal}")
        else:
            return disguise
    raise EmbeddedServerError("Postgres cannot run as root, nor here as nobody:\n" + "\n".join(refusals))


def _disguise(way: Literal["namespace", "capability"], folder: Path) -> Disguise:
    nobody = pwd.getpwnam("nobody")
    prefix = (sys.executable, "-I", "-S", LAUNCHER, way, nobody.pw_uid, nobody.pw_gid, folder)
    owner = (0, 0) if way == "namespace" else (nobody.pw_uid, nobody.pw_gid)
    return Disguise(tuple(map(str, prefix)), *owner)
