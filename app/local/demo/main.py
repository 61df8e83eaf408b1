"""`assay demo` and `assay up`."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import NoReturn

from rich.console import Console

from app.domain.states import Role
from app.http.tokens import issue
from app.local.demo.deployment import Deployment, deploy
from app.local.demo.printing import print_result
from app.local.demo.processes import ProcessEnded
from app.local.demo.sending import DemoFailed, send_sample
from app.local.embedded import EmbeddedServerError
from app.repositories.migrations import MigrationFailed
from app.settings import Settings

# Wide enough for quotes where the output is not a terminal.
_WIDTH = 110


def run(settings: Settings, *, keep_serving: bool) -> int:
    """Starts what is not there, sends a sample assessment, prints its result, and serves on if asked to.

    Returns the exit status; leaves no process behind.
    """
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    try:
        with ExitStack() as stack:
            if keep_serving:
                stack.enter_context(_own_terminal_group())
            stack.enter_context(_termination_as_interrupt())
            _show(console, settings, stack, keep_serving)
    except KeyboardInterrupt:
        console.print("stopped")
        return 0 if keep_serving else 130
    except (DemoFailed, ProcessEnded, EmbeddedServerError, MigrationFailed) as error:
        print(f"assay: {error}", file=sys.stderr)
        return 1
    return 0


def _show(console: Console, settings: Settings, stack: ExitStack, keep_serving: bool) -> None:
    deployment = stack.enter_context(deploy(settings, console))
    sent = asyncio.run(send_sample(deployment, console))
    print_result(console, sent.student, sent.assessment, sent.result)
    if keep_serving:
        _invite(console, deployment)
        deployment.wait()


def _invite(console: Console, deployment: Deployment) -> None:
    console.print(f"\n[bold]Serving[/] {deployment.url}   documentation: {deployment.url}/docs")
    console.print(f"Logs: {deployment.logs}\nTokens, valid for a day:")
    for role in Role:
        token = issue(deployment.settings, f"demo-{role}", [role], 86_400)
        # Not through the console: a token must stay on one line.
        print(f"{role}: {token}", flush=True)
    console.print("Ctrl-C stops.")


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """SIGTERM unwinds like Ctrl-C, so that the servers are stopped."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        # Once is enough: a second one must not break off the cleaning up.
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _own_terminal_group() -> Iterator[None]:
    """Takes Ctrl-C alone: `make`, which would end with an error when it gets one too, is left out of it."""
    terminal, before = 0, os.getpgrp()
    if not os.isatty(terminal) or os.tcgetpgrp(terminal) != before or before == os.getpid():
        yield
        return
    # A job that is not the shell's own must not stop itself or be stopped where the shell can't see it.
    for number in (signal.SIGTTOU, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpid())
    try:
        yield
    finally:
        os.tcsetpgrp(terminal, before)
