"""Whether a text gives away a secret one, such as a model answer, in whatever spelling.

Letters are compared and not words, so that separators, invisible characters and other forms of the same letters make no
difference. The text is also compared backwards, with its letters shifted (as by rot13), and decoded.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.domain.essay.encoded_text import decodings
from app.domain.essay.visible_text import LOOKALIKES
from app.domain.text import HIDDEN, words

# Letters of a piece that counts: about two words. Shorter ones are also shared by chance.
_PIECE = 12
# Letters of one piece that give a secret away: about eight words. Common phrases of the field are shorter.
_RUN = 40
# All pieces together give it away if they have this share of its letters, and so many letters at least; of a long
# secret, so many letters in any case.
_SHARE, _MIN_COVERED, _MAX_COVERED = 0.3, 32, 96
# So do its words, in any order, if they have this share of those that are not short, and are so many.
_WORD_SHARE, _MIN_WORDS, _MIN_WORD_LENGTH = 0.6, 7, 5

_PLAIN = str.maketrans(LOOKALIKES) | dict.fromkeys(map(ord, HIDDEN))
# Digits and signs that stand for letters; 1 stands for two of them.
_SIGNS_FOR_LETTERS = [str.maketrans("01345789@$!|", f"o{one}eastbgasil") for one in "il"]
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_SHIFTS = [str.maketrans(_ALPHABET, _ALPHABET[by:] + _ALPHABET[:by]) for by in range(1, len(_ALPHABET))]


@dataclass(frozen=True)
class _Secret:
    """A secret text: how many letters it has, and its words that are not short and not known."""

    text: str
    length: int
    words: frozenset[str]

    def is_covered_by(self, places: Iterable[int]) -> bool:
        """Whether the pieces that begin at these places give it away."""
        covered, longest = _covered(sorted(places))
        enough = min(_MAX_COVERED, max(_MIN_COVERED, _SHARE * self.length))
        return longest >= _RUN or covered >= min(enough, self.length)

    def has_words(self, words: frozenset[str]) -> bool:
        """Whether these words give it away."""
        return len(self.words & words) >= max(_MIN_WORDS, _WORD_SHARE * len(self.words))


class SecretTexts:
    """Secret texts. What stands in one of the `known` texts too gives nothing away."""

    def __init__(self, secrets: Iterable[str], known: Iterable[str]) -> None:
        known = tuple(known)
        known_folded = [_folded(text) for text in known]
        known_pieces = {piece for text in known_folded for piece in _pieces(_letters(text))}
        known_words = frozenset[str]().union(*map(_long_words, known_folded))
        self._secrets: list[_Secret] = []
        # Where each piece stands: the position of the secret, and the place in its letters.
        self._places: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        # A short secret has no pieces, and its letters may stand in other words by chance.
        self._short: list[str] = []
        for text in dict.fromkeys(secrets):
            folded = _folded(text)
            letters = _letters(folded)
            if len(letters) >= _PIECE:
                for place, piece in enumerate(_pieces(letters)):
                    if piece not in known_pieces:
                        self._places[piece].append((len(self._secrets), place))
                self._secrets.append(_Secret(text, len(letters), _long_words(folded) - known_words))
            elif not any(_has_words(other, text) for other in known):
                self._short.append(text)

    def are_in(self, text: str) -> bool:
        """Whether the text gives one of them away."""
        if any(_has_words(text, secret) for secret in self._short):
            return True
        readings = map(_folded, dict.fromkeys((text, *decodings(text), *decodings(text[::-1]))))
        return any(
            any(map(self._has_words, _word_orders(folded))) or any(map(self._covers, _letter_orders(folded)))
            for folded in readings
        )

    def _has_words(self, text: str) -> bool:
        words = _long_words(text)
        return any(secret.has_words(words) for secret in self._secrets)

    def _covers(self, letters: str) -> bool:
        places = defaultdict[int, set[int]](set)
        for piece in _pieces(letters):
            for secret, place in self._places.get(piece, ()):
                places[secret].add(place)
        return any(self._secrets[secret].is_covered_by(starts) for secret, starts in places.items())


def _word_orders(folded: str) -> Iterator[str]:
    yield folded
    yield " ".join(word[::-1] for word in folded.split())
    for signs in _SIGNS_FOR_LETTERS:
        yield folded.translate(signs)


def _letter_orders(folded: str) -> Iterator[str]:
    letters = _letters(folded)
    yield letters
    yield letters[::-1]
    yield _letters(" ".join(word[::-1] for word in folded.split()))
    for signs in _SIGNS_FOR_LETTERS:
        yield _letters(folded.translate(signs))
    for shift in _SHIFTS:
        yield letters.translate(shift)


def _covered(places: Iterable[int]) -> tuple[int, int]:
    """How many letters the pieces at these places, in order, have together, and how many the longest run of them."""
    covered = longest = begin = end = 0
    for place in places:
        if place > end or not end:
            begin, end = place, place
        covered += place + _PIECE - max(end, place)
        end = place + _PIECE
        longest = max(longest, end - begin)
    return covered, longest


def _folded(text: str) -> str:
    """The text in small plain letters without marks."""
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN)).casefold()
    return plain if plain.isascii() else "".join(sign for sign in plain if not unicodedata.combining(sign))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _pieces(letters: str) -> Iterator[str]:
    """The pieces of the letters, each shifted by one against the one before."""
    return (letters[start : start + _PIECE] for start in range(len(letters) - _PIECE + 1))


def _long_words(text: str) -> frozenset[str]:
    return frozenset(word for word in words(text) if len(word) >= _MIN_WORD_LENGTH)


def _has_words(text: str, secret: str) -> bool:
    parts, wanted = words(text), words(secret)
    places = range(len(parts) - len(wanted) + 1)
    return bool(wanted) and any(parts[place : place + len(wanted)] == wanted for place in places)
