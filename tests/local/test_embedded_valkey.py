"""The embedded Valkey starts, stops, and survives kills and stale files."""

import os
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from app.local.embedded import EmbeddedServerError, EmbeddedValkey
from app.local.embedded.valkey import START_SECONDS


def test_a_restart_keeps_url_and_data(valkey: EmbeddedValkey) -> None:
    url = valkey.start()
    with Redis.from_url(url) as client:
        client.set("kept", "42")
    valkey.stop()
    assert not valkey.running() and valkey.pid() is None
    assert valkey.start() == url
    with Redis.from_url(url) as client:
        assert client.get("kept") == b"42"


def test_starting_twice_starts_once(valkey: EmbeddedValkey) -> None:
    url, pid = valkey.start(), valkey.pid()
    assert valkey.start() == url
    assert valkey.pid() == pid


def test_written_data_survives_a_kill(valkey: EmbeddedValkey) -> None:
    with Redis.from_url(valkey.start()) as client:
        client.set("kept", "42")
        valkey.kill()
        assert not valkey.running()
    with Redis.from_url(valkey.start()) as client:
        assert client.get("kept") == b"42"


def test_only_the_password_opens_it(valkey: EmbeddedValkey, new_folder: Path) -> None:
    url = valkey.start()
    port, secret = urlsplit(url).port, urlsplit(url).password
    with Redis(port=port or 0) as client, pytest.raises(AuthenticationError):
        client.ping()
    listing = subprocess.run(["/bin/ps", "-ww", "-o", "args", "-p", str(valkey.pid())], capture_output=True, text=True)
    assert "valkey-server" in listing.stdout and str(secret) not in listing.stdout
    for name in ("valkey.conf", "valkey.password"):
        assert (new_folder / name).stat().st_mode & 0o777 == 0o600


def test_ctrl_c_in_the_terminal_does_not_reach_it(valkey: EmbeddedValkey) -> None:
    valkey.start()
    pid = valkey.pid()
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)


def test_a_stale_pid_that_belongs_to_another_process(
    valkey: EmbeddedValkey, new_folder: Path, other_process: subprocess.Popen[bytes]
) -> None:
    valkey.start()
    valkey.kill()
    (new_folder / "valkey.pid").write_text(str(other_process.pid))
    assert valkey.pid() is None
    valkey.stop()
    valkey.start()
    assert valkey.running()
    assert other_process.poll() is None


def test_a_taken_port_is_not_used(valkey: EmbeddedValkey) -> None:
    first = urlsplit(valkey.start()).port
    valkey.stop()
    with socket.create_server(("127.0.0.1", first or 0)):
        second = valkey.start()
    assert urlsplit(second).port != first
    assert valkey.running()


def test_an_error_comes_at_once_and_includes_the_log(valkey: EmbeddedValkey, new_folder: Path) -> None:
    (new_folder / "valkey").mkdir()
    (new_folder / "valkey" / "appendonlydir").touch()
    started = time.monotonic()
    with pytest.raises(EmbeddedServerError, match="append-only dir"):
        valkey.start()
    assert time.monotonic() - started < START_SECONDS / 2
