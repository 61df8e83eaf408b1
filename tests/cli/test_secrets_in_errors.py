"""No part of a secret is in any output, however the setting that has it is malformed."""

import json
import signal
import subprocess
import sys
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.local.embedded import ServerUrls
from app.settings import Settings, WrongSetting, load_settings
from tests.cli.conftest import Command
from tests.conftest import SECRET

# A secret is these words with something between, before and after them.
WORDS = ("Qzxw1", "Vkjq2")
SPECIAL = (
    "", "/", "//", "?", "#", "@", ":", "%", "%zz", "%2F", "%3A", "%40", "[", "]", "[]", "&", "=", "&y=", "?y=",
    "\\", "'", '"', ",", ";", "+", " ", "\n", "\t", "\x7f", "é", "://",
    "1", "1/", "1?", "1#", "1,", "$(x)", "{x}", "%(x)s",
)  # fmt: skip
POSTGRES = (
    "postgresql://u:{}@127.0.0.1:1/d", "postgres://u:{}@127.0.0.1:1", "postgresql://127.0.0.1:1/d?user=u&password={}",
    "postgresql://u:{}@127.0.0.1:1,127.0.0.1:2/d?sslmode=disable", "postgresql://:{}@127.0.0.1:1/d",
    "postgresql://127.0.0.1:1/d?sslmode=require&sslpassword={}&sslkey=/none", "postgresql://u:{}@[::1]:1/d",
)  # fmt: skip
TEMPLATES = {
    "DATABASE_URL": POSTGRES,
    "MIGRATE_DATABASE_URL": POSTGRES,
    "DATABASE_READ_URL": POSTGRES,
    "REDIS_URL": (
        "redis://:{}@127.0.0.1:1", "rediss://u:{}@127.0.0.1:1/0", "redis://127.0.0.1:1?password={}",
        "unix://:{}@/none.sock", "unix:///none.sock?db=0&password={}", "redis://u:{}@[::1]:1/0",
    ),
    "JWT_JWKS_URL": ("https://127.0.0.1:1/keys?token={}", "https://u:{}@127.0.0.1:1/keys"),
    "METRICS_TOKEN": ("{}", "{}" + "-" * 40),
    "OIDC_CLIENT_SECRET": ("{}", "{}" + "-" * 40),
    "SECRETS_KEY": ("{}", "{}" + "A" * 32 + "="),
    "JWT_SECRET": ("{}", "{}" + "-" * 40),
    "OPENAI_API_KEY": ("{}", "sk-{}"),
    "OPENAI_BASE_URL": ("https://u:{}@127.0.0.1:1/v1", "http://127.0.0.1:1/v1?api-key={}", "http://:{}@127.0.0.1:1"),
    "OPENAI_EXTRA_QUERY": ("api-version=1&key={}", "key={}"),
    "PUBLIC_URL": ("https://u:{}@example.org/assay",),
}  # fmt: skip
# What else can be wrong with a URL, while the secret stands where it should.
MISTAKES = (
    lambda url: url,
    lambda url: url.replace("://", ":", 1),
    lambda url: url.replace("://", ":/", 1),
    lambda url: url.replace(":1", ":", 1),
    lambda url: url.replace(":1", ":one", 1),
    lambda url: url.replace("127.0.0.1", "", 1),
    lambda url: url.replace("127.0.0.1", "[127.0.0.1", 1),
    lambda url: url + "?unknown=1",
    lambda url: url + "#fragment",
    lambda url: url[:-3],
    lambda url: f'"{url}"',
    lambda url: url.upper().replace(WORDS[0].upper(), WORDS[0]).replace(WORDS[1].upper(), WORDS[1]),
)

secrets = st.tuples(*[st.sampled_from(SPECIAL)] * 3).map(
    lambda parts: f"{parts[0]}{WORDS[0]}{parts[1]}{WORDS[1]}{parts[2]}"
)
values = st.sampled_from(sorted(TEMPLATES)).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.builds(
            lambda template, mistake, secret: mistake(template.format(secret)),
            st.sampled_from(TEMPLATES[name]),
            st.sampled_from(MISTAKES),
            secrets,
        ),
    )
)


def check(output: str, *context: object) -> None:
    """Fails if the output has a part of the secret."""
    assert [word for word in WORDS if word.lower() in output.lower()] == [], (*context, output)


