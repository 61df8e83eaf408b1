"""SECRETS_KEY at a server: what it stores of webhook secrets, and what it says at its start without a key."""

import asyncio
import base64

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from app.domain.webhook.secret_cipher import is_encrypted
from app.repositories.sql import Pool
from app.server import serve
from app.settings import Settings
from app.wiring.context import secret_cipher
from tests.bank import SLUG, Bank
from tests.fakes.conditions import until
from tests.web.conftest import Serve
from tests.webhooks import OTHER_SECRET, SECRET, UNREACHABLE_URL

KEY = SecretStr(base64.b64encode(b"k" * 32).decode())


async def test_what_is_registered_is_stored_encrypted(serve: Serve, bank: Bank, pool: Pool, settings: Settings) -> None:
    api = await serve(secrets_key=KEY)
    path = (await api.post("/assessments", {"track": SLUG})).headers["Location"]
    cipher = secret_cipher(settings.model_copy(update={"secrets_key": KEY}))
    for chosen in (SECRET, None, OTHER_SECRET):
        body = {"webhook_url": UNREACHABLE_URL} | ({"secret": chosen} if chosen else {})
        reply = await api.post(f"{path}/webhook", body)
        secret = reply.body["secret"]
        assert (reply.status in (200, 201), secret.startswith("whsec_")) == (True, True)
        row = await pool.fetchrow("SELECT id, webhook_secret, webhook_old_secret FROM assessments")
        assert (
            row and is_encrypted(row["webhook_secret"]) and cipher.decrypt(row["webhook_secret"], row["id"]) == secret
        )
        assert row["webhook_old_secret"] is None or is_encrypted(row["webhook_old_secret"])
    assert "secret" not in (await api.get(f"{path}/webhook")).body


@pytest.mark.parametrize(("key", "lines"), [(None, 1), (KEY, 0)])
async def test_a_server_without_a_key_says_so_once(settings: Settings, key: SecretStr | None, lines: int) -> None:
    stop = asyncio.Event()
    with capture_logs() as logs:
        serving = asyncio.create_task(serve(settings.model_copy(update={"port": 0, "secrets_key": key}), stop))

        async def started() -> bool:
            return any(line["event"] == "serving" for line in logs)

        await until(started)
        stop.set()
        await serving
    warnings = [line for line in logs if line["event"] == "webhook_secrets_in_clear"]
    assert [(line["log_level"], line["setting"]) for line in warnings] == [("warning", "SECRETS_KEY")] * lines
