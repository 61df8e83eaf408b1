"""The help of `assay` and of each command."""

import subprocess

import pytest

from app.cli.main import main
from tests.cli.conftest import Command
from tests.conftest import SECRET

COMMANDS = (
    "up", "demo", "serve", "worker", "migrate", "seed", "token", "keys", "doctor", "config", "jobs", "webhooks",
    "people", "credentials", "skill-aliases", "evaluate", "evaluate-retrieval",
)  # fmt: skip


def test_assay_alone_prints_all_commands(command: Command) -> None:
    done = command.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name in COMMANDS if f"\n    {name}" not in done.stdout] == []
    assert command.run("--help").stdout == done.stdout


def test_the_version(command: Command) -> None:
    done = command.run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("assay 0.")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_reads_writes_and_needs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    output = capsys.readouterr().out
    assert end.value.code == 0
    assert output.startswith(f"usage: assay {name}")
    for part in ("\nreads   ", "\nwrites  ", "\nneeds   "):
        assert part in output


@pytest.mark.parametrize("arguments", [["explode"], ["--explode"], ["jobs", "explode"], ["serve", "explode"]])
def test_unknown_words_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    output = capsys.readouterr()
    assert (end.value.code, output.out, "usage: assay" in output.err) == (2, "", True)


def test_output_that_nobody_reads_causes_no_traceback(command: Command) -> None:
    for words in (("config",), ("token", "--role", "student")):
        done = subprocess.run(
            ["/bin/sh", "-c", '"$@" | true', "sh", *command.words(*words)],
            env=command.environment({"JWT_SECRET": SECRET}), capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert done.stderr == ""
