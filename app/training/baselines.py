"""Simple scorers to compare with, each fitted without the question that it scores."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from app.domain.text import words
from app.training.feature_matrix import Numbers
from app.training.fitting import fit_linear, predict
from app.training.training_data import ScoredAnswer, question_ids


def mean_of_others(answers: Sequence[ScoredAnswer]) -> Numbers:
    """For each answer, the mean score of all answers to other questions."""
    zeros = np.zeros(len(answers))
    return _predict_held_out(answers, dict.fromkeys(question_ids(answers), zeros))


def log_length(answers: Sequence[ScoredAnswer]) -> Numbers:
    """A linear function of the logarithm of the number of words."""
    lengths = np.array([math.log(1 + len(words(answer.answer))) for answer in answers])
    return _predict_held_out(answers, dict.fromkeys(question_ids(answers), lengths))


def tf_idf_cosine(answers: Sequence[ScoredAnswer]) -> Numbers:
    """A linear function of the cosine of the answer's and the model answer's tf-idf vectors."""
    return _predict_held_out(answers, {question: _cosines(answers, question) for question in question_ids(answers)})


def _predict_held_out(answers: Sequence[ScoredAnswer], columns: dict[str, Numbers]) -> Numbers:
    """Predictions from one column, which may differ for each question that is held out."""
    questions = np.array([answer.question_id for answer in answers])
    scores = np.array([answer.score for answer in answers])
    predicted = np.zeros(len(answers))
    for question, column in columns.items():
        held = questions == question
        function = fit_linear({"x": column[~held]}, scores[~held], penalty=1e-9)
        predicted[held] = np.clip(predict(function, {"x": column[held]}), 0.0, 1.0)
    return predicted


def _cosines(answers: Sequence[ScoredAnswer], held: str) -> Numbers:
    """The cosines of all answers; document frequencies are counted without the answers to `held`."""
    documents = [set(words(answer.answer)) for answer in answers if answer.question_id != held]
    counts = Counter(word for document in documents for word in document)
    idf = {word: math.log(len(documents) / count) for word, count in counts.items()}
    unseen_idf = math.log(len(documents))
    return np.array([_cosine(answer.answer, answer.model_answer, idf, unseen_idf) for answer in answers])


def _cosine(text: str, reference: str, idf: dict[str, float], unseen_idf: float) -> float:
    left, right = (
        {word: count * idf.get(word, unseen_idf) for word, count in Counter(words(part)).items()}
        for part in (text, reference)
    )
    lengths = math.hypot(*left.values()) * math.hypot(*right.values())
    return sum(weight * right.get(word, 0.0) for word, weight in left.items()) / lengths if lengths else 0.0
