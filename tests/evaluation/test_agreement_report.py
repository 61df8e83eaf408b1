"""The agreement report, computed by hand for few answers, and how it is printed."""

import math

import pytest

from app.evaluation import agreement_tables
from app.evaluation.agreement_report import AgreementReport
from tests.evaluation.builders import report_of, scored_by_machine, scored_by_person


def printed(report: AgreementReport, capsys: pytest.CaptureFixture[str]) -> str:
    agreement_tables.print_agreement(report)
    return capsys.readouterr().out


def row(text: str, beginning: str) -> list[str]:
    """The cells after the row's heading."""
    (line,) = [line for line in text.splitlines() if line.startswith(beginning)]
    return [cell for cell in line.removeprefix(beginning).split("  ") if cell.strip()]


def test_agreement_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(
        [scored_by_person(1, 0.0), scored_by_person(2, 0.5), scored_by_person(3, 1.0)],
        [scored_by_machine(25), scored_by_machine(25), scored_by_machine(100)],
    )
    values = {name: figure.value for name, figure in report.agreement.items()}
    spread = math.sqrt((0.25**2 + 0.25**2) / 2)
    assert values == {
        "pearson": pytest.approx(0.375 / math.sqrt(0.5 * 0.375)),
        "rmse": pytest.approx(math.sqrt(0.125 / 3)),
        "mean_absolute_error": pytest.approx(0.5 / 3),
        "weighted_kappa": pytest.approx(6 / 7),
        "bias": pytest.approx(0.0),
        "lower_limit": pytest.approx(-1.96 * spread),
        "upper_limit": pytest.approx(1.96 * spread),
    }
    assert (report.model, report.prompt_version, report.scored, report.questions) == ("m-1", "p-1", 3, 1)
    text = printed(report, capsys)
    assert "essays.jsonl: 3 of 3 answers scored by local m-1 p-1" in text
    assert row(text, "RMSE")[0].strip() == "0.204"
    assert "answers drawn 2000 times. Scores" in text


def test_equal_scores_have_no_correlation_which_is_shown_as_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of([scored_by_person(line, line / 10) for line in range(5)], [scored_by_machine(40)] * 5)
    text = printed(report, capsys)
    assert report.agreement["pearson"].value is None
    assert [cell.strip() for cell in row(text, "Pearson r")] == ["–", "–"]
    assert report.agreement["rmse"].low is not None


def test_calibration_by_fifths_keeps_equal_scores_together() -> None:
    answers = [scored_by_person(line, line / 10) for line in range(10)]
    report = report_of(answers, [scored_by_machine(points) for points in (10, 10, 20, 30, 40, 50, 60, 70, 80, 90)])
    first, *_, last = report.calibration
    assert [part.count for part in report.calibration] == [2, 2, 2, 2, 2]
    assert (first.lowest, first.highest, first.mean_machine, first.mean_human) == (0.1, 0.1, 0.1, 0.05)
    assert (last.lowest, last.highest) == (0.8, 0.9)
    assert (last.mean_machine, last.mean_human) == pytest.approx((0.85, 0.85))
    (all_the_same,) = report_of(answers, [scored_by_machine(50)] * 10).calibration
    assert all_the_same.count == 10
    assert all_the_same.mean_human == pytest.approx(0.45)


def test_error_by_thirds_of_the_confidence() -> None:
    confidences = [(0.1, 90), (0.2, 10), (0.5, 70), (0.6, 30), (0.8, 50), (0.9, 60)]
    answers = [scored_by_person(line, 0.5) for line in range(6)]
    report = report_of(answers, [scored_by_machine(points, confidence) for confidence, points in confidences])
    assert [(part.lowest, part.highest, part.count) for part in report.confidence] == [
        (0.1, 0.2, 2),
        (0.5, 0.6, 2),
        (0.8, 0.9, 2),
    ]
    errors = [part.rmse for part in report.confidence]
    assert errors == [pytest.approx(0.4), pytest.approx(0.2), pytest.approx(math.sqrt(0.005))]


