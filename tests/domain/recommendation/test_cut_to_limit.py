"""How much of a text goes to an embedding model."""

from hypothesis import given
from hypothesis import strategies as st

from app.services.recommendations.embedding_calls import cut_to_limit


@given(st.text(max_size=600))
def test_the_beginning_within_the_limit_and_as_much_as_fits(text: str) -> None:
    kept, sound = cut_to_limit(text), text.encode(errors="replace").decode()
    assert kept and (sound.startswith(kept) or not sound)
    assert _tokens(kept) <= 128
    rest = sound[len(kept) :] if sound else ""
    assert not rest or _tokens(kept + rest[0]) > 128


def test_lone_surrogates_can_be_sent() -> None:
    assert cut_to_limit("a\ud800b") == "a?b"
    assert cut_to_limit("") == "."


def _tokens(text: str) -> float:
    """At most: three ASCII characters make one, and each byte of others."""
    return sum(1 / 3 if character < "\x80" else len(character.encode()) for character in text) - 1e-6
