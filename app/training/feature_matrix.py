"""The table of measures: one row for each answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.clients.llm.embedder import Embedder
from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.domain.essay.local_scoring.estimate import texts_to_embed
from app.domain.essay.local_scoring.features import MEASURES, measure
from app.training.training_data import ScoredAnswer

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

COLUMNS = (*MEASURES, *DISCOUNTS)


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """The measures of all answers, with their scores."""

    measures: Numbers
    """A column for each of `COLUMNS`."""
    scores: Numbers
    questions: NDArray[np.str_]
    real: Flags
    """Which answers were written by people."""
    own: Flags
    """Which answers say anything that is not copied from the question; the others get no points in any case."""

    def column(self, name: str) -> Numbers:
        """One measure of all answers."""
        return self.measures[:, COLUMNS.index(name)]

    def rows(self, mask: Flags) -> "FeatureMatrix":
        """A table of the chosen rows."""
        return FeatureMatrix(
            self.measures[mask], self.scores[mask], self.questions[mask], self.real[mask], self.own[mask]
        )

    @property
    def folds(self) -> tuple[str, ...]:
        """The questions, sorted: each is a fold."""
        return tuple(sorted(set(self.questions.tolist())))


async def measure_answers(
    real: Sequence[ScoredAnswer],
    synthetic: Sequence[ScoredAnswer],
    embedder: Embedder,
    on_progress: Callable[[], None],
) -> FeatureMatrix:
    """The table of all answers; `on_progress` is called after each. Raises `EmbeddingUnavailable`."""
    answers = (*real, *synthetic)
    rows, own = [], []
    for answer in answers:
        texts = texts_to_embed(answer.question, answer.model_answer, answer.answer)
        embeddings = dict(zip(texts, await embedder.embed(texts), strict=True))
        features = measure(answer.question, answer.model_answer, answer.answer, embeddings)
        rows.append([features.measures[name] for name in COLUMNS])
        own.append(bool(features.pieces))
        on_progress()
    return FeatureMatrix(
        measures=np.array(rows),
        scores=np.array([answer.score for answer in answers]),
        questions=np.array([answer.question_id for answer in answers]),
        real=np.arange(len(rows)) < len(real),
        own=np.array(own),
    )
