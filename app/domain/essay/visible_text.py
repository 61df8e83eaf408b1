"""The visible text of an answer: without hidden characters, and with plain letters for their look-alikes.

A language model also reads what people cannot see, and may read words differently from what people see. The answer is
stored as it is; a model gets its visible text, and the quotes that it returns are located in the stored answer.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from app.domain.essay.folded_text import FoldedText, fold
from app.domain.essay.score import Evidence, find_quote
from app.domain.text import HIDDEN

# Persian and Indic spelling needs them, and families of emoji are joined by one.
_JOINERS = frozenset("\u200c\u200d")
_JOINS_NOTHING = HIDDEN - {"\ufe0f"}
# Ranges of letters in other shapes: enclosed, letter-like, full width, and mathematical.
_SHAPES = ((0x2100, 0x214F), (0x2460, 0x24FF), (0xFF01, 0xFF5E), (0x1D400, 0x1D7FF), (0x1F130, 0x1F169))
# Cyrillic, Greek, Armenian and Cherokee letters that look like Latin ones.
LOOKALIKES = dict(
    zip(
        "аеорсухіјѕԁԛԝһӏвкмнтгАВЕКМНОРСТУХІЈЅԌԚԜ" "αορνυικτηχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" "օոսհցաԼՏՕ" "ᎪᏴᏟᎬᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳ",
        "aeopcyxijsdqwhlbkmhtrABEKMHOPCTYXIJSGQW" "aopvuiktnxyABEZHIKMNOPTYX" "onuhgaLSO" "ABCEHJKLMPRSTVW",
        strict=True,
    )
)  # fmt: skip
# Controls that are visible: line breaks and tabs.
_LINES = str.maketrans("", "", "\n\t\r")
# No language spells a letter with more combining marks.
_MAX_MARKS = 2


@dataclass(frozen=True)
class VisibleText:
    """The visible text, and for each of its characters the position in the original that it comes from."""

    original: str
    text: str
    places: Sequence[int]

    @cached_property
    def altered(self) -> bool:
        """Whether the visible text differs from the original."""
        return self.text != self.original

    def find_quote(self, quote: str) -> Evidence | None:
        """The place of the quote in the original, or else in the visible text, whatever its white space, quotation
        marks, dashes and Unicode form; None where it is in neither."""
        evidence = find_quote(quote, self.original)
        if evidence:
            return evidence
        start = self.text.find(quote) if quote else -1
        bounds = (start, start + len(quote)) if start >= 0 else self._folded.find(quote)
        if bounds is None:
            return None
        first, last = self.places[bounds[0]], self.places[bounds[1] - 1]
        return Evidence(quote=self.original[first : last + 1], start=first, end=last + 1)

    @cached_property
    def _folded(self) -> FoldedText:
        return fold(self.text)


def visible_text(text: str) -> VisibleText:
    """The text without hidden characters and controls, and with plain letters for other shapes and for look-alikes in
    words that mix them with Latin letters."""
    if text.isascii() and text.translate(_LINES).isprintable():
        return VisibleText(text, text, range(len(text)))
    shown = list(_shown(text))
    letters = [letter for letter, _ in shown]
    for start, end in _words(letters):
        letters[start:end] = _plain_word(letters[start:end])
    return VisibleText(text, "".join(letters), tuple(place for _, place in shown))


def _shown(text: str) -> Iterator[tuple[str, int]]:
    marks = 0
    for place, letter in enumerate(text):
        if letter.isascii():
            marks = 0
            yield letter if letter.isprintable() or letter in "\n\t\r" else " ", place
            continue
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks > _MAX_MARKS or (letter in HIDDEN and not _joins(text, place)):
            continue
        for part in _shape(letter):
            yield part, place


def _joins(text: str, place: int) -> bool:
    """Whether the character is a joiner between letters of a script that is spelt with them, or between emoji."""
    before = text[place - 1] if place else ""
    return text[place] in _JOINERS and before > "\u0590" and before not in _JOINS_NOTHING


def _shape(letter: str) -> str:
    if any(first <= ord(letter) <= last for first, last in _SHAPES):
        plain = unicodedata.normalize("NFKC", letter)
        return plain if plain.isascii() else letter
    return " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter


def _words(letters: list[str]) -> Iterator[tuple[int, int]]:
    start = None
    for place, letter in enumerate(letters):
        if letter.isalpha():
            start = place if start is None else start
        elif start is not None:
            yield start, place
            start = None
    if start is not None:
        yield start, len(letters)


def _plain_word(word: list[str]) -> list[str]:
    """The word with Latin letters for look-alikes if it has both, as only attackers write. A word of one script, such
    as a foreign name, stays as it is."""
    plain = [LOOKALIKES.get(letter, letter) for letter in word]
    return plain if any(map(_latin, word)) and all(map(_latin, plain)) else word


def _latin(letter: str) -> bool:
    return letter.isascii() or letter <= "\u024f"
