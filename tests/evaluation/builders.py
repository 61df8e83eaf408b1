"""Made-up answers with scores by people and by a machine."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.domain.assessment.questions import EssayQuestion
from app.domain.errors import PermanentError
from app.domain.essay.score import Dimension, Dimensions, EssayScore
from app.evaluation.agreement_report import AgreementReport, EvaluationSource, ScoringCost, build_agreement_report
from app.evaluation.human_scored_answers import STANDARD_RUBRIC, HumanScoredAnswer
from app.services.essays.bulk_scoring import ScoringResult

QUESTION = EssayQuestion(prompt="Why use an index?", model_answer="It makes reading faster.", rubric=STANDARD_RUBRIC)
LINE: dict[str, Any] = {
    "question": "Why does a query need an index?",
    "model_answer": "An index lets the database find rows without reading the whole table. Writing becomes slower.",
    "answer": "With an index the database finds the rows without reading the whole table.",
    "score": 0.75,
}
FREE = ScoringCost(tries=0, tokens_in=0, tokens_out=0, dollars=0.0, seconds_for_an_answer=None, seconds=0.0)


def scored_by_person(line: int, score: float, question: str = "q", group: str = "g") -> HumanScoredAnswer:
    """An answer with a person's score."""
    return HumanScoredAnswer(line, QUESTION, "An answer.", score, question, group)


def scored_by_machine(
    points: int | None, confidence: float = 0.5, figures: dict[str, float] | None = None
) -> ScoringResult:
    """A score of so many points out of 100; without points, an error."""
    if points is None:
        return ScoringResult(error=PermanentError("model_refused", "the model refused"), tries=1)
    names = ("relevance", "depth", "clarity", "technical")
    split = {name: Dimension(score=(points + place) // 4, rationale="") for place, name in enumerate(names)}
    score = EssayScore(
        scorer="local", model="m-1", prompt_version="p-1", confidence=confidence, dimensions=Dimensions(**split),
        figures=figures,
    )  # fmt: skip
    return ScoringResult(score, tries=1)


def report_of(
    answers: Sequence[HumanScoredAnswer], results: Sequence[ScoringResult], group: str | None = None
) -> AgreementReport:
    """The report of these answers and results."""
    source = EvaluationSource("some/essays.jsonl", "local", 1.0, 1, len(answers), group)
    return build_agreement_report(source, answers, results, FREE)


def write_lines(path: Path, lines: Sequence[dict[str, Any] | str]) -> Path:
    """The file with these lines; objects as JSON, texts as they are."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", "utf-8")
    return path
