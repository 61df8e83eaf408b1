"""`make bench`: what Assay does in a second and in a wait, beside what its parts alone do on the same machine."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.credentials import credential_import, retrieval
from benchmarks.environment import Ground, open_ground
from benchmarks.essays import essays, pipeline
from benchmarks.followers import follow
from benchmarks.jobs import idle, noop, pickup
from benchmarks.processes import BenchFailed
from benchmarks.report import Line, as_json, show
from benchmarks.submissions import submit
from benchmarks.webhooks import webhooks


@dataclass(frozen=True)
class Part:
    """A part of the bench, and what has to be known to read its lines."""

    run: Callable[[Ground], list[Line]]
    notes: tuple[str, ...]


PARTS = {
    "noop": Part(noop.run, noop.NOTES),
    "pickup": Part(pickup.run, pickup.NOTES),
    "idle": Part(idle.run, idle.NOTES),
    "submit": Part(submit.run, submit.NOTES),
    "pipeline": Part(pipeline.run, pipeline.NOTES),
    "essays": Part(essays.run, essays.NOTES),
    "follow": Part(follow.run, follow.NOTES),
    "webhooks": Part(webhooks.run, webhooks.NOTES),
    "retrieval": Part(retrieval.run, retrieval.NOTES),
    "import": Part(credential_import.run, credential_import.NOTES),
}


def main() -> int:
    """Runs the parts and prints their table. An aim that is missed is said, and fails nothing; a part that could not be
    run is said as well, and does."""
    options = _parser().parse_args()
    # Wide enough for the table also where the width is not known, such as in a file.
    console, names = Console(width=None if sys.stdout.isatty() else 130), options.only or list(PARTS)
    lines: list[Line] = []
    machine = f"machine: {os.cpu_count()} cores, with a load of {os.getloadavg()[0]:.1f} before the bench began"
    failed = False
    with open_ground() as ground:
        for name in names:
            started = time.monotonic()
            ground.clear()
            try:
                lines += PARTS[name].run(ground)
            except BenchFailed as error:
                failed = True
                console.print(f"{name} failed: {error}", markup=False, style="red")
            console.print(f"{name}: {time.monotonic() - started:.0f} s", style="dim")
    show(lines, [machine, *(note for name in names for note in PARTS[name].notes)], console)
    if options.json:
        options.json.write_text(json.dumps(as_json(lines), indent=2) + "\n")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="run this part alone; may be given again")
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
