"""Searching many credentials: the vector indexes agree with comparing each vector, old versions and common words are
left out, and statements use their indexes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from random import Random
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.clients.llm.embedder import DIMENSIONS, Vector
from app.domain.recommendation.query import MAX_CANDIDATES, QueryPart, RetrievalQuery
from app.domain.states import CredentialLevel, Level
from app.repositories import credentials, passage_vectors, passages
from app.repositories.passage_vectors import INDEXES
from app.repositories.sql import Connection, Pool, statements
from app.services.checks.check import CheckStatus
from app.services.checks.credential_vectors import check_credential_vectors
from app.services.recommendations import search
from app.services.recommendations.embed_credentials import vacuum_and_index
from app.services.recommendations.search import nearest_passages
from tests.bank import credential
from tests.fakes.conditions import until

MODEL = "made-up"
SPACE = f"{MODEL} (title)"
FEW = 100
BONUSES = {
    CredentialLevel.BEGINNER: 0.02, CredentialLevel.INTERMEDIATE: 0.2, CredentialLevel.ADVANCED: 0.1,
    CredentialLevel.ANY: 0.1,
}  # fmt: skip
CANCEL_WHAT_WAITS = "SELECT bool_or(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
# For each of the words $2 so many credentials of one passage, which is the word.
PLANT_MANY = """
WITH planted AS (
    INSERT INTO credentials (id) SELECT gen_random_uuid() FROM generate_series(1, $1::int * cardinality($2::text[]))
    RETURNING id
), version AS (
    INSERT INTO credential_versions (credential_id, version, title, provider, url, level, skills, description)
    SELECT id, 1, 'T', 'School', 'https://school.example', 'any', '{none}', $2[1 + n % cardinality($2)]
    FROM (SELECT id, row_number() OVER () AS n FROM planted) AS numbered
    RETURNING credential_id, description
)
INSERT INTO passages (credential_id, version, level, ordinal, starts_at, ends_at, text, search)
SELECT credential_id, 1, 'any', 0, 0, length(description), description,
       setweight(to_tsvector('english', description), 'B')
