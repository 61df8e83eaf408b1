"""Logs are JSON lines and keep answers out."""

import json
import logging
import select
import subprocess
import sys
from uuid import uuid4

from app.domain.api_key import new_key

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


_PROGRAM_WITH_A_KEY = """
import logging, sys
import structlog
from app.telemetry import configure_logging
configure_logging("INFO")
key = sys.argv[1]
structlog.get_logger("test").info(f"sent {key}", path=f"/tracks?key={key}", fields={"list": [key, {key: 1}]})
logging.getLogger("library").warning("cannot connect with %s", key)
try:
    raise ValueError(f"not an address: {key}")
except ValueError:
    structlog.get_logger("test").exception("failed")
"""


def test_an_api_key_is_cut_out_wherever_it_stands() -> None:
    key = new_key(uuid4(), bytes(range(32)))
    command = [sys.executable, "-c", _PROGRAM_WITH_A_KEY, key]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert key[-72:-8] not in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines[0]["event"] == "sent [cut]" and lines[0]["path"] == "/tracks?key=[cut]"
    assert lines[1]["event"] == "cannot connect with [cut]"
    assert "not an address: [cut]" in lines[2]["exception"]


_PROGRAM_WITH_ODD_VALUES = """
import logging
from dataclasses import dataclass
from pydantic import SecretStr
import structlog
from app.telemetry import configure_logging
configure_logging("WARNING")
log = structlog.get_logger()

@dataclass
class Held:
    secret: SecretStr

log.info("not written")
log.warning("odd", half="\\ud800", large=2**80, held=Held(SecretStr("hunter2")), keys={1: 2}, number=float("nan"))
logging.getLogger("library").info("not written")
logging.getLogger("library").error("of a library")
"""


def test_odd_values_and_levels() -> None:
    command = [sys.executable, "-c", _PROGRAM_WITH_ODD_VALUES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    odd, other = (json.loads(line) for line in done.stderr.splitlines())
    assert (odd["event"], odd["level"], odd["logger"]) == ("odd", "warning", "__main__")
    assert (odd["half"], odd["large"], odd["keys"]) == ("\ud800", 2**80, {"1": 2})
    assert "hunter2" not in done.stderr and "SecretStr" in odd["held"]
    assert (other["event"], other["level"], other["logger"]) == ("of a library", "error", "library")


_PROGRAM_WITH_LONG_LINES = """
import logging, sys
import structlog
from app.telemetry import configure_logging
configure_logging("INFO")
log = structlog.get_logger("test")
key = sys.argv[1]
for start in range(0, 3000, 40):
    log.info("sent", text="x" * start + " " + key + " " + "y" * 4000)
log.info("in many bytes", text="\U0001f600" * 5000, number=1, list=["z" * 3000, {"deep": ["z" * 3000]}])
log.info("many", **{f"field_{number}": "w" * 100 for number in range(400)})
logging.getLogger("library").warning("of a library: %s", "v" * 9000)
try:
    raise ValueError("begins" + "u" * 8000 + "ends")
except ValueError:
    log.exception("failed", short="kept")
"""


def test_no_line_is_longer_than_a_pipe_takes_at_once() -> None:
    key = new_key(uuid4(), bytes(range(32)))
    command = [sys.executable, "-c", _PROGRAM_WITH_LONG_LINES, key]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    written = done.stderr.splitlines(keepends=True)
    assert max(map(len, written)) <= select.PIPE_BUF and len(written) == 79
    lines = [json.loads(line) for line in written]
    assert all(line["truncated"] is True for line in lines)
    assert not any(part in line for line in done.stderr.decode().splitlines() for part in (key[:20], key[-40:]))
    *_, in_bytes, many, library, failed = lines
    assert (
        in_bytes["event"] == "in many bytes" and in_bytes["number"] == 1 and "characters left out" in in_bytes["list"]
    )
    assert (many["event"], many["level"]) == ("many", "info")
    assert library["event"].startswith("of a library") and library["logger"] == "library"
    assert failed["short"] == "kept" and failed["exception"].startswith("Traceback")
    assert failed["exception"].endswith("uends")


_PROGRAM_OF_SEVERAL = """
import os, sys
import structlog
from app.telemetry import configure_logging
configure_logging("INFO")
log = structlog.get_logger("test")
for _ in range(2):
    os.fork()
for number in range(300):
    log.info("line", text=chr(97 + number % 26) * (number * 37 % 8000))
"""


def test_lines_of_several_processes_do_not_mix() -> None:
    command = [sys.executable, "-c", _PROGRAM_OF_SEVERAL]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert len(lines) == 1200 and {line["event"] for line in lines} == {"line"}


_PROGRAM_WITHOUT_A_READER = """
import os
import sys
import structlog
from app.telemetry import configure_logging
configure_logging("INFO")
log = structlog.get_logger()
log.info("first")
reading, writing = os.pipe()
os.dup2(writing, 2)
os.close(reading)
for _ in range(3):
    log.error("nobody reads this", exc_info=ValueError())
print("still here")
"""


def test_a_log_that_nobody_reads_any_more_fails_nothing() -> None:
    command = [sys.executable, "-c", _PROGRAM_WITHOUT_A_READER]
    # Python itself exits with 120 then.
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == "still here\n" and "first" in done.stderr
