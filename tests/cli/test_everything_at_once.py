"""`assay demo` and `assay up`, with nothing running before and nothing left after. In order: the second finds the
data of the first."""

import json
import re
import signal
from urllib.request import Request, urlopen

from tests.cli.conftest import Command, tokens


def test_the_demo_prints_a_result_and_leaves_nothing(command: Command) -> None:
    done = command.run("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("Result of", "overall", "Recommended", "essay_scored_locally"):
        assert part in done.stdout
    assert command.left_behind() == []


def test_up_keeps_the_data_serves_and_ends_on_ctrl_c(command: Command) -> None:
    running = command.start("up")
    assert running.stdout is not None
    output = ""
    for line in running.stdout:
        output += line
        if "Ctrl-C stops" in line:
            break
    assert "0 rows of sample data added" in output
    url = re.findall(r"Serving (http://\S+)", output)[0]
    assert set(tokens(output)) == {"student", "advisor", "admin"}
    assert len(_get(f"{url}/assessments", tokens(output)["admin"])["items"]) == 2
    assert len(_get(f"{url}/questions", tokens(output)["advisor"])["items"]) == 49
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 0
    assert command.left_behind() == []


def test_a_killed_up_leaves_servers_that_the_next_one_uses_and_stops(command: Command) -> None:
    first = command.start("up")
    assert first.stdout is not None
    assert any("Ctrl-C stops" in line for line in first.stdout)
    first.kill()
    first.wait()
    done = command.run("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert command.left_behind() == []


def _get(url: str, token: str) -> dict[str, list[object]]:
    request = Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own server
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        body: dict[str, list[object]] = json.load(answer)
        return body
