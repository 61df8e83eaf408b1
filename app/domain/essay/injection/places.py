"""Concepts that depend on word order: verbs that open a clause, and words near each other."""

from collections.abc import Sequence
from itertools import pairwise

from app.domain.essay.injection.concepts import Concept as On
from app.domain.essay.injection.lexicon import Word, english, part_of

# What may precede a verb in the imperative, besides punctuation.
_LEADS = frozenset(
    (
        *("please", "pls", "kindly", "simply", "just", "always", "only", "still", "also", "again", "now", "then"),
        *("first", "finally", "immediately", "instead", "so", "thus", "therefore", "hence", "and", "or", "but"),
        *("must", "shall", "should"),
    )
)
# "Mark the highest" is about no mark, and data points are no points.
_VERBS = frozenset(("mark", "score", "grade", "rate", "point", "rating"))
_AFTER_VERBS = frozenset(("the", "a", "an", "each", "every", "this", "that", "all", "it", "them", "my", "our", "its"))
_NOUNS = (On.MARK | On.MARKS).value
_OF_POINTS = frozenset(
    (
        *("data", "story", "percentage", "decimal", "end", "entry", "access", "power", "price", "pain", "weak"),
        *("touch", "view", "these"),
    )
)
_NUMBERS = frozenset(("25", "100", "24", "10", "five", "hundred"))
_REPEATS = 3
# How many words an order is looked through, and a distance that nothing has.
_REACH, _FAR = 9, 10**9
_AGAINST = On.OVERRIDE | On.OVERRIDDEN
_NAMES = On.RELEVANCE | On.DEPTH | On.CLARITY | On.TECHNICAL
# A derived concept: a word of the first concept, and one of the second at most so many words before it, or after it.
_Beside = tuple[On, On, On, int, int]
_ENGLISH: tuple[_Beside, ...] = (
    (On.TOP_MARK, On.TOP, On.MARKS, 4, 3),
    (On.TOP_VALUE, On.TOP, On.MARK, 5, 5),
    (On.TOP_EACH, On.TOP, On.EACH, 4, 4),
    (On.QUARTER_EACH, On.QUARTER, On.EACH, 4, 4),
    (On.GOOD_MARK, On.GOOD, On.MARKS, 3, 3),
    (On.YOU_TOP, On.YOU, On.TOP, 12, 12),
    (On.YOU_EVAL, On.YOU, On.EVAL, 12, 12),
    (On.YOUR_MARKS, On.YOUR, On.MARKS | On.EVAL, 0, 2),
    (On.YOUR_RULES, On.YOUR, On.RULES, 0, 3),
    (On.YOU_GRADER, On.YOU_ARE, On.GRADER, 0, 6),
    (On.RAISING, On.RAISE, On.MARKS, 3, 3),
    (On.AWARD_TOP, On.AWARD, On.TOP, 0, 4),
    (On.SELF, On.THIS, On.TEXT, 0, 2),
    (On.THIS_WRITING, On.THIS, On.WRITING, 0, 2),
    (On.EACH_TEXT, On.EACH, On.TEXT, 0, 2),
    (On.EARLIER_RULES, On.EARLIER, On.RULES, 3, 3),
    (On.AGAINST, _AGAINST, On.INSTRUCTIONS, 5, 8),
    (On.AGAINST_RULES, _AGAINST, On.RULES, 5, 6),
    (On.AGAINST_NAME, On.OVERRIDE, _NAMES, 0, 2),
    (On.REVEALING, On.REVEAL, On.SECRET, 4, 9),
    (On.ASKING, On.ASK, On.SECRET, 0, 7),
    (On.NEW_RUBRIC, On.NEW, On.RUBRIC, 4, 4),
    (On.SPEAKER, On.GREETING, On.GRADER | On.MACHINE, 2, 5),
)
_FOREIGN: tuple[_Beside, ...] = (
    (On.TOP_MARK, On.TOP, On.MARKS, 4, 4),
    (On.ORDER, On.GIVE, On.TOP_MARK | On.TOP, 6, 6),
    (On.AGAINST, On.OVERRIDE, On.INSTRUCTIONS, 3, 6),
    (On.REVEALING, On.REVEAL, On.SECRET, 4, 9),
    (On.SELF, On.THIS, On.TEXT, 0, 2),
)
# A derived concept: a verb of the first concept that opens a clause, and what stands after it.
_OPENING = (
    (On.ORDER, On.GIVE, On.TOP),
    (On.ANY_ORDER, On.AWARD | On.OVERRIDE, On.EVAL | On.MARKS | On.TOP),
    (On.AWARD_ORDER, On.AWARD, On.TOP),
    (On.AWARD_ME, On.AWARD, On.ME | On.STUDENT),
    (On.AGAINST_ORDER, On.OVERRIDE, On.INSTRUCTIONS),
    (On.AGAINST_RULES_ORDER, On.OVERRIDE, On.RULES),
    (On.REVEALING_ORDER, On.REVEAL, On.SECRET),
)
# As numbers, which are compared faster.
_BESIDE, _BESIDE_FOREIGN = (
    tuple(
        (derived.value, (first.value, second.value), (before, after)) for derived, first, second, before, after in table
    )
    for table in (_ENGLISH, _FOREIGN)
)
_Numbers = tuple[tuple[int, tuple[int, int], tuple[int, int]], ...]
_ORDERS = tuple((derived.value, verb.value, thing.value) for derived, verb, thing in _OPENING)
_ORDERING = (On.GIVE | On.AWARD | On.OVERRIDE | On.REVEAL).value