@pytest.mark.parametrize(
    ("human", "expected", "actual"), [((0.5, 1.0, 0.5), "0.200", "0.067"), ((0.0, 1.0, 0.0), "0.400", "0.333")]
)
def test_expected_errors_stand_beside_those_of_grades_of_the_same_kind(
    human: tuple[float, ...], expected: str, actual: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [scored_by_person(line, score) for line, score in enumerate(human)]
    figures = [{"expected_error": error, "expected_binary_error": 2 * error} for error in (0.1, 0.2, 0.3)]
    machine = [scored_by_machine(points, 0.3, own) for points, own in zip((50, 90, 40), figures, strict=True)]
    report = report_of(answers, machine)
    cells = [cell.strip() for cell in row(printed(report, capsys), "0.30 to 0.30")]
    assert (cells[0], cells[2], cells[3]) == ("3", actual, expected)
    assert report.scores[2].expected_error == pytest.approx(0.3 if expected == "0.200" else 0.6)


def test_a_scorer_that_expects_no_error_gets_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of([scored_by_person(line, 0.5) for line in range(3)], [scored_by_machine(60)] * 3)
    assert row(printed(report, capsys), "0.50 to 0.50")[-1].strip() == "–"


def test_groups_are_compared_with_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["north", "south"] * 30
    answers = [scored_by_person(line, 0.5, f"q{line % 15}", name) for line, name in enumerate(names)]
    results = [scored_by_machine(60 if name == "north" else 45) for name in names]
    north, south = report_of(answers, results, "school").groups
    assert (north.name, north.count, north.mean_human) == ("north", 30, 0.5)
    assert (north.mean_machine, north.bias.value) == pytest.approx((0.6, 0.1))
    assert (north.to_the_rest.value, south.to_the_rest.value) == pytest.approx((0.15, -0.15))
    assert (north.bias.low, north.bias.high) == pytest.approx((0.1, 0.1))
    text = printed(report_of(answers, results, "school"), capsys)
    assert [cell.strip() for cell in row(text, "south")][:4] == ["30", "0.500", "0.450", "-0.050"]
    assert "by school" in text and "too few" not in text


def test_a_group_within_one_question_has_no_interval(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [scored_by_person(line, 0.5, f"q{line % 5}", "odd" if line % 5 == 0 else "rest") for line in range(40)]
    report = report_of(answers, [scored_by_machine(40 + line) for line in range(40)], "school")
    odd, rest = report.groups
    assert odd.bias.value is not None
    assert (odd.bias.low, odd.to_the_rest.low) == (None, None)
    assert rest.bias.low is not None and rest.to_the_rest.low is None
    assert "–: too few questions" in printed(report, capsys)


def test_groups_are_shown_only_with_a_group_column(capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(
        [scored_by_person(1, 0.1), scored_by_person(2, 0.9)], [scored_by_machine(10), scored_by_machine(90)]
    )
    assert report.groups == ()
    assert "minus the rest's" not in printed(report, capsys)


def test_answers_without_a_score_count_nowhere_and_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    scored = report_of(
        [scored_by_person(1, 0.2), scored_by_person(3, 0.8)], [scored_by_machine(30), scored_by_machine(70)]
    )
    with_others = [
        scored_by_person(1, 0.2),
        scored_by_person(2, 1.0),
        scored_by_person(3, 0.8),
        scored_by_person(4, 0.5),
    ]
    report = report_of(
        with_others, [scored_by_machine(30), scored_by_machine(None), scored_by_machine(70), scored_by_machine(None)]
    )
    assert report.agreement == scored.agreement
    assert (report.chosen, report.scored) == (4, 2)
    (refusal,) = report.unscored
    assert (refusal.code, refusal.count, refusal.mean_human, refusal.lines) == ("model_refused", 2, 0.75, (2, 4))
    assert [(line.line, line.machine) for line in report.scores] == [(1, 0.3), (3, 0.7)]
    text = printed(report, capsys)
    assert [cell.strip() for cell in row(text, "the model refused (model_refused)")] == ["2", "0.750"]


@pytest.mark.parametrize("points", [[None, None], [30, None]])
def test_fewer_than_two_scores_give_no_values(points: list[int | None], capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(
        [scored_by_person(1, 0.2), scored_by_person(2, 0.8)], [scored_by_machine(value) for value in points], "school"
    )
    assert {figure.value for figure in report.agreement.values()} == {None}
    assert len(report.groups) == sum(value is not None for value in points)
    assert "–" in printed(report, capsys)


def test_few_questions_give_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    few = report_of(
        [scored_by_person(line, line / 10, f"q{line % 3}") for line in range(9)],
        [scored_by_machine(10 * n) for n in range(9)],
    )
    assert "3 questions, each with all its answers, drawn 2000 times; from so few" in printed(few, capsys)
