"""Analytics: right at their edges, of the requested period and track, and never about one person."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.repositories.sql import Pool
from app.services.results import override
from app.services.results.fuse import FusionJob
from app.services.results.override import Confirmation, ScoreOverride
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.job_runner import submit
from tests.scored_assessments import ESSAY_SCORES, UNSCORED, claimed_fusion, completed_assessment, essay_score
from tests.web.problems import problem

PATHS = ("/analytics/scores", "/analytics/model-calls", "/analytics/overview", "/analytics/feedback")
CALL = """
INSERT INTO model_calls (assessment_id, run, question_id, provider, model, prompt_version, outcome, tokens_in,
                         tokens_out, cost_usd, latency_ms, answer, created_at)
VALUES ($1, 1, $1, 'openai', $2, $3, $4, 100, 10, $5, $6, 'A secret answer.', $7)
"""
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
THEN = "from=2026-03-01&to=2026-03-02"


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


async def statistics(caller: Api, path: str, query: str = "") -> Any:
    reply = await caller.get(f"{path}?{query}")
    assert reply.status == 200, reply.raw
    return reply.body


async def scores(caller: Api, query: str = "") -> dict[str, Any]:
    """The only track's statistics by type of score."""
    (track,) = (await statistics(caller, "/analytics/scores", query))["tracks"]
    assert track["track"] == SLUG
    return {group["score_type"]: group for group in track["score_types"]}


async def override_score(pool: Pool, assessment_id: UUID, question_id: UUID, score: float) -> None:
    question = await override.find_question(pool, assessment_id, question_id)
    await override.override(pool, assessment_id, ScoreOverride(question, score, "So.", "advisor-1"))


async def other_track(pool: Pool) -> None:
    """The assessments of the second student are of another track."""
    await pool.execute(
        "WITH other AS (INSERT INTO tracks (slug, name, question_mix) VALUES ('other', 'Other', '{}') RETURNING id)"
        " UPDATE assessments SET track_id = (SELECT id FROM other) WHERE owner = 'student-2'"
    )


async def test_without_data_statistics_are_null(advisor: Api) -> None:
    body = await statistics(advisor, "/analytics/scores")
    nothing = dict.fromkeys(("pearson_r", "mean_difference", "rmse", "weighted_kappa"))
    assert (body["tracks"], body["agreement"]) == ([], {"count": 0, "scorers": {}} | nothing)
    calls = await statistics(advisor, "/analytics/model-calls")
    assert (calls["models"], calls["days"]) == ([], [])
    for period in (body["period"], calls["period"]):
        start, end = (datetime.fromisoformat(period[name]) for name in ("start", "end"))
        assert end - start == timedelta(days=30) and abs(end - datetime.now(UTC)) < timedelta(minutes=5)


async def test_scores_in_percent_by_type_and_scorer(advisor: Api, pool: Pool, bank: Bank) -> None:
    for number, (first_score, second_score) in enumerate(((0, 8), (12, 40), (40, 72), (88, 100))):
        essays = {
            "essay": essay_score("gpt", first_score),
            "essay_two": essay_score("local", second_score, dropped_quotes=number),
        }
        await completed_assessment(pool, bank, f"student-{number}", essays)
    groups = await scores(advisor)
    assert list(groups) == ["theoretical", "profile", "essay_gpt"]
    essay_group = groups["essay_gpt"]
    assert (essay_group["count"], essay_group["mean"]) == (8, 45.0)
    assert essay_group["histogram"] == [2, 1, 0, 0, 2, 0, 0, 1, 1, 1]
    assert essay_group["quantiles"] == {"p10": 5.6, "p25": 11.0, "p50": 40.0, "p75": 76.0, "p90": 91.6}
    gpt, local = essay_group["scorers"]
    assert (gpt["scorer"], gpt["count"], gpt["mean"], gpt["dropped_quotes"]) == ("gpt", 4, 35.0, 0)
    assert (local["scorer"], local["count"], local["mean"], local["dropped_quotes"]) == ("local", 4, 55.0, 6)
    assert local["histogram"] == [1, 0, 0, 0, 1, 0, 0, 1, 0, 1]
    theory = groups["theoretical"]
    assert (theory["count"], theory["scorers"], theory["histogram"]) == (12, [], [4, 0, 0, 0, 0, 4, 0, 0, 0, 4])
    assert (groups["profile"]["mean"], groups["profile"]["quantiles"]["p10"]) == (100.0, 100.0)


