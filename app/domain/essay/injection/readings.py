"""Other readings of a text, which a model may decode: base64 and other encodings, reversed words, shifted alphabets,
digits for letters, initials."""

import base64
import binascii
import html
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import unquote

from app.domain.essay.injection.lexicon import TELLING

# With so many different suspicious words, a reading of the whole text is checked.
_ENOUGH = 2
# Shorter words have the same distances between letters as others by chance.
_LONG = 5
# Share of what is decoded that must be printable to be a text.
_PRINTABLE = 0.9
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_LETTERS = re.compile("[a-z]{4,}")
_DIGITS_IN_WORD = re.compile(r"[a-z0-9@$!|+]{3,}")
_LEET = (str.maketrans("0134567891@$!|+", "oieasgtbgiasilt"), str.maketrans("0134567891@$!|+", "oleasgtbglasilt"))

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_BASE32 = re.compile(r"[A-Z2-7]{16,}")
_HEX = re.compile(r"(?:(?:0x|\\x|%|=|U\+00|\\u00)?[0-9a-fA-F]{2}[\s,:;-]?){8,}")
_HEX_BYTE = re.compile(r"(?:0x|\\x|%|=|U\+00|\\u00)?([0-9a-fA-F]{2})")
_BINARY = re.compile(r"(?:[01]{7,8}[\s,]{0,2}){6,}")
_DECIMAL = re.compile(r"(?:(?<!\d)\d{2,3}[\s,;-]{1,2}){6,}\d{2,3}")
_MORSE_RUN = re.compile(r"[.\-–—−·•/|_\s]{20,}")
_MORSE = {
    ".-": "a", "-...": "b", "-.-.": "c", "-..": "d", ".": "e", "..-.": "f", "--.": "g", "....": "h", "..": "i",
    ".---": "j", "-.-": "k", ".-..": "l", "--": "m", "-.": "n", "---": "o", ".--.": "p", "--.-": "q", ".-.": "r",
    "...": "s", "-": "t", "..-": "u", "...-": "v", ".--": "w", "-..-": "x", "-.--": "y", "--..": "z",
    "-----": "0", ".----": "1", "..---": "2", "...--": "3", "....-": "4", ".....": "5", "-....": "6", "--...": "7",
    "---..": "8", "----.": "9",
}  # fmt: skip
_STROKES = str.maketrans("–—−_·•|\n", "----..//")
# A character's number in decimal, without leading zeros and cut to eight digits: `html.unescape` raises for numbers
# of more than 4,300 digits, and one of eight digits is no character's either.
_CHARACTER_NUMBER = re.compile(r"&#0*([0-9]{1,8})[0-9]*")

_SPELT = re.compile(r"(?<![^\W_])(?:[^\W_][ \t.\-_*·|,/~\n]{1,3}){5,}[^\W_](?![^\W_])")
_SPELT_GAP = re.compile(r"[ \t.\-_*·|,/~\n]{2,3}")
_NO_LETTERS = re.compile(r"[\W_]+")
_INITIALS = (
    re.compile(r"(?:^|[.!?\n])[\s\"'(*–•-]{0,8}([a-z])"),
    re.compile(r"(?:^|\n)[\s\"'(*–•\d.)-]{0,8}([a-z])"),
    re.compile(r"(?<![^\W_])([a-z0-9])"),
)
_LONG_WORD = re.compile(r"[a-z0-9]{12,}")
# Orders without spaces between the words, long enough not to occur by chance.
_JOINED = re.compile(
    "ignore(?:all|the|prev|rub|ins|your|any)|disregard(?:all|the|prev|any|your)|forget(?:all|the|your|prev)"
    "|(?:full|max|maximum|top|perfect|highest)(?:mark|score|point|credit|grade)|(?:25|100)(?:points|marks)"
    "|(?:give|award|assign)(?:me|it)?(?:25|100|full|max|top|high|perfect|all)|(?:score|mark|grade)(?:it)?(?:25|100|max|full)"
)


def joined(text: str) -> bool:
    """Whether a plain text has an order in words without spaces, in spelt-out letters, or in initials."""
    spelt = (_NO_LETTERS.sub("", match.group()) for match in _SPELT.finditer(text))
    initials = ("".join(pattern.findall(text)) for pattern in _INITIALS)
    return any(_JOINED.search(run) for run in (*_LONG_WORD.findall(text), *spelt, *initials))


