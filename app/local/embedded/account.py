"""The account that the programs of Postgres run as: the present user, or `nobody` where that is root."""

import os
import pwd
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.local.embedded.processes import EmbeddedServerError, run

LAUNCHER = Path(__file__).with_name("run_as_nobody.py")
PROBE_SECONDS = 10.0


@dataclass(frozen=True)
class Account:
    """The words to put before a command, and the user and group that must own its data."""

    command_prefix: tuple[str, ...]
    uid: int
    gid: int

    def take_ownership(self, folder: Path) -> None:
        """Makes this account the owner of a folder and all that is in it."""
        if folder.stat().st_uid == self.uid:
            return
        # The folder last: its owner says that everything in it has been changed.
        for path in (*_contents(folder), folder):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def find_account(folder: Path, program: Path) -> Account:
    """The first account under which `program --version` runs and reaches the folder.

    A user namespace is preferred, since the files stay root's. Containers often refuse it; there, a real `nobody` that
    keeps the right to enter closed folders works with what a container's root may do.

    Raises:
        EmbeddedServerError: both are refused.
    """
    if os.geteuid() != 0:
        return Account((), os.geteuid(), os.getegid())
    refusals = []
    for method in ("namespace", "capability"):
        account = _nobody(method, folder)
        try:
            run([*account.command_prefix, program, "--version"], PROBE_SECONDS)
        except EmbeddedServerError as refusal:
            refusals.append(f"{method}: {refusal}")
        else:
            return account
    raise EmbeddedServerError("Postgres cannot run as root, nor here as nobody:\n" + "\n".join(refusals))


def _nobody(method: Literal["namespace", "capability"], folder: Path) -> Account:
    nobody = pwd.getpwnam("nobody")
    prefix = (sys.executable, "-I", "-S", LAUNCHER, method, nobody.pw_uid, nobody.pw_gid, folder)
    owner = (0, 0) if method == "namespace" else (nobody.pw_uid, nobody.pw_gid)
    return Account(tuple(map(str, prefix)), *owner)


def _contents(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, topdown=False):
        yield from (Path(parent, name) for name in (*folders, *files))
