"""Labelled queries, which say which credentials a good advisor would accept, and the credentials to choose from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app import sample_data
from app.domain.assessment.questions import ProfilePurpose
from app.domain.body_validation import error_line
from app.domain.recommendation.credentials import CredentialBody
from app.domain.states import Level
from app.domain.values import LongText, Skill
from app.evaluation.json_lines import InvalidFile, read_lines

# For the ids of credentials from a file: equal titles get equal ids, so ties have the same order in each run.
_NAMESPACE = UUID("0d7c6f0e-8f0b-5a3c-9a6e-5d1b7d3c2e41")
CredentialsByTitle = dict[str, tuple[UUID, CredentialBody]]


class Gap(BaseModel):
    """A skill with its estimated level, 0–1."""

    model_config = ConfigDict(extra="forbid")
    skill: Skill
    level: Annotated[float, Field(ge=0, le=1)]


class GivenAnswer(BaseModel):
    """A student's answer to a profile question, in their own words."""

    model_config = ConfigDict(extra="forbid")
    purpose: ProfilePurpose
    text: LongText


def _named(value: Any) -> Any:
    """A skill without a level counts as level 0."""
    return {"skill": value, "level": 0.0} if isinstance(value, str) else value


def _graded(value: Any) -> Any:
    """A list of titles gives each the grade 1."""
    titles_only = isinstance(value, list) and all(isinstance(title, str) for title in value)
    return dict.fromkeys(value, 1) if titles_only else value


class LabelledQuery(BaseModel):
    """What is known about a student, and the grade (1–3) of each credential that a good advisor would accept, by
    title. `refused` are those that the student does not want or already holds; `named` are the skills that the words of
    the student ask for, and `unwanted` those that they refuse or say to have, both as a reader understands them."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    id: Annotated[str, Field(min_length=1)]
    track: Annotated[str, Field(min_length=1)]
    skills_of_track: tuple[Skill, ...] = ()
    level: Level | None = None
    gaps: tuple[Annotated[Gap, BeforeValidator(_named)], ...] = ()
    interests: tuple[LongText, ...] = ()
    answers: tuple[GivenAnswer, ...] = ()
    essay_subjects: tuple[LongText, ...] = ()
    refused: tuple[str, ...] = ()
    named: tuple[Skill, ...] | None = None
    unwanted: tuple[Skill, ...] = ()
    accept: Annotated[dict[str, Literal[1, 2, 3]], Field(min_length=1), BeforeValidator(_graded)]

    @property
    def half(self) -> Literal["a", "b"]:
        """The half of the queries that it belongs to, by its id alone; a ranking may be tuned on half `a`."""
        return "a" if hashlib.sha256(self.id.encode()).digest()[0] % 2 == 0 else "b"


@dataclass(frozen=True)
class LabelledSet:
    """The queries of a file, and the credentials to choose from."""

    queries: tuple[LabelledQuery, ...]
    credentials: CredentialsByTitle


def read_labelled_set(path: Path, catalogue: Path | None) -> LabelledSet:
    """The queries of the file; their titles name credentials of the file `catalogue` (`.json`, or `.jsonl` as for the
    import), or of the sample data without one.

    Raises:
        InvalidFile: a file cannot be read or has invalid lines, has fewer than two queries, or a title is not among the
            credentials.
    """
    credentials = _read_credentials(catalogue)
    queries = read_lines(path, lambda _, line: _read_query(line, credentials), "nothing was evaluated")
    if len(queries) < 2:
        raise InvalidFile(f"{path}: at least two labelled queries are needed, not {len(queries)}")
    if len({query.id for query in queries}) < len(queries):
        raise InvalidFile(f"{path}: two queries have the same id")
    return LabelledSet(tuple(queries), credentials)


def _read_query(line: bytes, credentials: Mapping[str, object]) -> LabelledQuery:
    query = LabelledQuery.model_validate_json(line)
    for field, titles in (("accept", query.accept), ("refused", query.refused)):
        unknown = [title for title in titles if title not in credentials]
        if unknown:
            raise ValueError(f"{field}: no such credential: {', '.join(unknown)}")
    return query


def _read_credentials(path: Path | None) -> CredentialsByTitle:
    if path is None:
        return {body["title"]: (key, _body(body)) for key, body in sample_data.credentials()}
    try:
        if path.suffix.lower() == ".jsonl":
            bodies = read_lines(
                path, lambda _, line: CredentialBody.model_validate_json(line), "no credentials were read"
            )
        else:
            bodies = [_body(value) for value in _read_list(path)]
    except OSError as error:
        raise InvalidFile(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidFile(f"{path}: not a list of credentials: {error_line(error)}") from error
    if len({body.title for body in bodies}) < len(bodies):
        raise InvalidFile(f"{path}: two credentials have the same title")
    return {body.title: (uuid5(_NAMESPACE, body.title), body) for body in bodies}


def _read_list(path: Path) -> list[Any]:
    document = json.loads(path.read_text("utf-8-sig"))
    credentials = document.get("credentials") if isinstance(document, dict) else document
    if not isinstance(credentials, list):
        raise ValueError("neither a list nor an object with `credentials`")
    return credentials


def _body(value: Any) -> CredentialBody:
    """The credential, without the key that the sample data has."""
    fields = {name: field for name, field in value.items() if name != "key"} if isinstance(value, dict) else value
    return CredentialBody.model_validate_json(json.dumps(fields))
