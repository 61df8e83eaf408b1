"""Words in the form in which they are compared: without case, plural, endings, and British or American spelling."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from app.domain.text import words

Forms = tuple[str, ...]
"""The folded words of a text, in order."""

_PARTS = re.compile(r"[-.'’]")
_SPELLINGS = (
    (re.compile(r"is(?=e$|ed$|es$|ing$|ation$|ations$)"), "iz"),
    (re.compile(r"our(?=$|s$|al$|ed$|ing$)"), "or"),
    (re.compile(r"(?<=\w{2})tre(?=$|s$)"), "ter"),
)
_ENDING = re.compile(r"(?:'s|ings?|ed|es|s|e)$")
_DOUBLED = re.compile(r"([bdglmnprt])\1$")
# A word needs so many letters to lose its ending: "bring" and "red" have none.
_STEM = 3


# Skills and titles come again with each search. Few enough that words of students do not stay for long.
@lru_cache(maxsize=8_192)
def fold(text: str) -> Forms:
    """The words of the text as they are compared: "Data modelling" and "data models" have the same forms."""
    return tuple(form for word in words(text) for form in _fold_word(word))


def contains(text: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether the words of the phrase occur in the text, one directly after the other."""
    if not phrase or phrase[0] not in text:
        return False
    length, whole = len(phrase), tuple(phrase)
    return any(tuple(text[at : at + length]) == whole for at in range(len(text) - length + 1))


def _fold_word(word: str) -> Iterator[str]:
    # A code such as "az-104" is one word.
    if any(character.isdigit() for character in word):
        yield word
        return
    for part in _PARTS.split(word):
        if part:
            yield _without_ending(part)


@lru_cache(maxsize=50_000)
def _without_ending(word: str) -> str:
    for pattern, spelling in _SPELLINGS:
        word = pattern.sub(spelling, word)
    if word.endswith(("ss", "us", "is")):
        return word
    stem = word[:-3] + "y" if word.endswith("ies") and len(word) > _STEM + 1 else _ENDING.sub("", word)
    if len(stem) < _STEM:
        return word
    return _DOUBLED.sub(r"\1", stem)
