"""The programs of docs/clients.md, run unchanged, and its table of errors."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from app.http import problems
from app.http.app_keys import CHANGE_HUB, CONTEXT
from app.repositories import webhooks
from app.repositories.sql import Pool
from app.server import create_app
from app.settings import Settings
from assay_client import AssayClient
from tests.api import token
from tests.bank import SLUG, Bank
from tests.client.conftest import base_url
from tests.client.fake_service import forward, idempotency_keys, lose_response, problem_response
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.job_runner import Finish
from tests.web.conftest import ProductServer
from tests.webhooks import (
    SECRET,
    UNREACHABLE_URL,
    attempts,
    complete_with_webhook,
    delivery_row,
    open_delivery,
    send_all,
)

_ROOT = Path(__file__).parents[2]
_TEXT = (_ROOT / "docs" / "clients.md").read_text("utf-8")
_PROGRAMS = dict(re.findall(r"^```\w+\n(?:#|//) (\S+\.(?:py|sh|mjs))\n(.*?)^```$", _TEXT, re.MULTILINE | re.DOTALL))
_RUNNERS = {".py": sys.executable, ".sh": "bash", ".mjs": "node"}
_NEEDS = {".sh": "curl", ".mjs": "node"}
_FOLLOWERS = ("follow.py", "follow.sh", "events.sh", "follow.mjs", "events.mjs")
_INHERITED = ("HOME", "PATH", "LANG", "TMPDIR")
_SECONDS = 60

Start = Callable[..., Awaitable[asyncio.subprocess.Process]]


def needing(*names: str) -> list[object]:
    """The programs as parameters, skipped where their interpreter is not installed."""
    parameters: list[object] = []
    for name in names:
        tool = _NEEDS.get(Path(name).suffix)
        missing = tool is not None and shutil.which(tool) is None
        parameters.append(pytest.param(name, marks=pytest.mark.skipif(missing, reason=f"{tool} is not installed")))
    return parameters


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a program with the given environment variables, and kills at the end what still runs."""
    for name, text in _PROGRAMS.items():
        (tmp_path / name).write_text(text, "utf-8")
    started: list[asyncio.subprocess.Process] = []

    async def start(name: str, url: str, **variables: str) -> asyncio.subprocess.Process:
        environment = {"ASSAY_URL": url.rstrip("/"), "ASSAY_TOKEN": token("student-1", "student")}
        inherited = {variable: os.environ[variable] for variable in _INHERITED if variable in os.environ}
        process = await asyncio.create_subprocess_exec(
            _RUNNERS[Path(name).suffix], name,
            cwd=tmp_path, env=inherited | environment | variables, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def output(process: asyncio.subprocess.Process) -> str:
    """What the program printed; it must end with status 0."""
    async with asyncio.timeout(_SECONDS):
        printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    return printed.decode()


@pytest.fixture
async def started(assay: AssayClient) -> UUID:
    """The id of a new assessment of the student."""
    return (await assay.start(SLUG)).assessment_id


async def finish_when_followed(server: ProductServer, finish: Finish, pool: Pool) -> None:
    """Waits until a client follows the assessment, then runs its jobs and notifies the server as a worker does."""

    async def is_followed() -> bool:
        return server.app[CHANGE_HUB].waiting > 0

    await until(is_followed, _SECONDS)
    await finish()
    server.app[CONTEXT].change_feed.publish(await pool.fetchval("SELECT id FROM assessments"))


def test_all_programs_are_run() -> None:
    others = {
        "submit.py",
        "submit.sh",
        "submit.mjs",
        "register.sh",
        "receive.py",
        "receive.mjs",
        "assay.mjs",
        "quotes.mjs",
    }
    assert set(_PROGRAMS) == {*_FOLLOWERS, *others}


async def test_from_start_to_result(start: Start, server: ProductServer, finish: Finish, pool: Pool) -> None:
    process = await start("submit.py", str(server.make_url("")))
    await finish_when_followed(server, finish, pool)
    lines = (await output(process)).splitlines()
    assert lines[-2] == "100 % completed"
    assert re.fullmatch(r"[0-9.]+ % of [0-9.]+ points", lines[-1])


@pytest.mark.parametrize("name", needing(*_FOLLOWERS))
async def test_following(
    name: str, start: Start, server: ProductServer, assay: AssayClient, started: UUID, finish: Finish, pool: Pool
) -> None:
    await assay.submit(started)
    process = await start(name, str(server.make_url("")), ASSESSMENT=str(started))
    await finish_when_followed(server, finish, pool)
    printed = await output(process)
    assert printed.index("submitted") < printed.index("completed")
    assert '"completed"' in printed or printed.splitlines()[-1] in ("100 % completed", "100.0 % completed")


@pytest.mark.parametrize("name", needing(*_FOLLOWERS))
async def test_an_address_with_a_path(
    name: str, start: Start, settings: Settings, assay: AssayClient, started: UUID, finish: Finish
) -> None:
    """A proxy may serve the API under a path."""
    await assay.submit(started)
    await finish()
    root = web.Application()
    root.add_subapp("/some/path", create_app(settings))
    async with ProductServer(root) as server:
        printed = await output(await start(name, str(server.make_url("/some/path")), ASSESSMENT=str(started)))
    assert "completed" in printed


@pytest.mark.parametrize("name", needing("quotes.mjs"))
def test_positions_of_quotes_in_utf16(name: str) -> None:
    texts = ["plain", "🌱 grow 👩🏽‍💻 code", "e\u0301 𝒳\r\n𝒴", "🌱🌱"]
    spans = [
        (text, start, end) for text in texts for start in range(len(text)) for end in range(start + 1, len(text) + 1)
    ]
    quotes = [{"text": text, "quote": text[start:end], "start": start, "end": end} for text, start, end in spans]
    # A control: taken as UTF-16 units, the positions select something else in nearly every text with an emoji.
    assert any(utf16_slice(text, start, end) != text[start:end] for text, start, end in spans)
    done = subprocess.run(
        [_RUNNERS[Path(name).suffix], "--input-type=module", "--eval", _PROGRAMS[name]],
        input=json.dumps(quotes), capture_output=True, text=True, timeout=_SECONDS, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["true"] * len(quotes)


def utf16_slice(text: str, start: int, end: int) -> str:
    """What JavaScript's `slice` returns."""
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le", "replace")


@pytest.mark.parametrize("name", needing("submit.sh", "submit.mjs"))
async def test_submitting_exactly_once(
    name: str, start: Start, fake: WebhookReceiver, server: ProductServer, started: UUID, pool: Pool
) -> None:
    service = str(server.make_url("")).rstrip("/")
    fake.default = forward(service)
    fake.script.extend([lose_response(service), problem_response(503, "storage-unavailable", Retry_After="1")])
    printed = await output(await start(name, base_url(fake), ASSESSMENT=str(started)))
    assert printed.splitlines()[-1].startswith(("202", "submitted "))
    assert (len(idempotency_keys(fake)), len(set(idempotency_keys(fake)))) == (3, 1)
    assert await pool.fetchval("SELECT count(*) FROM async_jobs") == 3


@pytest.mark.parametrize("name", needing("submit.mjs"))
async def test_a_conflict_is_not_retried(name: str, start: Start, fake: WebhookReceiver, started: UUID) -> None:
    fake.default = problem_response(409, "already-submitted")
    process = await start(name, base_url(fake), ASSESSMENT=str(started))
    printed, _ = await process.communicate()
    assert process.returncode != 0 and b"409 already-submitted: as scripted" in printed
    assert len(fake.requests) == 1


@pytest.mark.parametrize("name", needing("register.sh"))
async def test_registering(name: str, start: Start, server: ProductServer, assay: AssayClient, started: UUID) -> None:
    printed = await output(
        await start(name, str(server.make_url("")), ASSESSMENT=str(started), WEBHOOK_URL=UNREACHABLE_URL)
    )
    assert '"secret":"whsec_' in printed
    assert (await assay.webhook(started)).webhook_url == UNREACHABLE_URL


@pytest.mark.parametrize("name", needing("receive.py", "receive.mjs"))
async def test_receiving(name: str, start: Start, bank: Bank, pool: Pool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = await start(name, "", PORT=str(port), ASSAY_WEBHOOK_SECRET=SECRET)
    await until(lambda: _listens(port), _SECONDS)
    url = f"http://127.0.0.1:{port}/assay"
    assessment_id = await complete_with_webhook(pool, bank, url)
    async with open_delivery(pool) as sending:
        await send_all(pool, sending)
        async with pool.acquire() as conn:
            assert await webhooks.redeliver(conn, (await delivery_row(pool, assessment_id))["id"], 1, 0)
        await send_all(pool, sending)
    assert await attempts(pool, assessment_id) == [(204, None), (204, None)]
    async with aiohttp.ClientSession() as session:
        for headers in _forgeries():
            async with session.post(url, data=b'{"type": "assessment.completed"}', headers=headers) as answer:
                assert answer.status == 400
    process.send_signal(signal.SIGTERM)
    printed, _ = await process.communicate()
    assert printed.decode().count(f"assessment.completed {assessment_id} ") == 1


def test_every_problem_is_in_the_table() -> None:
    rows = re.findall(r"^\| ([0-9]{3}) \| `(/problems/[a-z-]+)` \| .+ \| .+ \|$", _TEXT, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert {(int(status), uri) for status, uri in rows} == {(kind.status, kind.uri) for kind in problems.ALL}


def _forgeries() -> list[dict[str, str]]:
    now = {"webhook-id": "m", "webhook-timestamp": str(int(time.time()))}
    return [{}, now, now | {"webhook-signature": "v1,QUJD"}, now | {"webhook-signature": "v1"}]


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[None]:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    yield
    writer.close()
    await writer.wait_closed()


async def _listens(port: int) -> bool:
    try:
        async with _connected(port):
            return True
    except OSError:
        return False
