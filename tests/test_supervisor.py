"""A supervisor starts processes, replaces those that end, gives up what goes on ending, and stops all of them."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.supervision.supervisor import Supervisor, Times
from tests.fakes.conditions import until

# A process that is ready, and ends when its supervisor has closed its standard input or on SIGTERM.
READY = """echo '{"event": "serving", "port": 80}'"""
WAIT = "while read -r line; do :; done"
SECONDS = 60.0
# Seconds: processes that end count as unsteady however slow the machine is, and only one test is about signs of life.
TIMES = Times(beat=SECONDS, silent_beats=2, delays=(0.0, 0.01, 0.02), steady=600.0, margin=0.5)


class Run:
    """A supervisor over shell scripts, whose `$2` is the number of the process; each start is a line of `starts`."""

    def __init__(
        self, folder: Path, script: str, processes: int, times: Times = TIMES, sockets: Sequence[socket.socket] = ()
    ) -> None:
        self.stop = asyncio.Event()
        self._starts = folder / "starts"
        command = ["/bin/sh", "-c", f'echo "$2 $$" >> {self._starts}\n{script}', "sh"]
        supervisor = Supervisor(command, processes, self.stop, shutdown_timeout=SECONDS, sockets=sockets, times=times)
        self.ended = asyncio.create_task(supervisor.run())

    def starts(self) -> list[tuple[int, int]]:
        """Number and process id of each process that was started."""
        lines = self._starts.read_text().splitlines() if self._starts.exists() else []
        return [(int(number), int(pid)) for number, pid in (line.split() for line in lines)]

    async def wait_for_starts(self, count: int) -> None:
        """Returns when so many processes were started."""

        async def started() -> bool:
            return len(self.starts()) >= count

        await until(started, SECONDS)

    async def status(self) -> int:
        """The exit status, once everything has ended."""
        async with asyncio.timeout(SECONDS):
            return await self.ended


@pytest.fixture
async def logs() -> AsyncIterator[list[Any]]:
    """What the supervisor logs."""
    with capture_logs() as logs:
        yield logs


def events(logs: list[Any], name: str) -> list[Any]:
    """The log lines with this event."""
    return [line for line in logs if line["event"] == name]


async def until_logged(logs: list[Any], name: str, count: int = 1) -> None:
    """Returns when there are so many lines with this event."""

    async def logged() -> bool:
        return len(events(logs, name)) >= count

    await until(logged, SECONDS)


async def test_the_service_is_ready_when_all_processes_are(tmp_path: Path, logs: list[Any]) -> None:
    released = tmp_path / "released"
    # A library may print something before the process is ready; that is no announcement.
    script = f"echo hello\necho 5\n[ $2 = 3 ] && while [ ! -e {released} ]; do sleep 0.02; done\n{READY}\n{WAIT}"
    run = Run(tmp_path, script, processes=3)
    await until_logged(logs, "process_ready", 2)
    assert events(logs, "serving") == []
    released.touch()
    await until_logged(logs, "serving")
    run.stop.set()
    assert await run.status() == 0
    [ready] = events(logs, "serving")
    assert (ready["port"], ready["processes"]) == (80, 3)
    assert sorted(number for number, _ in run.starts()) == [1, 2, 3]


async def test_a_process_that_ends_is_replaced_and_the_others_go_on(tmp_path: Path, logs: list[Any]) -> None:
    run = Run(tmp_path, f"{READY}\n{WAIT}", processes=2)
    await until_logged(logs, "serving")
    pids = dict(run.starts())
    os.kill(pids[2], signal.SIGKILL)
    await run.wait_for_starts(3)
    assert run.starts()[2][0] == 2
    os.kill(pids[1], 0)
    run.stop.set()
    assert await run.status() == 0
    assert [(line["process"], line["status"]) for line in events(logs, "process_ended")] == [(2, -signal.SIGKILL)]
    assert len(events(logs, "serving")) == 1


@pytest.mark.parametrize(("script", "status"), [("exit 2", 2), ("exit 0", 1), ("kill -9 $$", 1)])
async def test_what_cannot_start_is_started_once(tmp_path: Path, logs: list[Any], script: str, status: int) -> None:
    run = Run(tmp_path, script, processes=3)
    assert await run.status() == status
    assert [number for number, _ in run.starts()] == [1]


async def test_all_stop_if_one_cannot_start(tmp_path: Path, logs: list[Any]) -> None:
    run = Run(tmp_path, f"[ $2 = 2 ] && exit 3\n{READY}\n{WAIT}", processes=2)
    assert await run.status() == 3
    assert sorted(number for number, _ in run.starts()) == [1, 2]


async def test_what_goes_on_ending_is_given_up(tmp_path: Path, logs: list[Any]) -> None:
    run = Run(tmp_path, f"{READY}\n[ $2 = 2 ] && exit 5\n{WAIT}", processes=2)
    assert await run.status() == 1
    assert [number for number, _ in run.starts()].count(2) == 1 + len(TIMES.delays)
    assert [line["starts_again_in"] for line in events(logs, "process_ended")] == list(TIMES.delays)
    [given_up] = events(logs, "process_given_up")
    assert (given_up["process"], given_up["status"]) == (2, 5)


async def test_a_process_that_has_run_for_a_while_is_not_given_up(tmp_path: Path, logs: list[Any]) -> None:
    times = Times(beat=SECONDS, silent_beats=2, delays=(0.0,), steady=0.0, margin=0.5)
    run = Run(tmp_path, f"{READY}\nexit 5", processes=1, times=times)
    await run.wait_for_starts(5)
    run.stop.set()
    await run.status()
    assert events(logs, "process_given_up") == []


async def test_a_process_without_signs_of_life_is_killed_and_replaced(tmp_path: Path, logs: list[Any]) -> None:
    """The first process 2 does not beat; all others do."""
    times = Times(beat=0.5, silent_beats=4, delays=(0.0,) * 20, steady=600.0, margin=0.5)
    silent = tmp_path / "silent"
    script = (
        f"{READY}\n[ $2 = 2 ] && [ ! -e {silent} ] && touch {silent} && exec sleep 600\nwhile echo; do sleep 0.1; done"
    )
    run = Run(tmp_path, script, processes=2, times=times)
    await until_logged(logs, "process_hangs")
    await until_logged(logs, "process_ready", 3)
    run.stop.set()
    await run.status()
    # On a busy machine a process that beats may come too late, too.
    assert 2 in {line["process"] for line in events(logs, "process_hangs")}
    assert {line["status"] for line in events(logs, "process_ended")} == {-signal.SIGKILL}


async def test_processes_that_do_not_stop_in_time_are_killed(tmp_path: Path, logs: list[Any]) -> None:
    command = ["/bin/sh", "-c", f"trap '' TERM\n{READY}\nwhile :; do sleep 0.05; done", "sh"]
    stop = asyncio.Event()
    running = asyncio.create_task(Supervisor(command, 2, stop, shutdown_timeout=0.5, times=TIMES).run())
    await until_logged(logs, "serving")
    stop.set()
    async with asyncio.timeout(SECONDS):
        assert await running == 1
    [killed] = events(logs, "processes_killed")
    assert killed["processes"] == [1, 2]


async def test_a_stop_while_processes_start_starts_no_more(tmp_path: Path, logs: list[Any]) -> None:
    run = Run(tmp_path, WAIT, processes=3)
    await run.wait_for_starts(1)
    run.stop.set()
    assert await run.status() == 0
    assert len(run.starts()) == 1


async def test_processes_inherit_the_sockets_and_nobody_holds_them_at_the_end(tmp_path: Path, logs: list[Any]) -> None:
    shared = socket.create_server(("127.0.0.1", 0))
    number, address = shared.fileno(), shared.getsockname()
    run = Run(tmp_path, f"[ -e /proc/self/fd/{number} ] || exit 4\n{READY}\n{WAIT}", processes=2, sockets=[shared])
    await until_logged(logs, "serving")
    run.stop.set()
    assert await run.status() == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