def spelt(text: str) -> str:
    """The words that a plain text spells with a separator after each letter."""
    return " . ".join(
        " ".join(_NO_LETTERS.sub("", word) for word in _SPELT_GAP.split(match.group()))
        for match in _SPELT.finditer(text)
    )


def decoded(text: str) -> Iterator[str]:
    """The decoded texts of encoded runs, where they are printable."""
    for run in _BASE64.findall(text):
        yield from _printable(_from_base64(run))
    for run in _BASE32.findall(text):
        yield from _printable(_from_base32(run))
    for run in _HEX.findall(text):
        yield from _printable(bytes.fromhex("".join(_HEX_BYTE.findall(run))))
    for run in _BINARY.findall(text):
        yield from _printable(_from_bits(run))
    for run in _DECIMAL.findall(text):
        yield from _printable(bytes(int(code) for code in re.findall(r"\d+", run) if int(code) < 256))
    for run in _MORSE_RUN.findall(text):
        words = run.translate(_STROKES).replace("/", " / ").split()
        yield "".join(" " if word == "/" else _MORSE.get(word, "") for word in words)


def unescaped(text: str) -> str:
    """The text with HTML entities and percent-encoding decoded."""
    return html.unescape(_CHARACTER_NUMBER.sub(r"&#\1", unquote(text))) if "&" in text or "%" in text else text


def turned(text: str) -> Iterator[str]:
    """The plain text reversed, in shifted alphabets and with letters for digits, where that gives suspicious words."""
    words = set(_LETTERS.findall(text))
    if _tell(word[::-1] for word in words):
        yield text[::-1]
        yield re.sub("[a-z]+", lambda match: match.group()[::-1], text)
    shifts = Counter(shift for word in words for shift in _shifts(word))
    for (sign, shift), count in shifts.most_common(2):
        if count >= _ENOUGH:
            yield text.translate(_moved(sign, shift))
    mixed = {match.group() for match in _DIGITS_IN_WORD.finditer(text)}
    for table in _LEET:
        if _tell(read for word in mixed if (read := word.translate(table)) != word):
            yield _spelt_with(table, text)


def _spelt_with(table: dict[int, int], text: str) -> str:
    return _DIGITS_IN_WORD.sub(lambda match: match.group().translate(table), text)


def _tell(words: Iterator[str]) -> bool:
    return len(TELLING.intersection(words)) >= _ENOUGH


def _shifts(word: str) -> Iterator[tuple[int, int]]:
    """The alphabets (their direction, and by how many letters they are shifted) in which a word is suspicious."""
    for sign in (1, -1):
        for telling in _SHAPES.get(_shape(word, sign), ()):
            shift = (ord(telling[0]) - sign * ord(word[0])) % 26
            if telling != word:
                yield sign, shift


def _shape(word: str, sign: int = 1) -> bytes:
    """The distances between a word's letters, which are the same in all shifted alphabets."""
    return bytes(sign * (ord(second) - ord(first)) % 26 for first, second in pairwise(word))


def _moved(sign: int, shift: int) -> dict[int, int]:
    return {ord(letter): (sign * ord(letter) + shift - 97) % 26 + 97 for letter in _ALPHABET}


def _printable(decoded: bytes | None) -> Iterator[str]:
    text = (decoded or b"").decode("utf-8", "replace")
    if text and sum(letter.isprintable() and letter != "\ufffd" for letter in text) >= _PRINTABLE * len(text):
        yield text


def _from_base64(run: str) -> bytes | None:
    standard = run.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(standard[: len(standard) - (len(standard) % 4 == 1)] + "==")
    except binascii.Error:
        return None


def _from_base32(run: str) -> bytes | None:
    try:
        return base64.b32decode(run[: len(run) // 8 * 8])
    except binascii.Error:
        return None


def _from_bits(run: str) -> bytes:
    return bytes(int(code, 2) for code in re.findall(r"[01]{7,8}", run))


_SHAPES: dict[bytes, list[str]] = {}
for _word in sorted(TELLING):
    if len(_word) >= _LONG:
        _SHAPES.setdefault(_shape(_word), []).append(_word)
