"""Printing the agreement report on the terminal."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.evaluation.agreement_report import FEW_QUESTIONS, KAPPA_LEVELS, AgreementReport
from app.evaluation.intervals import IntervalEstimate

# Wide enough for every table; a narrower terminal breaks the lines itself.
_WIDTH = 110
_UNDEFINED = "–"
_MEASURES = {
    "pearson": "Pearson r",
    "rmse": "RMSE",
    "mean_absolute_error": "mean absolute error",
    "weighted_kappa": f"quadratic weighted kappa ({KAPPA_LEVELS} levels)",
    "bias": "mean difference, machine − human",
    "lower_limit": "lower limit of agreement",
    "upper_limit": "upper limit of agreement",
}


def print_agreement(report: AgreementReport) -> None:
    """Prints the report on standard output; undefined values as a dash."""
    console = Console(width=_WIDTH)
    for part in _parts(report):
        console.print(part)
        console.print()


def _parts(report: AgreementReport) -> Iterator[Table | Text]:
    yield _heading(report)
    yield _agreement(report)
    yield Text(_intervals(report), style="dim")
    yield _calibration(report)
    yield _confidence(report)
    if report.source.group is not None:
        yield _groups(report, report.source.group)
        if any(line.bias.low is None or line.to_the_rest.low is None for line in report.groups):
            yield Text(f"{_UNDEFINED}: too few {report.drawn} for an interval.", style="dim")
    if report.unscored:
        yield _unscored(report)
    yield Text(_cost(report))


def _heading(report: AgreementReport) -> Text:
    scorer = " ".join(part for part in (report.source.scorer, report.model, report.prompt_version) if part)
    name = Path(report.source.file).name
    return Text(f"{name}: {report.scored} of {report.chosen} answers scored by {scorer}", style="bold")


def _agreement(report: AgreementReport) -> Table:
    table = _table("agreement", "figure", "95 % interval")
    for name, meaning in _MEASURES.items():
        figure = report.agreement[name]
        table.add_row(meaning, _number(figure.value), _interval(figure))
    return table


def _intervals(report: AgreementReport) -> str:
    drawn = f"{report.questions} questions, each with all its answers," if report.drawn == "questions" else "answers"
    few = report.drawn == "questions" and report.questions < FEW_QUESTIONS
    warning = "; from so few questions they are too narrow" if few else ""
    return f"Intervals: bootstrap, {drawn} drawn {report.resamples} times{warning}. Scores are from 0 to 1."


def _calibration(report: AgreementReport) -> Table:
    table = _table("by the machine's score", "answers", "mean machine", "mean human", "difference")
    for part in report.calibration:
        between = f"{part.lowest:.2f} to {part.highest:.2f}"
        difference = part.mean_machine - part.mean_human
        table.add_row(between, str(part.count), *map(_number, (part.mean_machine, part.mean_human, difference)))
    return table


def _confidence(report: AgreementReport) -> Table:
    table = _table("by the machine's confidence", "answers", "RMSE", "mean absolute error", "expected")
    for part in report.confidence:
        errors = map(_number, (part.rmse, part.mean_absolute_error, part.expected_error))
        table.add_row(f"{part.lowest:.2f} to {part.highest:.2f}", str(part.count), *errors)
    return table


def _groups(report: AgreementReport, column: str) -> Table:
    table = _table(f"by {column}", "answers", "human", "machine", "difference", "", "minus the rest's", "")
    for line in report.groups:
        apart = line.to_the_rest
        table.add_row(
            Text(line.name),
            str(line.count),
            *(_number(value) for value in (line.mean_human, line.mean_machine, line.bias.value)),
            _interval(line.bias),
            _number(apart.value),
            _interval(apart),
        )
    return table


def _unscored(report: AgreementReport) -> Table:
    table = _table("not scored, not part of the statistics", "answers", "mean human")
    for line in report.unscored:
        table.add_row(Text(f"{line.detail} ({line.code})"), str(line.count), _number(line.mean_human))
    return table


def _cost(report: AgreementReport) -> str:
    cost = report.cost
    time = f"{cost.seconds:.1f} s in all"
    if cost.seconds_for_an_answer is not None:
        time += f", {cost.seconds_for_an_answer:.2f} s for an answer"
    if report.source.scorer != "gpt":
        return time
    dollars = "dollars unknown, MODEL_PRICES does not have this model"
    if cost.dollars is not None:
        dollars = f"${cost.dollars:.4f}" + (f", ${cost.dollars / report.scored:.6f} a score" if report.scored else "")
    return f"{cost.tries} calls, {cost.tokens_in} tokens in, {cost.tokens_out} out; {dollars}; {time}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(Text(first), overflow="fold", min_width=36)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _number(value: float | None) -> str:
    # Adding 0 turns -0.0 into 0.0.
    return _UNDEFINED if value is None else f"{round(value, 3) + 0.0:.3f}"


def _interval(figure: IntervalEstimate) -> str:
    if figure.low is None or figure.high is None:
        return _UNDEFINED
    return f"{_number(figure.low)} to {_number(figure.high)}"
