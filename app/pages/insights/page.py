"""The page of insights, and the numbers of each of its sections as a file."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from aiohttp import web

from app.domain.period import InvalidPeriod, Period, parse_period
from app.http.app_keys import CONTEXT, READ_POOLS
from app.http.exports import csv_text
from app.http.query import bad_query, query_choice, query_text
from app.http.sessions import PAGES
from app.lifecycle import run_both
from app.pages.insights.agreement import agreement_section
from app.pages.insights.scores import degraded_section, questions_section, scores_section
from app.pages.insights.sections import Name, Section
from app.pages.insights.usage import cost_section, feedback_section, models_section
from app.pages.rendering import render
from app.services import analytics
from app.services.catalog import tracks
from app.services.read_pools import ReadPools
from app.services.recent_values import RecentValues

_T = TypeVar("_T")

INSIGHTS = f"{PAGES}/insights"
_TRACKS = 100
# Figures that are kept, and for how many seconds: computing them takes long where there are many results.
_MOST_KEPT = 32
_SECONDS_KEPT = 60


@dataclass(frozen=True)
class _Chosen:
    """What the figures are of: a track or None for all, and a period."""

    reads: ReadPools
    track: str | None
    period: Period

    async def read(self, figures: Callable[..., Awaitable[_T]]) -> _T:
        """The figures, which may be some seconds old."""
        return await self.reads.read(lambda pool: figures(pool, self.track, self.period))


@dataclass(frozen=True)
class _Figures:
    """All sections, and when they were computed."""

    sections: Sequence[Section]
    as_of: datetime


# By track, and by the beginning and end in the address.
_KEPT = web.AppKey("kept_insights", RecentValues[tuple[str | None, str, str], _Figures])


def keep_recent_figures(app: web.Application) -> None:
    """Gives the application a place for the figures that were shown lately."""
    app[_KEPT] = RecentValues(_MOST_KEPT, _SECONDS_KEPT)


async def show_insights(request: web.Request) -> web.StreamResponse:
    """Figures of a track, or of all, in a period; of the last 30 days if the address names none.
    They may be a minute old."""
    pool, error = request.app[CONTEXT].pool, ""
    start, end = request.query.get("from", ""), request.query.get("to", "")
    try:
        period = parse_period(start or None, end or None, datetime.now(UTC))
    except InvalidPeriod as invalid:
        period, error = parse_period(None, None, datetime.now(UTC)), str(invalid)
    chosen = _Chosen(request.app[READ_POOLS], query_text(request, "track") or None, period)
    known, _ = await tracks.page(pool, None, _TRACKS)
    # The last day of the period: its end is excluded.
    last = (period.end - timedelta(microseconds=1)).date()
    figures = None
    if not error:
        figures = await request.app[_KEPT].read((chosen.track, start, end), lambda: _compute(chosen))
    values = {
        "track": chosen.track or "",
        "tracks": [(track.body.slug, track.body.name) for track in known],
        "start": start if error else period.start.date().isoformat(),
        "end": end if error else last.isoformat(),
        "error": error,
        "sections": figures.sections if figures else [],
        "as_of": figures.as_of if figures else None,
        "download": request.rel_url.with_path(f"{INSIGHTS}/figures.csv", encoded=True, keep_query=True),
    }
    return render(request, "insights/insights.html", values, status=422 if error else 200)


async def download_figures(request: web.Request) -> web.StreamResponse:
    """The numbers of one section, with the same filters as the page."""
    name = query_choice(request, "section", Name)
    if name is None:
        bad_query("section must be one of " + ", ".join(Name))
    try:
        period = parse_period(request.query.get("from") or None, request.query.get("to") or None, datetime.now(UTC))
    except InvalidPeriod as error:
        bad_query(str(error))
    section = await _SECTIONS[name](_Chosen(request.app[READ_POOLS], query_text(request, "track") or None, period))
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return web.Response(text=csv_text(section.table), content_type="text/csv", charset="utf-8", headers=headers)


async def _compute(chosen: _Chosen) -> _Figures:
    now = datetime.now(UTC)
    # The distribution of scores takes as long as all others together.
    scores, others = await run_both(_scores(chosen), _other_sections(chosen))
    made = {Name.SCORES: scores, **others}
    return _Figures([made[name] for name in _SECTIONS], now)


async def _other_sections(chosen: _Chosen) -> Mapping[Name, Section]:
    # Two sections are made of the same figures.
    calls = await chosen.read(analytics.summarize_model_calls)
    made = {Name.COST: cost_section(calls, chosen.period), Name.MODELS: models_section(calls)}
    rest = {name: make for name, make in _SECTIONS.items() if name not in made and name != Name.SCORES}
    return {**made, **{name: await make(chosen) for name, make in rest.items()}}


async def _scores(chosen: _Chosen) -> Section:
    return scores_section(await chosen.read(analytics.summarize_scores))


async def _questions(chosen: _Chosen) -> Section:
    if chosen.track is None:
        return questions_section(None, [])
    track, period = chosen.track, chosen.period
    statistics = await chosen.reads.read(lambda pool: analytics.summarize_questions(pool, track, period))
    return questions_section(chosen.track, statistics.values())


async def _agreement(chosen: _Chosen) -> Section:
    return agreement_section(*await chosen.read(analytics.compare_scores))


async def _degraded(chosen: _Chosen) -> Section:
    return degraded_section(await chosen.read(analytics.summarize_degraded))


async def _feedback(chosen: _Chosen) -> Section:
    return feedback_section(await chosen.read(analytics.summarize_feedback))


async def _cost(chosen: _Chosen) -> Section:
    calls = await chosen.read(analytics.summarize_model_calls)
    return cost_section(calls, chosen.period)


async def _models(chosen: _Chosen) -> Section:
    return models_section(await chosen.read(analytics.summarize_model_calls))


_SECTIONS: Mapping[Name, Callable[[_Chosen], Awaitable[Section]]] = {
    Name.SCORES: _scores,
    Name.QUESTIONS: _questions,
    Name.AGREEMENT: _agreement,
    Name.DEGRADED: _degraded,
    Name.FEEDBACK: _feedback,
    Name.COST: _cost,
    Name.MODELS: _models,
}
