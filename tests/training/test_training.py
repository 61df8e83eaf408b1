"""Training on a small set: it is reproducible, depends on the data, and says what is wrong with a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.training.__main__ import main
from app.training.synthetic_answers import SCORES, make_synthetic_answers
from app.training.training_data import InvalidTrainingData, ScoredAnswer, read_scored_answers
from tests.training.scored_answers import scored_answers, write_answers


def train(folder: Path, answers: tuple[ScoredAnswer, ...]) -> dict[str, Any]:
    output = folder / "coefficients.json"
    assert main([str(write_answers(folder / "answers.jsonl", answers)), "--output", str(output)]) == 0
    stored: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return stored


def test_training_is_reproducible_and_depends_on_the_scores(tmp_path: Path) -> None:
    answers = scored_answers()
    first, again = train(tmp_path, answers), train(tmp_path, answers)
    assert first == again
    assert first["data"]["answers"] == len(answers)
    inverted = tuple(answer.model_copy(update={"score": 1.0 - answer.score}) for answer in answers)
    # With inverted scores the good answers earn nothing, so the coefficients can only be lower.
    lower = train(tmp_path, inverted)["share"]["terms"]["gain"]["coefficient"]
    assert lower < first["share"]["terms"]["gain"]["coefficient"]


def test_the_agreement_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = train(tmp_path, scored_answers())
    printed = capsys.readouterr().out
    assert f"{stored['figures']['nested']['rmse']:.3f}" in printed
    assert all(name in printed for name in ("this scorer", "mean", "log length", "tf-idf cosine"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 3"),
        ('{"question_id": "q"}', "line 3: question: Field required"),
        ('{"question_id": "q", "question": "?", "model_answer": "m", "answer": "a", "score": 1.5}', "line 3: score"),
        ('{"question_id": "q", "question": "?", "model_answer": "m", "answer": "", "score": 1}', "line 3: answer"),
    ],
)
def test_an_invalid_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write_answers(tmp_path / "answers.jsonl", scored_answers()[:2])
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(InvalidTrainingData, match=message):
        read_scored_answers(path)


def test_too_few_questions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTrainingData, match="1 question, and 4 are needed"):
        read_scored_answers(write_answers(tmp_path / "answers.jsonl", scored_answers()[:5]))


def test_a_missing_file_ends_the_command_with_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere.jsonl"), "--output", str(tmp_path / "out.json")]) == 1
    assert "nowhere.jsonl cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_synthetic_answers_are_reproducible_and_have_the_score_of_their_kind() -> None:
    answers = scored_answers()
    synthetic = make_synthetic_answers(answers)
    assert synthetic == make_synthetic_answers(answers)
    assert {answer.score for answer in synthetic} <= set(SCORES.values())
    assert {answer.question_id for answer in synthetic} == {answer.question_id for answer in answers}
    perfect = [answer for answer in synthetic if answer.score == 1.0]
    assert all(answer.answer == answer.model_answer for answer in perfect)
    assert len(perfect) == 4
