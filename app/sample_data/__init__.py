"""The sample data: two tracks, their questions, micro-credentials, and the answers of invented students."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

_FOLDER = Path(__file__).parent
# Ids are derived from the keys in the files, so that seeding again finds the rows of the first time.
_NAMESPACE = UUID("6f0d2c1e-4b7a-5d38-9c55-2f6a1f0c7b11")


@dataclass(frozen=True)
class SampleStudent:
    """An invented student; `answers` by question id, for all questions of the track."""

    name: str
    track: str
    strength: str
    answers: dict[UUID, Any]


def tracks() -> list[dict[str, Any]]:
    """The bodies of the tracks, as the API takes them."""
    return _read("tracks")  # type: ignore[no-any-return]


def questions() -> list[tuple[UUID, dict[str, Any]]]:
    """The ids and bodies of the questions."""
    return [(sample_id(question.pop("key")), question) for question in _read("questions")]


def credentials() -> list[tuple[UUID, dict[str, Any]]]:
    """The ids and bodies of the credentials."""
    return [(sample_id(credential.pop("key")), credential) for credential in _read("credentials")["credentials"]]


def students() -> list[SampleStudent]:
    """Students of different strengths."""
    return [
        SampleStudent(
            student["name"],
            student["track"],
            student["strength"],
            {sample_id(key): answer for key, answer in student["answers"].items()},
        )
        for student in _read("students")
    ]


def sample_id(key: str) -> UUID:
    """The id of the sample question or credential with this key."""
    return uuid5(_NAMESPACE, key)


def _read(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
