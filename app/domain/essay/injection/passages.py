"""An essay in passages of a few sentences, and what each speaks of."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain.essay.injection.concepts import Concept as On
from app.domain.essay.injection.concepts import Sort
from app.domain.essay.injection.lexicon import Word, different_words, english, foreign, tokens, unspaced
from app.domain.essay.injection.markers import with_markers
from app.domain.essay.injection.places import in_english, in_foreign

# A passage is at most so many sentences and so many words; a longer sentence is cut into parts that overlap by half.
_SENTENCES, _LONGEST = 3, 50
# An essay of so many words has hardly room for grading as its subject; nor has one with so many other sentences.
_SHORT, _OTHERS = 45, 4
# Parts of a text without spaces, in characters, that overlap by half.
_UNSPACED_PART = 120
_UNSPACED = re.compile("[\u0590-\u06ff\u0900-\u0e7f\u3040-\u30ff\u3400-\u9fff\u1100-\u11ff\uac00-\ud7af]")
_ON_GRADING = (On.EVAL | On.GRADER | On.MARKS).value
_ON_ATTACKS = On.TALK.value


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a passage speaks of, as bits of `Concept`, in one sort of languages."""

    sort: Sort
    concepts: int


def passages(text: str) -> Iterator[Spoken]:
    """What the passages of a plain text speak of, each language by itself."""
    words = list(tokens(with_markers(text)))
    if len(words) <= _SHORT:
        yield from _spoken_of(words, On.SHORT)
    else:
        sentences = list(_sentences(words))
        aside = On.SHORT if _in_one_place(sentences) else On(0)
        for passage in _windows(sentences):
            yield from _spoken_of(passage, aside)
    if _UNSPACED.search(text):
        for start in range(0, len(text), _UNSPACED_PART // 2):
            yield from (Spoken(Sort.UNSPACED, told) for told in unspaced(text[start : start + _UNSPACED_PART]))


def mentions_of_attacks(text: str) -> int:
    """How many different words of a plain text speak of attacks and their defence."""
    return sum(concepts & _ON_ATTACKS > 0 for _, concepts in different_words(text))


def _sentences(words: Iterable[Word]) -> Iterator[list[Word]]:
    sentence: list[Word] = []
    for word in words:
        if sentence and (word.ends or len(sentence) == _LONGEST):
            yield sentence
            sentence = sentence[-_LONGEST // 2 :] if len(sentence) == _LONGEST else []
        sentence.append(word)
    yield sentence


def _windows(sentences: Sequence[list[Word]]) -> Iterator[list[Word]]:
    """Each sentence with as many before it as a passage has room for."""
    for last in range(len(sentences)):
        passage = sentences[last]
        for before in reversed(sentences[max(0, last - _SENTENCES + 1) : last]):
            if len(before) + len(passage) > _LONGEST:
                break
            passage = before + passage
        yield passage


def _in_one_place(sentences: Sequence[Sequence[Word]]) -> bool:
    """Whether an essay speaks of grading in a few neighbouring sentences only, so that it is not the subject."""
    places = [place for place, words in enumerate(sentences) if any(word.concepts & _ON_GRADING for word in words)]
    if not places:
        return False
    length = places[-1] - places[0] + 1
    return length <= _SENTENCES and len(sentences) - length >= _OTHERS


def _spoken_of(words: Sequence[Word], aside: On) -> Iterator[Spoken]:
    together = 0
    for word in words:
        together |= word.concepts
    part = english(together)
    if part:
        yield Spoken(Sort.ENGLISH, part | in_english(words, part) | aside.value)
    for language, part in enumerate(foreign(together), start=1):
        if part:
            yield Spoken(Sort.FOREIGN, part | in_foreign(words, language, part) | aside.value)
