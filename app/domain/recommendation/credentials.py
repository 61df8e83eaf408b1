"""Credentials as authors write them, and the passages that their descriptions are cut into."""

import re
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from yarl import URL

from app.domain.errors import FieldError
from app.domain.states import CredentialLevel
from app.domain.text import Span, is_visible, sentences
from app.domain.values import Description, Frozen, Skills, Title

# A passage is what a recommendation quotes: a sentence or two. A longer one is about too many things at once, and the
# offline embedding model reads at most 128 tokens.
PASSAGE_CHARACTERS = 320

# What separates skills in a cell of a table. A skill that has one is several skills that were not separated.
_SKILL_SEPARATOR = re.compile(r"[;,\r\n\v\f\x85\u2028\u2029]")


def _web_address(value: str) -> str:
    if not value:
        return value
    try:
        url = URL(value)
    except ValueError as error:
        raise ValueError("is not a web address") from error
    if " " in value or not value.isprintable():
        raise ValueError("must not have white space or invisible characters")
    if url.scheme not in ("http", "https") or not url.host or url.user is not None or url.password is not None:
        raise ValueError("must be an http or https address without user info")
    return value


def _visible(value: str) -> str:
    if not is_visible(value):
        raise ValueError("must have at least one visible character")
    return value


def _visible_or_empty(value: str) -> str:
    return _visible(value) if value else value


# A tag as in BCP 47, with the usual capitals, so that one language has one spelling: `en`, `pt-BR`, `zh-Hant-TW`.
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$")]
ExternalId = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_visible)]


class CredentialBody(Frozen):
    """A micro-credential that can be recommended. Without a description its title is quoted. `external_id` is the id
    that it has where it comes from; no other active credential has it."""

    title: Annotated[Title, AfterValidator(_visible)]
    provider: Annotated[Title, AfterValidator(_visible)]
    url: Annotated[str, Field(max_length=2_000), AfterValidator(_web_address)] = ""
    level: CredentialLevel = CredentialLevel.ANY
    skills: Skills = ()
    description: Annotated[Description, AfterValidator(_visible_or_empty)] = ""
    language: Language | None = None
    external_id: ExternalId | None = None

    @property
    def quoted_text(self) -> str:
        """What passages are cut out of: the description, or the title where there is none."""
        return self.description or self.title


def split_skills(cell: str) -> list[str]:
    """The skills in a cell of a table, separated by semicolons, commas or line breaks."""
    return [skill.strip() for skill in _SKILL_SEPARATOR.split(cell) if skill.strip()]


def separator_errors(skills: Sequence[str]) -> list[FieldError]:
    """An error for each skill that has a separator. Not part of the model, because stored credentials may have one."""
    detail = "has a comma, a semicolon or a line break: write several skills as several items"
    return [
        FieldError(f"/skills/{place}", detail) for place, skill in enumerate(skills) if _SKILL_SEPARATOR.search(skill)
    ]


class CredentialVersion(Frozen):
    """One version of a credential's text."""

    credential_id: UUID
    version: int
    body: CredentialBody


def passages(text: str) -> tuple[Span, ...]:
    """The text cut into passages of whole sentences, in order; a longer sentence is a passage of its own."""
    spans: list[Span] = []
    for sentence in sentences(text):
        last = spans[-1] if spans else None
        if last and sentence.end - last.start <= PASSAGE_CHARACTERS:
            spans[-1] = Span(last.start, sentence.end, text[last.start : sentence.end])
        else:
            spans.append(sentence)
    return tuple(spans)
