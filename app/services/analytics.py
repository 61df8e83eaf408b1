"""Statistics of assessments, scores, feedback and model calls in a period, as the API shows them."""

from collections.abc import AsyncIterator
from uuid import UUID

from app.domain.period import Period
from app.domain.records.analytics import (
    Coverage,
    ModelCallTotals,
    OverriddenScore,
    Overview,
    QuestionStatistics,
    ScoreGroup,
)
from app.domain.records.feedback import FeedbackGroup
from app.domain.summaries import group_scores
from app.lifecycle import run_both
from app.repositories import analytics
from app.repositories.results import feedback
from app.repositories.sql import Executor, Pool
from app.schemas import (
    AgreementFigures,
    DegradedView,
    FeedbackAnalytics,
    FeedbackRecordView,
    ModelCallAnalytics,
    OverviewAnalytics,
    ScoreAnalytics,
    agreement_figures,
    degraded_view,
    feedback_analytics_view,
    feedback_record_view,
    model_call_analytics_view,
    overview_view,
    score_analytics_view,
)

# Assessments that the statistics of single questions are of, and answers below which they would say more about chance.
QUESTION_ASSESSMENTS = 300
LEAST_ANSWERS = 10
# Rows that `list_feedback` reads in one statement.
PAGE_ROWS = 1000


async def summarize_assessments(pool: Pool, track: str | None, period: Period) -> OverviewAnalytics:
    """The assessments that were started in the period, with the feedback and the model calls of the period."""
    coverage = await analytics.read_coverage(pool, period)
    # The distribution of scores takes as long as all others together.
    scores, others = await run_both(_score_groups(pool, track, coverage), _other_figures(pool, track, coverage))
    overview, ratings, calls = others
    return overview_view(period, overview, scores, ratings, calls)


async def summarize_scores(pool: Pool, track: str | None, period: Period) -> ScoreAnalytics:
    """The distribution of scores by who gave them, and how the machine's agree with people's."""
    groups = await _score_groups(pool, track, await analytics.read_coverage(pool, period))
    pairs = await analytics.overridden_scores(pool, track, period)
    return score_analytics_view(period, groups, pairs)


async def compare_scores(
    pool: Pool, track: str | None, period: Period
) -> tuple[AgreementFigures, list[OverriddenScore]]:
    """How the machine's scores agree with people's, and the pairs of scores that this is computed from."""
    pairs = await analytics.overridden_scores(pool, track, period)
    return agreement_figures(pairs), pairs


async def summarize_degraded(pool: Pool, track: str | None, period: Period) -> DegradedView:
    """How many of the completed assessments that were started in the period are degraded, and why."""
    return degraded_view(await analytics.overview(pool, track, await analytics.read_coverage(pool, period)))


async def summarize_questions(pool: Pool, track: str, period: Period | None = None) -> dict[UUID, QuestionStatistics]:
    """How the questions of a track did in its newest completed assessments, or in the newest of those that were started
    in the period, by id; those that nobody has answered are missing."""
    rows = await analytics.question_statistics(pool, track, QUESTION_ASSESSMENTS, LEAST_ANSWERS, period)
    return {row.question_id: row for row in rows}


async def summarize_model_calls(pool: Pool, track: str | None, period: Period) -> ModelCallAnalytics:
    """The number, cost and duration of the model calls."""
    coverage = await analytics.read_coverage(pool, period)
    models = await analytics.model_calls(pool, track, coverage)
    days = await analytics.daily_model_calls(pool, track, coverage)
    return model_call_analytics_view(period, models, days)


async def summarize_feedback(pool: Pool, track: str | None, period: Period) -> FeedbackAnalytics:
    """The ratings of results and recommendations, counted."""
    coverage = await analytics.read_coverage(pool, period)
    return feedback_analytics_view(period, await feedback.groups(pool, track, coverage))


async def list_feedback(pool: Pool, track: str | None, period: Period) -> AsyncIterator[list[FeedbackRecordView]]:
    """All ratings, page by page. Each page is a statement of its own, so a slow client does not hold a connection."""
    last_id = 0
    while rows := await feedback.page(pool, track, period, last_id, PAGE_ROWS):
        yield [feedback_record_view(row) for row in rows]
        last_id = rows[-1].id


async def _other_figures(
    pool: Pool, track: str | None, coverage: Coverage
) -> tuple[Overview, list[FeedbackGroup], list[ModelCallTotals]]:
    async with pool.acquire() as conn:
        return (
            await analytics.overview(conn, track, coverage),
            await feedback.groups(conn, track, coverage),
            await analytics.model_calls(conn, track, coverage),
        )


async def _score_groups(db: Executor, track: str | None, coverage: Coverage) -> list[ScoreGroup]:
    counts = await analytics.score_counts(db, track, coverage)
    return group_scores(counts, await analytics.completed_totals(db, track, coverage))
