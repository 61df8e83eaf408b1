"""What counts of scores and assessments say: distributions, means and shares."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from app.domain.distribution import Distribution
from app.domain.records.analytics import (
    AssessmentCount,
    CompletedTotals,
    EndedJobs,
    Overview,
    ScoreCount,
    ScoreGroup,
)
from app.domain.states import AppealStatus, AssessmentStatus, JobType, ScoreType

_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
_BIN_PERCENT = 10
_BINS = 10


def group_scores(counts: Iterable[ScoreCount], totals: Iterable[CompletedTotals]) -> list[ScoreGroup]:
    """The groups by track and type: first all of a type but people's, then those of each scorer."""
    by_track = {total.track: total for total in totals}
    groups: dict[tuple[str, ScoreType, bool, str], list[ScoreCount]] = defaultdict(list)
    for count in counts:
        # An assessment may have been completed between the two statements.
        if count.track not in by_track:
            continue
        if not count.of_person:
            groups[count.track, count.score_type, False, ""].append(count)
        if count.scorer is not None:
            groups[count.track, count.score_type, True, count.scorer].append(count)
    types = list(ScoreType)
    ordered = sorted(groups, key=lambda group: (group[0], types.index(group[1]), *group[2:]))
    return [_group(groups[key], None if not key[2] else key[3], by_track[key[0]]) for key in ordered]


def summarize_overview(counts: Iterable[AssessmentCount]) -> Overview:
    """The overview of the assessments that were counted."""
    figures: dict[str, list[AssessmentCount]] = defaultdict(list)
    for count in counts:
        figures[count.figure].append(count)
    durations = Distribution((line.value, line.count) for line in figures["seconds"] if line.value is not None)
    median, high = durations.quantiles((0.5, 0.95)) or (None, None)
    graded = sum(line.count for line in figures["percentage"])
    return Overview(
        statuses={AssessmentStatus(key): count for key, count in _by_key(figures["status"]).items()},
        degraded=sum(line.count for line in figures["degraded"]),
        reasons=_by_key(figures["reason"]),
        appeals={AppealStatus(key): count for key, count in _by_key(figures["appeal"]).items()},
        mean_percentage=sum(line.total or 0.0 for line in figures["percentage"]) / graded if graded else None,
        latency_p50=median,
        latency_p95=high,
        jobs=_ended_jobs(_by_key(figures["job"])),
    )


def _group(counts: Sequence[ScoreCount], scorer: str | None, totals: CompletedTotals) -> ScoreGroup:
    values = Distribution((line.percentage, line.count) for line in counts if line.percentage is not None)
    return ScoreGroup(
        track=totals.track,
        score_type=counts[0].score_type,
        scorer=scorer,
        whole=scorer is None,
        count=values.count,
        missing=sum(line.count for line in counts if line.missing),
        unscored=sum(line.count for line in counts if line.unscored),
        mean=values.mean,
        quantiles=values.quantiles(_SHARES),
        histogram=values.bins(_BIN_PERCENT, _BINS),
        dropped_quotes=sum(line.dropped_quotes for line in counts),
        assessments=totals.assessments,
        degraded=totals.degraded,
    )


def _by_key(lines: Iterable[AssessmentCount]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for line in lines:
        counts[line.key] += line.count
    return dict(counts)


def _ended_jobs(counts: dict[str, int]) -> tuple[EndedJobs, ...]:
    """By type; a key is the type and, behind a slash, the code of the error, which is empty for completed jobs."""
    codes: dict[str, dict[str, int]] = defaultdict(dict)
    for key, count in counts.items():
        job_type, _, code = key.partition("/")
        codes[job_type][code] = count
    return tuple(
        EndedJobs(
            job_type=job_type,
            ended=sum(codes[job_type].values()),
            failed=sum(count for code, count in codes[job_type].items() if code),
            codes={code: count for code, count in codes[job_type].items() if code},
        )
        for job_type in JobType
        if job_type in codes
    )
