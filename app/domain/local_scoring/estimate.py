"""Points for the four dimensions from measured features: hand-set and monotone, nothing is trained.

The rationales give counts and percentages only. Students read them, and the reference answer is used again.
"""

import math
from collections.abc import Iterable

from app.domain.essay import DIMENSION_MAXIMUM, Dimension, Dimensions, EssayScore, Evidence
from app.domain.local_scoring.features import Features, Vectors, measure
from app.domain.local_scoring.wording import joined, own_pieces, pieces, sampled
from app.domain.text import Span

VERSION = "local-1"

# An estimate by nearness never knows whether a statement is true, so it claims little.
MOST_CONFIDENCE = 0.6

# The cosines between which a thought goes from unrelated to certainly meeting an idea. Sentences of essays on
# other questions of the same trade stay below 0.35; paraphrases by good writers lie around 0.5.
_IDEA_FROM, _IDEA_TO = 0.25, 0.60

# Whether the answer deals with the question: see `_on_topic`. Of 180 essays on other questions of the same two
# trades, 178 stay below 0.39; answers to the question itself, poor ones too, have 0.46 and more (25 of 26).
_TOPIC_FROM, _TOPIC_TO = 0.36, 0.46

# The answer as a whole, nearness to the question and to the reference answer averaged: good answers have 0.57 and
# more, short poor ones 0.35 to 0.5.
_NEAR_FROM, _NEAR_TO = 0.20, 0.66

# Nine in ten English answers have 28 to 53 % short function words, telegram style 20 %, lists of keywords none.
_PROSE_FROM, _PROSE_TO = 0.04, 0.20

# Good answers in words of their own share a quarter to a third of the reference answer's terms by weight.
_TERMS_FULL = 0.40

# Four fifths of the reference answer's words leave room for a terser writer.
_LENGTH_FULL = 0.8

# A quote longer than this says no longer which words it means.
_QUOTE_LIMIT = 600


def texts_to_embed(prompt: str, model_answer: str, answer: str) -> tuple[str, ...]:
    """The texts `estimate` needs vectors of: the prompt, both answers and their sentences; none twice.

    At most 40 sentences of each answer, sampled evenly; sentences of more than 40 words in parts. Repetitions in
    the answer and what is copied from the prompt are left out.
    """
    own, reference = sampled(own_pieces(answer, prompt)), sampled(pieces(model_answer))
    texts = (prompt, model_answer, joined(own), *(piece.text for piece in (*reference, *own)))
    return tuple(dict.fromkeys(text for text in texts if text))


def estimate(prompt: str, model_answer: str, answer: str, vectors: Vectors) -> EssayScore:
    """An estimate of the answer's worth. Raises ValueError for a blank answer, KeyError without a vector."""
    if not answer.strip():
        raise ValueError("a blank answer is not estimated")
    features = measure(prompt, model_answer, answer, vectors)
    return EssayScore(
        scorer="local",
        model=VERSION,
        prompt_version=VERSION,
        confidence=_confidence(features),
        dimensions=Dimensions(
            relevance=_relevance(features),
            depth=_depth(features),
            clarity=_clarity(features),
            technical=_technical(features),
        ),
    )


def _relevance(features: Features) -> Dimension:
    facts = (
        f"By meaning, the answer is {_percent(features.near_prompt)} near the question "
        f"and {_percent(features.near_reference)} near the reference answer."
    )
    best = sorted(range(len(features.own)), key=lambda place: -features.piece_nearness[place])
    mean = (features.near_prompt + features.near_reference + features.near_beginning) / 3
    share = _ramp(mean, _NEAR_FROM, _NEAR_TO) * _on_topic(features)
    quoted = [place for place in best if features.piece_nearness[place] >= _IDEA_FROM][:2]
    return _dimension(features, share, facts + _set_aside(features), quoted)


def _depth(features: Features) -> Dimension:
    met = [_idea_met(nearness) for nearness in features.idea_nearness]
    facts = (
        f"Meets about {round(sum(met))} of {len(met)} ideas of the reference answer, "
        f"in {_counted(features.word_count, 'word')}."
    )
    # The geometric mean: many words without ideas, or ideas in name only, are not depth.
    share = math.sqrt(_part(sum(met), len(met)) * _length(features))
    pairs = zip(features.idea_nearness, features.idea_piece, strict=True)
    best = [place for nearness, place in sorted(pairs, reverse=True) if _idea_met(nearness) >= 0.5]
    return _dimension(features, share * _on_topic(features), facts, list(dict.fromkeys(best))[:3])


