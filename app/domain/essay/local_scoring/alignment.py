"""Which words of two texts say the same, by the states that the embedding model gives their tokens."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.domain.essay.local_scoring.cues import denied
from app.domain.essay.local_scoring.wording import FUNCTION_WORDS, joined, windows
from app.domain.text import Span

Numbers = NDArray[np.float32]
Places = NDArray[np.intp]

# Function words carry a text's sense, but say little by themselves.
_FUNCTION_WEIGHT = 0.1

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


class Reading(Protocol):
    """What the embedding model made of a text."""

    @property
    def states(self) -> NDArray[np.float16]:
        """A row of length 1 for each token."""

    @property
    def spans(self) -> Sequence[tuple[int, int]]:
        """Where each token stands in the text."""


Readings = Mapping[str, Reading]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text's pieces, in order; all arrays have a place for each."""

    states: Numbers
    piece: Places
    """Which piece each stands in."""
    weight: Numbers
    """1 for content, little for function words, 0 for punctuation."""
    denied: NDArray[np.bool_]
    """Whether a denial reaches it."""
    words: tuple[str, ...]
    """The word each belongs to, case folded."""
    pieces: int
    """How many pieces there are, with tokens or without."""


def tokens_of(parts: Sequence[Span], readings: Readings) -> Tokens:
    """The tokens of all `parts`. Raises KeyError for a window of them that was not read."""
    states, piece, flags, said = [np.zeros((0, 1), np.float32)], list[int](), list[bool](), list[str]()
    first = 0
    for window in windows(parts):
        text = joined(window)
        reading = readings[text]
        states.append(np.asarray(reading.states, np.float32))
        piece += _pieces(window, reading.spans, first)
        flags += _within(reading.spans, denied(text))
        said += _words(text, reading.spans)
        first += len(window)
    return Tokens(
        states=np.concatenate([rows for rows in states if len(rows)] or states[:1]),
        piece=np.array(piece, np.intp),
        weight=np.array([_weight(word) for word in said], np.float32),
        denied=np.array(flags, np.bool_),
        words=tuple(said),
        pieces=len(parts),
    )


def nearness(one: Tokens, other: Tokens) -> Numbers:
    """The cosine of each token of `one` (rows) with each of `other` (columns); one column of 0 where it has none."""
    if not (len(one.words) and len(other.words)):
        return np.zeros((len(one.words), max(1, len(other.words))), np.float32)
    product: Numbers = one.states @ other.states.T
    return product


def mean(values: Numbers, weights: Numbers) -> float:
    """The weighted mean; 0 where nothing has weight."""
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0 else 0.0


def piece_vectors(tokens: Tokens) -> Numbers:
    """The mean state of each piece, of length 1; zeros for a piece without tokens."""
    return unit(sum_by_piece(tokens, tokens.states))


def sum_by_piece(tokens: Tokens, rows: Numbers) -> Numbers:
    """The rows, one for each token, added up for each piece."""
    places = np.arange(tokens.pieces)[:, None] == tokens.piece
    sums: Numbers = places.astype(np.float32) @ rows
    return sums


def unit(rows: Numbers) -> Numbers:
    """Each row at length 1, so that a product is a cosine; rows without length stay as they are."""
    sizes = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(sizes > 1e-6, sizes, 1.0)).astype(np.float32)


def best_in_pieces(near: Numbers, other: Tokens) -> Numbers:
    """For each row of `near`, its best column within each piece of `other`: rows by pieces."""
    best = np.zeros((near.shape[0], max(1, other.pieces)), np.float32)
    for piece in range(other.pieces):
        columns = np.flatnonzero(other.piece == piece)
        if len(columns):
            best[:, piece] = near[:, columns].max(axis=1)
    return best


def _pieces(window: Sequence[Span], spans: Sequence[tuple[int, int]], first: int) -> list[int]:
    ends = np.cumsum([len(part.text) + 1 for part in window])
    starts = [start for start, _ in spans]
    return [first + int(place) for place in np.searchsorted(ends, starts, side="right")]


def _within(spans: Sequence[tuple[int, int]], reaches: Sequence[tuple[int, int]]) -> list[bool]:
    return [any(start <= at < end for start, end in reaches) for at, _ in spans]


def _words(text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    whole = [""] * len(text)
    for found in _WORD.finditer(text):
        whole[found.start() : found.end()] = [found.group().casefold()] * len(found.group())
    return [whole[start] for start, _ in spans]


def _weight(word: str) -> float:
    if not word:
        return 0.0
    return _FUNCTION_WEIGHT if word in FUNCTION_WORDS else 1.0