def test_every_secret_setting_is_tried() -> None:
    kinds = {name.upper(): str(field.annotation) for name, field in Settings.model_fields.items()}
    assert {name for name, kind in kinds.items() if "SecretStr" in kind} <= TEMPLATES.keys()


@settings(max_examples=500)
@example(("DATABASE_URL", "postgresql://u:?Qzxw1=Vkjq2@127.0.0.1:1/d"))
@example(("DATABASE_URL", "postgresql://127.0.0.1:1/d?password=Qzxw1&Vkjq2="))
@example(("REDIS_URL", "redis://:Qzxw1[Vkjq2]@127.0.0.1:1"))
@example(("REDIS_URL", "redis://127.0.0.1:1?password=Qzxw1&Vkjq2"))
@given(setting=values)
def test_a_wrong_value_is_refused_without_its_secret(setting: tuple[str, str]) -> None:
    name, value = setting
    try:
        load_settings({name: value})
    except WrongSetting as error:
        assert str(error).startswith(f"{name}: ") and "\n" not in str(error)
        check(str(error), value)


COMMANDS = (
    ("migrate",), ("seed",), ("config",), ("token", "--role", "admin"), ("jobs", "list"), ("jobs", "retry", "--all"),
    ("webhooks", "list"), ("webhooks", "show", str(uuid4())), ("credentials", "reindex"), ("evaluate-retrieval",),
    ("demo",),
)  # fmt: skip
# Secrets that a URL carries in spite of their characters, and those that break it.
SAMPLES = ("Qzxw1Vkjq2", "Qzxw1%40Vkjq2", "Qzxw1:Vkjq2", "Qzxw1/Vkjq2", "1/Qzxw1Vkjq2", "Qzxw1#Vkjq2", "Qzxw1@Vkjq2@")
USABLE = {
    "JWT_SECRET": SECRET, "DATABASE_URL": "postgresql://u@127.0.0.1:1/d", "REDIS_URL": "redis://127.0.0.1:1",
    "OPENAI_API_KEY": "sk-none",
}  # fmt: skip


def test_commands_print_and_log_no_secret(command: Command, servers: ServerUrls) -> None:
    """With servers that do not answer, and with one that refuses the password."""
    place = servers.database_url.rpartition("@")[2]
    environments = [
        {name: templates[0].format(secret)} for (name, templates), secret in product(TEMPLATES.items(), SAMPLES)
    ]
    environments += [{"DATABASE_URL": f"postgresql://assay:{sign}Qzxw1Vkjq2@{place}"} for sign in ("", ":", "%40")]
    cases = [
        (arguments, USABLE | environment)
        for environment in environments
        # A refused value stops all commands alike.
        for arguments in (COMMANDS if is_accepted(environment) else [("config",)])
    ]
    checked = ("DATABASE_URL", "REDIS_URL", "OPENAI_BASE_URL")
    cases += [(("doctor",), USABLE | {name: TEMPLATES[name][0].format(SAMPLES[1])}) for name in checked]
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.run_commands"],
        env=command.environment({}), input=json.dumps(cases), capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    outputs = json.loads(done.stdout)
    assert len(outputs) == len(cases) > 250
    for (arguments, environment), output in zip(cases, outputs, strict=True):
        check(output, arguments, environment)
    assert any("password authentication failed" in output for output in outputs)
    assert sum("Traceback" in output for output in outputs) == 0


def is_accepted(environment: dict[str, str]) -> bool:
    """Whether the settings are well-formed."""
    try:
        load_settings(environment)
    except WrongSetting:
        return False
    return True


@pytest.mark.parametrize("part", ["serve", "worker"])
@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_services_log_no_secret(command: Command, part: str, name: str) -> None:
    url = TEMPLATES[name][0].format("Qzxw1%40Vkjq2")
    process = command.start(part, **(USABLE | {"PORT": "0", "LOG_LEVEL": "DEBUG", name: url}))
    assert process.stdout
    output = ""
    while f'"{name.removesuffix("_URL").lower()}_unavailable"' not in output:
        line = process.stdout.readline()
        assert line, output
        output += line
    process.send_signal(signal.SIGTERM)
    output += process.communicate(timeout=60)[0]
    check(output)
