"""Runs the `assay` command as a process, with a data folder of its own for each test module."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.command_forks import ROOT, RUN_SECONDS, CommandForks, command_forks, shell_environment


@dataclass
class Command:
    """Runs `assay` with these settings alone."""

    data_dir: Path
    forks: CommandForks
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    def run(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Runs the command to its end; returns it with its output."""
        return self.forks.run(arguments, self.environment(settings))

    def run_alone(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Runs the command to its end in a process of its own, as `make` does. A supervisor needs that, since it
        starts what it was called with."""
        return subprocess.run(
            self.words(*arguments),
            env=self.environment(settings), cwd=ROOT, capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
        )  # fmt: skip

    def start(self, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
        """Starts the command; its output can be read line by line."""
        return self.start_process(self.words(*arguments), settings)

    def start_process(self, words: list[str], settings: dict[str, str]) -> "subprocess.Popen[str]":
        """Starts any command in the same environment."""
        process = subprocess.Popen(
            words,
            env=self.environment(settings), cwd=ROOT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.started.append(process)
        return process

    def left_behind(self) -> list[str]:
        """Command lines of running processes that use the data folder."""
        mark = str(self.data_dir).encode()
        command_lines = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command_line, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            except OSError:
                continue
            if mark in command_line or mark in environment:
                command_lines.append(command_line.decode(errors="replace"))
        return command_lines

    def words(self, *arguments: str) -> list[str]:
        """The words of the command line."""
        return [sys.executable, "-m", "app", *arguments]

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        """What the command gets: a shell's variables, the data folder, and these settings."""
        return shell_environment() | {"ASSAY_DATA_DIR": str(self.data_dir)} | settings


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandForks]:
    """Runs commands."""
    with command_forks(tmp_path_factory.mktemp("forks")) as forks:
        yield forks


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory, forks: CommandForks) -> Iterator[Command]:
    """The command; what a failed test leaves running is killed."""
    # A name that no other process has in its command line.
    command = Command(tmp_path_factory.mktemp("assay-command") / "data", forks)
    yield command
    for process in command.started:
        process.kill()
        process.communicate()


def tokens(output: str) -> dict[str, str]:
    """The tokens that `assay up` printed, by role."""
    return dict(re.findall(r"^(student|advisor|admin): (\S+)$", output, re.MULTILINE))
