"""Writes the file that the local scorer reads: the coefficients, with their origin and the scorer's agreement."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.domain.essay.local_scoring.estimate import VERSION
from app.domain.essay.local_scoring.regression import LinearFunction
from app.training.cross_validation import fit_error
from app.training.feature_matrix import FeatureMatrix
from app.training.feature_selection import PENALTY, fit_selected
from app.training.fitting import SYNTHETIC_WEIGHT, binary_rows, graded_rows
from app.training.training_data import ScoredAnswer, corpus_names, question_ids

COMMAND = "python -m app.training PATH/saf_train.jsonl PATH/semeval_train.jsonl"

# Licences and origins of the corpora that the published coefficients were trained on.
_ORIGINS = {
    "saf": {"source": "SebOchs/SAF; Filighera et al., ACL 2022", "licence": "MIT"},
    "beetle": {"source": "SemEval-2013 Task 7; Dzikovska et al., 2013", "licence": "CC BY-SA"},
    "scientsbank": {"source": "SemEval-2013 Task 7; Dzikovska et al., 2013", "licence": "CC BY-SA"},
}


def build_content(answers: Sequence[ScoredAnswer], table: FeatureMatrix, figures: Mapping[str, Any]) -> dict[str, Any]:
    """The content of the file. It follows from the data alone."""
    return {
        "version": VERSION,
        "command": COMMAND,
        "data": {
            "corpora": {corpus: _corpus(corpus, answers) for corpus in corpus_names(answers)},
            "made_up": int((~table.real).sum()),
        },
        "settings": {"penalty": PENALTY, "made_up_weight": SYNTHETIC_WEIGHT},
        "share": _rounded(fit_selected(table)),
        "discounts": dict(DISCOUNTS),
        "error": _rounded(fit_error(table, graded_rows(table))),
        "binary_error": _rounded(fit_error(table, binary_rows(table))),
        "figures": dict(figures),
    }


def write_file(path: Path, content: Mapping[str, Any]) -> None:
    """Writes the content as JSON. Raises OSError where the file cannot be written."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _corpus(corpus: str, answers: Sequence[ScoredAnswer]) -> dict[str, Any]:
    own = [answer for answer in answers if answer.corpus == corpus]
    return {**_ORIGINS.get(corpus, {}), "answers": len(own), "questions": len(question_ids(own))}


def _rounded(function: LinearFunction) -> dict[str, Any]:
    terms = {
        name: {key: round(value, 6) for key, value in asdict(term).items()} for name, term in function.terms.items()
    }
    return {"intercept": round(function.intercept, 6), "terms": terms}
