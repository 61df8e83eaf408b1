"""Whether a process that is not our child is alive."""

import subprocess
import time

from app.local.embedded.processes import is_alive

# A process that starts its program again and again: at each start it has no command line for a moment.
RESTARTING = 'exec /bin/sh -c "$0" "$0"'
LOOKS = 5000


def test_a_process_that_starts_its_program_is_alive() -> None:
    process = subprocess.Popen(["/bin/sh", "-c", RESTARTING, RESTARTING])
    try:
        assert sum(is_alive(process.pid) for _ in range(LOOKS)) == LOOKS
    finally:
        process.kill()
        process.wait()
    assert not is_alive(process.pid)


def test_a_zombie_is_not_alive() -> None:
    process = subprocess.Popen(["/bin/true"])
    deadline = time.monotonic() + 20
    while is_alive(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.wait() == 0
