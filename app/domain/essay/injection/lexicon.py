"""Looks up the concepts of words and phrases: one dictionary lookup for each word, for all languages at once."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from app.domain.essay.injection.concepts import Concept
from app.domain.essay.injection.english_acts import ACTS
from app.domain.essay.injection.english_things import THINGS
from app.domain.essay.injection.tongues import SPACED
from app.domain.essay.injection.unspaced import UNSPACED

_ENGLISH = ACTS | THINGS
# A word's concepts in all languages are one number, in which each language has its own range of bits.
_WIDTH = len(Concept)
_ENGLISH_PART = (1 << _WIDTH) - 1
# Shorter words may be others read backwards, or with their letters in another order.
_LONG_ENOUGH_TO_TELL, _LONG_ENOUGH = 4, 6
_SHORTEST_STEM, _LONGEST_STEM = 2, 16
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*\+?")
# Letters that Unicode does not take apart, small capitals, and letters turned upside down.
_PLAIN = str.maketrans(
    "’ʼ`łøđıßæœ" "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢǫɑɡ" "ɐǝɟƃᴉɾʞɯɹʇʌʍʎ",
    "'''lodisao" "abcdefghijklmnoprstuvwyzqag" "aefgijkmrtvwy",
)  # fmt: skip
# In characters: how far from the marks a verb of giving stands.
_AROUND = 12
_TOP_MARK, _GIVE = Concept.TOP_MARK.value, Concept.GIVE.value
_END = re.compile(r"[.!?;\n\r。！？…]")
_BREAK = re.compile(r"[.!?:;\n\r。！？…]")
_MARKS = re.compile("[\u0300-\u036f]+")


# Ends the stem of a word; also where phrases stand whose second word is a stem.
_STEM = "*"
# By the second word of a phrase: all words but the first, and the concept.
_Phrases = dict[str, list[tuple[tuple[str, ...], int]]]


@dataclass(slots=True)
class Word:
    """A word, its concepts in all languages, and (`opens`) whether only punctuation or nothing precedes it."""

    text: str
    concepts: int
    opens: bool
    begins: bool
    """Whether a sentence, a line, or what follows a colon begins with it."""
    ends: bool
    """Whether a sentence ended before it."""


def plain(text: str) -> str:
    """The text in lower case without accents."""
    if text.isascii():
        return text.lower().translate(_PLAIN)
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))).translate(_PLAIN)


def tokens(text: str) -> Iterator[Word]:
    """The words of a plain text. A phrase does not extend over the end of a sentence."""
    found = list(_WORD.finditer(text))
    texts = [match.group().removesuffix("'s") for match in found]
    gaps = [text[one.end() : two.start()] for one, two in pairwise(found)]
    sentence_ends = [gap != " " and _END.search(gap) is not None for gap in gaps] + [True]
    stop, end = 0, 0
    for number, match in enumerate(found):
        gap = text[end : match.start()]
        end = match.end()
        stop = sentence_ends.index(True, number) + 1 if stop <= number else stop
        begins = not number or (gap != " " and _BREAK.search(gap) is not None)
        opens = begins or (gap != " " and not gap.isspace() and gap[-1:] not in "\"'_")
        ends = begins and (not number or sentence_ends[number - 1])
        yield Word(texts[number], _concepts_at(texts, number, stop), opens, begins, ends)


def different_words(text: str) -> Iterator[tuple[str, int]]:
    """The different words of a plain text with their concepts; phrases are not looked up."""
    for word in set(_WORD.findall(text)):
        yield word, _of_word(word)[0]


def english(concepts: int) -> int:
    """The concepts in English."""
    return concepts & _ENGLISH_PART


def part_of(concepts: int, language: int) -> int:
    """The concepts in another language, given by its number from `foreign`."""
    return concepts >> (language * _WIDTH) & _ENGLISH_PART


def foreign(concepts: int) -> Iterator[int]:
    """The concepts in each of the other languages with spaces between words."""
    concepts >>= _WIDTH
    while concepts:
        yield concepts & _ENGLISH_PART
        concepts >>= _WIDTH


def unspaced(text: str) -> Iterator[int]:
    """The concepts of a passage in each language without spaces between words."""
    for parts in _PARTS:
        found = 0
        for part, concept in parts:
            if part in text:
                found |= concept
                if concept & _TOP_MARK and _gives(text, text.index(part), parts):
                    found |= Concept.ORDER.value
        if found:
            yield found


def _gives(text: str, place: int, parts: Iterable[tuple[str, int]]) -> bool:
    around = text[max(0, place - _AROUND) : place + 2 * _AROUND]
    return any(concept & _GIVE and part in around for part, concept in parts)


def _concepts_at(texts: list[str], number: int, stop: int) -> int:
    concepts, phrases = _of_word(texts[number])
    if number + 1 < stop:
        for rest, concept in (*phrases.get(texts[number + 1], ()), *phrases.get(_STEM, ())):
            following = texts[number + 1 : min(stop, number + 1 + len(rest))]
            if len(following) == len(rest) and all(map(_fits, following, rest)):
                concepts |= concept
    return concepts


def _fits(word: str, wanted: str) -> bool:
    return word.startswith(wanted[:-1]) if wanted.endswith(_STEM) else word == wanted


@lru_cache(maxsize=1 << 14)
def _of_word(word: str) -> tuple[int, _Phrases]:
    """The concepts of a word, and the phrases that begin with it, by their second word."""
    stems = [word[:length] for length in range(_SHORTEST_STEM, min(len(word), _LONGEST_STEM) + 1)]
    concepts = _WORDS.get(word, 0) or _WORDS.get(_SCRAMBLED.get(_scramble(word), ""), 0)
    phrases: _Phrases = {}
    for stem in stems:
        concepts |= _STEMS.get(stem, 0)
    for first in (word, *(stem + _STEM for stem in stems)):
        for rest, concept in _PHRASES.get(first, ()):
            phrases.setdefault(_STEM if rest[0].endswith(_STEM) else rest[0], []).append((rest, concept))
    return concepts, phrases


def _scramble(word: str) -> str:
    """The same for all words with these letters between the same first and last one."""
    return word[0] + "".join(sorted(word[1:-1])) + word[-1]


def _entries() -> Iterator[tuple[str, int]]:
    lists: list[Mapping[Concept, str]] = [_ENGLISH, *SPACED.values()]
    for number, of_language in enumerate(lists):
        for concept, entries in of_language.items():
            for entry in entries.split():
                yield plain(entry), concept.value << (number * _WIDTH)


def _gathered() -> tuple[dict[str, int], dict[str, int], _Phrases]:
    whole: dict[str, int] = {}
    stems: dict[str, int] = {}
    phrases: _Phrases = {}
    for entry, concept in _entries():
        first, *rest = entry.split("_")
        if rest:
            phrases.setdefault(first, []).append((tuple(filter(None, rest)), concept))
        elif entry.endswith("*"):
            stems[entry[:-1]] = stems.get(entry[:-1], 0) | concept
        else:
            whole[entry] = whole.get(entry, 0) | concept
    return whole, stems, phrases


_WORDS, _STEMS, _PHRASES = _gathered()
_PARTS = tuple(
    tuple(
        (plain(entry).replace("_", " "), concept.value)
        for concept, entries in of_language.items()
        for entry in entries.split()
    )
    for of_language in UNSPACED.values()
)
# Suspicious words: an order to a grader hardly does without them. Other readings of a text are searched for them.
_TELLING = (
    Concept.OVERRIDE
    | Concept.INSTRUCTIONS
    | Concept.AWARD
    | Concept.TOP
    | Concept.MARKS
    | Concept.GRADER
    | Concept.EARLIER
).value
TELLING = frozenset(
    word.rstrip("*")
    for concept, entries in _ENGLISH.items()
    if concept.value & _TELLING
    for word in entries.split()
    if word.rstrip("*").isalpha() and len(word) >= _LONG_ENOUGH_TO_TELL
)
_SCRAMBLED = {_scramble(word): word for word in TELLING if len(word) >= _LONG_ENOUGH and word in _WORDS}
