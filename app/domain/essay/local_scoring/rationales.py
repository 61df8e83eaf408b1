"""What a student reads about each dimension: how much was found, what it is based on, and what was off.

The first sentence of a rationale follows from the points and they from it. What is computed from the reference answer
is said in few steps, and its words are never said.
"""

from collections.abc import Mapping, Sequence

from app.domain.essay.local_scoring.contradictions import Contradiction
from app.domain.essay.local_scoring.features import Features
from app.domain.essay.local_scoring.lexical_analysis import stems
from app.domain.essay.local_scoring.point_split import POINT_STEP
from app.domain.essay.score import DimensionName
from app.domain.text import Span, count_of

AMOUNTS = ("few", "some", "most")
NEARNESS = ("far from", "partly near", "near")

_HOW_MUCH = ("Nothing", "Little", "Some", "A good part", "Most", "Nearly all")
_LEVELS: Mapping[DimensionName, str] = {
    DimensionName.RELEVANCE: "{} of it seems to answer the question.",
    DimensionName.DEPTH: "{} of what makes a complete answer was found.",
    DimensionName.CLARITY: "{} of what counts is said in a readable way.",
    DimensionName.TECHNICAL: "{} of what was expected seems to be said correctly, in the terms of the subject.",
}

_OFF: Mapping[Contradiction, str] = {
    Contradiction.DISCLAIMED: "The answer itself calls what it says false.",
    Contradiction.SWAPPED: "In one statement, two things seem to have changed places.",
    Contradiction.FACTS: "A number, a unit or a name seems to be another than it should be.",
    Contradiction.DENIED: "Something seems to be denied that should not be.",
    Contradiction.OPPOSITE: "Something seems to be the opposite of what it should be.",
}
# What affects less of the answer is not worth a sentence.
_MIN_OFF = 0.3

# An idea is met if a sentence of the answer has so much of it. Quoted are sentences of several words of their own: a
# sentence for each word of a dictionary would show which words count.
_MET, _MIN_QUOTED_STEMS, _MAX_QUOTED_WORDS, _MAX_QUOTES = 0.5, 4, 14, 3


def level(dimension: DimensionName, points: int) -> str:
    """The sentence that stands for these points."""
    return _LEVELS[dimension].format(_HOW_MUCH[points // POINT_STEP])


def ideas_met(features: Features) -> str:
    """How many ideas of the reference answer are met and missing, with the student's own words for the former."""
    met = [index for index, recall in enumerate(features.idea_recall) if recall >= _MET]
    count, missing = len(features.idea_recall), len(features.idea_recall) - len(met)
    if not count:
        return "No idea of the expected answer is met."
    quoted = dict.fromkeys(features.idea_piece[index] for index in met)
    quotes = [quote for piece in quoted if (quote := _quote(features.pieces[piece]))][:_MAX_QUOTES]
    where = f", with {' and '.join(quotes)}" if quotes else ""
    return f"Of {count_of(count, 'idea')} of the expected answer, {len(met)} met{where}; {missing} missing."


def what_was_off(contradictions: Mapping[Contradiction, float]) -> str:
    """What the answer says otherwise than the reference answer; empty if nothing was found."""
    return "".join(f" {_OFF[kind]}" for kind in Contradiction if contradictions.get(kind, 0.0) >= _MIN_OFF)


def _quote(piece: Span) -> str:
    if len(set(stems(piece.text))) < _MIN_QUOTED_STEMS:
        return ""
    parts: Sequence[str] = piece.text.split()
    if len(parts) <= _MAX_QUOTED_WORDS:
        return f"“{piece.text.strip()}”"
    end = piece.text.index(parts[0])
    for part in parts[:_MAX_QUOTED_WORDS]:
        end = piece.text.index(part, end) + len(part)
    return f"“{piece.text[:end].strip()} …”"
