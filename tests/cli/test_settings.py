"""Settings that are wrong or of another version stop every command with a line that names them."""

import pytest

from app.settings import Settings, WrongSetting, load_settings
from tests.cli.conftest import Command
from tests.conftest import SECRET

OTHER_VERSIONS = ("OIDC_SCOPES", "SUMMARY_MODEL")


def test_config_prints_every_setting_and_no_secret(command: Command) -> None:
    secrets = {"JWT_SECRET": SECRET, "OPENAI_API_KEY": "sk-hidden", "DATABASE_URL": "postgresql://u:pw1@h/d"}
    done = command.run("config", **secrets, OPENAI_BASE_URL="https://u:pw2@model.example/v1?key=pw3",
                       OPENAI_EXTRA_QUERY="api-version=2024-10-21&sub-key=pw4")  # fmt: skip
    assert done.returncode == 0
    assert [name for name in Settings.model_fields if name.upper() not in done.stdout] == []
    assert "****@model.example/v1" in done.stdout and "api-version=2024-10-21" in done.stdout
    assert "not in effect" not in done.stdout and [name for name in OTHER_VERSIONS if f"{name} " in done.stdout] == []
    for secret in (SECRET, "sk-hidden", "pw1", "pw2", "pw3", "pw4"):
        assert secret not in done.stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("JWT_SECRET", "short"),
        ("DATABASE_URL", "mysql://elsewhere"),
        ("DATABASE_URL", "postgresql://assay:p4ss#word@elsewhere/assay"),
        ("DATABASE_URL", "postgresql://elsewhere:p4ss/assay"),
        ("REDIS_URL", "http://elsewhere"),
        ("REDIS_URL", "redis://:p4ss/word@elsewhere"),
        ("ESSAY_FALLBACK", "guess"),
        ("MODEL_PRICES", "{"),
        ("MODEL_PRICES", '{"m": {"in": -1, "out": 0}}'),
        ("OPENAI_STRUCTURED_OUTPUT", "xml"),
        ("OPENAI_MAX_TOKENS", "-1"),
        ("OPENAI_EFFORT", "very high"),
        ("OPENAI_EXTRA_QUERY", "p4ss"),
        ("OPENAI_EXTRA_QUERY", "a=1&p4ss"),
        ("EMBEDDING_BATCH", "0"),
        ("RECOMMEND_WITH_MODEL", "perhaps"),
        ("EMBEDDING_DIMENSIONS", "many"),
        ("JOB_LEASE_SECONDS", "0"),
        ("OWNER_MAX_WAITING", "0"),
        ("OWNER_STARTS_PER_DAY", "0"),
        ("OWNER_BUDGET_SHARE", "0"),
        ("OWNER_BUDGET_SHARE", "1.1"),
        ("OWNER_BUDGET_SHARE", "nan"),
        ("APPEAL_DAYS", "-1"),
        ("APPEAL_DAYS", "inf"),
        ("WEBHOOK_RETRY_DELAYS", "5,6"),
        ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/99"),
        ("LOG_LEVEL", "LOUD"),
        ("OIDC_ISSUER", "http://login.example"),
        ("OIDC_ROLE_MAP", "{"),
        ("OIDC_ROLE_MAP", '{"staff": "p4ss"}'),
        ("OIDC_ROLES_CLAIM", "two words"),
        ("SIGN_IN_WITH_TOKEN", "maybe"),
        ("SECRETS_KEY", "p4ss"),
        ("SECRETS_KEY", "p4ss" * 8),
        *(
            (name, value)
            for name in ("RATE_LIMIT", "RATE_LIMIT_ADDRESS")
            for value in (
                "600",
                "600/",
                "/60",
                "0/60",
                "60/0",
                "-1/60",
                "1.5/60",
                "6e2/60",
                "600/86401",
                "600 / 60",
                "off",
            )
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSetting) as refusal:
        load_settings()
    line = str(refusal.value)
    assert line.startswith(f"{name}: ") and "\n" not in line
    assert "p4ss" not in line and "short" not in line.replace("shorter", "")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "eighty", "must be a whole number"),
        ("PORT", "80.5", "must be a whole number"),
        ("PORT", "70000", "must be 65535 or less"),
        ("DATABASE_POOL_SIZE", "1", "must be 2 or more"),
        ("DATABASE_POOLER", "on", "must be 'auto', 'session' or 'transaction'"),
        ("OPENAI_TIMEOUT", "soon", "must be a number"),
        ("OPENAI_EFFORT", "very high", "must be a single word"),
        ("RESCORE_DEGRADED", "maybe", "must be true or false"),
        ("RESCORE_INTERVAL", "0", "must be more than 0"),
        ("MODEL_PRICES", "{", 'must be JSON such as {"gpt-5-mini": {"in": 0.25, "out": 2}}'),
        ("MODEL_PRICES", "[1]", 'must be JSON such as {"gpt-5-mini": {"in": 0.25, "out": 2}}'),
        ("MODEL_PRICES", '{"m": {"in": 1}}', 'm.out is missing; it must be JSON such as {"gpt-5-mini": '),
        ("MODEL_PRICES", '{"m": {"in": 1, "out": 1, "cached": 1}}', "m.cached is not known; it must be JSON such as "),
        ("MODEL_PRICES", '{"m": {"in": 1, "out": NaN}}', "m.out must be a number; it must be JSON such as "),
        ("MODEL_PRICES", '{"m": 3}', "m is no price; it must be JSON such as "),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSetting) as refusal:
        load_settings()
    assert str(refusal.value).startswith(f"{name}: {message}")


