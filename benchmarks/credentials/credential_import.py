"""Ten thousand credentials imported and embedded, beside the embedding alone."""

import json
from pathlib import Path

from benchmarks import database_rows
from benchmarks.credentials.made_up_credentials import made_up
from benchmarks.environment import Ground
from benchmarks.processes import Ended, command, measure
from benchmarks.report import Line, at_least, at_most

NOTES = (
    "import: `assay credentials import` of all, then `assay credentials reindex` of some (the others were given random "
    "vectors), from start to end of each command; the total is reckoned from both. The limit: as many texts of that "
    "kind through the embedder alone, in a process of its own. Memory is the larger peak of both commands.",
)
_CREDENTIALS = 10_000
_EMBEDDED = 2_000
_MOST_SECONDS, _MOST_MB = 600.0, 600.0
# What is lost to Postgres and to the start.
_SHARE = 0.8


def run(ground: Ground) -> list[Line]:
    """Time for all, memory, and passages a second."""
    imported = import_made_up(ground, _CREDENTIALS)
    ground.run(lambda pool: database_rows.vectors(pool, but=_EMBEDDED))
    embedded = command(ground.database_url, "credentials", "reindex")
    count = int(embedded.output.split()[0])
    bare = measure("credentials.embedder_alone", count=count // 4)
    each = embedded.seconds / count
    passages = ground.run(database_rows.passages)
    total, peak = imported.seconds + each * passages, max(imported.peak_bytes, embedded.peak_bytes) / 1e6
    note = (
        f"import {imported.seconds:.0f} s ({_CREDENTIALS / imported.seconds:.0f} credentials a second); "
        f"reindex of {count:,} passages of {passages:,} in {embedded.seconds:.0f} s"
    )
    return [
        at_most("import", f"{_CREDENTIALS:,} credentials, embedded", "s", total, {}, _MOST_SECONDS, note),
        at_most("import", "memory of a command", "MB", peak, {}, _MOST_MB),
        at_least("import", "passages embedded", 1 / each, {"the embedder alone": bare}, _SHARE),
    ]


def import_made_up(ground: Ground, count: int) -> Ended:
    """Imports so many made-up credentials, as a user would."""
    file = Path(ground.folder) / "credentials.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in made_up(count)), "utf-8")
    return command(ground.database_url, "credentials", "import", "--skip-bad", str(file))
