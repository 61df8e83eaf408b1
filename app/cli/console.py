"""Output of the commands: results on standard output, errors and progress on standard error."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

# rich is imported where it is used: `assay serve` and `assay worker` do without it.

# Fits one row with a long error; a narrower terminal breaks the lines itself, and no part is left out.
_TABLE_WIDTH = 160
# Plain lines of progress where standard error is no terminal: one for each tenth.
_PLAIN_STEPS = 10


class JsonModel(Protocol):
    """A model that can be printed as JSON."""

    def model_dump_json(self, *, indent: int | None = None) -> str: ...


def print_error(message: str) -> None:
    """Prints `assay: message` on standard error."""
    print(f"assay: {message}", file=sys.stderr)


def print_json_lines(items: Sequence[JsonModel]) -> None:
    """Prints a JSON object per line."""
    for item in items:
        print(item.model_dump_json())


def print_table(headings: Sequence[str], folded: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows of cells. Long cells are wrapped in the last columns, those with the `folded` headings."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for heading in folded:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=_TABLE_WIDTH).print(table)


@contextmanager
def progress_bar(task: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error if that is a terminal, else nothing; yields a function that advances it."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(task, total=total)
        yield lambda count: progress.advance(bar, count)


@contextmanager
def progress_lines(task: str, total: int) -> Iterator[Callable[[int], None]]:
    """The progress bar; if standard error is no terminal, a line at the start and for each tenth instead."""
    if sys.stderr.isatty():
        with progress_bar(task, total) as advance:
            yield advance
        return
    done = printed = 0

    def advance_lines(count: int) -> None:
        nonlocal done, printed
        done += count
        if done * _PLAIN_STEPS // total > printed:
            printed = done * _PLAIN_STEPS // total
            print(f"{task}: {done} of {total}", file=sys.stderr, flush=True)

    print(f"{task}: 0 of {total}", file=sys.stderr, flush=True)
    yield advance_lines
