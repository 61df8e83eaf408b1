"""The check of `assay doctor` whether SECRETS_KEY reads the webhook secrets."""

import base64

import pytest

from app.repositories.sql import Pool
from app.services.checks.check import Check, CheckStatus
from app.services.webhooks.stored_secrets import encrypt_stored_secrets
from app.settings import load_settings
from app.wiring.context import secret_cipher
from tests.bank import Bank, create_bank
from tests.webhooks import insert_deliveries
from tests.wiring.test_server_checks import FAILED, OK, checks


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await create_bank(pool)


async def test_the_key_of_webhook_secrets(pool: Pool, bank: Bank, database_url: str) -> None:
    key, other = (base64.b64encode(byte * 32).decode() for byte in (b"k", b"o"))

    async def check(secrets_key: str | None = None) -> Check:
        outcomes = await checks("webhook", database_url=database_url, secrets_key=secrets_key)
        return outcomes["webhook secrets"]

    unset, empty = await check(), await check(key)
    assert (unset.status, "SECRETS_KEY is not set" in unset.seen, empty.status) == (CheckStatus.WARNING, True, OK)
    await insert_deliveries(pool, "https://hooks.example/hook", 2)
    clear = await check(key)
    assert (clear.status, clear.action) == (CheckStatus.WARNING, "run `assay webhooks encrypt`")
    async for _ in encrypt_stored_secrets(pool, secret_cipher(load_settings({}, secrets_key=key)), None):
        pass
    assert (await check(key)).status is OK
    for wrong in (other, None):
        outcome = await check(wrong)
        assert (outcome.status, outcome.seen) == (FAILED, "SECRETS_KEY does not read the secrets of 2 webhooks")
