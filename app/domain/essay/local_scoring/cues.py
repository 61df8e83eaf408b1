"""What can be read from single words: negations, opposites, word order, and how much a question asks for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.essay.local_scoring.lexical_analysis import FUNCTION_WORDS, content_stem
from app.domain.text import words

_OPPOSITES = """
    increase decrease, increase reduce, grow shrink, rise fall, more less, more fewer, higher lower, high low,
    larger smaller, large small, longer shorter, long short, faster slower, fast slow, first last, before after,
    always never, all none, every no, true false, yes no, allow prevent, allow forbid, enable disable, open close,
    start stop, begin end, add remove, gain lose, win lose, accept reject, agree disagree, same different,
    equal unequal, equal different, possible impossible, dependent independent, synchronous asynchronous,
    static dynamic, public private, internal external, input output, send receive, push pull, read write,
    above below, upper lower, inside outside, maximum minimum, max min, best worst, better worse, good bad,
    cheap expensive, strong weak, easy difficult, simple complex, safe dangerous, legal illegal, valid invalid,
    visible hidden, known unknown, early late, earlier later, left right, up down, forward backward, odd even,
    positive negative, active passive, direct indirect, local remote, local global, single multiple, shared separate,
    heavy light, hot cold, warm cold, wet dry, hard soft, full empty, success failure, succeed fail,
    ascending descending, mutable immutable, variable constant, most least, many few, with without
"""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# "A" is left out: it names things, as in "A and B".
_ARTICLES = _set("an the its their our my your every each")
_PREPOSITIONS = _set("of from into with at for by between during against to in")
_MODALS = _set("can could will would should must may might")
_JOINS = _set("and or")
_VERBS = _set("is are was were has have had do does did am be")
_MARKERS = _ARTICLES | _PREPOSITIONS | _MODALS | _JOINS | {"be"}

# Function words that may follow an article: "the same", "its more careful user".
_LIKE_CONTENT = _set(
    """
    few first last least less more most many much other only own same such very even just own one once now not never
    always often still well above using used who near made need like any all further whole
    """
)
_SPOKEN = _VERBS - {"do", "be", "have"}
_NEVER_AFTER = {
    **dict.fromkeys(_ARTICLES, FUNCTION_WORDS - _LIKE_CONTENT),
    **dict.fromkeys(_PREPOSITIONS, _SPOKEN | _MODALS | _JOINS | _set("of than because if")),
    "to": _set("is are was were has had does did am and or of to for in than because if") | _MODALS,
    **dict.fromkeys(_MODALS, _ARTICLES | _PREPOSITIONS | _MODALS | _JOINS | _SPOKEN),
    **dict.fromkeys(_JOINS, _set("and or of be than")),
    "be": _set("is are was were be can will to and has have"),
}
_MAY_END = frozenset({"be", "to", "in", "by"}) | _MODALS

_NEGATING = _set("not never no none nor neither nobody nothing without cannot unable cant dont doesnt isnt wont")
_CLAUSE = re.compile(r"[.;!?,:]|\b(?:and|but|so|because|since|while)\b", re.IGNORECASE)

# A negation denies the first content word among so many words after it.
_DENIAL_REACH = 3

_DEMANDS = _set(
    """
    what how why which where when who explain describe name state give list compare discuss define calculate arrange
    justify design plan say outline
    """
)

# If a question has more demands than this, answers hardly ever treat them one by one.
_MAX_DEMANDS = 4


def _opposites(pairs: str) -> dict[str, frozenset[str]]:
    opposites: dict[str, set[str]] = {}
    for pair in pairs.split(","):
        left, right = map(_stem, pair.split())
        opposites.setdefault(left, set()).add(right)
        opposites.setdefault(right, set()).add(left)
    return {word: frozenset(others) for word, others in opposites.items()}


def _stem(word: str) -> str:
    return content_stem(word) or word


_STEM_OPPOSITES = _opposites(_OPPOSITES)


def are_opposites(left: str, right: str) -> bool:
    """Whether two case-folded words are listed as opposites, whatever their endings."""
    return _stem(right) in _STEM_OPPOSITES.get(_stem(left), ())


def starts_opposed(model_answer: str, answer: str) -> bool:
    """Whether one answer begins with "yes" and the other with "no"."""
    return {_first_word(model_answer), _first_word(answer)} == {"yes", "no"}


@dataclass(frozen=True, slots=True)
class Polarity:
    """Which content words a text denies, and how often it denies anything."""

    stems: frozenset[str]
    denied: frozenset[str]
    """Stems that are never without a negation."""
    negations: int
    negated_sentences: float
    """The share of the sentences that have a negation."""
    clauses: int

    @classmethod
    def of(cls, sentences: Iterable[str]) -> "Polarity":
        """The polarity of these sentences."""
        said, denied, negations, clauses, negated, count = set[str](), set[str](), 0, 0, 0, 0
        for sentence in sentences:
            before = negations
            clauses += max(1, sum(len(words(clause)) >= 3 for clause in _CLAUSE.split(sentence)))
            reach = 0
            for word in words(sentence):
                if word in _NEGATING or word.replace("’", "'").endswith("n't"):
                    negations, reach = negations + 1, _DENIAL_REACH + 1
                elif stem := content_stem(word):
                    (denied if reach > 0 else said).add(stem)
                    reach = 0
                reach -= 1
            negated, count = negated + (negations > before), count + 1
        return cls(frozenset(said | denied), frozenset(denied - said), negations, negated / max(1, count), clauses)


def have_opposites(left: Iterable[str], right: Iterable[str]) -> bool:
    """Whether a stem of one side is the opposite of one of the other."""
    others = set(right)
    return any(not others.isdisjoint(_STEM_OPPOSITES.get(stem, ())) for stem in left)


def disorder(sentences: Iterable[list[str]]) -> float:
    """The share, 0–1, of function words before a word that cannot follow them in English: high for shuffled words.

    `sentences` has the case-folded words of each sentence. The result is near 0 for short texts.
    """
    misplaced = markers = 0
    for sentence in sentences:
        for word, following in zip(sentence, [*sentence[1:], ""], strict=False):
            if word in _MARKERS:
                markers += 1
                misplaced += word not in _MAY_END if not following else following in _NEVER_AFTER[word]
    return misplaced / (markers + 2)


def count_demands(prompt: str) -> int:
    """How many different things the question asks for, 1–4, by its question words and imperatives."""
    return min(_MAX_DEMANDS, max(1, len(_DEMANDS.intersection(words(prompt)))))


def _first_word(text: str) -> str:
    return next(iter(words(text)), "")
