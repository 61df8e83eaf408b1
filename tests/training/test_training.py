"""Training on a small made-up set: it can be repeated, it follows the data, and it says what is wrong with a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.training.__main__ import main
from app.training.answers import BadData, ScoredAnswer, read_answers
from app.training.made_up import WORTH, made_up
from tests.training.making import scored_answers, write


def trained(folder: Path, answers: tuple[ScoredAnswer, ...]) -> dict[str, Any]:
    output = folder / "coefficients.json"
    assert main([str(write(folder / "answers.jsonl", answers)), "--output", str(output)]) == 0
    stored: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return stored


def test_training_again_gives_the_same_and_other_scores_something_else(tmp_path: Path) -> None:
    answers = scored_answers()
    first, again = trained(tmp_path, answers), trained(tmp_path, answers)
    assert first == again
    assert first["data"]["answers"] == len(answers)
    turned = tuple(one.model_copy(update={"score": 1.0 - one.score}) for one in answers)
    other = trained(tmp_path, turned)
    # What earns more here is what people gave nothing for, so the coefficients can only fall.
    assert other["share"]["terms"]["gain"]["coefficient"] < first["share"]["terms"]["gain"]["coefficient"]


def test_the_figures_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = trained(tmp_path, scored_answers())
    printed = capsys.readouterr().out
    assert f"{stored['figures']['nested']['rmse']:.3f}" in printed
    assert all(name in printed for name in ("this scorer", "mean", "log length", "tf-idf cosine"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 3"),
        ('{"question_id": "q"}', "line 3: question: Field required"),
        ('{"question_id": "q", "question": "?", "model_answer": "m", "answer": "a", "score": 1.5}', "line 3: score"),
        ('{"question_id": "q", "question": "?", "model_answer": "m", "answer": "", "score": 1}', "line 3: answer"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = write(tmp_path / "answers.jsonl", scored_answers()[:2])
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(BadData, match=told):
        read_answers(path)


def test_too_few_questions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="1 questions, and 4 are needed"):
        read_answers(write(tmp_path / "answers.jsonl", scored_answers()[:5]))


def test_a_missing_file_ends_the_command_with_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere.jsonl"), "--output", str(tmp_path / "out.json")]) == 1
    assert "nowhere.jsonl cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_made_up_answers_are_the_same_each_time_and_worth_what_their_kind_is() -> None:
    answers = scored_answers()
    made = made_up(answers)
    assert made == made_up(answers)
    assert {one.score for one in made} <= set(WORTH.values())
    assert {one.question_id for one in made} == {one.question_id for one in answers}
    perfect = [one for one in made if one.score == 1.0]
    assert all(one.answer == one.model_answer for one in perfect)
    assert len(perfect) == 4
