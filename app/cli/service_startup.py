"""Shared start-up of `assay serve` and `assay worker`: argument, garbage collector, file limit, event loop."""

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from app.lifecycle import stop_event
from app.open_files import raise_open_file_limit
from app.settings import Settings

Service = Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]]


def add_service_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the argument that `assay up` uses to stop a service, and a hook that runs before modules are imported."""
    parser.add_argument(
        "--stop-on-stdin-eof", action="store_true", help="also stop when standard input ends (used by `assay up`)"
    )
    parser.set_defaults(prepare=_leave_out_rich)


def run_service(settings: Settings, options: argparse.Namespace, service: Service) -> int:
    """Runs the service until SIGTERM or Ctrl-C; returns 0."""
    import uvloop

    async def until_stopped() -> None:
        await service(settings, stop_event(with_stdin=options.stop_on_stdin_eof))

    raise_open_file_limit()
    uvloop.run(until_stopped())
    return 0


@contextmanager
def gc_paused_during_imports() -> Iterator[None]:
    """Pauses garbage collection during imports, which saves a fifth of the start-up time. Modules are never garbage, so
    later collections skip them as well."""
    gc.disable()
    yield
    gc.freeze()
    # Reference counts free most garbage of a request at once; cycles are few, so collections can be rarer.
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def _leave_out_rich() -> None:
    """Keeps structlog from loading rich for coloured tracebacks: it takes a tenth of the start-up time, and a service
    logs JSON."""
    sys.modules["rich"] = None  # type: ignore[assignment]  # makes its import fail
