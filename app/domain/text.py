"""Cutting text into spans that keep their place: `text[span.start:span.end] == span.text`, in code points."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# A sentence ends at . ! or ? (with closing quotes or brackets) before white space; a line break ends one too.
# Possessive, and tried at the start of a run only: else a long row of dots would take quadratic time.
_SENTENCE_END = re.compile(r"(?:(?<![.!?])[.!?]++[\"'”’)\]]*+(?=\s|$))|\n+")
# Spaces, line ends, controls, and what only tells how to show other characters.
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_WORD = re.compile(r"[^\W_](?:[\w+#'’.-]*[\w+#])?")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text and where it stands there."""

    start: int
    end: int
    text: str


def sentences(text: str) -> tuple[Span, ...]:
    """The sentences of `text` in order, without surrounding white space and without empty ones."""
    return tuple(_trimmed(text, *bounds) for bounds in _sentence_bounds(text) if text[slice(*bounds)].strip())


def is_visible(text: str) -> bool:
    """Whether anything in it can be seen."""
    return any(unicodedata.category(letter) not in _UNSEEN for letter in text)


def words(text: str) -> list[str]:
    """The words of `text`, case folded, in order."""
    return [word.casefold() for word in _WORD.findall(text)]


def _sentence_bounds(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        yield start, end.end()
        start = end.end()
    yield start, len(text)


def _trimmed(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return Span(start, start + len(piece.strip()), piece.strip())
