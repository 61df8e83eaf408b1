"""How much of a text goes to an embedding model."""

from hypothesis import given
from hypothesis import strategies as st

from app.services.recommendations.embedding_calls import cut_to_limit


@given(st.text(max_size=600))
def test_the_longest_beginning_within_the_limit_is_kept(text: str) -> None:
    kept, encodable = cut_to_limit(text), text.encode(errors="replace").decode()
    assert kept and (encodable.startswith(kept) or not encodable)
    assert _tokens(kept) <= 128
    rest = encodable[len(kept) :] if encodable else ""
    assert not rest or _tokens(kept + rest[0]) > 128


def test_lone_surrogates_and_empty_texts_are_replaced() -> None:
    assert cut_to_limit("a\ud800b") == "a?b"
    assert cut_to_limit("") == "."


def _tokens(text: str) -> float:
    """The most tokens that the text can have: one for three ASCII characters, and one for each byte of others."""
    return sum(1 / 3 if character < "\x80" else len(character.encode()) for character in text) - 1e-6
