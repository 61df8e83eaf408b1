"""Messages of a benchmark's child process to and from its parent: one line of JSON each, on stdin and stdout."""

import json
import sys
from typing import Any


def receive() -> Any:
    """The next message of the parent; the first one holds the arguments."""
    return json.loads(sys.stdin.readline())


def send(value: Any) -> None:
    """Sends a message to the parent."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
