"""`assay webhooks` lists deliveries and sends them again, without a server and without a secret."""

import asyncio
import base64
import json
import subprocess
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from app.cli.main import main
from app.cli.webhooks import ACTOR
from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.states import WEBHOOKS
from app.domain.webhook.secret_cipher import SecretCipher, parse_key
from app.repositories.sql import Pool
from tests.bank import Bank, create_bank
from tests.cli.conftest import Command
from tests.fakes.webhook_receiver import answer, webhook_receiver
from tests.subscriptions import new_subscription
from tests.webhooks import (
    SECRET,
    claim_fusion,
    complete,
    complete_with_webhook,
    delivery_row,
    insert_deliveries,
    open_delivery,
    send_all,
)

Webhooks = Callable[..., Awaitable["subprocess.CompletedProcess[str]"]]


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await create_bank(pool)


@pytest.fixture
def assay_webhooks(command: Command, database_url: str) -> Webhooks:
    """Runs `assay webhooks` over the test's own database."""

    async def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        environment = {"DATABASE_URL": database_url} | settings
        return await asyncio.to_thread(command.run, "webhooks", *arguments, **environment)

    return run


async def test_a_failed_delivery_is_listed_shown_and_sent_again(
    assay_webhooks: Webhooks, pool: Pool, bank: Bank, redis_url: str
) -> None:
    async with webhook_receiver() as receiver, open_delivery(pool, (0,)) as sending:
        receiver.default = answer(500)
        assessment_id = await complete_with_webhook(pool, bank, f"{receiver.url}?token=hidden")
        await send_all(pool, sending)
        delivery_id = str((await delivery_row(pool, assessment_id))["id"])
        listed = await assay_webhooks("list")
        assert (listed.returncode, listed.stderr) == (0, "")
        header, line = listed.stdout.splitlines()
        assert header.split()[:4] == ["delivery", "type", "status", "tries"]
        for part in (delivery_id, "assessment.completed", "failed", " 1 ", "127.0.0.1", "answered 500"):
            assert part in line
        shown = await assay_webhooks("show", delivery_id)
        delivery_view = json.loads(shown.stdout)
        assert (delivery_view["delivery_id"], delivery_view["host"], delivery_view["attempts"][0]["status_code"]) == (
            delivery_id,
            "127.0.0.1",
            500,
        )
        again = await assay_webhooks("redeliver", delivery_id, delivery_id, REDIS_URL=redis_url)
        assert (again.returncode, again.stdout) == (0, f"{delivery_id}: will be sent again\n")
        queue = JobQueue(job_queue.connect(redis_url))
        assert (await queue.queue_lengths())[WEBHOOKS] == 1
        await queue.redis.aclose()
        assert await send_all(pool, sending) == 1
    everything = listed.stdout + shown.stdout + again.stdout + again.stderr
    assert "hidden" not in everything and SECRET not in everything
    assert await pool.fetchval("SELECT actor FROM audit_log WHERE entity = 'delivery'") == ACTOR


async def test_lists_by_status_newest_first(assay_webhooks: Webhooks, pool: Pool, bank: Bank) -> None:
    assert (await assay_webhooks("list")).stdout == "no deliveries\n"
    async with webhook_receiver() as receiver, open_delivery(pool) as sending:
        await complete_with_webhook(pool, bank, receiver.url)
        await send_all(pool, sending)
        await complete_with_webhook(pool, bank, receiver.url, "student-2")
        await complete_with_webhook(pool, bank, receiver.url, "student-3")
    rows = await pool.fetch("SELECT id, status FROM webhook_deliveries ORDER BY created_at DESC, id DESC")
    for arguments, statuses in (
        ((), {"pending"}),
        (("--status", "delivered"), {"delivered"}),
        (("--status", "pending", "--status", "delivered"), {"pending", "delivered"}),
        (("--limit", "1"), {"pending"}),
    ):
        lines = (await assay_webhooks("list", "--json", *arguments)).stdout.splitlines()
        expected = [str(row["id"]) for row in rows if row["status"] in statuses]
        assert [json.loads(line)["delivery_id"] for line in lines] == expected[: 1 if "--limit" in arguments else None]


async def test_an_unknown_delivery_is_named(assay_webhooks: Webhooks, pool: Pool) -> None:
    unknown = str(uuid4())
    for action in ("show", "redeliver"):
        done = await assay_webhooks(action, unknown)
        assert (done.returncode, done.stderr) == (1, f"assay: {unknown}: there is no such delivery\n")


@pytest.mark.parametrize(
    "arguments",
    [(), ("redeliver",), ("redeliver", "x"), ("show",), ("list", "--limit", "0"), ("list", "--status", "x")],
)
def test_wrong_arguments_are_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["webhooks", *arguments])
    output = capsys.readouterr()
    assert (end.value.code, output.out, "usage: assay webhooks" in output.err) == (2, "", True)


async def test_stored_secrets_are_encrypted_and_a_changed_key_takes_over(
    assay_webhooks: Webhooks, pool: Pool, bank: Bank, database_url: str, command: Command
) -> None:
    key, other = (base64.b64encode(byte * 32).decode() for byte in (b"k", b"o"))
    await insert_deliveries(pool, "https://hooks.example/hook", 3)
    query = "SELECT id, webhook_secret FROM assessments"

    async def readable_with(text: str) -> int:
        cipher = SecretCipher(parse_key(text))
        return sum(cipher.decrypt(row["webhook_secret"], row["id"]) == SECRET for row in await pool.fetch(query))

    without = await assay_webhooks("encrypt")
    assert (without.returncode, without.stdout, without.stderr) == (2, "", "assay: SECRETS_KEY is not set\n")
    for encrypted in (3, 0):
        done = await assay_webhooks("encrypt", SECRETS_KEY=key)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{encrypted} webhooks encrypted\n", "")
    assert await readable_with(key) == 3
    wrong = await assay_webhooks("encrypt", SECRETS_KEY=other)
    assert (wrong.returncode, wrong.stdout) == (1, "0 webhooks encrypted\n")
    assert wrong.stderr == "assay: SECRETS_KEY: another key has encrypted the secrets of 3 webhooks\n"

    def take_over(line: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command.words("webhooks", "encrypt", "--previous-key-stdin"),
            env=command.environment({"DATABASE_URL": database_url, "SECRETS_KEY": other}),
            input=line, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    for line in ("", "x\n"):
        refused = take_over(line)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("assay: the key on standard input must be the base64 of 32 bytes")
    done = take_over(f"{key}\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 webhooks encrypted\n", "")
    assert await readable_with(other) == 3


async def test_messages_to_service_wide_webhooks_are_listed_and_sent_again(
    assay_webhooks: Webhooks, pool: Pool, bank: Bank
) -> None:
    subscription_id = await new_subscription(pool, "https://platform.example/?token=hidden")
    await complete(pool, await claim_fusion(pool, bank))
    listed = await assay_webhooks("list", "--json")
    line = json.loads(listed.stdout)
    assert (line["subscription_id"], line["host"]) == (str(subscription_id), "platform.example")
    again = await assay_webhooks("redeliver", line["delivery_id"])
    assert again.returncode == 0, again.stderr
    assert "hidden" not in listed.stdout + again.stdout + again.stderr
