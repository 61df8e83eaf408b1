"""Tracks and credentials as admins write them."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from yarl import URL

from app.domain.states import Level, QuestionType
from app.domain.text import Span, is_visible, sentences
from app.domain.values import Description, Frozen, Skills, Slug, Title

# A passage is what a recommendation quotes: about a sentence or two. Longer ones blur what they are about, and
# the offline embedding model reads 128 tokens at most.
PASSAGE_CHARACTERS = 320


class QuestionMix(Frozen):
    """How many questions of each type an assessment gets."""

    theoretical: Annotated[int, Field(ge=0, le=100)] = 0
    profile: Annotated[int, Field(ge=0, le=100)] = 0
    essay: Annotated[int, Field(ge=0, le=100)] = 0

    def of(self, question_type: QuestionType) -> int:
        """How many of this type."""
        return {
            QuestionType.THEORETICAL: self.theoretical,
            QuestionType.PROFILE: self.profile,
            QuestionType.ESSAY: self.essay,
        }[question_type]

    @property
    def total(self) -> int:
        """How many in all."""
        return self.theoretical + self.profile + self.essay


def _not_empty(mix: QuestionMix) -> QuestionMix:
    if mix.total == 0:
        raise ValueError("a track needs at least one question")
    return mix


class TrackBody(Frozen):
    """A role that a student aims for."""

    slug: Slug
    name: Title
    description: Description = ""
    skills: Skills = ()
    question_mix: Annotated[QuestionMix, AfterValidator(_not_empty)]


def _web_address(value: str) -> str:
    try:
        url = URL(value)
    except ValueError as error:
        raise ValueError("is not a web address") from error
    if " " in value or not value.isprintable():
        raise ValueError("has white space or characters that cannot be seen")
    if url.scheme not in ("http", "https") or not url.host or url.user is not None or url.password is not None:
        raise ValueError("must be an http or https address without user info")
    return value


def _visible(value: str) -> str:
    if not is_visible(value):
        raise ValueError("has nothing that can be seen")
    return value


class CredentialBody(Frozen):
    """A micro-credential that can be recommended."""

    title: Annotated[Title, AfterValidator(_visible)]
    provider: Annotated[Title, AfterValidator(_visible)]
    url: Annotated[str, Field(max_length=2_000), AfterValidator(_web_address)]
    level: Level
    skills: Skills = ()
    description: Annotated[Description, Field(min_length=1), AfterValidator(_visible)]


class CredentialVersion(Frozen):
    """One version of a credential's text."""

    credential_id: UUID
    version: int
    body: CredentialBody


def passages(description: str) -> tuple[Span, ...]:
    """The description cut into passages of whole sentences, in order; a longer sentence is a passage of its own."""
    found: list[Span] = []
    for sentence in sentences(description):
        last = found[-1] if found else None
        if last and sentence.end - last.start <= PASSAGE_CHARACTERS:
            found[-1] = Span(last.start, sentence.end, description[last.start : sentence.end])
        else:
            found.append(sentence)
    return tuple(found)
