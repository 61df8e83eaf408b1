"""Tells passages that address their grader from others: a logistic regression on the concepts in a passage, each two of
them together, and its sentence vector. The embedding model knows English only, so that other languages are judged by
words alone. `python -m app.training.injection` trains it."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import combinations

from app.domain.essay.injection.concepts import concepts_in
from app.domain.text import Span, sentences, words

COEFFICIENTS_FILE = "coefficients.json"

# Sentences with fewer words are read together with the next one, if it can be of the same language; long ones are cut.
_MIN_WORDS, _MAX_WORDS = 8, 60
_WORDS = re.compile(rf"\S+(?:\s+\S+){{0,{_MAX_WORDS - 1}}}")
# The least share of these words in English.
_ENGLISH_SHARE = 0.15
_ENGLISH = frozenset(
    re.findall("[a-z]+", "the a an of in to and is are was be it for on this that you i my with by as not if")
)
# What is quoted was said by somebody else. If less than this share of a passage is outside quotation marks, it is read
# with what they enclose.
_QUOTED = re.compile(
    r"\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|„[^“”\n]{1,400}[“”]|«[^»\n]{1,400}»|‘[^’\n]{3,400}’|`[^`\n]{1,400}`"
    r"|(?<!\w)'[^'\n]{3,400}'(?!\w)"
)
_UNQUOTED, _MIN_UNQUOTED_WORDS = 0.3, 4


@dataclass(frozen=True)
class Passage:
    """A sentence, or several short ones, with its position in the visible text."""

    start: int
    end: int
    text: str
    """Without what is quoted in it."""

    @cached_property
    def inputs(self) -> frozenset[str]:
        """The names of the regression's inputs that are 1: its concepts, and each two of them."""
        concepts = sorted(concepts_in(self.text))
        return frozenset((*concepts, *map("+".join, combinations(concepts, 2))))

    @cached_property
    def is_english(self) -> bool:
        """Whether the embedding model can read it."""
        own = words(self.text)
        return sum(word in _ENGLISH for word in own) >= _ENGLISH_SHARE * len(own) > 0


@dataclass(frozen=True, slots=True)
class Coefficients:
    """The trained coefficients. A passage with higher log odds than `threshold` is suspected; one that its words put
    below `floor` is not worth a vector."""

    words: Mapping[str, float]
    vector: Sequence[float]
    intercept: float
    vector_intercept: float
    threshold: float
    floor: float

    def by_words(self, passage: Passage) -> float:
        """The log odds of a passage by its words."""
        return self.intercept + sum(self.words.get(name, 0.0) for name in sorted(passage.inputs))

    def by_vector(self, vector: Sequence[float]) -> float:
        """What a passage's vector adds to them."""
        return self.vector_intercept + sum(weight * value for weight, value in zip(self.vector, vector, strict=True))


@cache
def load_coefficients() -> Coefficients:
    """The coefficients that come with the package."""
    stored = json.loads(files(__package__).joinpath(COEFFICIENTS_FILE).read_text(encoding="utf-8"))
    return Coefficients(**stored["coefficients"])


def split_passages(text: str) -> tuple[Passage, ...]:
    """The passages of a text in order."""
    passages: list[Span] = []
    for sentence in sentences(text):
        for part in _WORDS.finditer(sentence.text):
            start, end = sentence.start + part.start(), sentence.start + part.end()
            last = passages[-1].text if passages else ""
            if last and len(last.split()) < _MIN_WORDS and last.isascii() == part.group().isascii():
                start = passages.pop().start
            passages.append(Span(start, end, text[start:end]))
    return tuple(Passage(each.start, each.end, _without_quotes(each.text)) for each in passages)


def worth_a_vector(passages: Iterable[Passage], at_most: int) -> tuple[Passage, ...]:
    """The English passages whose vectors may decide about them, the most suspicious first."""
    scored = [(load_coefficients().by_words(passage), passage) for passage in passages if passage.is_english]
    scored.sort(key=lambda pair: -pair[0])
    return tuple(passage for odds, passage in scored[:at_most] if odds > load_coefficients().floor)


def most_suspicious(passages: Iterable[Passage], vectors: Mapping[str, Sequence[float]]) -> Passage | None:
    """The passage with the highest odds, where they are above the threshold; `vectors` are by text."""
    best, highest = None, load_coefficients().threshold
    for passage in passages:
        vector, odds = vectors.get(passage.text), load_coefficients().by_words(passage)
        odds += load_coefficients().by_vector(vector) if vector else 0.0
        if odds > highest:
            best, highest = passage, odds
    return best


def _without_quotes(text: str) -> str:
    unquoted = _QUOTED.sub(" … ", text)
    letters, left = (sum(letter.isalnum() for letter in each) for each in (text, unquoted))
    return unquoted if left >= _UNQUOTED * letters and len(unquoted.split()) >= _MIN_UNQUOTED_WORDS else text
