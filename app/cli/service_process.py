"""What `assay serve` and `assay worker` have in common: how they start, and how they are told to stop."""

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from app.lifecycle import stop_event
from app.settings import Settings

# More than the clients that one server handles at the same time.
_OPEN_FILES = 65_536

Service = Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]]


def add_service_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the argument by which `assay up` stops a service, and what has to happen before modules are imported."""
    parser.add_argument(
        "--while-stdin-open", action="store_true", help="stop also when standard input ends (used by `assay up`)"
    )
    parser.set_defaults(prepare=_leave_out_rich)


def run_service(settings: Settings, options: argparse.Namespace, service: Service) -> int:
    """Runs the service until SIGTERM or Ctrl-C; returns 0."""
    import uvloop

    async def until_stopped() -> None:
        await service(settings, stop_event(with_stdin=options.while_stdin_open))

    _raise_file_limit()
    uvloop.run(until_stopped())
    return 0


@contextmanager
def importing() -> Iterator[None]:
    """Around the imports of a service. Modules stay for good, so looking for garbage among them would only take a fifth
    of the start-up time, and time in each collection after it."""
    gc.disable()
    yield
    gc.freeze()
    # Most garbage of a request is freed at once by reference counts; cycles are few, so collections can be rarer.
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def _raise_file_limit() -> None:
    """A shell allows some thousand open files where the system allows many more, and each waiting client is one."""
    import resource

    _, maximum = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _OPEN_FILES if maximum == resource.RLIM_INFINITY else min(maximum, _OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, maximum))


def _leave_out_rich() -> None:
    """structlog loads rich where it finds it, for coloured tracebacks: a tenth of the start-up time of a service, which
    logs JSON."""
    sys.modules["rich"] = None  # type: ignore[assignment]  # what makes its import fail
