"""The sample data that comes with the software: two tracks, their questions, credentials, and students' answers."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

_FOLDER = Path(__file__).parent
# Ids are derived from the keys in the files, so that seeding again finds what is there.
_NAMESPACE = UUID("6f0d2c1e-4b7a-5d38-9c55-2f6a1f0c7b11")


@dataclass(frozen=True)
class SampleStudent:
    """A made-up student; `answers` by the id of the question, for the whole bank of the track."""

    name: str
    track: str
    strength: str
    answers: dict[UUID, Any]


def tracks() -> list[dict[str, Any]]:
    """Tracks as the contract has them."""
    return _read("tracks")  # type: ignore[no-any-return]


def questions() -> list[tuple[UUID, dict[str, Any]]]:
    """Questions by id."""
    return [(sample_id(question.pop("key")), question) for question in _read("questions")]


def credentials() -> list[tuple[UUID, dict[str, Any]]]:
    """Credentials by id."""
    return [(sample_id(credential.pop("key")), credential) for credential in _read("credentials")["credentials"]]


def students() -> list[SampleStudent]:
    """Students of different strength."""
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
