"""Searching a large catalogue: by the index over all vectors as by comparing each, nothing old, no common words."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from random import Random
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.clients.llm.embeddings_local import DIMENSIONS, Vector
from app.domain.recommendation.query import MAX_CANDIDATES, QueryPart, RetrievalQuery
from app.domain.states import Level
from app.repositories import credentials, embeddings, passages
from app.repositories.sql import Connection, Pool, statements
from app.services.recommendations import search
from app.services.recommendations.embed_credentials import vacuum_and_index
from app.services.recommendations.search import nearest_passages
from tests.bank import credential
from tests.fakes.conditions import until

MODEL = "made-up"
SPACE = f"{MODEL} (title)"
FEW = 100
NEARER = {Level.BEGINNER: 0.02, Level.INTERMEDIATE: 0.2, Level.ADVANCED: 0.1}
CANCEL_WHAT_WAITS = "SELECT bool_or(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
VECTORS = "SELECT credential_id, model, embedding::text FROM passage_vectors ORDER BY passage_id"


def made_up(chance: Random) -> list[float]:
    """A vector that differs from others in a few directions only, as those of texts do."""
    return [chance.gauss(0, 1) for _ in range(12)] + [0.01] * (DIMENSIONS - 12)


async def stored(conn: Connection, vectors: Sequence[Sequence[float]], space: str = SPACE) -> list[UUID]:
    """Credentials of all levels with these vectors; their ids."""
    ids = [uuid4() for _ in vectors]
    levels = list(Level)
    async with conn.transaction():
        for number, new_id in enumerate(ids):
            body = credential(f"Course {number}", "soil", "About it.").model_copy(update={"level": levels[number % 3]})
            await credentials.create(conn, new_id, body)
        rows = await conn.fetch("SELECT passage_id, credential_id FROM passage_vectors WHERE model IS NULL")
        by_credential = {row["credential_id"]: row["passage_id"] for row in rows}
        pairs = [(by_credential[new_id], vector) for new_id, vector in zip(ids, vectors, strict=True)]
        await embeddings.store_vectors(conn, space, pairs)
    return ids


@pytest.fixture
async def many(conn: Connection) -> AsyncIterator[list[list[float]]]:
    """Six hundred vectors with their index, and sixty of another model between them. The index goes with them."""
    chance = Random(7)  # noqa: S311  # no secret
    vectors = [made_up(chance) for _ in range(600)]
    await stored(conn, vectors)
    await stored(conn, vectors[:60], "another (title)")
    assert await vacuum_and_index(conn, FEW) and not await vacuum_and_index(conn, FEW)
    yield vectors
    await conn.execute("DROP INDEX passage_vectors_embedding_idx")


async def test_the_index_finds_what_comparing_each_finds(conn: Connection, many: list[list[float]]) -> None:
    assert await embeddings.is_index_usable(conn, FEW)
    for vector in many[::40]:
        shifted = [value + 0.1 for value in vector]
        exact = await nearest_passages(conn, shifted, MODEL, NEARER, indexed=False)
        found = await nearest_passages(conn, shifted, MODEL, NEARER, indexed=True)
        assert [one.passage_id for one in found[:10]] == [one.passage_id for one in exact[:10]]
        assert (
            len(found) == MAX_CANDIDATES
            and len({one.passage_id for one in found} & {e.passage_id for e in exact}) >= 48
        )
        assert found[0].similarity == pytest.approx(exact[0].similarity)
        assert sum(one.level == Level.INTERMEDIATE for one in found) > MAX_CANDIDATES // 3, "the level counts"
    assert await nearest_passages(conn, many[0], "another", NEARER, indexed=True) == await nearest_passages(
        conn, many[0], "another", NEARER, indexed=False
    )


async def test_the_index_is_what_is_used(conn: Connection, many: list[list[float]]) -> None:
    told = str(many[0]), MODEL, list(NEARER), list(NEARER.values()), MAX_CANDIDATES
    async with conn.transaction():
        await embeddings.use_index(conn)
        text = "EXPLAIN " + statements("passages")["search_by_vector_index"]
        plan = "\n".join(row[0] for row in await conn.fetch(text, *told))
    assert "passage_vectors_embedding_idx" in plan and "Seq Scan on passage_vectors" not in plan


async def test_equals_come_by_id_from_the_index_too(pool: Pool, conn: Connection, many: list[list[float]]) -> None:
    same = await stored(conn, [many[0]] * 60)
    wanted = sorted(id_ for number, id_ in enumerate(same) if list(Level)[number % 3] is Level.INTERMEDIATE)
    for by in (conn, pool):
        found = await nearest_passages(by, many[0], MODEL, NEARER, indexed=True)
        assert [one.credential_id for one in found[: len(wanted)]] == wanted


async def test_an_index_that_was_left_half_built_is_not_used_and_built_anew(
    conn: Connection, many: list[list[float]]
) -> None:
    await conn.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'passage_vectors_embedding_idx'::regclass"
    )
    assert not await embeddings.is_index_usable(conn, FEW) and await embeddings.is_index_missing(conn, FEW)
    assert len(await nearest_passages(conn, many[0], MODEL, NEARER, indexed=True)) == MAX_CANDIDATES
    assert await vacuum_and_index(conn, FEW) and await embeddings.is_index_usable(conn, FEW)
    assert not await embeddings.is_index_usable(conn, 10_000)


async def test_two_builders_do_not_build_twice(pool: Pool, conn: Connection) -> None:
    async with pool.acquire() as other:
        await other.execute(statements("embeddings")["lock_index_build"])
        assert not await embeddings.build_index(conn)
        await other.execute(statements("embeddings")["unlock_index_build"])


async def test_what_is_embedded_as_before_keeps_its_vector(conn: Connection) -> None:
    (id_,) = await stored(conn, [[1.0] * DIMENSIONS])
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
    one, two = await stored(conn, [[1.0] * DIMENSIONS] * 2)
    await credentials.add_version(conn, one, credential("Changed", "botany", "Another text."))
    assert await credentials.delete(conn, two) and not await credentials.delete(conn, two)
    fits = dict.fromkeys(Level, 1.0)
    assert await passages.search_by_text(conn, [QueryPart('"soil"', 1.0)], fits, 5) == []
    (found,) = await passages.search_by_text(conn, [QueryPart('"botany"', 1.0)], fits, 5)
    assert (found.credential_id, found.credential_version) == (one, 2)
    assert [row["credential_id"] for row in await conn.fetch(VECTORS)] == [one]
    assert await conn.fetchval("SELECT count(*) FROM passages WHERE present") == 1


@pytest.mark.parametrize("change", ["version", "delete"])
async def test_a_change_does_not_wait_for_who_embeds_and_leaves_nothing_old(
    pool: Pool, conn: Connection, change: str
) -> None:
    id_ = uuid4()
    await credentials.create(conn, id_, credential("Soil", "soil", "About it."))
    async with pool.acquire() as worker, worker.transaction():
        (taken,) = await embeddings.take_unembedded(worker, SPACE, 5)
        await conn.execute("SET statement_timeout = '5s'")
        if change == "version":
            await credentials.add_version(conn, id_, credential("Water", "water", "About it."))
        else:
            assert await credentials.delete(conn, id_)
        await embeddings.store_vectors(worker, SPACE, [(taken.id, [1.0] * DIMENSIONS)])
    left = await conn.fetch(VECTORS)
    assert [row["model"] for row in left] == ([None] if change == "version" else [])


async def test_words_share_the_weight_of_their_part_as_one_query_would(conn: Connection) -> None:
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
    found = await passages.search_by_text(conn, parts, dict.fromkeys(Level, 1.0), 10)
    assert [one.text for one in found] == [row["text"] for row in wanted]
    assert len(found) == 5 and found[-1].text == "Clay.", "a third of its part's weight"


async def test_one_of_many_words_that_all_have_is_not_looked_for_but_a_phrase_is(conn: Connection) -> None:
    for number in range(6):
        await credentials.create(conn, uuid4(), credential(f"T{number}", "none", "Course." if number else "Roses."))
    fits = dict.fromkeys(Level, 1.0)
    found = await passages.search_by_text(conn, [QueryPart('"course" OR "roses"', 1.0)], fits, 10)
    assert [one.text for one in found] == ["Roses."]
    assert len(await passages.search_by_text(conn, [QueryPart('"course"', 1.0)], fits, 10)) == 5


async def test_an_import_and_a_batch_to_embed_are_found_by_indexes(conn: Connection) -> None:
    await stored(conn, [[1.0] * DIMENSIONS] * 400)
    await credentials.vacuum(conn)
    by_names, unembedded = statements("credentials")["find_by_names"], statements("embeddings")["take_unembedded"]
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
        self.asked = asyncio.Event()
        self.left = False

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Until whoever asks goes away."""
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left = True
        raise AssertionError

    async def close(self) -> None:
        """Nothing to close."""


async def test_nothing_goes_on_looking_where_the_other_way_fails(pool: Pool) -> None:
    stuck, query = Stuck(), RetrievalQuery((QueryPart('"soil"', 1.0),), (QueryPart("soil", 1.0),), ("soil",))
    async with pool.acquire() as conn, conn.transaction():
        # The search for words stands before this lock while the other is embedding.
        await conn.execute("LOCK TABLE credential_versions")
        searching = asyncio.create_task(search.by_words_and_meaning(pool, stuck, query))
        await stuck.asked.wait()
        await until(lambda: pool.fetchval(CANCEL_WHAT_WAITS))
        with pytest.raises(asyncpg.QueryCanceledError):
            await searching
    assert stuck.left
