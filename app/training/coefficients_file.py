"""Writes the file that the local scorer reads: the coefficients, with their origin and the scorer's agreement."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.domain.essay.local_scoring.estimate import VERSION
from app.domain.essay.local_scoring.regression import LinearFunction
from app.training.cross_validation import Agreement, HeldOutEstimates, agreement_by_confidence, fit_error, no_refusals
from app.training.feature_matrix import FeatureMatrix
from app.training.feature_selection import Selection
from app.training.fitting import SYNTHETIC_WEIGHT
from app.training.training_data import ScoredAnswer, question_ids

COMMAND = "python -m app.training PATH/saf_train.jsonl"

_DATA = {
    "name": "Short Answer Feedback (SAF), English training part: communication networks",
    "source": "SebOchs/SAF; Filighera et al., ACL 2022",
    "licence": "MIT",
}


def build_content(
    answers: Sequence[ScoredAnswer],
    table: FeatureMatrix,
    selection: Selection,
    estimates: HeldOutEstimates,
    baselines: Mapping[str, Agreement],
) -> dict[str, Any]:
    """The content of the file. It follows from the data alone."""
    longer = no_refusals([answer.answer for answer in answers])
    counts = {
        "answers": len(answers),
        "questions": len(question_ids(answers)),
        "made_up": int((~table.real).sum()),
    }
    return {
        "version": VERSION,
        "command": COMMAND,
        "data": {**_DATA, **counts},
        "settings": {"penalty": selection.penalty, "made_up_weight": SYNTHETIC_WEIGHT},
        "share": _rounded(selection.fit(table)),
        "discounts": dict(DISCOUNTS),
        "error": _rounded(fit_error(table, selection)),
        "figures": {
            "nested": asdict(Agreement.between(estimates.human, estimates.machine)),
            "nested_without_refusals": asdict(Agreement.between(estimates.human[longer], estimates.machine[longer])),
            **{name: asdict(agreement) for name, agreement in baselines.items()},
            "thirds_by_confidence": agreement_by_confidence(estimates),
        },
    }


def write_file(path: Path, content: Mapping[str, Any]) -> None:
    """Writes the content as JSON. Raises OSError where the file cannot be written."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _rounded(function: LinearFunction) -> dict[str, Any]:
    terms = {
        name: {key: round(value, 6) for key, value in asdict(term).items()} for name, term in function.terms.items()
    }
    return {"intercept": round(function.intercept, 6), "terms": terms}
