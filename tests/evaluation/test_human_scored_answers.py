"""Reading answers that people have scored: what is accepted, and which lines are refused."""

from pathlib import Path
from typing import Any

import pytest

from app.evaluation.human_scored_answers import MAX_GROUPS, STANDARD_RUBRIC, read_answers, sample_answers
from app.evaluation.json_lines import InvalidFile
from tests.evaluation.builders import LINE, scored_by_person, write_lines

RUBRIC = {name: f"All about {name}." for name in ("relevance", "depth", "clarity", "technical")}


def refused(tmp_path: Path, *lines: dict[str, Any] | str, max_score: float = 1.0, group: str | None = None) -> str:
    path = write_lines(tmp_path / "essays.jsonl", lines)
    with pytest.raises(InvalidFile) as raised:
        read_answers(path, max_score, group)
    return str(raised.value).removeprefix(str(path))


def test_fields_and_defaults_are_read(tmp_path: Path) -> None:
    full = LINE | {"score": 3, "question_id": 7, "rubric": RUBRIC, "school": "north", "more": [1]}
    path = write_lines(tmp_path / "essays.jsonl", ["", LINE | {"school": None}, "  ", full])
    plain, rich = read_answers(path, 4.0, "school")
    assert (plain.line, plain.answer, plain.score) == (2, LINE["answer"], 0.1875)
    assert (plain.question_key, plain.group) == (LINE["question"], "(none)")
    assert plain.question.rubric == STANDARD_RUBRIC
    assert (rich.line, rich.score, rich.question_key, rich.group) == (4, 0.75, "7", "north")
    assert rich.question.rubric.model_dump() == RUBRIC
    assert (rich.question.prompt, rich.question.model_answer) == (LINE["question"], LINE["model_answer"])


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "essays.jsonl", [LINE, LINE])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert [answer.line for answer in read_answers(path, 1.0, None)] == [1, 2]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("not JSON", "Invalid JSON"),
        ("[]", "object"),
        ({name: value for name, value in LINE.items() if name != "model_answer"}, "model_answer: Field required"),
        (LINE | {"question": ""}, "question: "),
        (LINE | {"score": "0.5"}, "score: "),
        (LINE | {"score": True}, "score: "),
        (LINE | {"score": -0.1}, "score: "),
        (LINE | {"score": 1.5}, "score: 1.5 is above 1 (--max-score)"),
        ('{"question": "q", "model_answer": "m", "answer": "a", "score": NaN}', "score: "),
        (LINE | {"answer": None}, "answer: "),
        (LINE | {"rubric": {"depth": "Deep."}}, "rubric.relevance: Field required"),
    ],
)
def test_an_invalid_line_is_named_and_no_answer_is_read(tmp_path: Path, wrong: dict[str, Any] | str, why: str) -> None:
    message = refused(tmp_path, LINE, "", wrong, LINE)
    assert message.startswith(": nothing was scored\nline 3: ")
    assert why in message


def test_text_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "essays.jsonl", [LINE, LINE])
    path.write_bytes(path.read_bytes() + b'{"question": "\xff"}\n')
    with pytest.raises(InvalidFile, match="line 3: "):
        read_answers(path, 1.0, None)


def test_invalid_lines_after_the_tenth_are_only_counted(tmp_path: Path) -> None:
    message = refused(tmp_path, *["{"] * 13).splitlines()
    assert len(message) == 12
    assert message[-1] == "and 3 more"


@pytest.mark.parametrize("lines", [[], ["", " "], [LINE]])
def test_fewer_than_two_answers_are_refused(tmp_path: Path, lines: list[dict[str, Any] | str]) -> None:
    assert "at least two scored answers are needed" in refused(tmp_path, *lines)


def test_an_unreadable_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "missing.jsonl", "No such file"), (tmp_path, "directory")):
        with pytest.raises(InvalidFile, match=why):
            read_answers(path, 1.0, None)


def test_a_group_column_that_makes_no_groups_is_refused(tmp_path: Path) -> None:
    assert "no line has a value in the column 'school'" in refused(tmp_path, LINE, LINE, group="school")
    ids = [LINE | {"id": number} for number in range(MAX_GROUPS + 1)]
    assert f"the column 'id' has {MAX_GROUPS + 1} values" in refused(tmp_path, *ids, group="id")
    assert "line 1: the column of --group holds a list" in refused(tmp_path, LINE | {"s": [1]}, LINE, group="s")


def test_a_known_column_can_be_the_group(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "essays.jsonl", [LINE | {"question_id": "a"}, LINE | {"question_id": "b"}])
    assert [answer.group for answer in read_answers(path, 1.0, "question_id")] == ["a", "b"]


def test_a_sample_is_the_same_for_the_same_seed_and_keeps_the_order() -> None:
    answers = [scored_by_person(line, 0.5) for line in range(1, 101)]
    once, again, other = sample_answers(answers, 10, 1), sample_answers(answers, 10, 1), sample_answers(answers, 10, 2)
    assert once == again != other
    assert len(once) == 10
    assert [answer.line for answer in once] == sorted(answer.line for answer in once)
    assert (
        sample_answers(answers, None, 1)
        == sample_answers(answers, 100, 1)
        == sample_answers(answers, 1000, 1)
        == answers
    )
