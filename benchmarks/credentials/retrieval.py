"""Part "retrieval": the time to find recommendations among many credentials, step by step, beside the least that a
search has to do."""

import os
from collections.abc import Iterator, Mapping

from benchmarks.credentials.planted_credentials import plant_credentials
from benchmarks.environment import Environment
from benchmarks.processes import measure, start_child
from benchmarks.report import Measurement, at_most

NOTES = (
    "retrieval: one student after the other, from the answers to the reasons with their quotes. The students have up "
    "to five gaps, three essay questions and 70 to 100 words, which were never embedded before. The search, its "
    "embedding and its part of the database share one core; on the others a worker embeds all the time. CPU: of this "
    "process and of the database for it. The steps are measured one after the other; together, the search by words "
    "runs while the query is embedded. The limit: the same texts embedded, then the nearest vectors by a plain query. "
    "The vectors of the credentials are made up from those of their skills.",
)
_STUDENTS = 60
# The longest p95, by the number of credentials.
_MAX_MS = {1_000: None, 10_000: 50.0, 100_000: 100.0}
_LARGE = 100_000
# More than can be embedded meanwhile.
_EMBEDDED_BY_WORKER = 1_000_000


def run(environment: Environment) -> list[Measurement]:
    """For each number of credentials: all of it, wall and CPU time, then the CPU time of each step."""
    measurements: list[Measurement] = []
    for number, count in enumerate(count for count in _MAX_MS if environment.large or count < _LARGE):
        if number:
            environment.reset()
        environment.run(lambda pool, count=count: plant_credentials(pool, count))  # type: ignore[misc]
        measurements += _measure(environment, count)
    return measurements


def _measure(environment: Environment, count: int) -> Iterator[Measurement]:
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else None
    times: dict[str, Mapping[str, float]] = {}
    with start_child("credentials.embedder_alone", count=_EMBEDDED_BY_WORKER):
        for seed, task in enumerate(("whole", "steps", "reference"), start=2):
            times |= measure(
                "credentials.retrieval_client", database_url=environment.database_url, task=task, count=_STUDENTS,
                core=core, seed=seed,
            )  # fmt: skip
    limits = times.pop("reference")
    for name in ("wall p50", "wall p95", "CPU p50", "CPU p95"):
        maximum = _MAX_MS[count] if name == "wall p95" else None
        reference = {"embedding and nearest": limits[name]}
        yield at_most("retrieval", f"{count:,} credentials, {name}", "ms", times["all"][name], reference, maximum)
    for step, of_step in times.items():
        if step != "all":
            note = (
                f"CPU p95 {of_step['CPU p95']:.1f}, wall p50 {of_step['wall p50']:.1f}, p95 {of_step['wall p95']:.1f}"
            )
            yield at_most("retrieval", f"{count:,}: {step}, CPU p50", "ms", of_step["CPU p50"], {}, None, note)
