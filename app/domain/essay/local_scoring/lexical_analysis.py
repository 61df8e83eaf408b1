"""Splits texts into pieces and windows, and finds stems, terms, repetitions and copies in them, without embeddings.

A piece is a sentence, or a part of a long one: it should hold one thought.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from app.domain.text import Span, sentences, words

# Longer sentences are cut: the embedding model reads about 90 words of a text. 90 % of the sentences of plain prose
# are shorter.
_PIECE_WORDS = 40

# Pieces of one text that are used. 40 sentences are some 600 words, more than an essay needs; longer texts are sampled
# evenly, so that their end counts as much as their beginning.
_MAX_PIECES = 40

# Windows of one text that are read: the model takes 20 to 50 ms for each. Essays of 600 words in sentences of a usual
# length have fewer; without this bound, 40 long sentences of distinct words would have 40.
_MAX_WINDOWS = 16

# A piece with this share of its three-word runs in the prompt is a copy of it. Sentences of the student's own that use
# the question's wording stay well below.
_COPIED_SHARE = 0.6

# From so many words on, an answer need not say anything in single words.
_LONG_ANSWER = 60

# Sentences are embedded together up to this size, so that each has its context; both limits keep a window within the
# 128 tokens that the model reads.
_WINDOW_WORDS = 70
_WINDOW_CHARACTERS = 480

_ENDINGS = re.compile(r"(?:ations?|ings?|ions?|ments?|ness|ies|ers?|ed|es|ly|s|e)$")
_CHUNK = re.compile(rf"\S+(?:\s+\S+){{0,{_PIECE_WORDS - 1}}}")

# The function words that make up 40 to 50 % of English prose, whatever its topic.
FUNCTION_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
        a about after again against all also although always am an and another any are as at be because
        been before being between both but by can cannot could did do does doing done down during each
        either else even ever every few first for from further had has have having he her here him his how
        however i if in into is it its itself just least less let like made make many may me might more
        most much must my near need neither never no nor not now of off often on once one only onto or
        other our out over own per rather same shall she should since so some still such than that the
        their them then there therefore these they this those though through thus to too under until up
        upon us use used using very was we well were what when where whether which while who whole whom
        whose why will with within without would yet you your i'd i'm i'll it's don't doesn't can't isn't
        we'd we'll
        """,
    )
)


def split_pieces(text: str) -> tuple[Span, ...]:
    """The pieces of `text` in order: its sentences, long ones in parts."""
    return tuple(part for sentence in sentences(text) for part in _parts(sentence) if words(part.text))


def own_pieces(answer: str, prompt: str) -> tuple[Span, ...]:
    """The pieces of `answer` without repetitions and without what is copied from the prompt."""
    prompt_runs, prompt_stems = _runs(words(prompt)), set(stems(prompt))
    seen: set[tuple[str, ...]] = set()
    own = []
    for piece in split_pieces(answer):
        piece_words = tuple(words(piece.text))
        # "Iteration is the alternative way to solve it" repeats the question, but for the word that answers it.
        says_more = not prompt_stems.issuperset(stems(piece.text))
        if piece_words not in seen and (says_more or not _is_copy(piece_words, prompt_runs)):
            own.append(piece)
        seen.add(piece_words)
    return tuple(own)


def counted_pieces(answer: str, prompt: str) -> tuple[Span, ...]:
    """The own pieces that count: in a longer answer, a piece with a single content word says nothing, and would
    only show what this word is worth to whoever tries one after the other."""
    own = own_pieces(answer, prompt)
    if sum(len(words(piece.text)) for piece in own) < _LONG_ANSWER:
        return own
    return tuple(piece for piece in own if len(set(words(piece.text)) - FUNCTION_WORDS) > 1)


def sample_pieces(parts: tuple[Span, ...]) -> tuple[Span, ...]:
    """All of `parts`, or as many of them at even distances as `_MAX_PIECES` and `_MAX_WINDOWS` permit."""
    count = min(len(parts), _MAX_PIECES)
    sample = _evenly(parts, count)
    while (windows := len(group_windows(sample))) > _MAX_WINDOWS:
        count = min(count - 1, count * _MAX_WINDOWS // windows)
        sample = _evenly(parts, count)
    return sample


def _evenly(parts: tuple[Span, ...], count: int) -> tuple[Span, ...]:
    return tuple(parts[index * len(parts) // count] for index in range(count))


def group_windows(parts: Iterable[Span]) -> tuple[tuple[Span, ...], ...]:
    """The parts in groups that are embedded together; a part that is too long for a window is a group of its own."""
    groups: list[list[Span]] = []
    full = True
    count = length = 0
    for part in parts:
        count, length = count + len(words(part.text)), length + len(part.text) + 1
        full = full or count > _WINDOW_WORDS or length > _WINDOW_CHARACTERS
        if full:
            groups.append([])
            count, length, full = len(words(part.text)), len(part.text) + 1, False
        groups[-1].append(part)
    return tuple(map(tuple, groups))


def join_pieces(own: Iterable[Span]) -> str:
    """The pieces as one text."""
    return " ".join(piece.text for piece in own)


def stems(text: str) -> list[str]:
    """The rough stems of the content words of `text`, in order; "indexes" and "indexing" have the same."""
    plain = unicodedata.normalize("NFC", text)
    return [_stem(word) for word in words(plain) if word not in FUNCTION_WORDS and len(word) > 1]


def term_weights(model_answer: str, prompt: str) -> dict[str, float]:
    """The weights of the model answer's terms: long words weigh more, words of the prompt less."""
    prompt_stems = set(stems(prompt))
    # Length approximates rarity, which would need a corpus; stems have at most seven letters.
    return {stem: len(stem) * (0.25 if stem in prompt_stems else 1.0) for stem in stems(model_answer)}


def function_word_share(words: Sequence[str]) -> float:
    """The share of short English function words, 0–1, which is low in lists of keywords."""
    # Longer ones, such as "before" or "through", get into lists made of any text's long words.
    return sum(len(word) <= 4 and word in FUNCTION_WORDS for word in words) / len(words) if words else 0.0


def repetition(words: Iterable[str]) -> float:
    """The share of the most frequent content word among all content words, 0–1."""
    counts = Counter(word for word in words if word not in FUNCTION_WORDS)
    return max(counts.values()) / counts.total() if counts else 0.0


def word_pairs(text: str) -> set[tuple[str, str]]:
    """The pairs of stems of successive content words; function words between them are ignored."""
    return set(pairwise(stems(text)))


def own_stems(text: str, prompt: str) -> set[str]:
    """The stems of `text` that the prompt does not have."""
    return set(stems(text)).difference(stems(prompt))


def content_stem(word: str) -> str | None:
    """The rough stem of a case-folded word; None for a function word."""
    return None if word in FUNCTION_WORDS else _stem(word)


def _parts(sentence: Span) -> list[Span]:
    cuts = _CHUNK.finditer(sentence.text)
    return [Span(sentence.start + cut.start(), sentence.start + cut.end(), cut.group()) for cut in cuts]


def _is_copy(piece_words: Sequence[str], prompt_runs: set[tuple[str, ...]]) -> bool:
    runs = _runs(piece_words)
    return bool(runs) and len(runs & prompt_runs) >= _COPIED_SHARE * len(runs)


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + 3]) for start in range(len(words) - 2)}


def _stem(word: str) -> str:
    short = _ENDINGS.sub("", word)
    # Seven letters distinguish "transaction" from "transfer" and unite "production" and "productive".
    return (short if len(short) >= 3 else word)[:7]
