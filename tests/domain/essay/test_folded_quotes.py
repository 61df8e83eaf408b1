"""Quotes that a model copied with other white space, signs or Unicode forms are found as they stand in the essay."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.essay.visible_text import visible_text
from tests.domain.builders import awkward_texts, quick

_ESSAY = "“Water  rises”, \u00ad the café’s\r\nowner said – it’s\u00a0cohesion. Über-all e\u0301lan 한국."


@pytest.mark.parametrize(
    ("quote", "shown"),
    [
        ("  Water  rises ", "Water  rises"),
        ("Water rises", "Water  rises"),
        ("\tWater\n\nrises\n", "Water  rises"),
        ("café's\nowner", "café’s\r\nowner"),
        ("café's owner said - it's cohesion.", "café’s\r\nowner said – it’s\u00a0cohesion."),
        ('"Water rises"', "“Water  rises”"),
        ("“it’s cohesion.”", "it’s\u00a0cohesion."),
        ("« it's cohesion »", "it’s\u00a0cohesion"),
        ("'\"owner said\"'", None),
        (unicodedata.normalize("NFD", "Über-all"), "Über-all"),
        ("élan", "e\u0301lan"),
        (unicodedata.normalize("NFD", "한국"), "한국"),
        ('Water rises", the', "Water  rises”, \u00ad the"),
    ],
)
def test_a_quote_is_shown_and_located_as_it_stands(quote: str, shown: str | None) -> None:
    evidence = visible_text(_ESSAY).find_quote(quote)
    assert (evidence.quote if evidence else None) == shown
    if evidence:
        assert _ESSAY[evidence.start : evidence.end] == evidence.quote


@pytest.mark.parametrize("quote", ['a «slow» and ‹sure› "way"', "a \"slow\" and 'sure' «way»", "“slow” and ’sure’"])
def test_quotation_marks_of_other_languages_are_equal(quote: str) -> None:
    evidence = visible_text("Take a “slow” and 'sure' «way».").find_quote(quote)
    assert evidence is not None and evidence.start in (5, 7)


@pytest.mark.parametrize(
    "quote",
    ["Water … cohesion", "Water ... cohesion", "water rises", "WATER", "Waterrises", "cafe", "Uber-all", "elan",
     " ", '""', "“ ”", "lll", "the caf", "e", "\u0301"],
)  # fmt: skip
def test_joined_changed_and_cut_quotes_are_refused(quote: str) -> None:
    evidence = visible_text(_ESSAY).find_quote(quote)
    # Some stand in the essay as they are.
    assert (evidence is not None) == (quote in _ESSAY)


@pytest.mark.parametrize(("text", "quote"), [("cafe\u0301", "cafe"), ("x\u0301x", "x"), ("ḱ", "k"), ("각", "가")])
def test_a_letter_without_its_marks_is_another_letter(text: str, quote: str) -> None:
    evidence = visible_text(text).find_quote(f" {quote}\n")
    assert (evidence.start if evidence else None) == (2 if text[0] == "x" else None)


@quick
@given(awkward_texts | st.text("aé e\u0301\u0323“\"'’\r\n\u00a0–-한", max_size=30), st.data())
def test_any_piece_is_found_after_normalization_and_in_other_space(text: str, data: st.DataObject) -> None:
    visible = visible_text(text)
    pieces = visible.text.split()
    assume(pieces)
    first = data.draw(st.integers(0, len(pieces) - 1))
    quote = "  ".join(pieces[first : data.draw(st.integers(first + 1, len(pieces)))])
    for form in ("NFC", "NFD"):
        evidence = visible.find_quote(f"\n{unicodedata.normalize(form, quote)} ")
        assert evidence is not None
        assert text[evidence.start : evidence.end] == evidence.quote
