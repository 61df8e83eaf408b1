"""A search reads only what it needs by indexes, also with the plans that Postgres makes once for all searches."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from app.repositories import passage_vectors
from app.repositories.passage_vectors import INDEXES
from app.repositories.sql import Connection, statements
from app.services.recommendations.embed_credentials import vacuum_and_index
from tests.repositories.plans import executed_plan, generic_plan, nodes

COUNT = 2_000
# Credentials of one passage; a word is in 2 % of them, and a vector is near to those of the next ones.
PLANT = """
WITH planted AS (
    INSERT INTO credentials (id) SELECT gen_random_uuid() FROM generate_series(1, $1::int) RETURNING id
), version AS (
    INSERT INTO credential_versions (credential_id, version, title, provider, url, level, skills, description)
    SELECT id, 1, 'Course ' || n, 'School', 'https://school.example',
           (ARRAY['beginner', 'intermediate', 'advanced'])[1 + n % 3], ARRAY['skill' || n % 50], 'About word' || n % 50
    FROM (SELECT id, row_number() OVER () AS n FROM planted) AS numbered
    RETURNING credential_id, level, skills, description
)
INSERT INTO passages (credential_id, version, level, ordinal, starts_at, ends_at, text, search)
SELECT credential_id, 1, level, 0, 0, length(description), description,
       setweight(to_tsvector('english', skills[1]), 'A') || setweight(to_tsvector('english', description), 'B')
FROM version
"""
PLANT_VECTORS = """
INSERT INTO passage_vectors (passage_id, credential_id, ordinal, level, model, embedding)
SELECT id, credential_id, ordinal, level, 'made-up (title)', ARRAY(
    SELECT (1 + sin(n / 300.0 + place))::real FROM generate_series(1, 384) AS place)::vector
FROM (SELECT *, row_number() OVER () AS n FROM passages) AS numbered
"""
TABLES = {"credentials", "credential_versions", "passages", "passage_vectors"}
# The tables that each statement reads as a whole, with the reason.
WHOLE: dict[tuple[str, str], list[str]] = {
    ("passages", "search_full_text"): [],
    ("passages", "search_vector_index"): [],
    ("passages", "find_similarities"): [],
    ("passages", "find_quotable"): [],
    ("passage_vectors", "inspect_indexes"): [],
    # Up to five thousand vectors are compared one by one: the order is exact.
    ("passages", "search_vectors"): ["passage_vectors"],
    # To count the vectors by model, which is done only where not all are of one.
    ("passage_vectors", "share_embedded"): ["passage_vectors"],
    # For those for whom the search found nothing.
    ("passages", "find_by_skills"): ["credential_versions", "credentials"],
}


@pytest.fixture
async def many(conn: Connection) -> AsyncIterator[None]:
    """Two thousand credentials with vectors and the indexes over them, which are dropped afterwards."""
    await conn.execute(PLANT, COUNT)
    await conn.execute(PLANT_VECTORS)
    assert await vacuum_and_index(conn, COUNT // 2)
    await conn.execute("SET plan_cache_mode = force_generic_plan")
    yield
    await conn.execute("RESET plan_cache_mode")
    await conn.execute(f"DROP INDEX {', '.join(INDEXES)}")


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The scans of the plan that read all of something; of what a limit is above, only the first rows are read."""
    for child in plan.get("Plans", ()):
        if plan["Node Type"] != "Limit" or not child["Node Type"].startswith("Index"):
            yield from scans(child)
    # A bitmap is of an index, always with a condition.
    in_table = plan.get("Relation Name") in TABLES and plan["Node Type"] != "Bitmap Heap Scan"
    if in_table and "Index Cond" not in plan:
        yield plan


async def test_the_statements_of_the_search_use_indexes(conn: Connection, many: None) -> None:
    plans = {}
    for module, name in WHOLE:
        async with conn.transaction():
            if name == "search_vector_index":
                await conn.execute(statements("passage_vectors")["use_indexes"], "400")
            plans[module, name] = await generic_plan(conn, statements(module)[name])
    found = {key: list(scans(plan)) for key, plan in plans.items()}
    assert {key: sorted(node["Relation Name"] for node in nodes) for key, nodes in found.items()} == WHOLE, found
    assert all(index in str(plans["passages", "search_vector_index"]) for index in INDEXES)


@pytest.mark.parametrize(("missing", "share", "counts"), [(0, 1.0, 0), (3, 0.9985, 0), (200, 0.9, 1), (2000, 0.0, 1)])
async def test_vectors_are_counted_only_if_many_are_missing(
    conn: Connection, many: None, missing: int, share: float, counts: int
) -> None:
    """Among a hundred thousand it takes a tenth of a search."""
    await conn.execute(
        """UPDATE passage_vectors SET model = NULL, embedding = NULL
           WHERE passage_id IN (SELECT passage_id FROM passage_vectors ORDER BY passage_id LIMIT $1)""",
        missing,
    )
    statement = statements("passage_vectors")["share_embedded"]
    assert await passage_vectors.share_embedded(conn, "made-up (title)") == pytest.approx(share)
    plan = await executed_plan(conn, statement, "made-up (title)")
    grouped = [node["Actual Loops"] for node in nodes(plan) if "Group Key" in node]
    assert grouped == [counts], plan
