"""Part "retrieval": the time to find recommendations among ten thousand credentials, beside the least that a search has
to do."""

from benchmarks import database_rows
from benchmarks.credentials.credential_import import import_made_up
from benchmarks.environment import Environment
from benchmarks.processes import measure
from benchmarks.report import Measurement, at_most

NOTES = (
    "retrieval: one after the other, from the query to the quotes of the first five: the query's embedding, both "
    "searches, the ranking, the passages quoted as evidence. Each query has a text that was never embedded before. "
    "The limit: that text embedded, then one scan of all vectors. The credentials' vectors are random, which takes as "
    "long to compare.",
)
_CREDENTIALS = 10_000
_QUERIES = 300
_MAX_MS = 50.0


def run(environment: Environment) -> list[Measurement]:
    """Two measurements: the median and the 95th percentile."""
    import_made_up(environment, _CREDENTIALS)
    environment.run(database_rows.fill_random_vectors)
    times = measure("credentials.retrieval_client", database_url=environment.database_url, count=_QUERIES)
    return [
        at_most(
            "retrieval", f"p{percent} of {_QUERIES} in {_CREDENTIALS:,} credentials", "ms", times[f"assay p{percent}"],
            {"embedding and scan": times[f"scan p{percent}"]}, maximum,
        )
        for percent, maximum in ((50, None), (95, _MAX_MS))
    ]  # fmt: skip
