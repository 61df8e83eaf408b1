"""A small set of scored answers to train on."""

import json
from collections.abc import Iterable
from pathlib import Path

from app.training.training_data import ScoredAnswer

_QUESTIONS = {
    "index": (
        "What does a database index do?",
        "An index lets the database find rows without reading the whole table. Writes become slower.",
        (
            ("It lets the database find the rows quickly, without a scan of the table, but writes cost more.", 1.0),
            ("Rows are found without reading the whole table, and writing becomes slower by it.", 0.9),
            ("It makes queries faster.", 0.5),
            ("It is a kind of backup of the table.", 0.1),
            ("No response.", 0.0),
        ),
    ),
    "queue": (
        "Why is a queue put between two services?",
        "The sender need not wait for the receiver. Bursts are smoothed, and messages wait while the receiver is down.",
        (
            ("The sender does not have to wait for the receiver, and a burst of messages is smoothed out.", 0.9),
            ("Messages wait in it while the receiver is down, so that nothing is lost and nobody has to wait.", 1.0),
            ("It is faster.", 0.2),
            ("Because services like each other more.", 0.0),
            ("No response.", 0.0),
        ),
    ),
    "cache": (
        "Name an advantage and a disadvantage of a cache.",
        "Answers come faster, because they need not be computed again. They can be stale when the data has changed.",
        (
            ("Answers are faster as they are not computed again, but can be stale after the data has changed.", 1.0),
            ("The data in it may be old.", 0.5),
            ("It saves computing the same answer again.", 0.5),
            ("It has no disadvantages at all, it is cheap.", 0.1),
            ("No response.", 0.0),
        ),
    ),
    "lock": (
        "How does a deadlock arise?",
        "Two transactions each hold a lock that the other one needs, so that both wait for ever.",
        (
            ("Two transactions hold locks, and each needs the lock of the other, so both of them wait for ever.", 1.0),
            ("One waits for the other and the other for the first.", 0.7),
            ("A lock is held for very long.", 0.3),
            ("The computer is switched off.", 0.0),
            ("No response.", 0.0),
        ),
    ),
}


def scored_answers() -> tuple[ScoredAnswer, ...]:
    """Five answers to each of four questions."""
    return tuple(
        ScoredAnswer(question_id=key, question=question, model_answer=model, answer=text, score=score)
        for key, (question, model, answers) in _QUESTIONS.items()
        for text, score in answers
    )


def write_answers(path: Path, answers: Iterable[ScoredAnswer]) -> Path:
    """Writes the answers as a file of lines, each with a key that training ignores."""
    lines = (json.dumps({**answer.model_dump(), "feedback": "ignored"}) for answer in answers)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
