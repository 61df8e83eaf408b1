"""Attacks by characters: invisible text, split words, and letters of other scripts that look like Latin ones."""

import re
from itertools import groupby

from app.domain.essay.injection.lexicon import TELLING
from app.domain.essay.visible_text import VisibleText

_TAG_SHIFT = 0xE0000
# A flag of a region is a black flag with a few tags after it.
_TAGS = re.compile(
    "(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007e]{3,}|(?<=\U0001f3f4)[\U000e0020-\U000e007e]{7,}"
)
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}")
_FIRST_SELECTORS, _MORE_SELECTORS = 0xFE00, 0xE0100
_INVISIBLE_RUN = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u180e]{8,}")
# Soft hyphens are left out: word processors leave them in what they paste.
_INSIDE_WORD = re.compile(
    "(?<=[A-Za-z])[\u034f\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0]+(?=[A-Za-z])"
)
_OVERRIDES = re.compile("[\u202d\u202e]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
# Scripts with letters that look like Latin ones.
_OTHER_SCRIPTS = re.compile("[\u0370-\u058f\u13a0-\u13ff\uab70-\uabbf]")
# A few such words are slips, examples, or come with what was pasted.
_WORDS, _SPLITS = 3, 4


def hidden_texts(text: str) -> list[str]:
    """The texts that tag characters and variation selectors encode."""
    tags = ["".join(chr(ord(letter) - _TAG_SHIFT) for letter in match.group()) for match in _TAGS.finditer(text)]
    return tags + ["".join(map(_selected, match.group())) for match in _SELECTORS.finditer(text)]


def hides(text: str) -> bool:
    """Whether invisible characters encode a text, or change the direction of a text without right-to-left letters."""
    if _TAGS.search(text) or _SELECTORS.search(text) or _INVISIBLE_RUN.search(text):
        return True
    return _OVERRIDES.search(text) is not None and _RIGHT_TO_LEFT.search(text) is None


def splits_words(text: str) -> bool:
    """Whether several Latin words contain invisible characters."""
    return len(_INSIDE_WORD.findall(text)) >= _SPLITS


def mixes_scripts(read: VisibleText) -> bool:
    """Whether several words mix Latin letters with look-alikes, or consist of look-alikes and spell a suspicious
    word."""
    if not _OTHER_SCRIPTS.search(read.original):
        return False
    pairs = zip(read.text, (read.original[place] for place in read.places), strict=True)
    words = [list(letters) for alphabetic, letters in groupby(pairs, key=lambda pair: pair[0].isalpha()) if alphabetic]
    return sum(map(_disguised, words)) >= _WORDS


def _disguised(letters: list[tuple[str, str]]) -> bool:
    swapped = sum(shown.isascii() and _OTHER_SCRIPTS.match(written) is not None for shown, written in letters)
    return 0 < swapped < len(letters) or (swapped > 0 and "".join(shown for shown, _ in letters).lower() in TELLING)


def _selected(letter: str) -> str:
    """The byte that a variation selector encodes, as a character."""
    code = ord(letter)
    return chr(code - _MORE_SELECTORS + 16 if code >= _MORE_SELECTORS else code - _FIRST_SELECTORS)
