"""The table of measures: one row for each answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from app.clients.llm.embedder import Embedder
from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.domain.essay.local_scoring.estimate import texts_to_embed, unusual_text_error
from app.domain.essay.local_scoring.features import MEASURES, measure
from app.training.training_data import ScoredAnswer

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Names = NDArray[np.str_]

# Answers of fewer words are refusals ("No response."), which any scorer distinguishes from the others.
MIN_WORDS = 4

COLUMNS = (*MEASURES, *DISCOUNTS)


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """The measures of all answers, with their scores."""

    measures: Numbers
    """A column for each of `COLUMNS`."""
    scores: Numbers
    corpora: Names
    questions: Names
    real: Flags
    """Which answers were written by people."""
    own: Flags
    """Which answers say anything that is not copied from the question; the others get no points in any case."""
    longer: Flags
    """Which answers are more than a refusal."""
    unusual_text_errors: Numbers
    """What is added to each answer's expected error for its length and language."""

    def column(self, name: str) -> Numbers:
        """One measure of all answers."""
        return self.measures[:, COLUMNS.index(name)]

    def rows(self, mask: Flags) -> "FeatureMatrix":
        """A table of the chosen rows."""
        return FeatureMatrix(*(getattr(self, field.name)[mask] for field in fields(self)))

    @property
    def corpus_folds(self) -> tuple[Flags, ...]:
        """For each corpus, the rows that belong to it."""
        return tuple(self.corpora == corpus for corpus in sorted(set(self.corpora.tolist())))

    def question_folds(self, count: int) -> tuple[Flags, ...]:
        """The rows of `count` groups of questions; each corpus is spread evenly over the groups."""
        groups: dict[str, int] = {}
        for corpus in sorted(set(self.corpora.tolist())):
            questions = sorted(set(self.questions[self.corpora == corpus].tolist()))
            groups |= {question: place % count for place, question in enumerate(questions)}
        group = np.array([groups[question] for question in self.questions.tolist()])
        return tuple(group == place for place in sorted(set(groups.values())))


async def measure_answers(
    real: Sequence[ScoredAnswer],
    synthetic: Sequence[ScoredAnswer],
    embedder: Embedder,
    on_progress: Callable[[], None],
) -> FeatureMatrix:
    """The table of all answers; `on_progress` is called after each. Raises `EmbeddingUnavailable`."""
    answers = (*real, *synthetic)
    rows, own, unusual = [], [], []
    for answer in answers:
        texts = texts_to_embed(answer.question, answer.model_answer, answer.answer)
        embeddings = dict(zip(texts, await embedder.embed(texts), strict=True))
        features = measure(answer.question, answer.model_answer, answer.answer, embeddings)
        rows.append([features.measures[name] for name in COLUMNS])
        own.append(bool(features.pieces))
        unusual.append(unusual_text_error(features))
        on_progress()
    return FeatureMatrix(
        measures=np.array(rows),
        scores=np.array([answer.score for answer in answers]),
        corpora=np.array([answer.corpus for answer in answers]),
        questions=np.array([answer.question_id for answer in answers]),
        real=np.arange(len(rows)) < len(real),
        own=np.array(own),
        longer=longer_answers([answer.answer for answer in answers]),
        unusual_text_errors=np.array(unusual),
    )


async def embedding_cosines(answers: Sequence[ScoredAnswer], embedder: Embedder) -> Numbers:
    """The cosine of each answer's vector, as a whole, with that of its model answer. Raises `EmbeddingUnavailable`."""
    cosines = []
    for answer in answers:
        left, right = await embedder.embed((answer.answer, answer.model_answer))
        cosines.append(sum(x * y for x, y in zip(left, right, strict=True)))
    return np.array(cosines)


def longer_answers(texts: Sequence[str]) -> Flags:
    """Which texts are more than a refusal."""
    return np.array([len(text.split()) >= MIN_WORDS for text in texts])
