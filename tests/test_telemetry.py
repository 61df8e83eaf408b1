"""Logs are JSON lines and keep answers out."""

import json
import logging
import subprocess
import sys

_PROGRAM = """
import structlog
from app.telemetry import configure_logging
configure_logging("INFO")
log = structlog.get_logger("test")
try:
    raise ValueError("violates check\\nDETAIL:  Failing row contains (secret answer,\\n second line).")
except ValueError:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        log.exception("failed")
"""


def test_a_row_named_by_postgres_is_left_out() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=30)
    line = json.loads(done.stderr)
    assert (line["event"], line["request_id"], line["level"]) == ("failed", "r-1", logging.getLevelName(40).lower())
    assert "violates check" in line["exception"]
    assert "secret answer" not in done.stderr
    assert "second line" not in done.stderr
