"""Every command that changes something has its changes in the audit log, and those that change nothing have no line."""

import argparse
import asyncio
import base64
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from app.cli.main import _COMMANDS
from app.domain.states import JobType
from app.repositories.sql import Pool
from benchmarks.credentials.made_up_credentials import made_up_credentials
from tests.api_keys import new_api_key
from tests.bank import create_bank
from tests.cli.conftest import Command
from tests.dead_letters import fail_job
from tests.job_runner import submit
from tests.webhooks import insert_delivery

SUB = "student-9"
# What each command writes into the log, by its actor: the actions and entities of its lines.
LINES = {
    "seed": {("create", "track"), ("create", "question"), ("create", "credential")},
    "keys create": {("create", "api_key")},
    "keys rotate": {("create", "api_key"), ("rotate", "api_key")},
    "keys revoke": {("revoke", "api_key")},
    "people export": {("export", "person")},
    "people erase": {("erase", "person")},
    "jobs retry": {("retry", "job")},
    "webhooks redeliver": {("retry", "delivery")},
    "webhooks encrypt": {("update", "webhook")},
    "credentials import": {("create", "credential")},
    "credentials delete": {("delete", "credential")},
    "credentials reindex": {("update", "embedding_space")},
    "skill-aliases import": {("update", "skill_aliases")},
    "skill-aliases reset": {("delete", "skill_aliases")},
}
# Those that read, and those that start what writes lines itself.
WITHOUT_LINES = {
    "up", "demo", "serve", "worker", "token", "doctor", "config", "evaluate", "evaluate-retrieval", "keys list",
    "jobs list", "webhooks list", "webhooks show", "credentials list", "credentials export", "skill-aliases export",
    # The schema has a log of its own, and the first migration makes ours.
    "migrate",
}  # fmt: skip


def commands() -> Iterator[str]:
    """All commands, with their actions."""
    for name, (module, _) in _COMMANDS.items():
        parser = argparse.ArgumentParser()
        import_module(module).configure(parser)
        groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        yield from (f"{name} {action}" for group in groups for action in group.choices) if groups else [name]


def test_every_command_is_tried_or_changes_nothing() -> None:
    assert sorted(commands()) == sorted(LINES.keys() | WITHOUT_LINES)


async def arguments_of(pool: Pool, folder: Path) -> dict[str, list[str]]:
    """The arguments with which each command changes something."""
    bank = await create_bank(pool)
    rotated, revoked = [str((await new_api_key(pool, "student")).record.key_id) for _ in range(2)]
    failed = await fail_job(pool, await submit(pool, bank, "student-1"), JobType.GPT)
    delivery = await insert_delivery(pool, await submit(pool, bank, "student-2"))
    await submit(pool, bank, SUB)
    file = folder / "credentials.jsonl"
    file.write_text("\n".join(map(json.dumps, made_up_credentials(2))), "utf-8")
    names = folder / "names.csv"
    names.write_text("alias,skill\nk8s,kubernetes\n", "utf-8")
    retired = await pool.fetchval("SELECT id FROM credentials LIMIT 1")
    return {
        "seed": [],
        "keys create": ["--name", "LMS", "--role", "student", "--days", "1"],
        "keys rotate": [rotated],
        "keys revoke": [revoked],
        "jobs retry": [str(failed)],
        "webhooks redeliver": [str(delivery)],
        "webhooks encrypt": [],
        "credentials import": [str(file)],
        "credentials delete": [str(retired)],
        "credentials reindex": [],
        "skill-aliases import": [str(names)],
        "skill-aliases reset": [],
        "people export": [SUB],
        "people erase": [SUB, "--yes"],
    }


async def test_every_change_has_its_lines(command: Command, pool: Pool, database_url: str, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": database_url, "SECRETS_KEY": base64.b64encode(b"k" * 32).decode()}
    for words, arguments in (await arguments_of(pool, tmp_path)).items():
        await pool.execute("DELETE FROM audit_log")
        done = await asyncio.to_thread(command.run, *words.split(), *arguments, **settings)
        assert done.returncode == 0, (words, done.stderr)
        rows = await pool.fetch("SELECT actor, action, entity FROM audit_log")
        assert {(row["action"], row["entity"]) for row in rows} == LINES[words], words
        assert {row["actor"] for row in rows} == {f"assay {words}"}


async def test_what_was_done_already_has_no_line(command: Command, pool: Pool, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "SECRETS_KEY": base64.b64encode(b"k" * 32).decode()}
    await create_bank(pool)
    for words in ("credentials reindex", "webhooks encrypt"):
        assert (await asyncio.to_thread(command.run, *words.split(), **settings)).returncode == 0
        await pool.execute("DELETE FROM audit_log")
        assert (await asyncio.to_thread(command.run, *words.split(), **settings)).returncode == 0
        assert await pool.fetchval("SELECT count(*) FROM audit_log") == 0
