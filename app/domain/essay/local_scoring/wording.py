"""What can be read off words alone: ideas as pieces of text, stems, terms, copying and prose."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from app.domain.text import Span, sentences, words

# A sentence beyond this length is read in pieces: the embedding model reads about 90 words of a text, and a
# piece should hold one thought. 40 words are more than nine of ten sentences of plain prose have.
PIECE_WORDS = 40

# Pieces of one text that are looked at. 40 sentences are some 600 words, longer than an essay is asked to be;
# longer texts are sampled evenly, so that their end counts as much as their start.
MAX_PIECES = 40

# A piece with this share of its three-word runs in the prompt is a copy of it; writers who take up the
# question's wording in a sentence of their own stay well below.
COPIED_SHARE = 0.6

# Sentences are read together up to this size, so that each is understood from what stands around it; both keep
# a window within the 128 tokens that the model reads.
WINDOW_WORDS = 70
WINDOW_CHARACTERS = 480

_ENDINGS = re.compile(r"(?:ations?|ings?|ions?|ments?|ness|ies|ers?|ed|es|ly|s|e)$")
_CHUNK = re.compile(rf"\S+(?:\s+\S+){{0,{PIECE_WORDS - 1}}}")

# The function words that make up 40 to 50 % of English prose, whatever it is about.
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


def pieces(text: str) -> tuple[Span, ...]:
    """The thoughts of `text` in order: its sentences, those of more than `PIECE_WORDS` in parts."""
    return tuple(part for sentence in sentences(text) for part in _parts(sentence) if words(part.text))


def own_pieces(answer: str, prompt: str) -> tuple[Span, ...]:
    """The thoughts of `answer` said once: without repetitions and without what is copied from the prompt."""
    asked = _runs(words(prompt))
    seen: set[tuple[str, ...]] = set()
    own = []
    for piece in pieces(answer):
        said = tuple(words(piece.text))
        if said not in seen and not _is_copy(said, asked):
            own.append(piece)
        seen.add(said)
    return tuple(own)


def sampled(parts: tuple[Span, ...]) -> tuple[Span, ...]:
    """All of `parts`, or `MAX_PIECES` of them at even distances."""
    if len(parts) <= MAX_PIECES:
        return parts
    return tuple(parts[place * len(parts) // MAX_PIECES] for place in range(MAX_PIECES))


def windows(parts: Iterable[Span]) -> tuple[tuple[Span, ...], ...]:
    """The parts in groups that are read at once; a part too long for a window is one of its own."""
    groups: list[list[Span]] = []
    full = True
    count = length = 0
    for part in parts:
        count, length = count + len(words(part.text)), length + len(part.text) + 1
        full = full or count > WINDOW_WORDS or length > WINDOW_CHARACTERS
        if full:
            groups.append([])
            count, length, full = len(words(part.text)), len(part.text) + 1, False
        groups[-1].append(part)
    return tuple(map(tuple, groups))


def joined(own: Iterable[Span]) -> str:
    """The thoughts as one text again."""
    return " ".join(piece.text for piece in own)


def stems(text: str) -> list[str]:
    """The content words of `text` cut to rough stems, in order; "indexes" and "indexing" meet."""
    plain = unicodedata.normalize("NFC", text)
    return [_stem(word) for word in words(plain) if word not in FUNCTION_WORDS and len(word) > 1]


def term_weights(model_answer: str, prompt: str) -> dict[str, float]:
    """The model answer's terms by weight: long words say more, words the prompt already gives say less."""
    given = set(stems(prompt))
    # Length stands in for rarity, for which a corpus would be needed; stems end at seven letters.
    return {stem: len(stem) * (0.25 if stem in given else 1.0) for stem in stems(model_answer)}


def glue_share(said: Sequence[str]) -> float:
    """The part of the words that are short English function words, 0–1: what lists of keywords lack."""
    # The longer ones, such as "before" or "through", get into lists made of any text's long words.
    return sum(len(word) <= 4 and word in FUNCTION_WORDS for word in said) / len(said) if said else 0.0


def repetition(said: Iterable[str]) -> float:
    """The part of the content words that the most frequent one takes, 0–1."""
    counts = Counter(word for word in said if word not in FUNCTION_WORDS)
    return max(counts.values()) / counts.total() if counts else 0.0


def phrases(text: str) -> set[tuple[str, str]]:
    """The pairs of content words that follow each other, function words between them left out."""
    said = stems(text)
    return set(pairwise(said))


def content_stem(word: str) -> str | None:
    """The rough stem of a case-folded word; None for a function word."""
    return None if word in FUNCTION_WORDS else _stem(word)


def _parts(sentence: Span) -> list[Span]:
    cuts = _CHUNK.finditer(sentence.text)
    return [Span(sentence.start + cut.start(), sentence.start + cut.end(), cut.group()) for cut in cuts]


def _is_copy(said: Sequence[str], asked: set[tuple[str, ...]]) -> bool:
    runs = _runs(said)
    return bool(runs) and len(runs & asked) >= COPIED_SHARE * len(runs)


def _runs(said: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(said[at : at + 3]) for at in range(len(said) - 2)}


def _stem(word: str) -> str:
    short = _ENDINGS.sub("", word)
    # Seven letters keep "transaction" and "transfer" apart and let "production" meet "productive".
    return (short if len(short) >= 3 else word)[:7]
