"""Lines of the log that are short enough to be written at once."""

import json
from collections.abc import Mapping
from typing import Any

from app.domain.api_key import without_keys

# A pipe takes up to 4,096 bytes (PIPE_BUF on Linux) as a whole; of longer lines, parts of other processes may come in
# between. Without the end of the line.
LONGEST_LINE = 4_095
# How many characters each value may have: as many as fit. Values with many escapes need several bytes for each.
_LIMITS = (3_000, 2_000, 1_200, 600, 300, 100, 30)
# What remains of a line with hundreds of fields.
_ESSENTIAL = ("event", "level", "logger", "timestamp", "process", "request_id", "job_id")
# Of a stack trace, the end says most.
_SHARE_OF_START = 0.3
# Values of our classes are logged by their `repr`, which hides secrets.
_ENCODER = json.JSONEncoder(default=repr)

# The JSON of a value, in ASCII.
encode_value = _ENCODER.encode


def shortened(event: Mapping[str, Any]) -> str:
    """The line of an event that is too long, with the middle of its longest values left out and `truncated`."""
    whole = {name: _as_text(value) for name, value in event.items()}
    for fields in (whole, {name: whole[name] for name in _ESSENTIAL if name in whole}):
        for limit in _LIMITS:
            short = {without_keys(name)[:limit]: _cut(value, limit) for name, value in fields.items()}
            line = encode_value(short | {"truncated": True})
            if len(line) <= LONGEST_LINE:
                return line
    return encode_value({"truncated": True})


def _as_text(value: Any) -> Any:
    """Text that may be cut, without API keys: of half a key nobody would see that it is one."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return without_keys(value if isinstance(value, str) else encode_value(value))


def _cut(value: Any, limit: int) -> Any:
    if not isinstance(value, str) or len(value) <= limit:
        return value
    start = int(limit * _SHARE_OF_START)
    end = limit - start
    return f"{value[:start]} [{len(value) - limit} characters left out] {value[-end:]}"
