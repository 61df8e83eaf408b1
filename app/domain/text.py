"""Sentences and words of a text, whether it has visible characters, and nouns with their number."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# A sentence ends at . ! or ? (with closing quotes or brackets) before white space, or at a line break. The quantifiers
# are possessive and tried only at the start of a run, because a long row of dots would otherwise take quadratic time.
_SENTENCE_END = re.compile(r"(?:(?<![.!?])[.!?]++[\"'”’)\]]*+(?=\s|$))|\n+")
# Unicode categories of invisible characters: spaces, line ends, control and format characters.
_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_WORD = re.compile(r"[^\W_](?:[\w+#'’.-]*[\w+#])?")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text with its position in code points: `text[span.start:span.end] == span.text`."""

    start: int
    end: int
    text: str


def sentences(text: str) -> tuple[Span, ...]:
    """The sentences of `text` in order, without surrounding white space; empty ones are left out."""
    return tuple(_trimmed(text, *bounds) for bounds in _sentence_bounds(text) if text[slice(*bounds)].strip())


def is_visible(text: str) -> bool:
    """Whether `text` has at least one visible character."""
    return any(unicodedata.category(character) not in _INVISIBLE for character in text)


def count_of(count: int, noun: str) -> str:
    """A number and its noun: `1 job`, `2 jobs`. For nouns whose plural only adds an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


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
