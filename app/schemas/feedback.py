"""What people think of results and recommendations, one by one and in numbers."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from app.domain.period import Period
from app.domain.records.feedback import FeedbackGroup, FeedbackRecord, NewFeedback
from app.domain.values import Frozen
from app.schemas.analytics import PeriodView, period_view

_POSITION_BIAS = (
    "What stands first is looked at first and rated otherwise than the same thing further down: compare credentials "
    "only where their mean ranks are alike, or within one rank."
)


class FeedbackView(Frozen):
    """The ratings as they are kept; `credential_id` is null where they are of the result as a whole."""

    assessment_id: UUID
    credential_id: UUID | None
    relevance: int
    acceptance: int
    comment: str | None
    given_at: datetime


class RatingView(Frozen):
    """Ratings of one kind: their mean, and how many there are of each of 1–5."""

    mean: float
    counts: tuple[int, ...]


class RatingsView(Frozen):
    """How many people rated, and what."""

    count: int
    relevance: RatingView
    acceptance: RatingView


class RankView(RatingsView):
    """The recommendations that stood at one rank when they were rated."""

    rank: int


class CredentialFeedbackView(RatingsView):
    """The recommendations of one credential, under its present title; `mean_rank` is where they stood."""

    credential_id: UUID
    title: str
    mean_rank: float


class TrackFeedbackView(Frozen):
    """A track's feedback: on results as a whole and on recommendations, null where there is none."""

    track: str
    results: RatingsView | None
    recommendations: RatingsView | None
    ranks: tuple[RankView, ...]
    credentials: tuple[CredentialFeedbackView, ...]


class FeedbackAnalytics(Frozen):
    """The feedback that was given in a period; `position_bias` says what the ranks are there for."""

    period: PeriodView
    position_bias: str
    tracks: tuple[TrackFeedbackView, ...]


class FeedbackLineView(Frozen):
    """One person's ratings, without who that was; `rank` is where the recommendation stood. Both are null, as is the
    title, where the result was rated as a whole."""

    track: str
    credential_id: UUID | None
    title: str | None
    rank: int | None
    relevance: int
    acceptance: int
    comment: str | None
    given_by: str
    given_at: datetime


def feedback_view(new: NewFeedback, given_at: datetime) -> FeedbackView:
    """The ratings as they are kept; who gave them knows that."""
    shown = {name: value for name, value in vars(new).items() if name != "author"}
    return FeedbackView(**shown, given_at=given_at)


def feedback_analytics_view(period: Period, groups: Iterable[FeedbackGroup]) -> FeedbackAnalytics:
    """The groups as they are read: by track, with whole ones before those of ranks and credentials."""
    by_track = groupby(groups, key=lambda group: group.track)
    tracks = tuple(_track_view(track, list(found)) for track, found in by_track)
    return FeedbackAnalytics(period=period_view(period), position_bias=_POSITION_BIAS, tracks=tracks)


def feedback_line_view(line: FeedbackRecord) -> FeedbackLineView:
    """A line of an export."""
    return FeedbackLineView(**{name: getattr(line, name) for name in FeedbackLineView.model_fields})


def _track_view(track: str, groups: Sequence[FeedbackGroup]) -> TrackFeedbackView:
    all_of = {group.of_whole: _ratings(group) for group in groups if group.rank is None and group.credential_id is None}
    ranks = (RankView(**dict(_ratings(group)), rank=group.rank) for group in groups if group.rank is not None)
    return TrackFeedbackView(
        track=track,
        results=all_of.get(True),
        recommendations=all_of.get(False),
        ranks=tuple(ranks),
        credentials=tuple(_credential_view(group) for group in groups if group.credential_id is not None),
    )


def _credential_view(group: FeedbackGroup) -> CredentialFeedbackView:
    mean_rank = None if group.mean_rank is None else round(group.mean_rank, 2)
    named = {"credential_id": group.credential_id, "title": group.title, "mean_rank": mean_rank}
    return CredentialFeedbackView.model_validate(dict(_ratings(group)) | named)


def _ratings(group: FeedbackGroup) -> RatingsView:
    return RatingsView(
        count=group.count,
        relevance=RatingView(mean=round(group.relevance, 2), counts=group.relevance_counts),
        acceptance=RatingView(mean=round(group.acceptance, 2), counts=group.acceptance_counts),
    )
