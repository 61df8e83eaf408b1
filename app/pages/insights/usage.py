"""Sections about what students say of results, and about what the model costs."""

from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from app.domain.period import Period
from app.pages.charts import Bar, bars, sparkline
from app.pages.insights.sections import Name, Section, rounded
from app.schemas import FeedbackAnalytics, ModelCallAnalytics

_STARS = (5, 4, 3, 2, 1)


def feedback_section(analytics: FeedbackAnalytics) -> Section:
    """How students rate results and recommendations."""
    lines = [
        (track.track, what, ratings)
        for track in analytics.tracks
        for what, ratings in (("results", track.results), ("recommendations", track.recommendations))
        if ratings
    ]
    rows = [
        [track, what, side, ratings.count, rating.mean, *rating.counts]
        for track, what, ratings in lines
        for side, rating in (("relevance", ratings.relevance), ("acceptance", ratings.acceptance))
    ]
    charts: list[Markup] = []
    for what in ("results", "recommendations"):
        counts = [ratings.relevance.counts for _, kind, ratings in lines if kind == what]
        if counts:
            totals = dict(zip((1, 2, 3, 4, 5), map(sum, zip(*counts, strict=True)), strict=True))
            values = [Bar(f"Rated {stars}", totals[stars], f"{totals[stars]:,}") for stars in _STARS]
            description = f"How many of {sum(totals.values()):,} ratings, from 5 for the best to 1."
            charts.append(bars(f"Relevance of {what}", description, values, sum(totals.values())))
    texts = ["What students, and staff, said of results and of recommended courses, from 1 to 5."]
    columns = ["track", "of", "rated", "ratings", "mean", *(f"rated {stars}" for stars in reversed(_STARS))]
    return Section(
        Name.FEEDBACK,
        "Feedback",
        texts if rows else ["Nobody has rated anything in this period."],
        columns,
        rows,
        charts,
    )


def cost_section(analytics: ModelCallAnalytics, period: Period) -> Section:
    """What the calls of the model cost on each day."""
    if not analytics.days:
        return Section(Name.COST, "Cost of the model", ["The model was not called in this period."])
    rows = [[day.day, day.calls, day.tokens_in, day.tokens_out, rounded(day.cost_usd, 4)] for day in analytics.days]
    costs = {day.day: day.cost_usd or 0.0 for day in analytics.days}
    first, last = period.start.date(), min(period.end, datetime.now(UTC)).date()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    total, calls = sum(costs.values()), sum(day.calls for day in analytics.days)
    title = f"Cost by day, {first} to {last}"
    description = f"Together {total:,.2f} US dollars; the dearest day cost {max(costs.values()):,.2f}."
    charts = [sparkline(title, description, [costs.get(day, 0.0) for day in days])]
    texts = [
        f"{calls:,} calls for {total:,.2f} US dollars. Calls whose price is not known are counted without a cost; days "
        "that are not in the table had no calls. Days are in UTC."
    ]
    return Section(
        Name.COST, "Cost of the model", texts, ["day", "calls", "tokens in", "tokens out", "US dollars"], rows, charts
    )


def models_section(analytics: ModelCallAnalytics) -> Section:
    """What the calls of each model and prompt cost, and how long they took."""
    if not analytics.models:
        return Section(Name.MODELS, "Models", ["No model was called in this period."])
    rows = [
        [line.provider, line.model, line.prompt_version, line.calls, line.outcomes.get("answered", 0),
         line.tokens_in, line.tokens_out, rounded(line.cost_usd, 4), line.calls_without_cost,
         rounded(line.latency_p50_ms, 0), rounded(line.latency_p95_ms, 0)]
        for line in analytics.models
    ]  # fmt: skip
    most = max(line.calls for line in analytics.models)
    values = [Bar(f"{line.model}, {line.prompt_version}", line.calls, f"{line.calls:,}") for line in analytics.models]
    charts = [bars("Calls by model and prompt", "The number of calls of each.", values, most)]
    columns = ["provider", "model", "prompt", "calls", "answered", "tokens in", "tokens out", "US dollars",
               "calls without a price", "median ms", "95th percentile ms"]  # fmt: skip
    return Section(
        Name.MODELS, "Models", ["Calls with each prompt, and how long the model took."], columns, rows, charts
    )
