"""Counts of whole days say the same as counting everything anew, whatever happens to assessments, and in between."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domain.period import Period
from app.domain.records.analytics import Coverage
from app.domain.records.feedback import NewFeedback
from app.domain.summaries import group_scores
from app.repositories import analytics, day_counts
from app.repositories.results import feedback
from app.repositories.sql import Pool
from app.services import erasure
from app.services.day_counts import count_next_day
from app.services.results import override
from app.services.results.feedback import rate
from app.services.results.fuse import FusionJob
from app.services.results.override import ScoreOverride
from tests.appeals import make_appeal
from tests.bank import Bank
from tests.scored_assessments import SCORED_LOCALLY, claimed_fusion, completed_assessment, essay_score
from tests.services.results.test_override_races import start_rescore

DAYS = 4
CALL = """
INSERT INTO model_calls (assessment_id, run, question_id, provider, model, prompt_version, outcome, tokens_in,
                         tokens_out, cost_usd, latency_ms, provider_message, created_at)
VALUES ($1, 1, $1, 'openai', $2, 'p1', $3, $4, 10, $5, $6, $7, now() - make_interval(days => $8))
"""
STEPS = 60
Step = Callable[[], Awaitable[None]]


def period() -> Period:
    now = datetime.now(UTC)
    return Period(now - timedelta(days=DAYS + 2), now + timedelta(minutes=1))


async def figures(pool: Pool, coverage: Coverage, track: str | None) -> tuple[Any, list[float], list[float]]:
    """Everything that is read by coverage: first what is exact, then means, then durations."""
    overview = await analytics.overview(pool, track, coverage)
    calls = await analytics.model_calls(pool, track, coverage)
    groups = group_scores(
        await analytics.score_counts(pool, track, coverage), await analytics.completed_totals(pool, track, coverage)
    )
    exact = (
        overview.model_copy(update=dict.fromkeys(("latency_p50", "latency_p95", "mean_percentage"))),
        [group.model_copy(update={"mean": None}) for group in groups],
        [line.model_copy(update={"latency_p50_ms": 0.0, "latency_p95_ms": 0.0}) for line in calls],
        await analytics.daily_model_calls(pool, track, coverage),
        await feedback.groups(pool, track, coverage),
    )
    means = [overview.mean_percentage, *(group.mean for group in groups)]
    times = [overview.latency_p50, overview.latency_p95]
    times += [time for line in calls for time in (line.latency_p50_ms, line.latency_p95_ms)]
    return exact, [mean for mean in means if mean is not None], [time for time in times if time is not None]


async def assert_equal(pool: Pool) -> int:
    """The figures by kept counts are those of counting everything now, durations to within one percent; returns how
    many days were kept."""
    wanted = period()
    coverage = await analytics.read_coverage(pool, wanted)
    everything = Coverage(period=wanted, days=(), starts=(wanted.start,), ends=(wanted.end,))
    for track in (None, "gardener", "other"):
        exact, means, times = await figures(pool, coverage, track)
        all_exact, all_means, all_times = await figures(pool, everything, track)
        assert exact == all_exact
        assert means == pytest.approx(all_means, rel=1e-9)
        assert times == pytest.approx(all_times, rel=0.0101)
    return len(coverage.days)


class Life:
    """What may happen to assessments of former days."""

    def __init__(self, pool: Pool, bank: Bank, numbers: random.Random) -> None:
        self.pool, self.bank, self.numbers = pool, bank, numbers
        self.people = 0

    async def any_assessment(self) -> UUID | None:
        rows = await self.pool.fetch("SELECT id FROM assessments WHERE status = 'completed' ORDER BY created_at, id")
        return self.numbers.choice(rows)["id"] if rows else None

    async def complete(self) -> None:
        self.people += 1
        scorer = self.numbers.choice(["gpt", "local"])
        essays = {"essay": essay_score(scorer, 4 * self.numbers.randrange(26)), "essay_two": essay_score(scorer, 80)}
        reasons = [SCORED_LOCALLY] if scorer == "local" else []
        assessment_id = await completed_assessment(
            self.pool, self.bank, f"student-{self.people}", essays, reasons=reasons
        )
        await self.pool.execute(
            "UPDATE assessments SET created_at = created_at - make_interval(days => $2),"
            " completed_at = submitted_at + make_interval(secs => $3) WHERE id = $1",
            assessment_id, self.numbers.randrange(DAYS + 1), self.numbers.random() * 100,
        )  # fmt: skip
        if self.numbers.random() < 0.2:
            await self.pool.execute(
                "WITH other AS (SELECT id FROM tracks WHERE slug = 'other')"
                " UPDATE assessments SET track_id = other.id FROM other WHERE assessments.id = $1", assessment_id,
            )  # fmt: skip

    async def override(self) -> None:
        if assessment_id := await self.any_assessment():
            name = self.numbers.choice(["essay", "right", "partial"])
            question = await override.find_question(self.pool, assessment_id, self.bank.ids[name])
            score = ScoreOverride(question, self.numbers.choice([0, 0.5, 1]), "So.", "advisor-1")
            await override.override(self.pool, assessment_id, score)

    async def rescore(self) -> None:
        if assessment_id := await self.any_assessment():
            async with self.pool.acquire() as conn, conn.transaction():
                await start_rescore(conn, assessment_id)
            run = await self.pool.fetchval("SELECT run FROM assessments WHERE id = $1", assessment_id)
            essays = {"essay": essay_score("gpt", 4 * self.numbers.randrange(26)), "essay_two": essay_score("gpt", 4)}
            job = await claimed_fusion(self.pool, self.bank, assessment_id, essays, run=run)
            assert await FusionJob(self.pool).run(job)

    async def call(self) -> None:
        assessment_id = await self.any_assessment()
        message = self.numbers.choice([None, f"said {self.numbers.random()}"])
        outcome = "rate_limited" if message else "answered"
        cost, latency = self.numbers.choice([None, 0.25]), self.numbers.randrange(1, 9000)
        model, tokens, day = self.numbers.choice("mn"), self.numbers.randrange(900), self.numbers.randrange(DAYS + 1)
        if assessment_id:
            await self.pool.execute(CALL, assessment_id, model, outcome, tokens, cost, latency, message, day)

    async def rate(self) -> None:
        if assessment_id := await self.any_assessment():
            credential_id = await self.pool.fetchval(
                "SELECT credential_id FROM recommendations WHERE assessment_id = $1 LIMIT 1", assessment_id
            )
            chosen = self.numbers.choice([None, credential_id])
            ratings = (self.numbers.randrange(1, 6), self.numbers.randrange(1, 6))
            async with self.pool.acquire() as conn, conn.transaction():
                await rate(conn, NewFeedback(assessment_id, chosen, "advisor-1", *ratings, None))
            await self.pool.execute(
                "UPDATE feedback SET given_at = given_at - make_interval(days => $1)"
                " WHERE id = (SELECT max(id) FROM feedback)", self.numbers.randrange(DAYS),
            )  # fmt: skip

    async def appeal(self) -> None:
        rows = await self.pool.fetch(
            "SELECT id FROM assessments a WHERE status = 'completed'"
            " AND NOT EXISTS (SELECT FROM appeals WHERE assessment_id = a.id) ORDER BY created_at, id"
        )
        if rows:
            await make_appeal(self.pool, self.numbers.choice(rows)["id"], self.bank.ids["essay"])

    async def erase(self) -> None:
        if assessment_id := await self.any_assessment():
            owner = await self.pool.fetchval("SELECT owner FROM assessments WHERE id = $1", assessment_id)
            record = await erasure.request_erasure(self.pool, "admin-1", owner)
            while await erasure.erase_next(self.pool, None, record.erasure_id):
                pass

    async def count_a_day(self) -> None:
        await count_next_day(self.pool, 0)

    async def count_all(self) -> None:
        while await count_next_day(self.pool, 0):
            pass


@pytest.mark.parametrize("seed", range(3))
async def test_kept_counts_equal_counting_anew(pool: Pool, bank: Bank, seed: int) -> None:
    await pool.execute("INSERT INTO tracks (slug, name, question_mix) VALUES ('other', 'Other', '{}')")
    numbers = random.Random(seed)  # noqa: S311 - no secret
    life, kept = Life(pool, bank, numbers), 0
    steps: list[Step] = [
        life.complete, life.complete, life.override, life.rescore, life.call, life.call, life.rate, life.appeal,
        life.erase, life.count_a_day, life.count_all, life.count_all,
    ]  # fmt: skip
    for _ in range(STEPS):
        await numbers.choice(steps)()
        kept += await assert_equal(pool)
    # Or nothing was compared.
    assert kept > STEPS


async def test_a_day_that_changes_while_it_is_counted_is_counted_again(pool: Pool, bank: Bank) -> None:
    life = Life(pool, bank, random.Random(1))  # noqa: S311 - no secret
    assessment_id = await completed_assessment(pool, bank)
    await pool.execute("UPDATE assessments SET created_at = created_at - interval '2 days'")
    await life.count_all()
    assert await assert_equal(pool) == 2
    for changed_before in (True, False):
        async with pool.acquire() as conn, conn.transaction():
            assert await day_counts.try_lock(conn)
            await pool.execute("UPDATE assessments SET revision = revision + 1 WHERE id = $1", assessment_id)
            day = await day_counts.next_day(conn, 0)
            assert day is not None
            if changed_before:
                await change(pool, bank, assessment_id, 0.2)
            await day_counts.take_changes(conn, day)
            await day_counts.forget_counts(conn, day)
            if not changed_before:
                await change(pool, bank, assessment_id, 0.8)
            await day_counts.count_assessments(conn, day)
            await day_counts.count_scores(conn, day)
            await change(pool, bank, assessment_id, 0.4)
            await day_counts.count_model_calls(conn, day)
            await day_counts.count_feedback(conn, day)
            await day_counts.record(conn, day)
        assert day not in (await analytics.read_coverage(pool, period())).days
        await assert_equal(pool)
        await life.count_all()
        assert day in (await analytics.read_coverage(pool, period())).days
        await assert_equal(pool)


async def test_one_worker_counts_at_a_time(pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank)
    await pool.execute("UPDATE assessments SET created_at = created_at - interval '2 days'")
    async with pool.acquire() as conn, conn.transaction():
        assert await day_counts.try_lock(conn)
        assert await count_next_day(pool, 0) == 0
    assert await count_next_day(pool, 0) == 1


async def test_a_day_is_counted_an_hour_after_its_end(pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank)
    await pool.execute("UPDATE assessments SET created_at = created_at - interval '3 days'")
    now: datetime = await pool.fetchval("SELECT now()")
    since_midnight = (now - datetime.combine(now.date(), datetime.min.time(), UTC)).total_seconds()
    async with pool.acquire() as conn:
        assert await day_counts.next_day(conn, since_midnight + 60) == now.date() - timedelta(days=2)
        assert await day_counts.next_day(conn, max(since_midnight - 60, 0)) == now.date() - timedelta(days=1)


async def test_only_whole_days_of_the_period_are_kept(pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank)
    await pool.execute("UPDATE assessments SET created_at = created_at - interval '4 days'")
    while await count_next_day(pool, 0):
        pass
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    coverage = await analytics.read_coverage(pool, Period(noon - timedelta(days=3), noon - timedelta(days=1)))
    whole: date = (noon - timedelta(days=2)).date()
    midnight = noon.replace(hour=0)
    assert coverage.days == (whole,)
    assert coverage.starts == (noon - timedelta(days=3), midnight - timedelta(days=1))
    assert coverage.ends == (midnight - timedelta(days=2), noon - timedelta(days=1))
    empty = await analytics.read_coverage(pool, Period(noon, noon))
    assert (empty.days, empty.starts, empty.ends) == ((), (), ())


async def change(pool: Pool, bank: Bank, assessment_id: UUID, score: float) -> None:
    """Another score by a person."""
    question = await override.find_question(pool, assessment_id, bank.ids["essay"])
    await override.override(pool, assessment_id, ScoreOverride(question, score, str(uuid4()), "advisor-1"))
