"""Printing the report of the recommendations on the terminal."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.evaluation.intervals import IntervalEstimate
from app.evaluation.retrieval_report import MEASURES, MeasuresByMethod, RetrievalReport

METHOD_NAMES = {
    "cosine": "plain cosine",
    "cosine_and_level": "cosine + level bonus",
    "text": "full text alone",
    "vectors": "vectors alone",
    "both": "combined",
}
MEASURE_NAMES = {
    "recall": "recall@5",
    "ndcg": "nDCG@5",
    "reciprocal_rank": "MRR",
    "acceptable": "acceptable of the top five",
}
_WIDTH = 130
_WORST = 5


def print_retrieval(report: RetrievalReport) -> None:
    """Prints the report on standard output."""
    console = Console(width=_WIDTH)
    for part in _parts(report):
        console.print(part)
        console.print()


def _parts(report: RetrievalReport) -> Iterator[Table | Text]:
    name = Path(report.file).name
    yield Text(
        f"{name}: {report.queries} queries, {report.credentials} credentials of {report.catalogue}", style="bold"
    )
    yield _table(f"all {report.queries} queries", report.figures)
    for half, measures in report.halves.items():
        yield _table(f"half {half} ({report.half_sizes[half]} queries)", measures)
    yield _table("combined, minus…", report.gain)
    if report.refusing:
        shares = ", ".join(f"{METHOD_NAMES[method]} {share:.0%}" for method, share in report.free_of_refused.items())
        yield Text(f"free of what the student refused or holds, queries with a refusal ({report.refusing}): {shares}")
    if report.reasons:
        false = "".join(f"\n  {line.query}, {line.title}: {'; '.join(line.faults)}" for line in report.false_reasons)
        yield Text(f"false reasons by the labels: {len(report.false_reasons)} of {report.reasons}{false}")
    yield _worst(report)
    yield Text(
        f"Means with 95 % intervals: bootstrap, queries drawn {report.resamples} times. nDCG gains 7, 3 and 1 for "
        "the grades 3, 2 and 1. The halves are split by the queries' ids; a ranking may be tuned on half a. The first "
        "two are baselines: credentials whose passages are nearest to the query, without and with a bonus for level.",
        style="dim",
    )


def _table(first: str, measures: MeasuresByMethod) -> Table:
    table = _headed(first, *(MEASURE_NAMES[measure] for measure in MEASURES))
    for method, by_measure in measures.items():
        table.add_row(METHOD_NAMES[method], *(_cell(by_measure[measure]) for measure in MEASURES))
    return table


def _worst(report: RetrievalReport) -> Table:
    table = _headed("worst of the combined, by nDCG@5", "nDCG@5", "grades")
    for line in sorted(report.lines, key=lambda line: (line.measures["both"]["ndcg"], line.id))[:_WORST]:
        grades = " ".join(map(str, line.grades["both"]))
        table.add_row(Text(line.id), f"{line.measures['both']['ndcg']:.3f}", grades)
    return table


def _headed(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(Text(first), overflow="fold", min_width=24)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cell(estimate: IntervalEstimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "–"
    # Adding 0 turns -0.0 into 0.0.
    value, low, high = (f"{round(number, 3) + 0.0:.3f}" for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"
