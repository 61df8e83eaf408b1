"""`make bench`: throughput, latency and idle cost of Assay, beside what its parts alone reach on the same machine."""

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
from benchmarks.environment import Environment, open_environment
from benchmarks.essays import essays, pipeline
from benchmarks.followers import follow
from benchmarks.growth import growth
from benchmarks.jobs import idle, many_workers, noop, pickup, soak
from benchmarks.pages import page_times
from benchmarks.processes import BenchmarkFailed
from benchmarks.reference import polls
from benchmarks.report import Measurement, as_json, print_report
from benchmarks.reviews import gradebook, review_queue
from benchmarks.submissions import bodies, several_processes, submit
from benchmarks.webhooks import webhooks


@dataclass(frozen=True)
class Part:
    """A part of the benchmark, and notes for reading its measurements."""

    run: Callable[[Environment], list[Measurement]]
    notes: tuple[str, ...]


PARTS = {
    "noop": Part(noop.run, noop.NOTES),
    "pickup": Part(pickup.run, pickup.NOTES),
    "idle": Part(idle.run, idle.NOTES),
    "submit": Part(submit.run, submit.NOTES),
    "poll": Part(polls.run, polls.NOTES),
    "workers": Part(many_workers.run, many_workers.NOTES),
    "processes": Part(several_processes.run, several_processes.NOTES),
    "bodies": Part(bodies.run, bodies.NOTES),
    "pipeline": Part(pipeline.run, pipeline.NOTES),
    "essays": Part(essays.run, essays.NOTES),
    "follow": Part(follow.run, follow.NOTES),
    "webhooks": Part(webhooks.run, webhooks.NOTES),
    "retrieval": Part(retrieval.run, retrieval.NOTES),
    "reviews": Part(review_queue.run, review_queue.NOTES),
    "pages": Part(page_times.run, page_times.NOTES),
    "gradebook": Part(gradebook.run, gradebook.NOTES),
    "growth": Part(growth.run, growth.NOTES),
    "soak": Part(soak.run, soak.NOTES),
    "import": Part(credential_import.run, credential_import.NOTES),
}


def main() -> int:
    """Runs the parts and prints their report. A missed target is shown and still exits with 0; a part that could not
    run exits with 1."""
    options = _parser().parse_args()
    # Wide enough for the table also where the width is not known, such as in a file.
    console, names = Console(width=None if sys.stdout.isatty() else 130), options.only or list(PARTS)
    measurements: list[Measurement] = []
    machine = f"machine: {os.cpu_count()} cores, with a load of {os.getloadavg()[0]:.1f} before the benchmark began"
    failed = False
    with open_environment(large=options.large) as environment:
        for name in names:
            started = time.monotonic()
            environment.reset()
            try:
                measurements += PARTS[name].run(environment)
            except BenchmarkFailed as error:
                failed = True
                console.print(f"{name} failed: {error}", markup=False, style="red")
            console.print(f"{name}: {time.monotonic() - started:.0f} s", style="dim")
    print_report(measurements, [machine, *(note for name in names for note in PARTS[name].notes)], console)
    if options.json:
        options.json.write_text(json.dumps(as_json(measurements), indent=2) + "\n")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="run only this part; can be repeated")
    help_text = (
        "retrieval: also with 100,000 credentials; growth: also with 1,000,000 assessments; soak: 1,000,000 jobs "
        "instead of 50,000; all take long"
    )
    parser.add_argument("--large", action="store_true", help=help_text)
    parser.add_argument("--json", type=Path, help="also write the measurements to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
