"""deploy/compose.yaml is valid, and names commands and settings that exist."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.cli.main import _parser
from app.settings import Settings

FILE = Path(__file__).parents[1] / "deploy" / "compose.yaml"
OURS = ("migrate", "server", "worker")


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services by name, with merged keys."""
    loaded: dict[str, dict[str, Any]] = YAML(typ="safe").load(FILE)["services"]
    return loaded


def check(file: Path) -> "subprocess.CompletedProcess[str]":
    """Checks a file against the schema of the Compose specification."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_file_follows_the_schema(tmp_path: Path) -> None:
    done = check(FILE)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(FILE.read_text().replace("condition: service_healthy", "condition: service_helthy"))
    assert check(wrong).returncode == 1


def test_commands_and_settings_exist(services: dict[str, dict[str, Any]]) -> None:
    names = {name.upper() for name in Settings.model_fields}
    for service in OURS:
        words = services[service]["command"]
        assert callable(_parser(words).parse_args(words).run)
        assert set(services[service]["environment"]) <= names


def test_every_service_is_checked_or_ends_by_itself(services: dict[str, dict[str, Any]]) -> None:
    restarts = {name: service["restart"] for name, service in services.items()}
    assert restarts == dict.fromkeys(services, "unless-stopped") | {"migrate": "no"}
    for name in ("postgres", "valkey"):
        assert services[name]["healthcheck"]["test"][0] == "CMD"
    for name in ("server", "worker"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        # Longer than SHUTDOWN_TIMEOUT.
        assert (
            int(services[name]["stop_grace_period"].removesuffix("s"))
            > Settings.model_fields["shutdown_timeout"].get_default()
        )


def test_images_are_exact_and_no_secret_is_in_the_file(services: dict[str, dict[str, Any]]) -> None:
    for name in set(services) - set(OURS):
        assert re.fullmatch(r"[\w/]+:\d+\.\d+\.\d+-\w+", services[name]["image"])
    variables = re.findall(r"\$\{(\w+):\?", FILE.read_text())
    assert set(variables) == {"POSTGRES_PASSWORD", "SECRETS_KEY", "JWT_SECRET"}
    assert "$" not in re.sub(r"\$\{\w+:\?[^}]*\}|\$\(openssl[^)]*\)", "", FILE.read_text())


def test_only_the_server_is_reached_from_outside_and_only_from_this_machine(
    services: dict[str, dict[str, Any]],
) -> None:
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "server": ["127.0.0.1:8080:8080"]
    }
