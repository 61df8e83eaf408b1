"""How a process of this package hears what to do and says what it found: a line of JSON each."""

import json
import sys
from typing import Any


def told() -> Any:
    """What the bench says first: the arguments."""
    return json.loads(sys.stdin.readline())


def say(value: Any) -> None:
    """Tells the bench something."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
