"""Runs the shell blocks of a document in one shell, as a reader pastes them."""

import re
import socket
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_API = "http://127.0.0.1:8080"
_RECEIVER_PORT = "9090"
_SECONDS = 120


def run_tour(document: str, url: str, folder: Path, environment: dict[str, str]) -> str:
    """The output of all shell blocks of the document but those of make, run in `folder` against the API at `url`.

    The folder gets `.venv`, as a checkout has it.
    """
    (folder / ".venv").symlink_to(sys.prefix)
    text = (_ROOT / document).read_text("utf-8")
    assert _API in text
    blocks = [block for block in _BLOCK.findall(text) if not block.startswith("make")]
    script = "".join(blocks).replace(_API, url).replace(_RECEIVER_PORT, str(_free_port()))
    done = subprocess.run(
        ["bash", "-u", "-c", script],  # noqa: S607 - the reader's own
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
