"""`assay doctor` as a user calls it: lines or one JSON document, exit status, and no secrets."""

import asyncio
import base64
import json

import pytest

from app.local.embedded import ServerUrls
from tests.cli.conftest import Command
from tests.conftest import SECRET
from tests.fakes.tokens.identity_provider import AUDIENCE, ISSUER, identity_provider, rsa_key
from tests.fakes.tokens.openid_provider import openid_provider
from tests.fakes.webhook_receiver import answer


def test_everything_is_all_right(command: Command, database_url: str, servers: ServerUrls) -> None:
    settings = {"DATABASE_URL": database_url, "REDIS_URL": servers.redis_url, "JWT_SECRET": SECRET}
    settings["SECRETS_KEY"] = base64.b64encode(bytes(32)).decode()
    # A port that is free, and few enough connections for the files that any system allows.
    done = command.run("doctor", **settings, PORT="0", MAX_CONNECTIONS="100")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok       settings: ") and not [line for line in lines if line.startswith("FAILED")]
    assert [line for line in lines if line.startswith("warning")] == [
        "warning  model: no key is set, so essays get the local estimate; set OPENAI_API_KEY to have a model score them"
    ]


def test_all_wrong_settings_have_a_line_and_the_rest_is_checked(command: Command, servers: ServerUrls) -> None:
    settings = {
        "PORT": "eighty",
        "DATABASE_URL": "mysql://u:p4ss@h/d",
        "JWT_SECRET": "p4ss",
        "OIDC_SCOPES": "openid",
    }
    done = command.run("doctor", **settings, REDIS_URL=servers.redis_url)
    assert (done.returncode, done.stderr) == (1, "") and "p4ss" not in done.stdout
    for name in settings:
        assert f"FAILED   settings: {name}: " in done.stdout
    assert "warning  postgres: not checked" in done.stdout and "ok       redis: Valkey" in done.stdout


def test_without_servers_it_says_how_to_start_them(command: Command) -> None:
    done = command.run("doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert "FAILED   postgres: DATABASE_URL is not set" in done.stdout and "`make run`" in done.stdout


def test_the_same_as_one_json_document(command: Command, database_url: str) -> None:
    url = "redis://:p4ssword@127.0.0.1:1"
    done = command.run("doctor", "--json", DATABASE_URL=database_url, REDIS_URL=url, JWT_SECRET=SECRET, PORT="0")
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert document["status"] == "failed" and "p4ssword" not in done.stdout
    assert [check["name"] for check in document["checks"] if check["status"] == "failed"] == ["redis"]
    assert all(set(check) == {"name", "status", "seen", "action"} for check in document["checks"])


async def test_the_keys_of_tokens_are_checked(command: Command) -> None:
    async def doctor(url: str) -> str:
        settings = {"JWT_JWKS_URL": url, "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}
        done = await asyncio.to_thread(command.run, "doctor", **settings)
        [line] = [line for line in done.stdout.splitlines() if " jwks: " in line]
        assert "JWT_SECRET" not in done.stdout
        return line

    async with identity_provider(rsa_key().public()) as provider:
        assert await doctor(provider.url) == "ok       jwks: usable: 'rsa' (RS256)"
        provider.publish(rsa_key().public(), rsa_key("other").public(use="enc"))
        assert (await doctor(provider.url)).startswith(
            "warning  jwks: usable: 'rsa' (RS256); key 'other' is ignored: its"
        )
        provider.publish(rsa_key().public(use="enc"))
        assert (await doctor(provider.url)).startswith("FAILED   jwks: no usable key; key 'rsa' is ignored: ")
        provider.behave(answer(404))
        line = "FAILED   jwks: status 404; check JWT_JWKS_URL, and that this machine may connect to it"
        assert await doctor(provider.url) == line
    assert (await doctor(provider.url)).startswith("FAILED   jwks: ")


async def test_the_openid_provider_is_checked(command: Command) -> None:
    async def doctor(url: str) -> str:
        done = await asyncio.to_thread(command.run, "doctor", OIDC_ISSUER=url, OIDC_CLIENT_ID="assay")
        return next(line for line in done.stdout.splitlines() if " openid provider: " in line)

    async with openid_provider() as provider:
        assert await doctor(provider.url) == "ok       openid provider: usable keys: 'rsa' (RS256)"
        provider.configuration = {"issuer": "https://other.example"}
        assert (await doctor(provider.url)).startswith("FAILED   openid provider: the provider's configuration names")
    assert (await doctor(provider.url)).startswith("FAILED   openid provider: ")


@pytest.mark.parametrize("arguments", [("--jsn",), ("postgres",)])
def test_wrong_usage(command: Command, arguments: tuple[str, ...]) -> None:
    assert command.run("doctor", *arguments).returncode == 2