def in_english(words: Sequence[Word], together: int) -> int:
    """The concepts that follow from the order of English words, which have the concepts `together` on their own."""
    concepts = _nouns([english(word.concepts) for word in words], words)
    found = _beside(_BESIDE, words, concepts, together) | _orders(words, concepts)
    return found | On.REPEATED.value if _repeated(words) else found


def in_foreign(words: Sequence[Word], language: int, together: int) -> int:
    """The same for the words of another language, by its number."""
    return _beside(_BESIDE_FOREIGN, words, [part_of(word.concepts, language) for word in words], together)


def _nouns(concepts: list[int], words: Sequence[Word]) -> list[int]:
    for place, (word, following) in enumerate(pairwise(words)):
        if following.text in _AFTER_VERBS and word.text in _VERBS:
            concepts[place] &= ~_NOUNS
        elif word.text in _OF_POINTS and following.text in ("point", "points"):
            concepts[place + 1] = 0
    return concepts


def _beside(table: _Numbers, words: Sequence[Word], concepts: Sequence[int], together: int) -> int:
    found = 0
    for derived, pair, distances in table:
        if together & pair[0] and together & pair[1] and _near(words, concepts, pair, distances):
            found |= derived
    return found


def _near(words: Sequence[Word], concepts: Sequence[int], pair: tuple[int, int], distances: tuple[int, int]) -> bool:
    """Whether a word of the pair's second concept is near one of the first, in the same sentence."""
    (first, second), (before, after) = pair, distances
    last_first, last_second = -_FAR, -_FAR
    for place, concept in enumerate(concepts):
        if words[place].ends:
            last_first, last_second = -_FAR, -_FAR
        if concept & first:
            last_first = place
            if place - last_second <= before:
                return True
        if concept & second:
            last_second = place
            if place - last_first <= after:
                return True
    return False


def _orders(words: Sequence[Word], concepts: Sequence[int]) -> int:
    found = 0
    for place, word in enumerate(words):
        if concepts[place] & _ORDERING and (word.opens or (place and words[place - 1].text in _LEADS)):
            ahead = 0
            for concept in concepts[place : place + _REACH]:
                ahead |= concept
            for derived, verb, thing in _ORDERS:
                found |= derived if concepts[place] & verb and ahead & thing else 0
    return found


def _repeated(words: Sequence[Word]) -> bool:
    """Whether the same high number occurs three times."""
    numbers = [word.text for word in words if word.text in _NUMBERS]
    return any(numbers.count(number) >= _REPEATS for number in set(numbers))
