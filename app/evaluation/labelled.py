"""Labelled queries, and the catalogue that they are asked of."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app import sample_data
from app.domain.recommendation.credentials import CredentialBody
from app.domain.states import Level
from app.domain.values import LongText, Skill
from app.evaluation.lines import WrongFile, in_a_line, read_lines

# Ids for credentials of a file: the same for the same title, so that ties fall the same way each time.
_NAMESPACE = UUID("0d7c6f0e-8f0b-5a3c-9a6e-5d1b7d3c2e41")
Catalogue = dict[str, tuple[UUID, CredentialBody]]


class Gap(BaseModel):
    """A skill with its estimated level, 0–1."""

    model_config = ConfigDict(extra="forbid")
    skill: Skill
    level: Annotated[float, Field(ge=0, le=1)]


def _named(value: Any) -> Any:
    """A skill alone is a gap of which nothing was shown."""
    return {"skill": value, "level": 0.0} if isinstance(value, str) else value


def _graded(value: Any) -> Any:
    """Titles alone are all as good as each other."""
    return dict.fromkeys(value, 1) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value


class LabelledQuery(BaseModel):
    """What is known of a student, and the grade (1–3) of each credential that a good advisor would accept, by title."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    id: Annotated[str, Field(min_length=1)]
    track: Annotated[str, Field(min_length=1)]
    skills_of_track: tuple[Skill, ...] = ()
    level: Level | None = None
    gaps: tuple[Annotated[Gap, BeforeValidator(_named)], ...] = ()
    interests: tuple[LongText, ...] = ()
    essay_subjects: tuple[LongText, ...] = ()
    accept: Annotated[dict[str, Literal[1, 2, 3]], Field(min_length=1), BeforeValidator(_graded)]

    @property
    def half(self) -> Literal["a", "b"]:
        """Which half of the queries it belongs to, by its id alone: `a` is what a ranking may be tuned on."""
        return "a" if hashlib.sha256(self.id.encode()).digest()[0] % 2 == 0 else "b"


@dataclass(frozen=True)
class Labelled:
    """Queries of a file with the catalogue that has their credentials."""

    queries: tuple[LabelledQuery, ...]
    catalogue: Catalogue


def read_labelled(path: Path, catalogue: Path | None) -> Labelled:
    """The queries of the file; without a catalogue (`.json`, or `.jsonl` as it is imported) their titles are those of
    the sample data.

    Raises:
        WrongFile: a file cannot be read, has fewer than two queries or lines that are not such queries, or a title is
            not in the catalogue.
    """
    credentials = _catalogue(catalogue)
    queries = read_lines(path, lambda _, line: _query(line, credentials), "nothing was asked")
    if len(queries) < 2:
        raise WrongFile(f"{path}: at least two labelled queries are needed, not {len(queries)}")
    if len({query.id for query in queries}) < len(queries):
        raise WrongFile(f"{path}: two queries have the same id")
    return Labelled(tuple(queries), credentials)


def _query(line: bytes, catalogue: Mapping[str, object]) -> LabelledQuery:
    query = LabelledQuery.model_validate_json(line)
    unknown = [title for title in query.accept if title not in catalogue]
    if unknown:
        raise ValueError(f"accept: not in the catalogue: {', '.join(unknown)}")
    return query


def _catalogue(path: Path | None) -> Catalogue:
    if path is None:
        return {body["title"]: (key, _body(body)) for key, body in sample_data.credentials()}
    try:
        if path.suffix.lower() == ".jsonl":
            bodies = read_lines(
                path, lambda _, line: CredentialBody.model_validate_json(line), "the catalogue is empty"
            )
        else:
            bodies = [_body(told) for told in _told(path)]
    except OSError as error:
        raise WrongFile(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise WrongFile(f"{path}: not a catalogue: {in_a_line(error)}") from error
    if len({body.title for body in bodies}) < len(bodies):
        raise WrongFile(f"{path}: two credentials have the same title")
    return {body.title: (uuid5(_NAMESPACE, body.title), body) for body in bodies}


def _told(path: Path) -> list[Any]:
    told = json.loads(path.read_text("utf-8-sig"))
    credentials = told.get("credentials") if isinstance(told, dict) else told
    if not isinstance(credentials, list):
        raise ValueError("neither a list nor an object with `credentials`")
    return credentials


def _body(told: Any) -> CredentialBody:
    """Without the key that the sample data has."""
    fields = {name: value for name, value in told.items() if name != "key"} if isinstance(told, dict) else told
    return CredentialBody.model_validate_json(json.dumps(fields))
