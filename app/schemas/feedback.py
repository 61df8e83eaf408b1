"""Feedback on results and recommendations in the API: given, exported and summarized."""

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
    """Stored ratings; `credential_id` is null if they are of the result as a whole."""

    assessment_id: UUID
    credential_id: UUID | None
    relevance: int
    acceptance: int
    comment: str | None
    given_at: datetime


class RatingView(Frozen):
    """The mean of ratings, and how many of them are 1, 2, 3, 4 and 5."""

    mean: float
    counts: tuple[int, ...]


class RatingsView(Frozen):
    """The number of people who rated, and their ratings."""

    count: int
    relevance: RatingView
    acceptance: RatingView


class RankView(RatingsView):
    """Ratings of recommendations that had this rank when they were rated."""

    rank: int


class CredentialFeedbackView(RatingsView):
    """Ratings of the recommendations of one credential, with its current title; `mean_rank` is the mean of their
    ranks."""

    credential_id: UUID
    title: str
    mean_rank: float


class TrackFeedbackView(Frozen):
    """The feedback on a track's results as a whole and on its recommendations, null if there is none."""

    track: str
    results: RatingsView | None
    recommendations: RatingsView | None
    ranks: tuple[RankView, ...]
    credentials: tuple[CredentialFeedbackView, ...]


class FeedbackAnalytics(Frozen):
    """The feedback that was given in a period; `position_bias` explains how to read the ratings by rank."""

    period: PeriodView
    position_bias: str
    tracks: tuple[TrackFeedbackView, ...]


class FeedbackRecordView(Frozen):
    """One person's ratings, without their name. `credential_id`, `title` and `rank` are null if the result was rated as
    a whole."""

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
    """The stored ratings, for the person who gave them."""
    fields = {name: value for name, value in vars(new).items() if name != "author"}
    return FeedbackView(**fields, given_at=given_at)


def feedback_analytics_view(period: Period, groups: Iterable[FeedbackGroup]) -> FeedbackAnalytics:
    """The summarized feedback of a period; `groups` are sorted by track."""
    by_track = groupby(groups, key=lambda group: group.track)
    tracks = tuple(_track_view(track, list(track_groups)) for track, track_groups in by_track)
    return FeedbackAnalytics(period=period_view(period), position_bias=_POSITION_BIAS, tracks=tracks)


def feedback_record_view(record: FeedbackRecord) -> FeedbackRecordView:
    """A row of an export."""
    return FeedbackRecordView(**{name: getattr(record, name) for name in FeedbackRecordView.model_fields})


def _track_view(track: str, groups: Sequence[FeedbackGroup]) -> TrackFeedbackView:
    totals = {group.of_whole: _ratings(group) for group in groups if group.rank is None and group.credential_id is None}
    ranks = (RankView(**dict(_ratings(group)), rank=group.rank) for group in groups if group.rank is not None)
    return TrackFeedbackView(
        track=track,
        results=totals.get(True),
        recommendations=totals.get(False),
        ranks=tuple(ranks),
        credentials=tuple(_credential_view(group) for group in groups if group.credential_id is not None),
    )


def _credential_view(group: FeedbackGroup) -> CredentialFeedbackView:
    mean_rank = None if group.mean_rank is None else round(group.mean_rank, 2)
    credential = {"credential_id": group.credential_id, "title": group.title, "mean_rank": mean_rank}
    return CredentialFeedbackView.model_validate(dict(_ratings(group)) | credential)


def _ratings(group: FeedbackGroup) -> RatingsView:
    return RatingsView(
        count=group.count,
        relevance=RatingView(mean=round(group.relevance, 2), counts=group.relevance_counts),
        acceptance=RatingView(mean=round(group.acceptance, 2), counts=group.acceptance_counts),
    )
