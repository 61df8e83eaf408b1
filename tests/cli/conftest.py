"""The `assay` command as a process of its own, in a data folder of the test's own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
# What a shell has, and nothing that was set up by hand for Assay.
_INHERITED = ("HOME", "PATH", "LANG", "TMPDIR")


@dataclass
class Command:
    """Runs `assay` with no settings but those given."""

    data_dir: Path
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    def run(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """The ended command with its output."""
        return subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            env=self._environment(settings), cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def start(self, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
        """The running command; its output can be read line by line."""
        process = subprocess.Popen(
            [sys.executable, "-m", "app", *arguments],
            env=self._environment(settings), cwd=_ROOT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.started.append(process)
        return process

    def left_behind(self) -> list[str]:
        """Command lines of processes that know the data folder."""
        mark = str(self.data_dir).encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                told = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            except OSError:
                continue
            if any(mark in text for text in told):
                found.append(told[0].decode(errors="replace"))
        return found

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return inherited | {"ASSAY_DATA_DIR": str(self.data_dir), "PYTHONPATH": str(_ROOT)} | settings


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """The command; what a failed test left running is killed."""
    # A name of its own, so that nobody else's command line has it.
    command = Command(tmp_path_factory.mktemp("assay-command") / "data")
    yield command
    for process in command.started:
        process.kill()
        process.communicate()


def tokens(output: str) -> dict[str, str]:
    """The tokens that `assay up` printed, by role."""
    return dict(re.findall(r"^(student|advisor|admin): (\S+)$", output, re.MULTILINE))
