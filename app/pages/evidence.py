"""Cutting an essay where its evidence begins and ends, to mark it in the text; and showing what quotes hide."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from app.domain.essay.score import DimensionName, Dimensions
from app.domain.text import HIDDEN

# Tags are invisible copies of ASCII.
_TAG_SHIFT = 0xE0000
_HIDDEN = re.compile(f"[{re.escape(''.join(sorted(HIDDEN)))}]+")


@dataclass(frozen=True)
class Segment:
    """A piece of the essay, and the dimensions of which it is evidence."""

    text: str
    dimensions: tuple[DimensionName, ...]


def reveal_hidden(quote: str) -> str:
    """The quote with what is invisible in it in brackets: the text that tags spell, or that there is something."""
    return _HIDDEN.sub(lambda run: f"[{_spelt(run.group()) or 'hidden'}]", quote)


def segments(essay: str, dimensions: Dimensions | None) -> tuple[Segment, ...]:
    """The whole essay in pieces: each piece is evidence of the same dimensions throughout. Positions count code points,
    as those of a Python string do."""
    spans = list(_spans(dimensions, len(essay)))
    cuts = sorted({0, len(essay), *(position for _, start, end in spans for position in (start, end))})
    return tuple(Segment(essay[start:end], _covering(spans, start, end)) for start, end in pairwise(cuts))


def _spelt(run: str) -> str:
    tags = (ord(letter) - _TAG_SHIFT for letter in run)
    return "".join(chr(code) for code in tags if 0x20 <= code < 0x7F)


def _spans(dimensions: Dimensions | None, length: int) -> Iterable[tuple[DimensionName, int, int]]:
    for name in DimensionName if dimensions else ():
        for evidence in getattr(dimensions, name).evidence:
            if evidence.end <= length:
                yield name, evidence.start, evidence.end


def _covering(spans: Iterable[tuple[DimensionName, int, int]], start: int, end: int) -> tuple[DimensionName, ...]:
    return tuple(dict.fromkeys(name for name, first, last in spans if first <= start and end <= last))
