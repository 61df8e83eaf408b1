"""Part "import": the time to import and embed ten thousand credentials, beside the embedding alone."""

import json

from benchmarks import database_rows
from benchmarks.credentials.made_up_credentials import made_up_credentials
from benchmarks.environment import Environment
from benchmarks.processes import CommandResult, measure, run_command
from benchmarks.report import Measurement, at_least, at_most

NOTES = (
    "import: `assay credentials import` of all, then `assay credentials reindex` of some (the others were given random "
    "vectors), from start to end of each command; the total is extrapolated from both. The limit: texts of that kind "
    "through the embedder alone, in a process of its own. Memory is the larger peak of both commands.",
)
_CREDENTIALS = 10_000
_EMBEDDED = 2_000
_MAX_SECONDS, _MAX_MB = 600.0, 600.0
# The rest is for Postgres and for the start of the command.
_SHARE = 0.8


def run(environment: Environment) -> list[Measurement]:
    """Three measurements: time for all, memory, and passages per second."""
    imported = import_made_up(environment, _CREDENTIALS)
    environment.run(lambda pool: database_rows.fill_random_vectors(pool, skip=_EMBEDDED))
    embedded = run_command(environment.database_url, "credentials", "reindex")
    count = int(embedded.output.split()[0])
    embedder_alone = measure("credentials.embedder_alone", count=count // 4)
    passages = environment.run(database_rows.count_passages)
    total = imported.seconds + passages * embedded.seconds / count
    peak = max(imported.peak_bytes, embedded.peak_bytes) / 1e6
    note = (
        f"import {imported.seconds:.0f} s ({_CREDENTIALS / imported.seconds:.0f} credentials a second); "
        f"reindex of {count:,} passages of {passages:,} in {embedded.seconds:.0f} s"
    )
    limits = {"the embedder alone": embedder_alone}
    return [
        at_most("import", f"{_CREDENTIALS:,} credentials, embedded", "s", total, {}, _MAX_SECONDS, note),
        at_most("import", "memory of a command", "MB", peak, {}, _MAX_MB),
        at_least("import", "passages embedded", count / embedded.seconds, limits, _SHARE),
    ]


def import_made_up(environment: Environment, count: int) -> CommandResult:
    """Imports so many made-up credentials by `assay credentials import`."""
    file = environment.folder / "credentials.jsonl"
    file.write_text("".join(json.dumps(credential) + "\n" for credential in made_up_credentials(count)), "utf-8")
    return run_command(environment.database_url, "credentials", "import", "--skip-bad", str(file))
