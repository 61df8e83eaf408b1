"""`assay keys` makes, lists, revokes and rotates API keys, without a server and without a secret."""

import asyncio
import json
import re
import subprocess
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from app.cli.main import main
from app.clients.redis import job_queue
from app.clients.redis.key_feed import KeyFeed
from app.domain.api_key import PATTERN, hash_of, id_of
from app.repositories.sql import Pool
from tests.api_keys import new_api_key
from tests.cli.conftest import Command

Keys = Callable[..., Awaitable["subprocess.CompletedProcess[str]"]]
CREATE = ("create", "--name", "Learning platform", "--role", "advisor")


@pytest.fixture
def assay_keys(command: Command, database_url: str) -> Keys:
    """Runs `assay keys` over the test's own database."""

    async def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        environment = {"DATABASE_URL": database_url} | settings
        return await asyncio.to_thread(command.run, "keys", *arguments, **environment)

    return run


async def test_a_key_is_made_with_the_database_alone(assay_keys: Keys, pool: Pool) -> None:
    made = await assay_keys(*CREATE, "--role", "admin", "--days", "2")
    key = made.stdout.strip()
    assert made.returncode == 0 and re.fullmatch(PATTERN, key)
    row = await pool.fetchrow("SELECT * FROM api_keys")
    assert row and (row["id"], row["key_hash"]) == (id_of(key), hash_of(key))
    assert (row["name"], row["roles"], row["created_by"]) == (
        "Learning platform",
        ["advisor", "admin"],
        "assay keys create",
    )
    assert row["expires_at"] - row["created_at"] == timedelta(days=2)
    assert made.stderr == f"{row['id']}: expires at {row['expires_at']:%Y-%m-%dT%H:%M:%SZ}\n"


async def test_keys_are_listed_without_their_secrets(assay_keys: Keys, pool: Pool) -> None:
    assert (await assay_keys("list")).stdout == "no keys\n"
    made = json.loads((await assay_keys(*CREATE, "--days", "0.5", "--json")).stdout)
    key = made.pop("key")
    listed, lines = await assay_keys("list"), await assay_keys("list", "--json")
    header, line = listed.stdout.splitlines()
    assert header.split()[:3] == ["key", "roles", "state"]
    for part in (made["key_id"], "advisor", "valid", "assay keys create", "Learning platform"):
        assert part in line
    assert json.loads(lines.stdout) == made | {"revoked_at": None}
    for text in (listed.stdout, lines.stdout):
        assert key not in text and key[-72:-8] not in text and hash_of(key).hex() not in text


async def test_revoked_keys_are_gone_and_servers_hear_of_it(assay_keys: Keys, pool: Pool, redis_url: str) -> None:
    kept, first, second = [str((await new_api_key(pool, "admin")).record.key_id) for _ in range(3)]
    redis = job_queue.connect(redis_url)
    heard = KeyFeed(redis).subscribe()
    assert await anext(heard) is None
    unknown = str(uuid4())
    revoked = await assay_keys("revoke", first, unknown, second, REDIS_URL=redis_url)
    assert (revoked.returncode, revoked.stdout) == (1, f"{first}: revoked\n{second}: revoked\n")
    assert revoked.stderr == f"assay: {unknown}: there is no such API key\n"
    published: set[str] = set()
    async with asyncio.timeout(20):
        while not published >= {first, second}:
            published |= {str(key_id) for key_id in await anext(heard) or ()}
    await heard.aclose()
    await redis.aclose()
    assert [json.loads(line)["key_id"] for line in (await assay_keys("list", "--json")).stdout.splitlines()] == [kept]
    states = {
        view["key_id"]: view["revoked_at"] is not None
        for view in map(json.loads, (await assay_keys("list", "--all", "--json")).stdout.splitlines())
    }
    assert states == {kept: False, first: True, second: True}
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE actor = 'assay keys revoke'") == 2


async def test_without_redis_a_key_is_revoked_all_the_same(assay_keys: Keys, pool: Pool) -> None:
    key_id = (await new_api_key(pool, "admin")).record.key_id
    revoked = await assay_keys("revoke", str(key_id), REDIS_URL="redis://:hidden@127.0.0.1:1")
    assert (revoked.returncode, revoked.stdout) == (0, f"{key_id}: revoked\n")
    assert revoked.stderr.endswith("servers will notice within 5 s themselves\n") and "hidden" not in revoked.stderr
    assert await pool.fetchval("SELECT revoked_at IS NOT NULL FROM api_keys")


async def test_a_key_is_rotated_with_an_overlap(assay_keys: Keys, pool: Pool) -> None:
    old = (await new_api_key(pool, "author")).record
    rotated = await assay_keys("rotate", str(old.key_id), "--overlap", "60", "--json")
    new = json.loads(rotated.stdout)
    assert (new["name"], new["roles"], id_of(new["key"])) == (old.name, ["author"], id_of(new["key"]))
    row = await pool.fetchrow("SELECT replaced_by, expires_at FROM api_keys WHERE id = $1", old.key_id)
    assert row and str(row["replaced_by"]) == new["key_id"]
    assert row["expires_at"] - datetime.fromisoformat(new["created_at"]) == timedelta(seconds=60)
    unknown = await assay_keys("rotate", str(uuid4()))
    assert (unknown.returncode, unknown.stdout) == (1, "") and "there is no such API key" in unknown.stderr


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("create", "--name", " ", "--role", "admin", "--days", "1"), "--name"),
        ((*CREATE, "--days", "0"), "--days"),
        ((*CREATE, "--days", "nan"), "--days"),
        ((*CREATE, "--days", "4000"), "--days"),
        (("rotate", str(uuid4()), "--overlap", "-1"), "--overlap"),
    ],
)
async def test_wrong_values_are_refused(assay_keys: Keys, pool: Pool, arguments: tuple[str, ...], option: str) -> None:
    done = await assay_keys(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"assay: {option}: ") and len(done.stderr.splitlines()) == 1
    assert await pool.fetchval("SELECT count(*) FROM api_keys") == 0


@pytest.mark.parametrize(
    "arguments",
    [(), CREATE, ("create", "--days", "1", "--role", "admin"), (*CREATE, "--days", "1", "--role", "king"),
     ("revoke",), ("revoke", "x"), ("rotate", "x"), ("list", "--limit", "0")],
)  # fmt: skip
def test_wrong_arguments_are_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["keys", *arguments])
    output = capsys.readouterr()
    assert (end.value.code, output.out, "usage: assay keys" in output.err) == (2, "", True)
