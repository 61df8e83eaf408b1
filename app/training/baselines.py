"""Simple scorers to compare with, each fitted without the answers that it scores."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from app.domain.text import words
from app.training.feature_matrix import Flags, Numbers
from app.training.fitting import fit_linear, predict
from app.training.training_data import ScoredAnswer

BASELINES = ("mean", "log length", "tf-idf cosine", "embedding cosine")


def predict_baselines(
    answers: Sequence[ScoredAnswer], embedding_cosines: Numbers, folds: Sequence[Flags]
) -> Mapping[str, Numbers]:
    """The predictions of each of `BASELINES`: a linear function of one number, fitted to the other folds."""
    lengths = np.array([math.log(1 + len(words(answer.answer))) for answer in answers])
    columns: tuple[Callable[[Flags], Numbers], ...] = (
        lambda held: np.zeros(len(answers)),
        lambda held: lengths,
        lambda held: _tf_idf_cosines(answers, held),
        lambda held: embedding_cosines,
    )
    scores = np.array([answer.score for answer in answers])
    predicted = {name: np.zeros(len(answers)) for name in BASELINES}
    for held in folds:
        for name, column in zip(BASELINES, columns, strict=True):
            predicted[name][held] = _predict(column(held), scores, held)
    return predicted


def _predict(column: Numbers, scores: Numbers, held: Flags) -> Numbers:
    function = fit_linear({"x": column[~held]}, scores[~held], penalty=1e-9)
    predicted: Numbers = np.clip(predict(function, {"x": column[held]}), 0.0, 1.0)
    return predicted


def _tf_idf_cosines(answers: Sequence[ScoredAnswer], held: Flags) -> Numbers:
    """The cosines of all answers; document frequencies are counted without the answers that are held out."""
    documents = [set(words(answer.answer)) for answer, out in zip(answers, held.tolist(), strict=True) if not out]
    counts = Counter(word for document in documents for word in document)
    idf = {word: math.log(len(documents) / count) for word, count in counts.items()}
    unseen_idf = math.log(len(documents))
    return np.array([_cosine(answer.answer, answer.model_answer, idf, unseen_idf) for answer in answers])


def _cosine(text: str, reference: str, idf: Mapping[str, float], unseen_idf: float) -> float:
    left, right = (
        {word: count * idf.get(word, unseen_idf) for word, count in Counter(words(part)).items()}
        for part in (text, reference)
    )
    lengths = math.hypot(*left.values()) * math.hypot(*right.values())
    return sum(weight * right.get(word, 0.0) for word, weight in left.items()) / lengths if lengths else 0.0
