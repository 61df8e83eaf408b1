"""Whether two sentences in nearly the same words say who does what to whom, which is more than which, or what comes
first, the other way round; or whether one has an opposite in the place of a word."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import combinations, product

from app.domain.essay.local_scoring import cues
from app.domain.essay.local_scoring.lexical_analysis import FUNCTION_WORDS, content_stem
from app.domain.text import words

# Function words that hold a sentence together while its parties change places.
_KEPT = frozenset(["than", "before", "after", "to", "from", "into", "until", "above", "under", "by", "and", "or"])

# "Bulb and battery" are the same in the other order.
_JOINED = re.compile(r"(\S+) (?:and|or) (\S+)")

# Words between two statements whose order matters.
_PIVOTS = ("before", "after", "than", "until")

# The statements are at most so many stems long; what follows is a reason or a consequence.
_REACH = 5

# Longer runs of words that replace each other are a different sentence, not two parties.
_MAX_RUN = 3

# When two parties are exchanged, so much of the sentence must be the same, and so much more than before.
_EXCHANGED, _GAINED = 0.92, 0.08

# More different words than these are not tried out: it takes time, and the sentence is long enough to judge by others.
_MAX_TRIED = 12

_CLAUSE = re.compile(r";|\b(?:because|since|so|while|but)\b", re.IGNORECASE)
_BY = re.compile(r"\w+(?:ed|en|wn|nt|ept|eld|ught|ade|ead|one|aid|old|ut|it|et)\s+(?:\w+\s+)?by\b", re.IGNORECASE)


def are_swapped(reference: str, answer: str) -> bool:
    """Whether two parties, or two halves, of the reference sentence have changed places in the answer's."""
    left, right = _stems(reference), _stems(answer)
    swapped = _parties_swapped(left, right) or _halves_swapped(left, right) or _exchange_fits(left, right)
    return swapped and not _is_turned(reference, answer)


def has_opposite(reference: str, answer: str) -> bool:
    """Whether a word of the answer's sentence is the opposite of the one that it replaces."""
    if are_swapped(reference, answer) or _is_passive(reference, answer):
        return False
    pairs = zip(_CLAUSE.split(reference), _CLAUSE.split(answer), strict=False)
    return any(_count_opposites(left, right) % 2 == 1 for left, right in pairs)


def _count_opposites(left: str, right: str) -> int:
    """In one clause, two opposites may say the same: "more heat, less ice" and "less heat, more ice"."""
    return sum(cues.are_opposites(*pair) for pair in _replacements(words(left), words(right)))


def _stems(text: str) -> list[str]:
    return [content_stem(word) or word for word in words(text) if word not in FUNCTION_WORDS or word in _KEPT]


def _replacements(left: Sequence[str], right: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of words of which the second stands where the first stood."""
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    pairs: list[tuple[str, str]] = []
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        if kind == "replace" and max(end - start, other_end - other_start) <= _MAX_RUN:
            pairs += product(left[start:end], right[other_start:other_end])
    return [(old, new) for old, new in pairs if old != new]


def _parties_swapped(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether two stems that stand on either side of "than" or the like replace each other."""
    replaced = {(old, new) for old, new in _replacements(left, right) if not {old, new} & _KEPT}
    return any(
        (new, old) in replaced and any(pivot in _between(left, old, new) for pivot in _PIVOTS) for old, new in replaced
    )


def _between(stems: Sequence[str], one: str, other: str) -> Sequence[str]:
    places = sorted((stems.index(one), len(stems) - 1 - stems[::-1].index(other)))
    return stems[places[0] : places[1]]


def _halves_swapped(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether what stood before "before" or "than" stands after it, and the reverse."""
    for pivot in _PIVOTS:
        if left.count(pivot) == right.count(pivot) == 1:
            first, second = _halves(left, pivot)
            other_first, other_second = _halves(right, pivot)
            crossed = (len(first & other_second), len(second & other_first))
            same = len(first & other_first) + len(second & other_second)
            if min(crossed) >= 1 and sum(crossed) > same:
                return True
    return False


def _halves(stems: Sequence[str], pivot: str) -> tuple[set[str], set[str]]:
    """The stems that stand near the pivot, only before and only after it."""
    place = stems.index(pivot)
    before, after = set(stems[max(0, place - _REACH) : place]), set(stems[place + 1 : place + 1 + _REACH])
    return before - after, after - before


def _exchange_fits(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether the sentences become nearly equal when two words of one change places."""
    common = [stem for stem in dict.fromkeys(left) if stem in right and stem not in _KEPT]
    if len(common) > _MAX_TRIED:
        return False
    likeness = SequenceMatcher(None, left, right, autojunk=False).ratio()
    joined = {frozenset(match.groups()) for match in _JOINED.finditer(" ".join(left))}
    for one, other in combinations(common, 2):
        if frozenset((one, other)) in joined:
            continue
        exchanged = [{one: other, other: one}.get(stem, stem) for stem in right]
        fit = SequenceMatcher(None, left, exchanged, autojunk=False).ratio()
        if fit >= max(_EXCHANGED, likeness + _GAINED):
            return True
    return False


def _is_turned(reference: str, answer: str) -> bool:
    """Whether the exchange leaves the meaning as it was: "is read by" for "reads", "slower than" for "faster than"."""
    left, right = set(words(reference)), set(words(answer))
    opposites = sum(cues.are_opposites(one, other) for one, other in product(left - right, right - left))
    return _is_passive(reference, answer) ^ (opposites % 2 == 1)


def _is_passive(reference: str, answer: str) -> bool:
    """Whether one of the sentences is passive and the other is not."""
    return bool(_BY.search(reference)) != bool(_BY.search(answer))
