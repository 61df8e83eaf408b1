"""Training on a small set: it is reproducible, depends on the data, and says what is wrong with a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.training.__main__ import main
from app.training.embedding_cache import CachedEmbedder
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
    assert first["data"]["corpora"]["answers"] == {"answers": len(answers), "questions": 4}
    inverted = tuple(answer.model_copy(update={"score": 1.0 - answer.score}) for answer in answers)
    # With inverted scores the good answers earn nothing, so the coefficients can only be lower.
    lower = train(tmp_path, inverted)["share"]["terms"]["recall"]["coefficient"]
    assert lower < first["share"]["terms"]["recall"]["coefficient"]


def test_the_agreement_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = train(tmp_path, scored_answers())
    printed = capsys.readouterr().out
    figures = stored["figures"]["question_held_out"]["four_words_or_more"]["answers"]
    assert f"{figures['this scorer']['rmse']:.3f}" in printed
    assert all(name in printed for name in ("this scorer", "mean", "log length", "tf-idf cosine", "embedding cosine"))


def test_each_corpus_is_held_out_where_there_are_several(tmp_path: Path) -> None:
    output = tmp_path / "coefficients.json"
    paths = [str(write_answers(tmp_path / f"{name}_train.jsonl", scored_answers())) for name in ("one", "two")]
    assert main([*paths, "--output", str(output), "--cache", str(tmp_path / "cache.sqlite")]) == 0
    figures = json.loads(output.read_text(encoding="utf-8"))["figures"]
    assert set(figures["corpus_held_out"]["all"]) == {"one", "two"}
    assert set(figures["corpus_held_out"]["thirds_by_confidence"]) == {"one", "two"}


async def test_kept_embeddings_are_those_that_were_computed(tmp_path: Path) -> None:
    path, texts = tmp_path / "cache.sqlite", ["An index finds rows.", "", "An index finds rows."]
    async with CachedEmbedder(OfflineEmbedder(), path) as embedder:
        first = await embedder.embed(texts)
    # A closed embedder computes nothing.
    closed = OfflineEmbedder()
    await closed.close()
    async with CachedEmbedder(closed, path) as embedder:
        again = await embedder.embed(texts)
    for one, other in zip(first, again, strict=True):
        assert one == pytest.approx(other, abs=1e-6)
        assert (one.states == other.states).all()
        assert one.spans == other.spans


def test_the_group_of_an_answer_names_its_corpus(tmp_path: Path) -> None:
    path = tmp_path / "school_train.jsonl"
    grouped = [answer.model_copy(update={"group": "beetle correct"}) for answer in scored_answers()]
    assert {answer.corpus for answer in read_scored_answers(write_answers(path, grouped))} == {"beetle"}
    assert {answer.corpus for answer in read_scored_answers(write_answers(path, scored_answers()))} == {"school"}


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
