"""Checking the order and the reasons that a language model has written: what is not supported is left out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from app.domain.essay.score import Evidence
from app.domain.essay.visible_text import visible_text
from app.domain.recommendation.naming import mentioned_skills, undesired_skills
from app.domain.recommendation.profile_texts import ProfileText
from app.domain.recommendation.query import Candidate, RetrievalQuery
from app.domain.recommendation.ranking_prompt import PASSAGE_CHARACTERS, credential_key
from app.domain.recommendation.written_answer import read_list, unusable
from app.domain.result.model import AnswerQuote
from app.domain.states import Level
from app.domain.text import is_visible, sentences, storable, words

_MAX_REASON = 500
_MAX_SENTENCES = 2
# Letters and digits of a quote of a passage that can show something.
_MIN_QUOTE_LENGTH = 8
_MAX_QUOTES = 4
# What has no place in a reason: links, addresses and markup.
_FOREIGN = re.compile(r"://|\bwww\.|@\w|[<>\[\]{}`|]|\*\*", re.IGNORECASE)
# What is between quotation marks. A straight apostrophe is none.
_QUOTED = re.compile(r"“([^”]*)”|\"([^\"]*)\"|„([^“”]*)[“”]|«([^»]*)»")
_OF_GAPS = re.compile(r"\b(?:gaps?|scores?|scored|weak(?:ness(?:es)?)?|lack(?:s|ing)?)\b", re.I)
_OF_WORDS = re.compile(
    r"\byou(?:['’]d|['’]ve| have| had| would)? (?:\w+ )?"
    r"(?:wrote|written|named|said|mention(?:ed)?|ask(?:ed)?|want(?:ed)?|wish(?:ed)?|like|hope|plan)\b"
    r"|\byour (?:wish|goal)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class WrittenReason:
    """A reason with the places of its quotes: those of the passage in the text that the passage is from."""

    text: str
    passage_quotes: tuple[Evidence, ...]
    student_quotes: tuple[AnswerQuote, ...]


@dataclass(frozen=True, slots=True)
class PlacedCandidate:
    """A candidate in the model's order; `fault` says why its reason is not used."""

    candidate: Candidate
    reason: WrittenReason | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenOrder:
    """The candidates that the model chose, best first, and how many of its items named none that it was offered, or one
    that it had named before."""

    placed: tuple[PlacedCandidate, ...]
    dropped: int


