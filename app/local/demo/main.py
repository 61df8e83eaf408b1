"""Runs `assay up` and `assay demo`: starts the deployment, sends the sample assessment, and stops in order."""

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
from app.http.tokens import issue_token
from app.local.demo.deployment import Deployment, deploy
from app.local.demo.processes import ProcessEnded
from app.local.demo.result_printing import print_result
from app.local.demo.sample_assessment import DemoFailed, ResultLate, run_sample
from app.local.embedded import EmbeddedServerError
from app.settings import Settings

# A result without a model takes a second; a model may take a minute for each essay.
_RESULT_SECONDS = 300.0
# Wide enough for quotes where the output is not a terminal.
_WIDTH = 110
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(settings: Settings, *, keep_serving: bool, result_seconds: float = _RESULT_SECONDS) -> int:
    """Starts the deployment, sends a sample assessment and prints its result; with `keep_serving`, serves until Ctrl-C,
    also where the result takes longer than so many seconds.

    Returns the exit status; leaves no process behind.

    Raises:
        WrongSetting, UnusableSetting: the deployment cannot start with these settings.
    """
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    try:
        with ExitStack() as stack:
            if keep_serving:
                stack.enter_context(_own_terminal_group())
            stack.enter_context(_termination_as_interrupt())
            deployment = stack.enter_context(deploy(settings, console))
            _show_sample(console, deployment, result_seconds, keep_serving)
            if keep_serving:
                _print_addresses(console, deployment)
                deployment.wait()
    except KeyboardInterrupt:
        console.print("stopped")
        return 0 if keep_serving else 130
    except (DemoFailed, ProcessEnded, EmbeddedServerError) as error:
        print(f"assay: {error}", file=sys.stderr)
        return 1
    return 0


def _show_sample(console: Console, deployment: Deployment, seconds: float, keep_serving: bool) -> None:
    try:
        sample = asyncio.run(run_sample(deployment, console, seconds))
    except ResultLate as error:
        if not keep_serving:
            raise
        console.print(f"{error}; the worker goes on")
        return
    print_result(console, sample.student, sample.assessment, sample.result)


def _print_addresses(console: Console, deployment: Deployment) -> None:
    people = ", ".join(list(Role)[:-1]) + f" or {list(Role)[-1]}"
    console.print(f"\n[bold]Open {deployment.url}/ in a browser[/] and sign in as {people}")
    console.print(f"API documentation: {deployment.url}/docs   Logs: {deployment.logs}")
    console.print("Tokens for the API, valid for a day:")
    for role in Role:
        token = issue_token(deployment.settings, f"demo-{role}", [role], 86_400)
        # Not with the console, which would break the line.
        print(f"{role}: {token}", flush=True)
    console.print("Ctrl-C stops.")


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Handles SIGTERM like Ctrl-C, so that the servers are stopped."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        # A second signal must not interrupt the clean-up.
        for stop_signal in _STOP_SIGNALS:
            signal.signal(stop_signal, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {stop_signal: signal.signal(stop_signal, interrupt) for stop_signal in _STOP_SIGNALS}
    try:
        yield
    finally:
        for stop_signal, handler in before.items():
            signal.signal(stop_signal, handler)


@contextmanager
def _own_terminal_group() -> Iterator[None]:
    """Leaves `make` out of Ctrl-C: it would end with an error if it got one, too."""
    terminal, before = 0, os.getpgrp()
    if not os.isatty(terminal) or os.tcgetpgrp(terminal) != before or before == os.getpid():
        yield
        return
    # The shell does not know the new process group, so it must not be suspended where the shell can't resume it.
    for number in (signal.SIGTTOU, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpid())
    try:
        yield
    finally:
        os.tcsetpgrp(terminal, before)
