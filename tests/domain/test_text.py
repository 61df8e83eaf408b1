"""Sentences and words: correct positions, nothing lost, and no quadratic time."""

import time

import pytest
from hypothesis import given

from app.domain.text import sentences, words
from tests.domain.builders import awkward_texts, quick


@quick
@given(awkward_texts)
def test_the_span_of_a_sentence_is_its_position(text: str) -> None:
    for span in sentences(text):
        assert text[span.start : span.end] == span.text


@quick
@given(awkward_texts)
def test_sentences_are_in_order_and_only_white_space_lies_between_them(text: str) -> None:
    end = 0
    for span in sentences(text):
        assert span.start >= end
        assert not text[end : span.start].strip()
        end = span.end
    assert not text[end:].strip()


@quick
@given(awkward_texts)
def test_no_sentence_is_empty_or_begins_or_ends_with_white_space(text: str) -> None:
    assert [span.text for span in sentences(text)] == [span.text.strip() for span in sentences(text) if span.text]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", []),
        (" \r\n ", []),
        ("One", ["One"]),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Version 3.11 is out. Good.", ["Version 3.11 is out.", "Good."]),
        ("He said “Stop!” Then left.", ["He said “Stop!”", "Then left."]),
        ("Wait... what?!\nYes", ["Wait...", "what?!", "Yes"]),
        ("First line\r\nSecond line", ["First line", "Second line"]),
        ("e\u0301 ends. 👩🏽‍💻 types.", ["e\u0301 ends.", "👩🏽‍💻 types."]),
        ("\u200b", ["\u200b"]),
    ],
)
def test_sentences_end_at_marks_before_white_space_and_at_line_breaks(text: str, cut: list[str]) -> None:
    assert [span.text for span in sentences(text)] == cut


@pytest.mark.parametrize("run", [".", "?!", ".'", "\n", "a."])
def test_a_long_row_of_punctuation_takes_little_time(run: str) -> None:
    started = time.process_time()
    sentences(run * (20_000 // len(run)) + "x")
    # With backtracking the dots alone take 15 s.
    assert time.process_time() - started < 2


def test_words_are_case_folded_and_keep_inner_punctuation() -> None:
    text = "The C++ don’t-care STRASSE, Straße; 3.11 (x_1)."
    assert words(text) == ["the", "c++", "don’t-care", "strasse", "strasse", "3.11", "x_1"]