def _clarity(features: Features) -> Dimension:
    facts = (
        f"{_counted(round(features.sentence_words), 'word')} in a sentence on average; the most frequent "
        f"word is {_percent(features.repetition)} of its content words; "
        f"{_percent(features.shouting)} capitals in longer words."
    )
    # A handful of words shows little of how well someone writes.
    shown = 0.3 + 0.7 * _length(features)
    share = _readable(features) * shown * _on_topic(features)
    tiring = [place for place, piece in enumerate(features.own) if len(piece.text.split()) >= 40]
    return _dimension(features, share, facts + _far(features), tiring[:1])


def _technical(features: Features) -> Dimension:
    facts = f"Uses {_percent(features.term_share)} of the reference answer's terms, by weight."
    share = _terms(features)
    best = sorted(range(len(features.own)), key=lambda place: -features.piece_terms[place])
    quoted = [place for place in best if features.piece_terms[place] > 0][:2]
    return _dimension(features, share * _on_topic(features), facts + _far(features), quoted)


def _dimension(features: Features, share: float, facts: str, quoted: Iterable[int]) -> Dimension:
    prose = _prose(features)
    held = "" if prose == 1.0 else " Counted in part: few of its words form English sentences."
    return Dimension(
        score=round(DIMENSION_MAXIMUM * share * prose),
        rationale=facts + held,
        evidence=tuple(_evidence(features.own[place]) for place in quoted if _quotable(features.own[place])),
    )


def _confidence(features: Features) -> float:
    """Lower for what the measures were not made for, and where they contradict each other."""
    enough = _ramp(features.word_count, 5, 60)
    # From some 600 words on, the answer is longer than what the measures were tried on, and is sampled.
    whole = 1.0 - 0.4 * _ramp(features.word_count, 600, 1500)
    met = _part(sum(map(_idea_met, features.idea_nearness)), len(features.idea_nearness))
    agreement = 1.0 - 0.5 * abs(met - _terms(features))
    language = 0.2 + 0.8 * _prose(features)
    return round(MOST_CONFIDENCE * (0.3 + 0.7 * enough) * whole * agreement * language, 2)


def _on_topic(features: Features) -> float:
    """How far the answer deals with the question at all; off the topic no dimension earns anything.

    Single thoughts are looked at as well as the whole: the more sentences, the nearer any two texts of one trade.
    """
    thoughts = _part(sum(features.piece_nearness), len(features.piece_nearness))
    whole = max(features.near_prompt, features.near_beginning)
    return _ramp((thoughts + whole) / 2, _TOPIC_FROM, _TOPIC_TO)


def _idea_met(nearness: float) -> float:
    return _ramp(nearness, _IDEA_FROM, _IDEA_TO)


def _length(features: Features) -> float:
    # The root: the first half of an answer holds more of its worth than the second.
    return math.sqrt(min(1.0, features.length_share / _LENGTH_FULL))


def _terms(features: Features) -> float:
    # The root for the same reason: the first terms come easily to those who know the subject, all to nobody.
    return math.sqrt(min(1.0, features.term_share / _TERMS_FULL))


def _prose(features: Features) -> float:
    return _ramp(features.glue_share, _PROSE_FROM, _PROSE_TO)


def _readable(features: Features) -> float:
    # Prose that reads well has 10 to 25 words in a sentence; at 60 nobody follows, below 5 nothing is joined.
    flow = 1.0 - 0.5 * _ramp(features.sentence_words, 25, 60) - 0.4 * (1 - _ramp(features.sentence_words, 2, 7))
    # The topic's own word takes up to 10 %; few words make high shares by chance, which `shown` covers.
    variety = 1.0 - 0.5 * _ramp(features.repetition, 0.12, 0.40)
    calm = 1.0 - 0.4 * _ramp(features.shouting, 0.2, 0.8)
    return flow * variety * calm


def _set_aside(features: Features) -> str:
    if not features.set_aside:
        return ""
    return f" {_counted(features.set_aside, 'part')} repeated from the question or the answer not counted."


def _far(features: Features) -> str:
    return "" if _on_topic(features) == 1.0 else " Counted in part: the answer is far from the question."


def _evidence(span: Span) -> Evidence:
    return Evidence(quote=span.text, start=span.start, end=span.end)


def _quotable(span: Span) -> bool:
    return len(span.text) <= _QUOTE_LIMIT


def _ramp(value: float, start: float, end: float) -> float:
    """0 up to `start`, 1 from `end` on, straight between."""
    return min(1.0, max(0.0, (value - start) / (end - start)))


def _part(part: float, whole: int) -> float:
    return part / whole if whole else 0.0


def _percent(share: float) -> str:
    return f"{round(100 * max(0.0, share))}%"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
