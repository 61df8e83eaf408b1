"""A text in which a quote is found although it was copied with other white space, quotation marks, dashes or another
Unicode form of the same letters."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_SIGNS = str.maketrans(dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‘’‚‛′ʼ‹›", "'") | dict.fromkeys("‐‑‒–—―−", "-"))
# What a model may put around a quote. The typographic ones are among the signs.
_AROUND = frozenset("\"'`「」『』")


@dataclass(frozen=True)
class FoldedText:
    """The folded text. Its character `n` is (a part of) what stands at `bounds[n]` in the text that was folded."""

    text: str
    bounds: tuple[tuple[int, int], ...]

    def find(self, quote: str) -> tuple[int, int] | None:
        """Where the quote stands in the text that was folded; None where it does not. Quotation marks around a quote
        need not be in the text."""
        wanted = fold(quote).text.strip(" ")
        inner = wanted[1:-1].strip(" ") if wanted and {wanted[0], wanted[-1]} <= _AROUND else ""
        return self._find(wanted) or self._find(inner)

    def _find(self, wanted: str) -> tuple[int, int] | None:
        start = self.text.find(wanted) if wanted else -1
        while start >= 0:
            end = start + len(wanted)
            if self._is_edge(start) and self._is_edge(end):
                return self.bounds[start][0], self.bounds[end - 1][1]
            start = self.text.find(wanted, start + 1)
        return None

    def _is_edge(self, place: int) -> bool:
        """Whether a letter with its marks ends before this place."""
        return place in (0, len(self.bounds)) or self.bounds[place - 1] != self.bounds[place]


def fold(text: str) -> FoldedText:
    """The text with one space for each run of white space, with plain signs, and with composed letters."""
    letters: list[str] = []
    bounds: list[tuple[int, int]] = []
    for start, end in pairwise(_edges(text)):
        piece = text[start:end]
        folded = " " if piece.isspace() else unicodedata.normalize("NFC", piece).translate(_SIGNS)
        letters.append(folded)
        bounds += [(start, end)] * len(folded)
    return FoldedText("".join(letters), tuple(bounds))


def _edges(text: str) -> Iterator[int]:
    """Where a letter with its marks, or a run of white space, begins; and the end of the text."""
    previous = " "
    for place, letter in enumerate(text):
        joins = previous.isspace() if letter.isspace() else _continues(letter) and not previous.isspace()
        if not joins or place == 0:
            yield place
        previous = letter
    yield len(text)


def _continues(letter: str) -> bool:
    """Whether the character belongs to the letter before it: a mark, or the vowel or end of a Korean syllable."""
    return not letter.isascii() and (unicodedata.category(letter)[0] == "M" or "\u1160" <= letter <= "\u11ff")
