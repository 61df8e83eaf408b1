"""Every quote of a result is at its position in the text that it names; the schema refuses anything else."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from app.domain.text import is_visible, words
from app.repositories import assessments, credentials
from app.repositories.sql import Pool
from app.services.jobs.runner import JobRunner
from tests.bank import ESSAY, Bank, credential
from tests.domain.builders import awkward_texts
from tests.fakes.model_server import ModelServer, scores
from tests.job_runner import run_due_jobs, submit

# What the API accepts: Unicode that Postgres can store.
_texts = awkward_texts.filter(lambda text: is_visible(text) and "\0" not in text)
_SOIL = "Clay holds water. 👩🏽‍💻 digs: e\u0301 is one letter in two. Sand lets it through."


async def replace_credentials(pool: Pool, *descriptions: str) -> dict[str, str]:
    """Replaces all credentials by ones with these descriptions; the descriptions by the credentials' ids."""
    for old in await credentials.page(pool, None, 100):
        await credentials.delete(pool, old.credential_id)
    by_id = {uuid4(): description for description in descriptions}
    async with pool.acquire() as conn:
        for credential_id, description in by_id.items():
            await credentials.create(conn, credential_id, credential(f"Soil {credential_id}", "soil", description))
    return {str(credential_id): description for credential_id, description in by_id.items()}


async def read_result(pool: Pool, assessment_id: UUID) -> Any:
    stored = await assessments.read_result(pool, assessment_id)
    assert stored is not None
    return stored.result.model_dump(mode="json")


def evidence(result: Any, question_id: UUID) -> list[Any]:
    """The quotes from an essay."""
    lines = result["breakdown"]["essay"]["questions"]
    line = next(line for line in lines if line["question_id"] == str(question_id))
    return [quote for dimension in line["dimensions"].values() for quote in dimension["evidence"]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(essay=_texts, description=_texts, cuts=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4))
async def test_quotes_are_at_their_positions(
    pool: Pool, bank: Bank, running: JobRunner, provider: ModelServer, essay: str, description: str, cuts: Any
) -> None:
    assume(words(essay))
    ends = [sorted((round(first * len(essay)), round(second * len(essay)))) for first, second in cuts]
    provider.default = scores(20, [essay[start:end] for start, end in ends] + [essay.upper(), "made up by the model"])
    descriptions = await replace_credentials(pool, description, _SOIL)
    assessment_id = await submit(pool, bank, owner=str(uuid4()), answers=bank.answers(essay=essay))
    await run_due_jobs(pool, running)
    result = await read_result(pool, assessment_id)
    for quote in evidence(result, bank.ids["essay"]):
        assert essay[quote["start"] : quote["end"]] == quote["quote"] != ""
    sources = [(line["credential_id"], source) for line in result["recommendations"] for source in line["sources"]]
    for credential_id, source in sources:
        assert descriptions[credential_id][source["start"] : source["end"]] == source["quote"] != ""
    assert {credential_id for credential_id, _ in sources} == set(descriptions)


def _moved(quote: Any) -> None:
    quote["start"], quote["end"] = quote["start"] + 1, quote["end"] + 1


def _changed(quote: Any) -> None:
    quote["quote"] = quote["quote"][:-1] + "#"


def _longer(quote: Any) -> None:
    quote["end"] += 1


def _emptied(quote: Any) -> None:
    quote["quote"], quote["end"] = "", quote["start"]


def _without_place(quote: Any) -> None:
    quote["start"] = None


@pytest.mark.parametrize("spoil", [_moved, _changed, _longer, _emptied, _without_place])
@pytest.mark.parametrize("of", ["essay", "recommendation"])
async def test_no_result_with_a_wrong_quote_can_be_written(
    pool: Pool, bank: Bank, running: JobRunner, provider: ModelServer, spoil: Any, of: str
) -> None:
    provider.default = scores(20, ["the xylem"])
    await replace_credentials(pool, _SOIL)
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY))
    await run_due_jobs(pool, running)
    result = await read_result(pool, assessment_id)
    quotes = evidence(result, bank.ids["essay"]) if of == "essay" else result["recommendations"][0]["sources"]
    write = "UPDATE results SET body = $2 WHERE assessment_id = $1"
    await pool.execute(write, assessment_id, orjson.dumps(result).decode())
    spoil(quotes[0])
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await pool.execute(write, assessment_id, orjson.dumps(result).decode())
    assert refused.value.constraint_name == "results_quotes_check"
    # The error is logged, so it must not contain what a student wrote.
    assert "xylem" not in str(refused.value.as_dict())


@pytest.mark.parametrize("of", ["question", "version"])
async def test_a_quote_from_another_answer_or_version_cannot_be_written(
    pool: Pool, bank: Bank, running: JobRunner, provider: ModelServer, of: str
) -> None:
    provider.default = scores(20, ["the xylem"])
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY))
    await run_due_jobs(pool, running)
    result = await read_result(pool, assessment_id)
    if of == "question":
        line = next(line for line in result["breakdown"]["essay"]["questions"] if line["dimensions"])
        line["question_id"] = str(bank.ids["essay_two"])
    else:
        result["recommendations"][0]["sources"][0]["credential_version"] = 2
    with pytest.raises(asyncpg.CheckViolationError, match="a quote of the result"):
        await pool.execute(
            "UPDATE results SET body = $2 WHERE assessment_id = $1", assessment_id, orjson.dumps(result).decode()
        )


@pytest.mark.parametrize(
    "change", ["UPDATE passages SET text = 'Loam'", "UPDATE passages SET starts_at = 1, ends_at = ends_at + 1"]
)
async def test_no_passage_can_be_written_that_is_not_in_its_description(pool: Pool, change: str) -> None:
    await replace_credentials(pool, _SOIL)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await pool.execute(change)
    assert refused.value.constraint_name == "passages_text_check"
