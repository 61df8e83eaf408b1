"""What is measured in an answer before any points are given."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.essay.local_scoring import cues
from app.domain.essay.local_scoring.alignment import Readings, mean, tokens_of
from app.domain.essay.local_scoring.comparing import View, best_half, compare, idea_weights, whole
from app.domain.essay.local_scoring.discounts import discounts
from app.domain.essay.local_scoring.wording import (
    glue_share,
    joined,
    own_pieces,
    phrases,
    pieces,
    repetition,
    sampled,
    stems,
    term_weights,
)
from app.domain.text import Span, sentences, words


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
    idea_recall: tuple[float, ...]
    """For each idea of the reference answer: how near the nearest thought comes to its words."""
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
    measures: Mapping[str, float]
    """What the estimate is made from, by the names in `MEASURES` and `DISCOUNTS`."""


MEASURES: Mapping[str, int] = {
    "gain": 1,
    "ideas": 1,
    "meaning": 1,
    "best_half": 1,
    "recall": 1,
    "phrases": 1,
    "terms": 1,
    "letters": 1,
    "precision": 1,
    "length": 1,
    "demands": -1,
}
"""The measures that the regression may use, with the direction in which each may move the estimate."""


def measure(prompt: str, model_answer: str, answer: str, readings: Readings) -> Features:
    """The features of `answer`. Raises KeyError where a text of `texts_to_embed` was not read."""
    every = own_pieces(answer, prompt)
    own, ideas = sampled(every), sampled(pieces(model_answer))
    asked, reference, given = (tokens_of(parts, readings) for parts in (sampled(pieces(prompt)), ideas, own))
    view = compare(asked, reference, given)
    weights = term_weights(model_answer, prompt)
    said = [word for piece in every for word in words(piece.text)]
    return Features(
        own=own,
        set_aside=len(pieces(answer)) - len(every),
        word_count=len(said),
        length_share=min(1.0, len(said) / max(1, len(words(model_answer)))),
        near_prompt=whole(given, asked),
        near_reference=whole(given, reference),
        idea_recall=tuple(map(float, view.recall.max(axis=1))) if own else (),
        idea_piece=tuple(map(int, view.recall.argmax(axis=1))) if own else (),
        piece_nearness=tuple(map(float, view.vectors.max(axis=0, initial=0.0))) if own else (),
        piece_terms=tuple(_weight(piece.text, weights) for piece in own),
        term_share=_weight(joined(every), weights) / (sum(weights.values()) or 1.0),
        glue_share=glue_share(said),
        repetition=repetition(said),
        sentence_words=_sentence_words(answer),
        shouting=_shouting(answer),
        measures=_measures(prompt, model_answer, joined(every), view),
    )


def _measures(prompt: str, model_answer: str, answer: str, view: View) -> dict[str, float]:
    wanted, got = phrases(model_answer), phrases(answer)
    new = set(stems(model_answer)) - set(stems(prompt))
    letters = _runs(model_answer)
    sizes = len(words(answer)), len(words(model_answer))
    return {
        "gain": mean(view.found - view.told, view.reference.weight),
        "ideas": mean(view.recall.max(axis=1), idea_weights(view.reference, view.news)),
        "meaning": view.meaning,
        "best_half": best_half(view.found, view.news),
        "recall": mean(view.found, view.news),
        "phrases": len(wanted & got) / max(1, len(wanted)),
        "terms": len(new & set(stems(answer))) / max(1, len(new)),
        "letters": len(letters & _runs(answer)) / max(1, len(letters)),
        "precision": view.precision,
        "length": min(0.0, math.log((1 + sizes[0]) / (1 + sizes[1]))),
        "demands": float(cues.demands(prompt)),
        **discounts(prompt, model_answer, answer, view),
    }


def _runs(text: str) -> set[str]:
    plain = " ".join(words(text))
    return {plain[at : at + 4] for at in range(len(plain) - 3)}


def _weight(text: str, weights: Mapping[str, float]) -> float:
    return sum(weights.get(stem, 0.0) for stem in sorted(set(stems(text))))


def _sentence_words(answer: str) -> float:
    counts = [count for sentence in sentences(answer) if (count := len(words(sentence.text)))]
    return sum(counts) / len(counts) if counts else 0.0


def _shouting(answer: str) -> float:
    # Words up to five letters are left out: HTTP, SQL and UUID are no shouting.
    letters = [letter for word in answer.split() if len(word) > 5 for letter in word if letter.isalpha()]
    return sum(letter.isupper() for letter in letters) / len(letters) if letters else 0.0
