"""Answers as rows of measures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.clients.llm.embeddings_local import Embedder
from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.domain.essay.local_scoring.estimate import texts_to_embed
from app.domain.essay.local_scoring.features import MEASURES, measure
from app.training.answers import ScoredAnswer

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Progress = Callable[[], None]

COLUMNS = (*MEASURES, *DISCOUNTS)


@dataclass(frozen=True, slots=True)
class Table:
    """A row for each answer."""

    measures: Numbers
    """A column for each of `COLUMNS`."""
    scores: Numbers
    questions: NDArray[np.str_]
    real: Flags
    """Which answers were given by people."""
    own: Flags
    """Which say anything that is not copied from the question; the others earn nothing without any regression."""

    def column(self, name: str) -> Numbers:
        """One measure of all answers."""
        return self.measures[:, COLUMNS.index(name)]

    def where(self, rows: Flags) -> "Table":
        """Those rows alone."""
        return Table(self.measures[rows], self.scores[rows], self.questions[rows], self.real[rows], self.own[rows])

    @property
    def folds(self) -> tuple[str, ...]:
        """The questions, sorted: each is a fold."""
        return tuple(sorted(set(self.questions.tolist())))


async def measured(
    real: Sequence[ScoredAnswer], made: Sequence[ScoredAnswer], embedder: Embedder, progress: Progress
) -> Table:
    """The table of all answers, `progress` being called after each. Raises `EmbeddingUnavailable`."""
    rows, own = [], []
    for one in (*real, *made):
        texts = texts_to_embed(one.question, one.model_answer, one.answer)
        readings = dict(zip(texts, await embedder.embed(texts), strict=True))
        features = measure(one.question, one.model_answer, one.answer, readings)
        rows.append([features.measures[name] for name in COLUMNS])
        own.append(bool(features.own))
        progress()
    return Table(
        measures=np.array(rows),
        scores=np.array([one.score for one in (*real, *made)]),
        questions=np.array([one.question_id for one in (*real, *made)]),
        real=np.arange(len(rows)) < len(real),
        own=np.array(own),
    )
