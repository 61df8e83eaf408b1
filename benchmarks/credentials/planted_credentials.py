"""Made-up credentials with synthetic vectors, planted by COPY: a hundred thousand take a minute or two."""

import asyncio
import io
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.clients.llm.embedder import DIMENSIONS
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.recommendation.credentials import passages
from app.repositories.passage_vectors import vector_literal
from app.repositories.sql import Connection, Pool
from app.services.recommendations.embed_credentials import vacuum_and_index
from app.services.recommendations.search import EXACT_UP_TO, space_name
from benchmarks.credentials.made_up_credentials import SKILLS, made_up_credentials

_BATCH = 2_000
_BUILD_SECONDS = 1_800.0
# The length of the random part of a vector, beside that of the part from the skills. With it, the similarity of a skill
# to the credentials that teach it first is about 0.5, as with embedded texts.
_NOISE = 0.9
_MAKE_TABLE = """
CREATE TEMP TABLE planted (
    id uuid, credential_id uuid, level text, head text, ordinal int, starts_at int, ends_at int, text text
) ON COMMIT DELETE ROWS
"""
_PASSAGE_COLUMNS = ("id", "credential_id", "level", "head", "ordinal", "starts_at", "ends_at", "text")
_VERSION_COLUMNS = ("credential_id", "version", "title", "provider", "url", "level", "skills", "description")
_VECTOR_COLUMNS = ("passage_id", "credential_id", "ordinal", "level", "model", "embedding")
# As `add_credential_version`.
_INSERT_PASSAGES = """
INSERT INTO passages (id, credential_id, version, level, ordinal, starts_at, ends_at, text, search)
SELECT id, credential_id, 1, level, ordinal, starts_at, ends_at, text,
       setweight(to_tsvector('english', head), 'A') || setweight(to_tsvector('english', text), 'B')
FROM planted
"""


async def plant_credentials(pool: Pool, count: int) -> int:
    """Plants so many credentials with the vectors that a worker would have added, builds the index where an import
    does, and returns the number of passages."""
    embedder = OfflineEmbedder()
    vectors = np.array(await embedder.embed(SKILLS))
    await embedder.close()
    chance, credentials = np.random.default_rng(1), enumerate(made_up_credentials(count))
    async with pool.acquire() as conn:
        await conn.execute(_MAKE_TABLE)
        while batch := list(islice(credentials, _BATCH)):
            async with conn.transaction():
                await _plant_batch(conn, batch, vectors, chance)
        await asyncio.wait_for(vacuum_and_index(conn, EXACT_UP_TO), _BUILD_SECONDS)
        await conn.execute("CHECKPOINT", timeout=60)
        planted: int = await conn.fetchval("SELECT count(*) FROM passage_vectors")
    return planted


async def _plant_batch(
    conn: Connection, batch: Sequence[tuple[int, dict[str, Any]]], skills: NDArray[Any], chance: np.random.Generator
) -> None:
    ids = {number: UUID(int=number << 64) for number, _ in batch}
    await conn.copy_records_to_table("credentials", records=[(ids[number],) for number, _ in batch], columns=("id",))
    versions = [(ids[number], 1, *(body[column] for column in _VERSION_COLUMNS[2:])) for number, body in batch]
    await conn.copy_records_to_table("credential_versions", records=versions, columns=_VERSION_COLUMNS)
    rows = [row for number, body in batch for row in _passage_rows(ids[number], body)]
    await conn.copy_records_to_table("planted", records=rows, columns=_PASSAGE_COLUMNS)
    await conn.execute(_INSERT_PASSAGES, timeout=60)
    lines = "".join(_vector_lines(batch, rows, skills, chance))
    await conn.copy_to_table(
        "passage_vectors", source=io.BytesIO(lines.encode()), columns=_VECTOR_COLUMNS, format="csv", timeout=60
    )


def _passage_rows(credential_id: UUID, body: dict[str, Any]) -> Iterable[tuple[Any, ...]]:
    head = f"{body['title']} {' '.join(body['skills'])}"
    for ordinal, span in enumerate(passages(body["description"])):
        passage_id = UUID(int=credential_id.int + ordinal + 1)
        yield passage_id, credential_id, body["level"], head, ordinal, span.start, span.end, span.text


def _vector_lines(
    batch: Iterable[tuple[int, dict[str, Any]]],
    rows: Sequence[tuple[Any, ...]],
    skills: NDArray[Any],
    chance: np.random.Generator,
) -> Iterable[str]:
    """Lines of CSV. A vector is the mean of those of the credential's skills, the first ones twice, and random."""
    means = {}
    for number, body in batch:
        places = [SKILLS.index(skill) for skill in body["skills"]]
        mean = skills[[*places, *places[:2]]].sum(axis=0)
        means[UUID(int=number << 64)] = mean / np.linalg.norm(mean)
    noise = chance.standard_normal((len(rows), DIMENSIONS)) * (_NOISE / DIMENSIONS**0.5)
    space = space_name(OfflineEmbedder())
    for row, random in zip(rows, noise, strict=True):
        passage_id, credential_id, level, _, ordinal, *_ = row
        vector = means[credential_id] + random
        literal = vector_literal(vector / np.linalg.norm(vector))
        yield f'{passage_id},{credential_id},{ordinal},{level},"{space}","{literal}"\n'
