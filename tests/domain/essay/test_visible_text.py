"""The visible text: what people see of a text, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.essay.visible_text import visible_text
from tests.domain.builders import awkward_texts, quick


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("ig\u200bno\u2060re", "ignore"),
        ("ig\u00adnore \u202eabc\u202c", "ignore abc"),
        ("a\U000e0069\U000e0067b", "ab"),
        ("іgnоrе аll", "ignore all"),
        ("the Ѕcоpe of the text", "the Scope of the text"),
        ("\uff49\uff47\uff4e\uff4f\uff52\uff45", "ignore"),
        ("\U0001d422\U0001d420\U0001d427\U0001d428\U0001d42b\U0001d41e", "ignore"),
        ("ⓘⓖⓝⓞⓡⓔ", "ignore"),
        ("a\x00b\x1bc", "a b c"),
        ("o\u0301\u0302\u0303\u0304\u0305k", "o\u0301\u0302k"),
    ],
)
def test_hidden_characters_are_removed_and_look_alikes_replaced(text: str, visible: str) -> None:
    assert visible_text(text).text == visible


@pytest.mark.parametrize(
    "text",
    [
        "Xylem carries water (10 m²), so ½ suffices.",
        "Вода поднимается по ксилеме, потому что…",
        "The firm Вега grows Сосна trees.",
        "Το νερό ανεβαίνει στο ξύλωμα.",
        "where μ and σ are the mean and the deviation, and α = 0.05",
        "می\u200cخواهم بنویسم",
        "क्\u200dष",
        "👩\u200d🔬 works",
        "naïve café, Straße, señor",
        "line one\n\tline two",
    ],
)
def test_honest_texts_stay_as_they_are(text: str) -> None:
    assert visible_text(text).text == text


@quick
@given(awkward_texts | st.text(st.characters(min_codepoint=0x2000, max_codepoint=0x2100) | st.sampled_from("abсе")))
def test_each_visible_character_has_its_position(text: str) -> None:
    visible = visible_text(text)
    assert len(visible.text) == len(visible.places)
    assert list(visible.places) == sorted(visible.places)
    assert all(0 <= place < len(text) for place in visible.places)


@quick
@given(awkward_texts.filter(lambda text: visible_text(text).text), st.data())
def test_any_piece_of_the_visible_text_is_found_in_the_original(text: str, data: st.DataObject) -> None:
    visible = visible_text(text)
    start = data.draw(st.integers(0, len(visible.text) - 1))
    quote = visible.text[start : data.draw(st.integers(start + 1, len(visible.text)))]
    evidence = visible.find_quote(quote)
    assert evidence is not None
    assert text[evidence.start : evidence.end] == evidence.quote


def test_other_texts_and_empty_quotes_are_not_found() -> None:
    assert visible_text("ig\u200bnore").find_quote("ignored") is None
    assert visible_text("ig\u200bnore").find_quote("") is None
