"""`assay demo` and `assay up` start everything and leave no process behind. The tests run in this order: each finds the
data of those before it."""

import json
import re
import shutil
import signal
import socket
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.cli.conftest import Command, tokens
from tests.cli.shell_blocks import run_tour

# `assay up` with less patience.
UP_WITHIN_A_SECOND = """
from app.local.demo.main import run
from app.settings import load_settings
raise SystemExit(run(load_settings(), keep_serving=True, result_seconds=1))
"""


def test_the_demo_prints_a_result_and_leaves_nothing(command: Command) -> None:
    done = command.run_alone("demo")
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
    url = re.findall(r"Open (http://[^/\s]+)", output)[0]
    assert set(tokens(output)) == {"student", "advisor", "admin"}
    assert len(_get(f"{url}/assessments", tokens(output)["admin"])["items"]) == 2
    assert len(_get(f"{url}/questions", tokens(output)["advisor"])["items"]) == 49
    jobs = command.run("jobs", "list", "--json")
    assert (jobs.returncode, len(jobs.stdout.splitlines())) == (0, 6), "commands find the servers by themselves"
    token = command.run("token", "--role", "advisor").stdout.strip()
    assert len(_get(f"{url}/questions", token)["items"]) == 49
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 0
    assert command.left_behind() == []


def test_a_killed_up_leaves_servers_that_the_next_one_uses_and_stops(command: Command) -> None:
    first = command.start("up")
    assert first.stdout is not None
    assert any("Ctrl-C stops" in line for line in first.stdout)
    first.kill()
    first.wait()
    done = command.run_alone("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert command.left_behind() == []


def test_up_serves_although_a_slow_model_leaves_the_sample_without_a_result(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        settings = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": address, "SHUTDOWN_TIMEOUT": "1"}
        running = command.start_process([sys.executable, "-c", UP_WITHIN_A_SECOND], settings)
        assert running.stdout is not None
        output = ""
        for line in running.stdout:
            output += line
            if "Ctrl-C stops" in line:
                break
        assert "no result within 1 s" in output and "Open http://" in output, output
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    assert command.left_behind() == []


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="bash and curl are not installed")
def test_the_tours_work_as_written_and_leave_no_files(command: Command, tmp_path: Path) -> None:
    running = command.start("up", WEBHOOK_ALLOW_HTTP="true", WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8")
    assert running.stdout is not None
    url = next(match[1] for line in running.stdout if (match := re.search(r"Open (http://[^/\s]+)", line)))
    outputs = {}
    for document in ("README.md", "docs/api-tour.md"):
        folder = tmp_path / Path(document).stem
        folder.mkdir()
        outputs[document] = run_tour(document, url, folder, command.environment({}))
        assert [path.name for path in folder.iterdir()] == [".venv"]
    assert _problems(outputs["README.md"]) == []
    assert '"status": "completed"' in outputs["README.md"]
    long_tour = outputs["docs/api-tour.md"]
    # Shown on purpose: an invalid answer, a key used twice, a second submission.
    assert _problems(long_tour) == ["invalid-fields", "idempotency-key-reused", "already-submitted"]
    for part in ('"status":"completed"', "Idempotent-Replayed: true", "304 Not Modified", "track,credential_id,"):
        assert part in long_tour
    assert long_tour.count("assessment.rescored {") == 2
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 0


def _problems(output: str) -> list[str]:
    return re.findall(r'"type":"/problems/([a-z-]+)"', output)


def _get(url: str, token: str) -> dict[str, list[object]]:
    request = Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own server
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        body: dict[str, list[object]] = json.load(answer)
        return body
