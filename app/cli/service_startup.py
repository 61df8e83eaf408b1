"""Shared start-up of `assay serve` and `assay worker`: arguments, garbage collector, file limit, event loop, and the
supervisor of several processes."""

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Any

from app.cli.arguments import positive_integer
from app.lifecycle import stop_event
from app.open_files import raise_open_file_limit
from app.settings import Settings
from app.supervision.service_process import ALONE, ServiceProcess, SupervisorLink, beating

Service = Callable[[Settings, asyncio.Event, ServiceProcess], Coroutine[Any, Any, None]]


def add_service_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of both services, and a hook that runs before modules are imported."""
    parser.add_argument(
        "--processes",
        type=positive_integer,
        default=1,
        metavar="N",
        help="processes that share the work; one that ends is started again (default: 1)",
    )
    parser.add_argument(
        "--stop-on-stdin-eof", action="store_true", help="also stop when standard input ends (used by `assay up`)"
    )
    # How a supervisor tells a process that it is one of several, and what it shares with them.
    parser.add_argument("--process-number", type=positive_integer, help=argparse.SUPPRESS)
    parser.add_argument("--listen-on", type=int, nargs="*", default=(), help=argparse.SUPPRESS)
    parser.add_argument("--metrics-folder", type=Path, help=argparse.SUPPRESS)
    parser.set_defaults(prepare=_leave_out_rich)


def is_supervisor(options: argparse.Namespace) -> bool:
    """Whether this process is to start others instead of serving or working itself."""
    return options.processes > 1 and options.process_number is None


def run_service(settings: Settings, options: argparse.Namespace, service: Service) -> int:
    """Runs the service until SIGTERM or Ctrl-C; returns 0."""
    import uvloop

    async def until_stopped() -> None:
        stop = stop_event(with_stdin=options.stop_on_stdin_eof)
        if options.process_number is None:
            await service(settings, stop, ALONE)
            return
        link = SupervisorLink()
        sockets = [socket(fileno=number) for number in options.listen_on]
        process = ServiceProcess(options.process_number, link.announce, sockets, options.metrics_folder)
        with beating(link):
            await service(settings, stop, process)

    raise_open_file_limit()
    uvloop.run(until_stopped())
    return 0


async def supervise(
    settings: Settings, options: argparse.Namespace, arguments: Sequence[str] = (), sockets: Sequence[socket] = ()
) -> int:
    """Runs this same command in several processes, with more arguments, until SIGTERM or Ctrl-C; returns its exit
    status."""
    from app.supervision.supervisor import Supervisor

    # As this process was called: a folder `app` in the working directory must not matter.
    command = [sys.executable, *sys.orig_argv[1:], "--stop-on-stdin-eof", *arguments]
    stop = stop_event(with_stdin=options.stop_on_stdin_eof)
    return await Supervisor(command, options.processes, stop, settings.shutdown_timeout, sockets).run()


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
