"""Finds what a text itself calls false: "All of this is false.", "It is not true that …"."""

import re
from collections.abc import Sequence

from app.domain.text import words

_WRONG = r"(?:false|untrue|wrong|incorrect|a lie|a myth|nonsense)"
_RIGHT = r"(?:true|correct|right|so|the case)"
_FALSE = rf"(?:{_WRONG}|(?:not|n['’]t) (?:at all )?{_RIGHT})"
_THIS = r"(?:this|that|it|these|those|the above|the following|what)"
_ALL = (
    rf"(?:all|none|nothing|everything|every word|each)(?: of)?(?: {_THIS})?"
    r"(?: (?:statements?|i (?:wrote|said)|is said(?: here)?|above))?"
)
_BE = r"(?:is|are|was|were)"
_HOW = r"(?: (?:simply|all|just|completely|entirely))?"

# A sentence that calls false what stands before it.
_BEFORE = (
    rf"(?:{_ALL}|this|that|it|these|those|the above|(?:these|those|the above) statements) "
    rf"{_BE}{_HOW} {_FALSE}\W*(?:$|[,;]|and\b)",
    rf"(?:none|nothing|not a word) of {_THIS}[\w ]* {_BE} {_RIGHT}",
    r"(?:(?:in fact|actually|in reality|rather|but),? )?(?:exactly |just )?the (?:exact )?"
    r"(?:opposite|contrary|reverse) (?:of (?:all )?(?:this|that) )?(?:is|holds)\b",
)

# A sentence that calls itself false.
_WITHIN = (
    rf"(?:it|this) ?(?:is|['’]s) {_FALSE}(?: to (?:say|claim|think|believe))?,? that\b",
    rf"(?:none|nothing) of (?:the following|what follows) is {_RIGHT}",
    rf"(?:all|everything) (?:of )?(?:the following|that follows|what follows) is {_FALSE}",
)


def _at_the_start(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"^\W*(?:{'|'.join(patterns)})", re.IGNORECASE)


_CALLS_FALSE_BEFORE, _CALLS_FALSE_WITHIN = _at_the_start(_BEFORE), _at_the_start(_WITHIN)


def disclaimed_share(sentences: Sequence[str]) -> float:
    """The share of the words, 0–1, that the text calls false."""
    total = disclaimed = 0
    for sentence in sentences:
        count = len(words(sentence))
        if _CALLS_FALSE_WITHIN.search(sentence):
            disclaimed += count
        elif _CALLS_FALSE_BEFORE.search(sentence):
            disclaimed, count = total, 0
        total += count
    return disclaimed / total if total else 0.0