class _Item(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    id: str
    reason: str = ""
    passage_quotes: list[str] = []
    student_quotes: list[str] = []

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """The item; without what does not have the agreed form, or None if the id has not."""
        try:
            return cls.model_validate(value)
        except ValidationError:
            key = value.get("id") if isinstance(value, dict) else None
            return cls(id=key) if isinstance(key, str) else None


class _Unsupported(Exception):
    """A reason is not used; the argument says why, without words of anybody."""


def read_order(
    raw: str, query: RetrievalQuery, candidates: Sequence[Candidate], texts: Sequence[ProfileText], canary: str = ""
) -> WrittenOrder:
    """The candidates that a model's answer names, each with its reason as far as that is supported by the candidate's
    passage and by what is known about the student.

    Raises:
        TransientError: the answer does not have the agreed form, repeats the `canary`, or names no candidate.
    """
    by_key = {credential_key(place): candidate for place, candidate in enumerate(candidates)}
    items = [_Item.read(value) for value in read_list(raw, "recommendations", canary)]
    placed: dict[str, PlacedCandidate] = {}
    for item in items:
        key = item.id.strip() if item else ""
        if item and key in by_key and key not in placed:
            placed[key] = _place(item, by_key[key], query, texts)
    if not placed:
        raise unusable("names none of the credentials")
    return WrittenOrder(tuple(placed.values()), len(items) - len(placed))


def _place(item: _Item, candidate: Candidate, query: RetrievalQuery, texts: Sequence[ProfileText]) -> PlacedCandidate:
    try:
        return PlacedCandidate(candidate, _check(item, candidate, query, texts))
    except _Unsupported as error:
        return PlacedCandidate(candidate, None, str(error))


def _check(item: _Item, candidate: Candidate, query: RetrievalQuery, texts: Sequence[ProfileText]) -> WrittenReason:
    reason = item.reason.strip()
    if not is_visible(reason) or len(reason) > _MAX_REASON or not storable(reason):
        raise _Unsupported("no reason, or one that is too long")
    if visible_text(reason).altered or _FOREIGN.search(reason):
        raise _Unsupported("links, markup or hidden characters")
    if max(len(item.passage_quotes), len(item.student_quotes)) > _MAX_QUOTES:
        raise _Unsupported("too many quotes")
    passage_quotes = tuple(_find_in_passage(quote, candidate) for quote in item.passage_quotes)
    student_quotes = tuple(_find_in_answers(quote, query, texts) for quote in item.student_quotes)
    if not passage_quotes:
        raise _Unsupported("no quote of the passage")
    own_words = _own_words(reason, (*item.passage_quotes, *item.student_quotes))
    _check_claims(own_words, bool(student_quotes), candidate, query)
    return WrittenReason(reason, passage_quotes, student_quotes)


def _find_in_passage(quote: str, candidate: Candidate) -> Evidence:
    place = visible_text(candidate.text[:PASSAGE_CHARACTERS]).find_quote(quote)
    if place is None or sum(map(str.isalnum, place.quote)) < _MIN_QUOTE_LENGTH:
        raise _Unsupported("a quote that is not in the passage")
    start = candidate.start + place.start
    return Evidence(quote=place.quote, start=start, end=start + len(place.quote))


def _find_in_answers(quote: str, query: RetrievalQuery, texts: Sequence[ProfileText]) -> AnswerQuote:
    """The quote's place, if the student said it as a wish, a goal or a preferred form, and not as a refusal."""
    student = query.student
    wanted = any(visible_text(text).find_quote(quote) for text in (*student.wishes, *student.goals, *student.forms))
    places = [place for place in (text.find_quote(quote) for text in texts) if place]
    if not wanted or not places:
        raise _Unsupported("a quote that is not what the student wants")
    return places[0]


def _own_words(reason: str, quotes: Sequence[str]) -> str:
    """The reason without its quotes, which have to be all that stands between quotation marks, and have to be there."""
    marked = ["".join(filter(None, match.groups())) for match in _QUOTED.finditer(reason)]
    if any(not any(_same(part, quote) for quote in quotes) for part in marked):
        raise _Unsupported("quotation marks around something else")
    if any(not any(_same(part, quote) for part in marked) for quote in quotes):
        raise _Unsupported("a quote that is not in the reason")
    own = _QUOTED.sub("…", reason)
    if len(sentences(own)) > _MAX_SENTENCES:
        raise _Unsupported("more than two sentences")
    return own


def _same(marked: str, quote: str) -> bool:
    """Whether the words between quotation marks are the quote; a full stop may be inside or outside of them."""
    return marked.strip(" .,;") == quote.strip(" .,;")


def _check_claims(own_words: str, quotes_student: bool, candidate: Candidate, query: RetrievalQuery) -> None:
    """Whether what the reason says in its own words has a source."""
    student, aliases = query.student, query.aliases
    known = tuple(dict.fromkeys((*candidate.skills, *query.skills, *query.gaps)))
    named = mentioned_skills(own_words, known, aliases)
    if undesired_skills(named, student, aliases):
        raise _Unsupported("something that the student refuses or holds")
    taught = {*candidate.skills, *mentioned_skills(f"{candidate.title}. {candidate.text}", named, aliases)}
    if not _all_among(named, taught, query):
        raise _Unsupported("a skill that the credential does not have")
    if {word for word in words(own_words) if word in list(Level)} - {candidate.level, student.level}:
        raise _Unsupported("another level")
    if _OF_WORDS.search(own_words) and not quotes_student:
        raise _Unsupported("a wish without the student's words")
    of_gaps = " ".join(span.text for span in sentences(own_words) if _OF_GAPS.search(span.text))
    if not _all_among(mentioned_skills(of_gaps, known, aliases), query.gaps, query):
        raise _Unsupported("a gap that theory does not show")
    says_why = quotes_student or mentioned_skills(own_words, query.gaps, aliases)
    if (student.wishes or student.goals) and not says_why:
        raise _Unsupported("neither the student's words nor a gap")


def _all_among(skills: Iterable[str], others: Iterable[str], query: RetrievalQuery) -> bool:
    others = tuple(others)
    return all(any(query.aliases.same_skill(skill, other) for other in others) for skill in skills)
