"""Splits an essay into passages of a few sentences, and finds the concepts of each."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain.essay.injection.concepts import Concept as On
from app.domain.essay.injection.concepts import Sort
from app.domain.essay.injection.lexicon import Word, different_words, english, foreign, tokens, unspaced
from app.domain.essay.injection.markers import with_markers
from app.domain.essay.injection.places import in_english, in_foreign

# A passage has at most so many sentences and so many words; a longer sentence is cut into parts that overlap by half.
_SENTENCES, _LONGEST = 3, 50
# An essay of at most so many words is hardly about grading; nor is one with so many sentences about other things.
_SHORT, _OTHERS = 45, 4
# Parts of a text without spaces, in characters, that overlap by half.
_UNSPACED_PART = 120
_UNSPACED = re.compile("[\u0590-\u06ff\u0900-\u0e7f\u3040-\u30ff\u3400-\u9fff\u1100-\u11ff\uac00-\ud7af]")
_ON_GRADING = (On.EVAL | On.GRADER | On.MARKS).value
_ON_ATTACKS = On.TALK.value


@dataclass(frozen=True, slots=True)
class Passage:
    """The concepts of a passage, as bits of `Concept`, in one sort of languages."""

    sort: Sort
    concepts: int


def passages(text: str) -> Iterator[Passage]:
    """The concepts of each passage of a plain text, for each language separately."""
    words = list(tokens(with_markers(text)))
    if len(words) <= _SHORT:
        yield from _passages_of(words, On.SHORT)
    else:
        sentences = list(_sentences(words))
        aside = On.SHORT if _in_one_place(sentences) else On(0)
        for passage in _windows(sentences):
            yield from _passages_of(passage, aside)
    if _UNSPACED.search(text):
        for start in range(0, len(text), _UNSPACED_PART // 2):
            yield from (Passage(Sort.UNSPACED, concepts) for concepts in unspaced(text[start : start + _UNSPACED_PART]))


def mentions_of_attacks(text: str) -> int:
    """How many different words of a plain text are about attacks and defences against them."""
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
    """Each sentence with as many of those before it as fit into a passage."""
    for last in range(len(sentences)):
        passage = sentences[last]
        for before in reversed(sentences[max(0, last - _SENTENCES + 1) : last]):
            if len(before) + len(passage) > _LONGEST:
                break
            passage = before + passage
        yield passage


def _in_one_place(sentences: Sequence[Sequence[Word]]) -> bool:
    """Whether only a few neighbouring sentences are about grading, so that it is not the essay's subject."""
    places = [place for place, words in enumerate(sentences) if any(word.concepts & _ON_GRADING for word in words)]
    if not places:
        return False
    length = places[-1] - places[0] + 1
    return length <= _SENTENCES and len(sentences) - length >= _OTHERS


def _passages_of(words: Sequence[Word], aside: On) -> Iterator[Passage]:
    together = 0
    for word in words:
        together |= word.concepts
    part = english(together)
    if part:
        yield Passage(Sort.ENGLISH, part | in_english(words, part) | aside.value)
    for language, part in enumerate(foreign(together), start=1):
        if part:
            yield Passage(Sort.FOREIGN, part | in_foreign(words, language, part) | aside.value)
