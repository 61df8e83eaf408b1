"""What an evaluation finds, by hand on few answers; and how it is shown."""

import math

import pytest

from app.evaluation import tables
from app.evaluation.report import Report
from tests.evaluation.scored import human, machine, reported


def shown(found: Report, capsys: pytest.CaptureFixture[str]) -> str:
    tables.show(found)
    return capsys.readouterr().out


def row(text: str, beginning: str) -> list[str]:
    """The cells after the row's heading."""
    (line,) = [line for line in text.splitlines() if line.startswith(beginning)]
    return [cell for cell in line.removeprefix(beginning).split("  ") if cell.strip()]


def test_agreement_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    found = reported([human(1, 0.0), human(2, 0.5), human(3, 1.0)], [machine(25), machine(25), machine(100)])
    values = {name: figure.value for name, figure in found.agreement.items()}
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
    assert (found.model, found.prompt_version, found.scored, found.questions) == ("m-1", "p-1", 3, 1)
    text = shown(found, capsys)
    assert "essays.jsonl: 3 of 3 answers scored by local m-1 p-1" in text
    assert row(text, "RMSE")[0].strip() == "0.204"
    assert "answers drawn 2000 times. Scores" in text


def test_constant_scores_have_no_correlation_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    found = reported([human(line, line / 10) for line in range(5)], [machine(40)] * 5)
    text = shown(found, capsys)
    assert found.agreement["pearson"].value is None
    assert [cell.strip() for cell in row(text, "Pearson r")] == ["–", "–"]
    assert found.agreement["rmse"].low is not None


def test_calibration_by_fifths_keeps_equal_scores_together() -> None:
    answers = [human(line, line / 10) for line in range(10)]
    found = reported(answers, [machine(points) for points in (10, 10, 20, 30, 40, 50, 60, 70, 80, 90)])
    first, *_, last = found.calibration
    assert [part.count for part in found.calibration] == [2, 2, 2, 2, 2]
    assert (first.lowest, first.highest, first.mean_machine, first.mean_human) == (0.1, 0.1, 0.1, 0.05)
    assert (last.lowest, last.highest) == (0.8, 0.9)
    assert (last.mean_machine, last.mean_human) == pytest.approx((0.85, 0.85))
    (all_the_same,) = reported(answers, [machine(50)] * 10).calibration
    assert all_the_same.count == 10
    assert all_the_same.mean_human == pytest.approx(0.45)


def test_error_by_thirds_of_the_confidence() -> None:
    sure = [(0.1, 90), (0.2, 10), (0.5, 70), (0.6, 30), (0.8, 50), (0.9, 60)]
    answers = [human(line, 0.5) for line in range(6)]
    found = reported(answers, [machine(points, confidence) for confidence, points in sure])
    assert [(part.lowest, part.highest, part.count) for part in found.confidence] == [
        (0.1, 0.2, 2),
        (0.5, 0.6, 2),
        (0.8, 0.9, 2),
    ]
    errors = [part.rmse for part in found.confidence]
    assert errors == [pytest.approx(0.4), pytest.approx(0.2), pytest.approx(math.sqrt(0.005))]


def test_groups_are_held_against_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["north", "south"] * 30
    answers = [human(line, 0.5, f"q{line % 15}", name) for line, name in enumerate(names)]
    outcomes = [machine(60 if name == "north" else 45) for name in names]
    north, south = reported(answers, outcomes, "school").groups
    assert (north.name, north.count, north.mean_human) == ("north", 30, 0.5)
    assert (north.mean_machine, north.bias.value) == pytest.approx((0.6, 0.1))
    assert (north.to_the_rest.value, south.to_the_rest.value) == pytest.approx((0.15, -0.15))
    assert (north.bias.low, north.bias.high) == pytest.approx((0.1, 0.1))
    text = shown(reported(answers, outcomes, "school"), capsys)
    assert [cell.strip() for cell in row(text, "south")][:4] == ["30", "0.500", "0.450", "-0.050"]
    assert "by school" in text and "too few" not in text


def test_a_group_within_one_question_has_no_interval(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [human(line, 0.5, f"q{line % 5}", "odd" if line % 5 == 0 else "rest") for line in range(40)]
    found = reported(answers, [machine(40 + line) for line in range(40)], "school")
    odd, rest = found.groups
    assert odd.bias.value is not None
    assert (odd.bias.low, odd.to_the_rest.low) == (None, None)
    assert rest.bias.low is not None and rest.to_the_rest.low is None
    assert "–: too few questions" in shown(found, capsys)


def test_groups_show_only_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = reported([human(1, 0.1), human(2, 0.9)], [machine(10), machine(90)])
    assert found.groups == ()
    assert "less the rest's" not in shown(found, capsys)


def test_what_was_not_scored_counts_nowhere_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    scored = reported([human(1, 0.2), human(3, 0.8)], [machine(30), machine(70)])
    with_others = [human(1, 0.2), human(2, 1.0), human(3, 0.8), human(4, 0.5)]
    found = reported(with_others, [machine(30), machine(None), machine(70), machine(None)])
    assert found.agreement == scored.agreement
    assert (found.chosen, found.scored) == (4, 2)
    (refusal,) = found.unscored
    assert (refusal.code, refusal.count, refusal.mean_human, refusal.lines) == ("model_refused", 2, 0.75, (2, 4))
    assert [(line.line, line.machine) for line in found.scores] == [(1, 0.3), (3, 0.7)]
    text = shown(found, capsys)
    assert [cell.strip() for cell in row(text, "the model refused (model_refused)")] == ["2", "0.750"]


@pytest.mark.parametrize("points", [[None, None], [30, None]])
def test_fewer_than_two_scores_make_no_figures(points: list[int | None], capsys: pytest.CaptureFixture[str]) -> None:
    found = reported([human(1, 0.2), human(2, 0.8)], [machine(each) for each in points], "school")
    assert {figure.value for figure in found.agreement.values()} == {None}
    assert len(found.groups) == sum(each is not None for each in points)
    assert "–" in shown(found, capsys)


def test_few_questions_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    few = reported([human(line, line / 10, f"q{line % 3}") for line in range(9)], [machine(10 * n) for n in range(9)])
    assert "3 questions, each with all its answers, drawn 2000 times; from so few" in shown(few, capsys)