FROM version
"""
DROP_INDEXES = f"DROP INDEX {', '.join(INDEXES)}"
VECTORS = "SELECT credential_id, model, embedding::text FROM passage_vectors ORDER BY passage_id"


def random_vector(chance: Random) -> list[float]:
    """A random vector that differs from others in a few directions only, like those of texts."""
    return [chance.gauss(0, 1) for _ in range(12)] + [0.01] * (DIMENSIONS - 12)


async def store_credentials(conn: Connection, vectors: Sequence[Sequence[float]], space: str = SPACE) -> list[UUID]:
    """Stores credentials of all levels with these vectors; their ids."""
    ids = [uuid4() for _ in vectors]
    levels = list(Level)
    async with conn.transaction():
        for number, new_id in enumerate(ids):
            body = credential(f"Course {number}", "soil", "About it.").model_copy(update={"level": levels[number % 3]})
            await credentials.create(conn, new_id, body)
        rows = await conn.fetch("SELECT passage_id, credential_id FROM passage_vectors WHERE model IS NULL")
        by_credential = {row["credential_id"]: row["passage_id"] for row in rows}
        pairs = [(by_credential[new_id], vector) for new_id, vector in zip(ids, vectors, strict=True)]
        await passage_vectors.store_vectors(conn, space, pairs)
    return ids


@pytest.fixture
async def many(conn: Connection) -> AsyncIterator[list[list[float]]]:
    """Six hundred stored vectors with their indexes, and sixty of another model. The indexes are dropped afterwards."""
    chance = Random(7)  # noqa: S311  # no secret
    vectors = [random_vector(chance) for _ in range(600)]
    await store_credentials(conn, vectors)
    await store_credentials(conn, vectors[:60], "another (title)")
    assert await vacuum_and_index(conn, FEW) and not await vacuum_and_index(conn, FEW)
    yield vectors
    await conn.execute(DROP_INDEXES)


async def test_the_indexes_find_what_comparing_each_finds(conn: Connection, many: list[list[float]]) -> None:
    assert await passage_vectors.are_indexes_usable(conn, FEW)
    for vector in many[::40]:
        shifted = [value + 0.1 for value in vector]
        exact = await nearest_passages(conn, shifted, MODEL, BONUSES, indexed=False)
        indexed = await nearest_passages(conn, shifted, MODEL, BONUSES, indexed=True)
        exact_ids, indexed_ids = ([passage.passage_id for passage in passages] for passages in (exact, indexed))
        assert indexed_ids[:10] == exact_ids[:10]
        assert len(indexed) == MAX_CANDIDATES and len({*indexed_ids} & {*exact_ids}) >= 48
        assert indexed[0].similarity == pytest.approx(exact[0].similarity)
        assert sum(passage.level == Level.INTERMEDIATE for passage in indexed) > MAX_CANDIDATES // 3, "the level counts"
    assert await nearest_passages(conn, many[0], "another", BONUSES, indexed=True) == await nearest_passages(
        conn, many[0], "another", BONUSES, indexed=False
    )


async def test_the_search_uses_the_index_of_each_level(conn: Connection, many: list[list[float]]) -> None:
    values = str(many[0]), MODEL, list(BONUSES), list(BONUSES.values()), MAX_CANDIDATES
    async with conn.transaction():
        await passage_vectors.use_indexes(conn)
        text = "EXPLAIN " + statements("passages")["search_vector_index"]
        plan = "\n".join(row[0] for row in await conn.fetch(text, *values))
    assert all(f"Index Scan using {index} on passage_vectors" in plan for index in INDEXES)
    assert "Seq Scan on passage_vectors" not in plan


async def test_equal_vectors_are_ordered_by_id_with_the_indexes_too(
    pool: Pool, conn: Connection, many: list[list[float]]
) -> None:
    same = await store_credentials(conn, [many[0]] * 60)
    wanted = sorted(id_ for number, id_ in enumerate(same) if list(Level)[number % 3] is Level.INTERMEDIATE)
    for db in (conn, pool):
        indexed = await nearest_passages(db, many[0], MODEL, BONUSES, indexed=True)
        assert [passage.credential_id for passage in indexed[: len(wanted)]] == wanted


async def test_an_invalid_index_is_not_used_and_built_again(conn: Connection, many: list[list[float]]) -> None:
    await conn.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'passage_vectors_advanced_idx'::regclass"
    )
    assert not await passage_vectors.are_indexes_usable(conn, FEW) and await passage_vectors.are_indexes_missing(
        conn, FEW
    )
    assert len(await nearest_passages(conn, many[0], MODEL, BONUSES, indexed=True)) == MAX_CANDIDATES
    assert await vacuum_and_index(conn, FEW) and await passage_vectors.are_indexes_usable(conn, FEW)
    assert not await passage_vectors.are_indexes_usable(conn, 10_000)


async def test_doctor_says_that_indexes_are_missing(pool: Pool, conn: Connection, many: list[list[float]]) -> None:
    [complete], [few] = await check_credential_vectors(pool, FEW), await check_credential_vectors(pool)
    assert (complete.status, few.status) == (CheckStatus.OK, CheckStatus.OK)
    await conn.execute("ALTER INDEX passage_vectors_any_idx RENAME TO another_idx")
    try:
        [missing] = await check_credential_vectors(pool, FEW)
    finally:
        await conn.execute("ALTER INDEX another_idx RENAME TO passage_vectors_any_idx")
    assert (missing.status, missing.action) == (CheckStatus.WARNING, "run `assay credentials reindex`")


async def test_the_indexes_are_not_built_twice_at_the_same_time(pool: Pool, conn: Connection) -> None:
    async with pool.acquire() as other:
        await other.execute(statements("passage_vectors")["lock_index_build"])
        assert not await passage_vectors.build_indexes(conn)
        await other.execute(statements("passage_vectors")["unlock_index_build"])


async def test_a_passage_with_an_unchanged_text_keeps_its_vector(conn: Connection) -> None:
    (id_,) = await store_credentials(conn, [[1.0] * DIMENSIONS])
    (before,) = await conn.fetch(VECTORS)
    present = await credentials.find(conn, id_)
    assert present
    for version, change, kept in (
        (2, {"url": "https://other.example"}, True),
        (3, {"level": Level.ADVANCED}, True),
        (4, {"skills": ("water",)}, False),
    ):
        body = present.body.model_copy(update=change)
        assert await credentials.add_version(conn, id_, body) == version
        (after,) = await conn.fetch(VECTORS)
        assert (after == before) is kept
        assert await conn.fetchval("SELECT level FROM passage_vectors") == body.level
    shown = await conn.fetch("SELECT version, present FROM passages ORDER BY version")
    assert [tuple(row) for row in shown] == [(1, False), (2, False), (3, False), (4, True)]


async def test_old_versions_and_deleted_credentials_are_not_searched(conn: Connection) -> None:
    changed, deleted = await store_credentials(conn, [[1.0] * DIMENSIONS] * 2)
    await credentials.add_version(conn, changed, credential("Changed", "botany", "Another text."))
    assert await credentials.delete(conn, deleted) and not await credentials.delete(conn, deleted)
    fits = dict.fromkeys(CredentialLevel, 1.0)
    assert await passages.search_full_text(conn, [QueryPart('"soil"', 1.0)], fits, 5) == []
    (passage,) = await passages.search_full_text(conn, [QueryPart('"botany"', 1.0)], fits, 5)
    assert (passage.credential_id, passage.credential_version) == (changed, 2)
    assert [row["credential_id"] for row in await conn.fetch(VECTORS)] == [changed]
    assert await conn.fetchval("SELECT count(*) FROM passages WHERE present") == 1


@pytest.mark.parametrize("change", ["version", "delete"])
async def test_a_change_does_not_wait_for_embedding_and_leaves_no_outdated_vector(
    pool: Pool, conn: Connection, change: str
) -> None:
    id_ = uuid4()
    await credentials.create(conn, id_, credential("Soil", "soil", "About it."))
    async with pool.acquire() as worker, worker.transaction():
        (taken,) = await passage_vectors.take_unembedded(worker, SPACE, 5)
        await conn.execute("SET statement_timeout = '5s'")
        if change == "version":
            await credentials.add_version(conn, id_, credential("Water", "water", "About it."))
        else:
            assert await credentials.delete(conn, id_)
        await passage_vectors.store_vectors(worker, SPACE, [(taken.id, [1.0] * DIMENSIONS)])
    left = await conn.fetch(VECTORS)
    assert [row["model"] for row in left] == ([None] if change == "version" else [])


async def test_words_share_the_weight_of_their_part_as_in_a_single_query(conn: Connection) -> None:
    for number, text in enumerate(("Roses and soil.", "Soil, soil and clay.", "Clay.", "Peat and first aid.", "Aid.")):
        await credentials.create(conn, uuid4(), credential(f"T{number}", "none", text))
    any_of = '"soil" OR "roses" OR "clay" OR "the" OR "roses"'
    parts = [QueryPart(any_of, 0.8), QueryPart('"first aid"', 0.1), QueryPart('"soil"', 0.3), QueryPart('"aid"', 0.5)]
    wanted = await conn.fetch(
        """SELECT p.text, sum(part.weight * ts_rank(p.search, query)) AS shared
           FROM unnest($1::text[], $2::float8[]) AS part(words, weight)
           CROSS JOIN websearch_to_tsquery('english', part.words) AS query JOIN passages p ON p.search @@ query
           GROUP BY p.text ORDER BY shared DESC""",
        [part.text for part in parts],
        [part.weight for part in parts],
    )
    matches = await passages.search_full_text(conn, parts, dict.fromkeys(CredentialLevel, 1.0), 10)
    assert [passage.text for passage in matches] == [row["text"] for row in wanted]
    assert len(matches) == 5 and matches[-1].text == "Clay.", "a third of its part's weight"


async def test_a_very_common_word_among_others_is_left_out_but_a_phrase_is_not(conn: Connection) -> None:
    for number in range(6):
        await credentials.create(conn, uuid4(), credential(f"T{number}", "none", "Course." if number else "Roses."))
    fits = dict.fromkeys(CredentialLevel, 1.0)
    matches = await passages.search_full_text(conn, [QueryPart('"course" OR "roses"', 1.0)], fits, 10)
    assert [passage.text for passage in matches] == ["Roses."]
    assert len(await passages.search_full_text(conn, [QueryPart('"course"', 1.0)], fits, 10)) == 5


async def test_what_has_both_leading_words_is_found_after_many_with_one(conn: Connection) -> None:
    """Of each word alone, the first passages are compared; of both together, others."""
    await conn.execute(PLANT_MANY, 1_600, ["soil", "water", "clay"])
    id_ = uuid4()
    await credentials.create(conn, id_, credential("T", "none", "Soil and water."))
    parts = [QueryPart('"soil"', 1.0), QueryPart('"water"', 1.0), QueryPart('"clay"', 0.1)]
    matches = await passages.search_full_text(conn, parts, dict.fromkeys(CredentialLevel, 1.0), 3)
    assert matches[0].credential_id == id_ and len(matches) == 3


async def test_an_import_and_a_batch_to_embed_are_found_by_indexes(conn: Connection) -> None:
    await store_credentials(conn, [[1.0] * DIMENSIONS] * 400)
    await credentials.vacuum(conn)
    by_names, unembedded = statements("credentials")["find_by_names"], statements("passage_vectors")["take_unembedded"]
    for statement, values, table, condition, times in (
        (by_names, (["School"], ["Course 7"]), "credential_versions", "Index Cond: (((provider)::text =", 1),
        (unembedded, (SPACE, 5), "passage_vectors", "Index Cond: (model ", 3),
    ):
        rows = await conn.fetch("EXPLAIN " + statement, *values)
        plan = "\n".join(row[0] for row in rows)
        assert plan.count(condition) == times and f"Seq Scan on {table}" not in plan, plan


class Stuck:
    """An embedder that never answers."""

    name = "stuck"

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.cancelled = False

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Waits until it is cancelled."""
        self.called.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True
        raise AssertionError

    async def close(self) -> None:
        """Does nothing."""


async def test_if_one_search_fails_the_other_is_cancelled(pool: Pool) -> None:
    stuck, query = Stuck(), RetrievalQuery((QueryPart('"soil"', 1.0),), (QueryPart("soil", 1.0),), ("soil",))
    async with pool.acquire() as conn, conn.transaction():
        # The search by words waits for this lock while the search by meaning is embedding.
        await conn.execute("LOCK TABLE credential_versions")
        searching = asyncio.create_task(search.search_both(pool, stuck, query))
        await stuck.called.wait()
        await until(lambda: pool.fetchval(CANCEL_WHAT_WAITS))
        with pytest.raises(asyncpg.QueryCanceledError):
            await searching
    assert stuck.cancelled