IN_HEADERS_AND_URLS = {
    "DATABASE_URL": "postgresql://assay:p4ss@elsewhere/assay",
    "REDIS_URL": "redis://:p4ss@elsewhere",
    "JWT_SECRET": SECRET,
    "METRICS_TOKEN": "p4ss-of-metrics",
    "OPENAI_API_KEY": "sk-p4ss",
    "OPENAI_BASE_URL": "https://model.example/v1",
}
MODEL_NAMES = ("OPENAI_MODEL", "OPENAI_SECOND_MODEL", "EMBEDDING_MODEL")


@pytest.mark.parametrize(("before", "after"), [("", "\n"), ("", "\r\n"), (" \t", " "), ("", "\u00a0")])
@pytest.mark.parametrize("name", [*IN_HEADERS_AND_URLS, "OPENAI_MODEL", "JWT_ISSUER"])
def test_surrounding_white_space_is_no_part_of_a_value(
    monkeypatch: pytest.MonkeyPatch, name: str, before: str, after: str
) -> None:
    value = IN_HEADERS_AND_URLS.get(name, "some-value")
    monkeypatch.setenv(name, before + value + after)
    read = getattr(load_settings(), name.lower())
    assert (read if isinstance(read, str) else read.get_secret_value()) == value


def test_white_space_alone_is_an_unset_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " \r\n")
    assert load_settings().openai_api_key is None


@pytest.mark.parametrize("character", ["\n", "\r", "\x7f", "\x01", "é", "\u200b", "\u00a0", "😀"])
@pytest.mark.parametrize("name", [*IN_HEADERS_AND_URLS, *MODEL_NAMES])
def test_a_secret_address_or_model_with_a_strange_character_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, character: str
) -> None:
    value = IN_HEADERS_AND_URLS.get(name, "gpt-p4ss")
    monkeypatch.setenv(name, value[:-2] + character + value[-2:])
    with pytest.raises(WrongSetting) as refusal:
        load_settings()
    line = str(refusal.value)
    assert line.startswith(f"{name}: ") and "\n" not in line and "p4ss" not in line and SECRET[:-2] not in line


