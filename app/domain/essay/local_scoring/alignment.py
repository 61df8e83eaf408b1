"""The tokens of a text with their contextual embeddings, and how similar those of two texts are."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.domain.essay.local_scoring.lexical_analysis import FUNCTION_WORDS, group_windows, join_pieces
from app.domain.text import Span

Floats = NDArray[np.float32]
Indexes = NDArray[np.intp]

# Function words carry a text's meaning, but say little on their own.
_FUNCTION_WEIGHT = 0.1

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


class TokenEmbeddings(Protocol):
    """The embeddings of one text's tokens."""

    @property
    def states(self) -> NDArray[np.float16]:
        """A row of length 1 for each token."""

    @property
    def spans(self) -> Sequence[tuple[int, int]]:
        """Where each token stands in the text."""


EmbeddingsByText = Mapping[str, TokenEmbeddings]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text's pieces, in order; all arrays have one entry for each token."""

    states: Floats
    piece: Indexes
    """The piece that contains it."""
    weight: Floats
    """1 for content words, little for function words, 0 for punctuation."""
    words: tuple[str, ...]
    """The word that it belongs to, case folded."""
    piece_count: int
    """How many pieces there are, those without tokens included."""


def collect_tokens(parts: Sequence[Span], embeddings: EmbeddingsByText) -> Tokens:
    """The tokens of all `parts`. Raises KeyError for a window of them that has no embeddings."""
    states, piece, words = [np.zeros((0, 1), np.float32)], list[int](), list[str]()
    first = 0
    for window in group_windows(parts):
        text = join_pieces(window)
        tokens = embeddings[text]
        states.append(np.asarray(tokens.states, np.float32))
        piece += _pieces(window, tokens.spans, first)
        words += _words(text, tokens.spans)
        first += len(window)
    return Tokens(
        states=np.concatenate([rows for rows in states if len(rows)] or states[:1]),
        piece=np.array(piece, np.intp),
        weight=np.array([_weight(word) for word in words], np.float32),
        words=tuple(words),
        piece_count=len(parts),
    )


def similarities(rows: Tokens, columns: Tokens) -> Floats:
    """The cosine of each token of `rows` with each of `columns`; one column of 0 where that has no tokens."""
    if not (len(rows.words) and len(columns.words)):
        return np.zeros((len(rows.words), max(1, len(columns.words))), np.float32)
    product: Floats = rows.states @ columns.states.T
    return product


def weighted_mean(values: Floats, weights: Floats) -> float:
    """The weighted mean; 0 where nothing has weight."""
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0 else 0.0


def piece_vectors(tokens: Tokens) -> Floats:
    """The mean state of each piece, scaled to length 1; zeros for a piece without tokens."""
    return normalize_rows(sum_by_piece(tokens, tokens.states))


def sum_by_piece(tokens: Tokens, rows: Floats) -> Floats:
    """The sum, for each piece, of its tokens' rows."""
    membership = np.arange(tokens.piece_count)[:, None] == tokens.piece
    sums: Floats = membership.astype(np.float32) @ rows
    return sums


def normalize_rows(rows: Floats) -> Floats:
    """Each row scaled to length 1, so that a product is a cosine; rows of zeros stay as they are."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(lengths > 1e-6, lengths, 1.0)).astype(np.float32)


def best_per_piece(similarity: Floats, tokens: Tokens) -> Floats:
    """For each row of `similarity`, its best column within each piece of `tokens`: rows by pieces."""
    best = np.zeros((similarity.shape[0], max(1, tokens.piece_count)), np.float32)
    for piece in range(tokens.piece_count):
        columns = np.flatnonzero(tokens.piece == piece)
        if len(columns):
            best[:, piece] = similarity[:, columns].max(axis=1)
    return best


def _pieces(window: Sequence[Span], spans: Sequence[tuple[int, int]], first: int) -> list[int]:
    ends = np.cumsum([len(part.text) + 1 for part in window])
    starts = [start for start, _ in spans]
    return [first + int(index) for index in np.searchsorted(ends, starts, side="right")]


def _words(text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    word_at = [""] * len(text)
    for match in _WORD.finditer(text):
        word_at[match.start() : match.end()] = [match.group().casefold()] * len(match.group())
    return [word_at[start] for start, _ in spans]


def _weight(word: str) -> float:
    if not word:
        return 0.0
    return _FUNCTION_WEIGHT if word in FUNCTION_WORDS else 1.0