async def test_a_value_on_the_border_belongs_to_the_bin_above(advisor: Api, pool: Pool, bank: Bank) -> None:
    """Also where points times weight are slightly below it in binary floating point."""
    await completed_assessment(pool, bank)
    third = "UPDATE scores SET max_score = 3, score = 3 * ($1::float8 / 100) WHERE score_type = 'profile'"
    for hundredth in range(0, 101, 10):
        await pool.execute(third, hundredth)
        histogram = (await scores(advisor))["profile"]["histogram"]
        assert histogram[min(hundredth // 10, 9)] == 5, hundredth


async def test_missing_and_unscored_answers_are_counted_but_not_averaged(advisor: Api, pool: Pool, bank: Bank) -> None:
    answers = bank.answers(right="B", essay="Water rises.")
    await completed_assessment(pool, bank, essays={"essay": None}, answers=answers, reasons=[UNSCORED])
    await completed_assessment(pool, bank, "student-2")
    groups = await scores(advisor)
    essays = groups["essay_gpt"]
    assert (essays["count"], essays["missing"], essays["unscored"], essays["mean"]) == (2, 1, 1, 60.0)
    assert (groups["theoretical"]["count"], groups["theoretical"]["missing"], groups["profile"]["missing"]) == (4, 2, 5)
    (track,) = (await statistics(advisor, "/analytics/scores"))["tracks"]
    assert (track["assessments"], track["degraded_share"]) == (2, 0.5)


async def test_without_scores_there_is_no_mean(advisor: Api, pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank, essays={}, answers=[])
    theory = (await scores(advisor))["theoretical"]
    assert (theory["count"], theory["mean"], theory["quantiles"], theory["histogram"]) == (0, None, None, [0] * 10)


async def test_the_newest_result_counts_and_open_assessments_do_not(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    await submit(pool, bank, "student-2")
    assert (await advisor.post(f"/assessments/{assessment_id}/rescore", {"reason": "So."})).status == 202
    essays = {"essay": essay_score("local", 20), "essay_two": essay_score("local", 20)}
    job = await claimed_fusion(pool, bank, assessment_id, essays, run=2)
    before = (await scores(advisor))["essay_gpt"]
    assert (before["mean"], [scorer["scorer"] for scorer in before["scorers"]]) == (60.0, ["gpt"])
    assert await FusionJob(pool).run(job)
    after = (await scores(advisor))["essay_gpt"]
    assert (after["count"], after["mean"], [scorer["scorer"] for scorer in after["scorers"]]) == (2, 20.0, ["local"])


async def reviewed_pairs(pool: Pool, bank: Bank, count: int) -> None:
    """So many pairs: confirmations of 40 %, and one override that gives 90 % in place of 40 %."""
    for number in range(count):
        essays = {"essay": essay_score("gpt" if number else "local", 40), "essay_two": essay_score("gpt", 80)}
        assessment_id = await completed_assessment(pool, bank, f"student-{number}", essays)
        if number:
            question = await override.find_question(pool, assessment_id, bank.ids["essay"])
            await override.override(pool, assessment_id, Confirmation(question, "advisor-1"))
        else:
            # Only the newest score of a person counts.
            await override_score(pool, assessment_id, bank.ids["essay"], 0.1)
            await override_score(pool, assessment_id, bank.ids["essay"], 0.9)


@pytest.mark.parametrize("count", [9, 10])
async def test_agreement_is_of_confirmations_and_overrides_and_of_ten_pairs_at_least(
    advisor: Api, pool: Pool, bank: Bank, count: int
) -> None:
    await reviewed_pairs(pool, bank, count)
    # What the machine could not score makes no pair.
    unscored = {"essay": None, "essay_two": essay_score("gpt", 80)}
    alone = await completed_assessment(pool, bank, "student-99", unscored, reasons=[UNSCORED])
    await override_score(pool, alone, bank.ids["essay"], 1.0)
    agreement = (await statistics(advisor, "/analytics/scores"))["agreement"]
    assert (agreement["count"], agreement["scorers"]) == (count, {"gpt": count - 1, "local": 1})
    measures = {name: agreement[name] for name in ("pearson_r", "mean_difference", "rmse", "weighted_kappa")}
    if count < 10:
        assert measures == dict.fromkeys(measures)
    else:
        # The machine gave 40 % to all; a tenth of the people differ by half of the maximum.
        assert measures == {"pearson_r": None, "mean_difference": 0.05, "rmse": 0.1581, "weighted_kappa": 0.0}


async def test_people_are_a_scorer_of_their_own(advisor: Api, pool: Pool, bank: Bank) -> None:
    await reviewed_pairs(pool, bank, 3)
    groups = await scores(advisor)
    essays = groups["essay_gpt"]
    scorers = {scorer["scorer"]: (scorer["count"], scorer["mean"]) for scorer in essays["scorers"]}
    assert scorers == {"gpt": (5, 64.0), "local": (1, 40.0), "person": (3, 56.67)}
    assert (essays["count"], essays["mean"], groups["theoretical"]["scorers"]) == (6, 60.0, [])


async def test_equal_scores_have_no_correlation(advisor: Api, pool: Pool, bank: Bank) -> None:
    for number in range(5):
        assessment_id = await completed_assessment(pool, bank, f"student-{number}")
        for name in ("right", "single"):
            await override_score(pool, assessment_id, bank.ids[name], 1.0)
    agreement = (await statistics(advisor, "/analytics/scores"))["agreement"]
    assert (agreement["pearson_r"], agreement["weighted_kappa"], agreement["count"]) == (None, None, 10)
    assert (agreement["rmse"], str(agreement["mean_difference"])) == (0.0, "0.0")


async def test_scores_of_a_track_and_a_period(advisor: Api, pool: Pool, bank: Bank) -> None:
    for owner in ("student-1", "student-2"):
        await override_score(pool, await completed_assessment(pool, bank, owner), bank.ids["right"], 0.5)
    await other_track(pool)
    for track, slugs in (("", [SLUG, "other"]), (f"track={SLUG}", [SLUG]), ("track=other", ["other"]), ("track=x", [])):
        body = await statistics(advisor, "/analytics/scores", track)
        assert [track_scores["track"] for track_scores in body["tracks"]] == slugs
        assert body["agreement"]["count"] == len(slugs)
    await pool.execute("UPDATE assessments SET created_at = $1 WHERE owner = 'student-1'", NOON)
    exact, later = "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000001Z"
    for query, slugs in ((THEN, [SLUG]), ("", ["other"]), (f"from={exact}&to={later}", [SLUG]),
                         (f"from={later}&to=2026-03-02", []), (f"from=2026-03-01&to={exact}", []),
                         ("from=2026-03-01&to=2026-03-01", [SLUG])):  # fmt: skip
        body = await statistics(advisor, "/analytics/scores", query)
        assert ([track_scores["track"] for track_scores in body["tracks"]], body["agreement"]["count"]) == (
            slugs,
            len(slugs),
        ), query


async def add_call(pool: Pool, assessment_id: UUID, outcome: str = "answered", **changed: Any) -> None:
    """A call of a model."""
    call = {"model": "m", "prompt": "p1", "cost": 0.25, "latency": 100, "at": NOON} | changed
    values = (call["model"], call["prompt"], outcome, call["cost"], call["latency"], call["at"])
    await pool.execute(CALL, assessment_id, *values)


async def test_calls_by_model_and_prompt(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    for latency in range(1, 101):
        await add_call(pool, assessment_id, latency=latency)
    await add_call(pool, assessment_id, "rate_limited", prompt="p2", cost=None)
    for outcome, cost in (("answered", None), ("answered", 0.5), ("timeout", None)):
        await add_call(pool, assessment_id, outcome, model="n", cost=cost, latency=7)
    body = await statistics(advisor, "/analytics/model-calls", THEN)
    assert body["models"] == [
        {"provider": "openai", "model": "m", "prompt_version": "p1", "calls": 100, "outcomes": {"answered": 100},
         "tokens_in": 10_000, "tokens_out": 1000, "cost_usd": 25.0, "calls_without_cost": 0, "latency_p50_ms": 50.5,
         "latency_p95_ms": 95.05},
        {"provider": "openai", "model": "m", "prompt_version": "p2", "calls": 1, "outcomes": {"rate_limited": 1},
         "tokens_in": 100, "tokens_out": 10, "cost_usd": None, "calls_without_cost": 1, "latency_p50_ms": 100.0,
         "latency_p95_ms": 100.0},
        {"provider": "openai", "model": "n", "prompt_version": "p1", "calls": 3,
         "outcomes": {"answered": 2, "timeout": 1}, "tokens_in": 300, "tokens_out": 30, "cost_usd": 0.5,
         "calls_without_cost": 2, "latency_p50_ms": 7.0, "latency_p95_ms": 7.0},
    ]  # fmt: skip


async def test_calls_by_day_in_utc(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    for at, cost in ((midnight - timedelta(microseconds=1), 0.5), (midnight, None), (midnight, 1.0),
                     (midnight + timedelta(days=2), None)):  # fmt: skip
        await add_call(pool, assessment_id, at=at, cost=cost)
    days = (await statistics(advisor, "/analytics/model-calls", "from=2026-03-01&to=2026-03-04"))["days"]
    assert [(day["day"], day["calls"], day["cost_usd"], day["tokens_in"], day["tokens_out"]) for day in days] == [
        ("2026-03-01", 1, 0.5, 100, 10), ("2026-03-02", 2, 1.0, 200, 20), ("2026-03-04", 1, None, 100, 10)
    ]  # fmt: skip
    for query, count in (("from=2026-03-02&to=2026-03-02", 2), ("from=2026-03-03&to=2026-03-03", 0), ("", 0)):
        body = await statistics(advisor, "/analytics/model-calls", query)
        assert sum(day["calls"] for day in body["days"]) == sum(use["calls"] for use in body["models"]) == count


async def test_calls_of_a_track(advisor: Api, pool: Pool, bank: Bank) -> None:
    for owner in ("student-1", "student-2"):
        await add_call(pool, await submit(pool, bank, owner))
    await other_track(pool)
    for track, count in (("", 2), (f"&track={SLUG}", 1), ("&track=other", 1), ("&track=x", 0)):
        body = await statistics(advisor, "/analytics/model-calls", f"{THEN}{track}")
        assert sum(day["calls"] for day in body["days"]) == sum(use["calls"] for use in body["models"]) == count


async def test_statistics_reveal_no_person_and_no_text(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank, "student-very-secret", ESSAY_SCORES)
    await override_score(pool, assessment_id, bank.ids["essay"], 0.5)
    await add_call(pool, assessment_id, at=datetime.now(UTC))
    rating = {"relevance": 5, "acceptance": 1}
    assert (await advisor.post(f"/assessments/{assessment_id}/feedback", rating)).status == 201
    for path in (*PATHS, "/analytics/feedback?format=jsonl"):
        raw = (await advisor.get(path)).raw
        hidden = ("very-secret", str(assessment_id), str(bank.ids["essay"]), "advisor-1", "So.", "A secret answer.")
        assert not [text for text in hidden if text.encode() in raw]


@pytest.mark.parametrize("path", PATHS)
async def test_invalid_periods_are_refused(advisor: Api, path: str) -> None:
    for query in ("from=yesterday", "to=", "from=", "from=2026-02-30", "from=2026-03-02&to=2026-02-28", "track=%00",
                  "from=2024-01-01&to=2026-01-01", "from=2026-03-01T00:00:00", "to=9999-12-31", "from=%00",
                  "from=2026-03-01T00:00:00+01:00"):  # fmt: skip
        problem(await advisor.get(f"{path}?{query}"), 400, "bad-query")
    assert (await advisor.get(f"{path}?from=2026-03-01T00:00:00%2B01:00&to=2026-03-01")).status == 200


@pytest.mark.parametrize("path", PATHS)
async def test_students_may_not_read_statistics(api: Api, path: str) -> None:
    problem(await api.get(f"{path}?from=yesterday"), 403, "forbidden")
    assert (await api.as_("admin").get(path)).status == 200