def test_values_of_a_copy_are_checked_in_the_same_way() -> None:
    settings = Settings().with_values(openai_api_key=" sk-p4ss\n")
    assert settings.with_values(port=0).openai_api_key == settings.openai_api_key
    assert settings.openai_api_key is not None and settings.openai_api_key.get_secret_value() == "sk-p4ss"


@pytest.mark.parametrize("name", OTHER_VERSIONS)
def test_a_setting_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "secret-value")
    with pytest.raises(WrongSetting, match=f"^{name}: not a setting of this version") as refusal:
        load_settings()
    assert "secret-value" not in str(refusal.value)


@pytest.mark.parametrize("part", ["config", "serve"])
def test_a_refused_setting_stops_a_command_with_one_line(command: Command, part: str) -> None:
    done = command.run(part, PORT="eighty", JWT_SECRET=SECRET)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("assay: PORT: ") and len(done.stderr.splitlines()) == 1
    done = command.run(part, SUMMARY_MODEL="9", OIDC_SCOPES="openid", JWT_SECRET=SECRET)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("assay: OIDC_SCOPES, SUMMARY_MODEL: ") and len(done.stderr.splitlines()) == 1


def test_an_empty_setting_is_an_unset_one(command: Command) -> None:
    done = command.run("config", **dict.fromkeys((*OTHER_VERSIONS, "PORT", "DATABASE_URL", "ESSAY_FALLBACK"), ""))
    assert (done.returncode, done.stderr) == (0, "")
    assert "8080 (default)" in done.stdout


KEYS = {
    "JWT_JWKS_URL": "https://login.example/jwks?p=1",
    "JWT_ISSUER": "https://login.example",
    "JWT_AUDIENCE": "assay",
}


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example/jwks?p=1",
        "https://login.example:8443/jwks",
        "http://localhost:8000/jwks",
        "http://127.0.0.1/jwks",
        "http://127.8.9.1/jwks",
        "http://[::1]:8000/jwks",
    ],
)
def test_keys_come_over_https_or_from_loopback(url: str) -> None:
    assert load_settings(KEYS | {"JWT_JWKS_URL": url}).jwt_jwks_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example/jwks",
        "http://10.0.0.1/jwks",
        "http://localhost.example/jwks",
        "http://127.0.0.1.example/jwks",
        "http://127.0.0.1@login.example/jwks",
        "http://[::1]:99999/jwks",
        "https://user:p4ss@login.example/jwks",
        "https://login.example/jwks#p4ss",
        "https://login.example\\@127.0.0.1/jwks",
        "https://login.example/j wks",
        "https:///jwks",
        "https://[::1/jwks",
        "ftp://login.example/jwks",
        "login.example/jwks",
    ],
)
def test_another_address_of_keys_is_refused(url: str) -> None:
    with pytest.raises(WrongSetting, match=r"^JWT_JWKS_URL: must be an https address") as refusal:
        load_settings(KEYS | {"JWT_JWKS_URL": url})
    assert "p4ss" not in str(refusal.value)


def test_keys_need_issuer_and_audience_and_no_secret() -> None:
    cases = {
        "JWT_JWKS_URL: set either this or JWT_SECRET, not both": KEYS | {"JWT_SECRET": SECRET},
        "JWT_JWKS_URL: needs JWT_ISSUER": KEYS | {"JWT_ISSUER": ""},
        "JWT_JWKS_URL: needs JWT_AUDIENCE": KEYS | {"JWT_AUDIENCE": " "},
        "JWT_JWKS_URL: needs JWT_ISSUER and JWT_AUDIENCE": {"JWT_JWKS_URL": KEYS["JWT_JWKS_URL"]},
        "JWT_ISSUER: has a control character": KEYS | {"JWT_ISSUER": "https://login.example\tx"},
        # One line for each fault, and none that only follows from another.
        "JWT_SECRET: must have 32 bytes or more": KEYS | {"JWT_SECRET": "short"},
    }
    for line, environment in cases.items():
        with pytest.raises(WrongSetting) as refusal:
            load_settings(environment)
        assert str(refusal.value) == line
