"""Attacks by characters: invisible text, split words, and letters of other scripts that look like Latin ones."""

import re
from itertools import groupby

from app.domain.essay.score import InjectionCue
from app.domain.essay.visible_text import VisibleText

# Characters that encode a text: tags (a flag of a region is a black flag with a few tags after it), variation
# selectors, and long runs of others.
_HIDDEN_TEXT = re.compile(
    "(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007e]{3,}|(?<=\U0001f3f4)[\U000e0020-\U000e007e]{7,}"
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}|[\u200b-\u200f\u2060-\u2064\ufeff\u180e]{8,}"
)
# Soft hyphens are left out: word processors leave them in what they paste.
_INSIDE_WORD = re.compile(
    "(?<=[A-Za-z])[\u034f\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0]+(?=[A-Za-z])"
)
_OVERRIDES = re.compile("[\u202d\u202e]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
# Scripts with letters that look like Latin ones.
_OTHER_SCRIPTS = re.compile("[\u0370-\u058f\u13a0-\u13ff\uab70-\uabbf]")
# Fewer such words are slips, examples, or come with what was pasted; longer ones are quoted in part.
_WORDS, _SPLITS, _MAX_WORD = 3, 4, 60


def find_disguise(essay: VisibleText) -> tuple[InjectionCue, int, int] | None:
    """The first part of the original that is disguised, with its start and end; None where nothing is."""
    text = essay.original
    hidden = _HIDDEN_TEXT.search(text)
    if hidden is None and not _RIGHT_TO_LEFT.search(text):
        hidden = _OVERRIDES.search(text)
    if hidden:
        return InjectionCue.HIDDEN_TEXT, *_with_context(text, hidden.start(), hidden.end())
    splits = list(_INSIDE_WORD.finditer(text))
    if len(splits) >= _SPLITS:
        return InjectionCue.SPLIT_WORDS, *_with_context(text, splits[0].start(), splits[-1].end())
    mixed = _mixed_words(essay) if _OTHER_SCRIPTS.search(text) else []
    if len(mixed) >= _WORDS:
        return InjectionCue.LOOK_ALIKES, *_with_context(text, mixed[0][0], mixed[-1][1])
    return None


def _mixed_words(essay: VisibleText) -> list[tuple[int, int]]:
    """Where in the original words mix Latin letters with look-alikes."""
    mixed = []
    for alphabetic, letters in groupby(zip(essay.text, essay.places, strict=True), lambda letter: letter[0].isalpha()):
        word = list(letters)
        swapped = sum(shown.isascii() and bool(_OTHER_SCRIPTS.match(essay.original[place])) for shown, place in word)
        if alphabetic and 0 < swapped < len(word):
            mixed.append((word[0][1], word[-1][1] + 1))
    return mixed


def _with_context(text: str, start: int, end: int) -> tuple[int, int]:
    """The bounds, extended to the words around them, so that invisible characters are quoted with something visible."""
    after = text.find(" ", end + 1)
    last = after if 0 <= after < end + _MAX_WORD else min(len(text), end + _MAX_WORD)
    return max(text.rfind(" ", 0, max(0, start - 1)) + 1, start - _MAX_WORD), last
