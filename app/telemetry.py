"""Structured logs: one JSON object per line on standard error, with the ids of the request or job."""

import logging
import re
import sys
import threading
from contextlib import suppress
from functools import partial

import structlog

from app.domain.api_key import without_keys
from app.log_lines import LONGEST_LINE, encode_value, shortened

_LEVELS = {name.lower(): level for name, level in logging.getLevelNamesMapping().items()} | {"exception": logging.ERROR}
# Only one line is in the buffer when that is written, whichever thread it is of.
_WRITING = threading.Lock()
# Postgres quotes the whole row that violates a constraint, with answers and answer keys.
_ROW_DETAIL = re.compile(r"\nDETAIL:.*?(?=\n\n(?:The above|During handling)|\Z)", re.DOTALL)


def configure_logging(level: str, process: int | None = None) -> None:
    """Writes our logs and those of libraries in the same format; `level` is the lowest that is written. Each line has
    the number of the `process` where it is one of several."""
    lowest = logging.getLevelNamesMapping()[level]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        *([partial(_add_process, process)] if process is not None else []),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _remove_rows,
    ]
    structlog.configure(
        # Not through `logging`, which takes several times as long, and there is a line for each request.
        processors=[partial(_drop_below, lowest), *shared, lambda *event: _render(*event).encode()],
        logger_factory=_logger,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _render,
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Their lines for each request or message repeat ours, and may contain addresses with secrets.
    for noisy in ("aiohttp.access", "httpx", "httpx2", "openai", "arq", "asyncio", "yoyo", "matplotlib"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, lowest))


def _drop_below(
    lowest: int, logger: structlog.typing.WrappedLogger, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Not in the class of loggers, which are kept: tests look at what is logged whatever the level is."""
    if _LEVELS[name] < lowest:
        raise structlog.DropEvent
    return event


class _Logger:
    """Writes lines to standard error, for the module of this name. Whoever reads them may have gone, which fails no
    request."""

    def __init__(self, name: str) -> None:
        self.name = name

    def msg(self, line: bytes) -> None:
        """Writes the line, which several threads may do at once."""
        _write(line)

    debug = info = warning = error = exception = critical = msg


class _Handler(logging.Handler):
    """Writes the lines of libraries in the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _write(self.format(record).encode())
        except Exception:
            self.handleError(record)


def _write(line: bytes) -> None:
    """Writes a line at once, so that lines of several processes do not mix."""
    with suppress(OSError, ValueError), _WRITING:
        sys.stderr.buffer.write(line + b"\n")
        sys.stderr.buffer.flush()


def _logger(*names: str) -> _Logger:
    """A logger for the first module outside structlog that uses it, or with this name."""
    if names:
        return _Logger(names[0])
    frame = sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] == "structlog":
        frame = frame.f_back
    return _Logger(str(frame.f_globals.get("__name__")))


def _render(logger: structlog.typing.WrappedLogger, name: str, event: structlog.typing.EventDict) -> str:
    """The line, without API keys wherever they stand in it: whoever mistakes one for something else may send it
    anywhere."""
    line = without_keys(encode_value(event))
    return line if len(line) <= LONGEST_LINE else shortened(event)


def _add_process(
    process: int, logger: structlog.typing.WrappedLogger, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    event["process"] = process
    return event


def _remove_rows(
    logger: structlog.typing.WrappedLogger, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if isinstance(event.get("exception"), str):
        event["exception"] = _ROW_DETAIL.sub("\nDETAIL: removed, it may contain answers", event["exception"])
    return event
