"""What is measured in an answer before any points are given."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from app.domain.local_scoring.wording import (
    glue_share,
    joined,
    own_pieces,
    pieces,
    repetition,
    sampled,
    stems,
    term_weights,
)
from app.domain.text import Span, sentences, words

Vectors = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Features:
    """Facts about an answer; nearness is a cosine, at most 1, all shares are 0–1."""

    own: tuple[Span, ...]
    """Its thoughts, each once, without what is copied from the prompt; a sample of at most 40."""
    set_aside: int
    """Thoughts left out because they repeat the prompt or the answer itself."""
    word_count: int
    """Words of all thoughts not set aside."""
    length_share: float
    """`word_count` by those of the reference answer, at most 1."""
    near_prompt: float
    near_reference: float
    near_beginning: float
    """The nearness of both answers' beginnings, each read as one text."""
    idea_nearness: tuple[float, ...]
    """For each idea of the reference answer: the nearest thought's nearness."""
    idea_piece: tuple[int, ...]
    """For each idea of the reference answer: which of `own` is nearest."""
    piece_nearness: tuple[float, ...]
    """For each of `own`: the nearness of the nearest idea of the reference answer."""
    piece_terms: tuple[float, ...]
    """For each of `own`: the weight of the reference answer's terms in it."""
    term_share: float
    glue_share: float
    """The part of the words that are short English function words."""
    repetition: float
    sentence_words: float
    """Words in a sentence, on average."""
    shouting: float
    """The part of the letters in longer words that are capitals."""


def measure(prompt: str, model_answer: str, answer: str, vectors: Vectors) -> Features:
    """The features of `answer`. Raises KeyError where a text of `texts_to_embed` has no vector."""
    every = own_pieces(answer, prompt)
    own, reference = sampled(every), sampled(pieces(model_answer))
    thoughts, ideas = _units(own, vectors), _units(reference, vectors)
    near = [[_dot(idea, thought) for thought in thoughts] for idea in ideas] if own else []
    middle = _unit(_sum(thoughts))
    weights = term_weights(model_answer, prompt)
    said = [word for piece in every for word in words(piece.text)]
    return Features(
        own=own,
        set_aside=len(pieces(answer)) - len(every),
        word_count=len(said),
        length_share=min(1.0, len(said) / max(1, len(words(model_answer)))),
        near_prompt=_dot(middle, _unit(vectors[prompt])),
        near_reference=_dot(middle, _unit(_sum(ideas))),
        near_beginning=_dot(_unit(vectors[joined(own)]), _unit(vectors[model_answer])) if own else 0.0,
        idea_nearness=tuple(max(row) for row in near),
        idea_piece=tuple(row.index(max(row)) for row in near),
        piece_nearness=tuple(max((row[place] for row in near), default=0.0) for place in range(len(own))),
        piece_terms=tuple(_weight(piece.text, weights) for piece in own),
        term_share=_weight(joined(every), weights) / (sum(weights.values()) or 1.0),
        glue_share=glue_share(said),
        repetition=repetition(said),
        sentence_words=_sentence_words(answer),
        shouting=_shouting(answer),
    )


def _units(parts: Sequence[Span], vectors: Vectors) -> list[Sequence[float]]:
    return [_unit(vectors[part.text]) for part in parts]


def _sum(units: Sequence[Sequence[float]]) -> Sequence[float]:
    """The thoughts' vectors added up point where the whole text does, however long it is."""
    return [sum(column) for column in zip(*units, strict=True)]


def _unit(vector: Sequence[float]) -> Sequence[float]:
    """The vector at length 1, so that a dot product is a cosine; one without length stays as it is."""
    size = math.sqrt(_dot(vector, vector))
    return [value / size for value in vector] if size > 0 else vector


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    product: float = sum(map(mul, one, other))
    return product


def _weight(text: str, weights: Mapping[str, float]) -> float:
    return sum(weights.get(stem, 0.0) for stem in sorted(set(stems(text))))


def _sentence_words(answer: str) -> float:
    counts = [count for sentence in sentences(answer) if (count := len(words(sentence.text)))]
    return sum(counts) / len(counts) if counts else 0.0


def _shouting(answer: str) -> float:
    # Words up to five letters are left out: HTTP, SQL and UUID are no shouting.
    letters = [letter for word in answer.split() if len(word) > 5 for letter in word if letter.isalpha()]
    return sum(letter.isupper() for letter in letters) / len(letters) if letters else 0.0
