"""Simple scorers to compare with, each fitted without the question that it scores."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from app.domain.text import words
from app.training.answers import ScoredAnswer, questions
from app.training.fitting import fit_linear, values
from app.training.table import Numbers


def mean_of_others(answers: Sequence[ScoredAnswer]) -> Numbers:
    """For each answer, the mean score of all answers to other questions."""
    nothing = np.zeros(len(answers))
    return _held_out(answers, dict.fromkeys(questions(answers), nothing))


def log_length(answers: Sequence[ScoredAnswer]) -> Numbers:
    """A straight line through the logarithm of the number of words."""
    lengths = np.array([math.log(1 + len(words(one.answer))) for one in answers])
    return _held_out(answers, dict.fromkeys(questions(answers), lengths))


def tf_idf_cosine(answers: Sequence[ScoredAnswer]) -> Numbers:
    """A straight line through the cosine of the answer's and the model answer's tf-idf vectors."""
    return _held_out(answers, {question: _cosines(answers, question) for question in questions(answers)})


def _held_out(answers: Sequence[ScoredAnswer], columns: dict[str, Numbers]) -> Numbers:
    asked = np.array([one.question_id for one in answers])
    scores = np.array([one.score for one in answers])
    found = np.zeros(len(answers))
    for question, column in columns.items():
        held = asked == question
        line = fit_linear({"x": column[~held]}, scores[~held], penalty=1e-9)
        found[held] = np.clip(values(line, {"x": column[held]}), 0.0, 1.0)
    return found


def _cosines(answers: Sequence[ScoredAnswer], held: str) -> Numbers:
    """Of all answers, the words' rarity being counted in the answers to other questions than `held`."""
    seen = [set(words(one.answer)) for one in answers if one.question_id != held]
    counts = Counter(word for said in seen for word in said)
    rarity = {word: math.log(len(seen) / count) for word, count in counts.items()}
    rarest = math.log(len(seen))
    return np.array([_cosine(one.answer, one.model_answer, rarity, rarest) for one in answers])


def _cosine(one: str, other: str, rarity: dict[str, float], rarest: float) -> float:
    left, right = (
        {word: count * rarity.get(word, rarest) for word, count in Counter(words(text)).items()}
        for text in (one, other)
    )
    sizes = math.hypot(*left.values()) * math.hypot(*right.values())
    return sum(weight * right.get(word, 0.0) for word, weight in left.items()) / sizes if sizes else 0.0
