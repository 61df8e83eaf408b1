"""Sections about scores: how they are distributed, how each question does, and what was missing or estimated."""

from collections.abc import Iterable, Mapping

from markupsafe import Markup

from app.domain.records.analytics import QuestionStatistics
from app.domain.states import ReasonCode, ScoreType
from app.pages.charts import Axis, Bar, bars, distribution
from app.pages.insights.sections import SCORERS, Name, Section, in_percent
from app.schemas.analytics import DistributionView, ScoreAnalytics
from app.schemas.overview import DegradedView
from app.services.analytics import LEAST_ANSWERS, QUESTION_ASSESSMENTS

_PERCENT = Axis("percent of the points", 0, 100)
_BINS = [f"{low} to {low + 10} %" for low in range(0, 100, 10)]
_TYPES: Mapping[ScoreType, str] = {
    ScoreType.THEORETICAL: "Theory",
    ScoreType.PROFILE: "Questions about the student",
    ScoreType.ESSAY_GPT: "Essays",
}
# Questions that have a bar; the table has all.
_MOST_BARS = 40
_REASONS: Mapping[str, str] = {
    ReasonCode.ESSAY_SCORED_LOCALLY: "An essay has a local estimate",
    ReasonCode.ESSAY_UNSCORED: "An essay has no score",
    ReasonCode.LANGUAGE_NOT_SUPPORTED: "An essay in a language that is not estimated has no score",
}


def scores_section(analytics: ScoreAnalytics) -> Section:
    """How the scores of each type and scorer are distributed: drawn over all tracks, for each track in the table."""
    lines = [
        (track.track, group.score_type, scorer, distribution_of, missing)
        for track in analytics.tracks
        for group in track.score_types
        for scorer, distribution_of, missing in (
            (None, group, (group.missing, group.unscored)),
            *((scorer.scorer, scorer, (None, None)) for scorer in group.scorers),
        )
    ]
    rows = [
        [
            track,
            _TYPES[kind],
            SCORERS.get(scorer, scorer),
            view.count,
            *missing,
            view.mean,
            *_quantiles(view),
            *view.histogram,
        ]
        for track, kind, scorer, view, missing in lines
    ]
    drawn = sorted({(list(_TYPES).index(kind), scorer or "") for _, kind, scorer, _, _ in lines})
    charts = []
    for index, name in drawn:
        kind, scorer = list(_TYPES)[index], name or None
        views = [view for _, its_kind, its_scorer, view, _ in lines if (its_kind, its_scorer) == (kind, scorer)]
        # Where a type has scorers, they are drawn one by one: model and estimate are not the same measure.
        if sum(view.count for view in views) and (
            scorer or ((index, "gpt") not in drawn and (index, "local") not in drawn)
        ):
            charts.append(_histogram(kind, scorer, views))
    texts = [
        "How many answers got which share of their points, for each who scored. Answers that a person has scored or "
        "confirmed count for the machine, too. Missing answers and those without a score are counted apart."
    ]
    columns = ["track", "type", "scored by", "scores", "not answered", "not scored", "mean %",
               *(f"p{share} %" for share in (10, 25, 50, 75, 90)), *_BINS]  # fmt: skip
    return Section(
        Name.SCORES, "Scores", texts if rows else ["Nobody has a result in this period."], columns, rows, charts
    )


def questions_section(track: str | None, statistics: Iterable[QuestionStatistics]) -> Section:
    """How difficult each question of the track is, and how well it tells students apart."""
    if track is None:
        return Section(Name.QUESTIONS, "Questions", ["Choose a track to see how each of its questions does."])
    questions = list(statistics)
    rows = [
        [str(line.question_id), line.question_type, line.prompt, line.answered, in_percent(line.mean_share),
         None if line.discrimination is None else round(line.discrimination, 2)]
        for line in questions
    ]  # fmt: skip
    measured = sorted(
        (line.mean_share, line.prompt, line.discrimination) for line in questions if line.mean_share is not None
    )
    charts: list[Markup] = []
    if measured:
        values = [Bar(prompt, share, f"{100 * share:.0f} %") for share, prompt, _ in measured[:_MOST_BARS]]
        description = "The share of the points that students earned on average, the most difficult question first."
        charts.append(bars("Points earned by question", description, values, 1))
    texts = [
        "Difficulty is the share of the points that students earned on average. Discrimination is how the points go "
        "with the same student's points for the other questions (from -1 to 1): a question near 0 or below tells "
        f"nothing. Both are of the newest {QUESTION_ASSESSMENTS:,} results, and of {LEAST_ANSWERS} answers "
        "or more."
    ]
    columns = ["question", "type", "text", "answers", "points earned %", "discrimination"]
    return Section(
        Name.QUESTIONS,
        "Questions",
        texts if rows else ["Nobody has answered questions of this track."],
        columns,
        rows,
        charts,
    )


def degraded_section(view: DegradedView) -> Section:
    """In how many results something was missing or estimated, and why."""
    title = "Missing or estimated"
    if view.share is None:
        return Section(Name.DEGRADED, title, ["Nobody has a result in this period."])
    codes = sorted(view.reasons, key=lambda code: (-view.reasons[code], code))
    shares = {code: view.reason_shares[code] for code in codes}
    rows = [[_reason(code), code, view.reasons[code], in_percent(shares[code])] for code in codes]
    text = (
        f"In {100 * view.share:.1f} % of all results ({view.count:,}), something was missing or estimated. One may "
        "have several reasons."
    )
    values = [Bar(_reason(code), share, f"{100 * share:.1f} %") for code, share in shares.items()]
    description = "The share of all results that each reason holds for."
    charts = [bars("Why results are incomplete", description, values, 1)] if rows else []
    return Section(Name.DEGRADED, title, [text], ["reason", "code", "results", "share %"], rows, charts)


def _histogram(kind: ScoreType, scorer: str | None, views: list[DistributionView]) -> Markup:
    counts = [sum(numbers) for numbers in zip(*(view.histogram for view in views), strict=True)]
    title = f"{_TYPES[kind]}, scored by {SCORERS.get(scorer, scorer)}" if scorer else _TYPES[kind]
    highest = max(range(len(counts)), key=counts.__getitem__)
    description = f"{sum(counts):,} scores; most of them, {counts[highest]:,}, are of {_BINS[highest]} of the points."
    return distribution(title, description, counts, _PERCENT)


def _quantiles(view: DistributionView) -> list[float | None]:
    names = ("p10", "p25", "p50", "p75", "p90")
    return [getattr(view.quantiles, name) if view.quantiles else None for name in names]


def _reason(code: str) -> str:
    return _REASONS.get(code) or code.replace("_", " ").capitalize()
