"""Recommendations looked for in ten thousand credentials, beside what no search can do without."""

from benchmarks import database_rows
from benchmarks.credentials.credential_import import import_made_up
from benchmarks.environment import Ground
from benchmarks.processes import measure
from benchmarks.report import Line, at_most

NOTES = (
    "retrieval: one after the other, from the query to the quotes of the first five: the query's embedding, both "
    "searches, the ranking, the passages that speak for them. Each query has a text that was never embedded before. "
    "The floor: that text embedded, then one bare look at all vectors. The catalogue's vectors are random, since "
    "comparing them takes the same.",
)
_CREDENTIALS = 10_000
_QUERIES = 300
_MOST_MS = 50.0


def run(ground: Ground) -> list[Line]:
    """The median and the 95th percentile."""
    import_made_up(ground, _CREDENTIALS)
    ground.run(database_rows.vectors)
    taken = measure("credentials.retrieval_client", database_url=ground.database_url, count=_QUERIES)
    what = f"of {_QUERIES} in {_CREDENTIALS:,} credentials"
    return [
        at_most("retrieval", f"p{at} {what}", "ms", taken[f"ours p{at}"], {"the floor": taken[f"floor p{at}"]}, most)
        for at, most in ((50, None), (95, _MOST_MS))
    ]
