"""Sentences and words of a text, whether it can be seen and stored, and nouns with their number."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# A sentence ends at . ! or ? (with closing quotes or brackets) before white space, or at a line break. The quantifiers
# are possessive and tried only at the start of a run, because a long row of dots would otherwise take quadratic time.
_SENTENCE_END = re.compile(r"(?:(?<![.!?])[.!?]++[\"'”’)\]]*+(?=\s|$))|\n+")
# Invisible characters of any category: soft hyphens, zero widths, bidi controls, fillers, variation selectors, tags.
HIDDEN = frozenset(
    chr(code)
    for first, last in (
        (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
        (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164), (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFC), (0x1D159, 0x1D159), (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
# Unicode categories without anything to see: spaces, line ends, control and format characters, and marks, which only
# change the letter before them.
_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Mc", "Me"})
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_WORD = re.compile(r"[^\W_](?:[\w+#'’.-]*[\w+#])?")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text with its position in code points: `text[span.start:span.end] == span.text`."""

    start: int
    end: int
    text: str


def storable(text: str) -> bool:
    """Whether Postgres can store the text: it has no NUL and no lone surrogate."""
    return _UNSTORABLE.search(text) is None


def sentences(text: str) -> tuple[Span, ...]:
    """The sentences of `text` in order, without surrounding white space; empty ones are left out."""
    return tuple(_sentences(text))


def first_sentence(text: str) -> Span | None:
    """The first of the sentences of `text`, whose others are not read; None if it has none."""
    return next(_sentences(text), None)


def is_visible(text: str) -> bool:
    """Whether `text` has at least one visible character; a text without any is no answer."""
    if text and "!" <= text[0] <= "~":
        return True
    # Each character once: a text may have a million of them.
    characters = set(text)
    return any(unicodedata.category(each) not in _INVISIBLE and each not in HIDDEN for each in characters)


def count_of(count: int, noun: str) -> str:
    """A number and its noun: `1 job`, `2 jobs`. For nouns whose plural only adds an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def words(text: str) -> list[str]:
    """The words of `text`, case folded, in order."""
    return [word.casefold() for word in _WORD.findall(text)]


def _sentences(text: str) -> Iterator[Span]:
    return (_trimmed(text, *bounds) for bounds in _sentence_bounds(text) if text[slice(*bounds)].strip())


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
