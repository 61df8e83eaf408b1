"""The file that the scorer reads: coefficients, and beside them how they came about."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.domain.essay.local_scoring.estimate import VERSION
from app.domain.essay.local_scoring.regression import Line
from app.training.answers import ScoredAnswer, questions
from app.training.choosing import Choice
from app.training.fitting import MADE_UP_WEIGHT
from app.training.table import Table
from app.training.validation import Figures, Validated, answered, fit_error, thirds

COMMAND = "python -m app.training PATH/saf_train.jsonl"

_DATA = {
    "name": "Short Answer Feedback (SAF), English training part: communication networks",
    "source": "SebOchs/SAF; Filighera et al., ACL 2022",
    "licence": "MIT",
}


def content(
    answers: Sequence[ScoredAnswer],
    table: Table,
    choice: Choice,
    found: Validated,
    baselines: Mapping[str, Figures],
) -> dict[str, Any]:
    """What is stored: all of it follows from the data."""
    told = answered([one.answer for one in answers])
    counts = {
        "answers": len(answers),
        "questions": len(questions(answers)),
        "made_up": int((~table.real).sum()),
    }
    return {
        "version": VERSION,
        "command": COMMAND,
        "data": {**_DATA, **counts},
        "settings": {"penalty": choice.penalty, "made_up_weight": MADE_UP_WEIGHT},
        "share": _line(choice.fit(table)),
        "discounts": dict(DISCOUNTS),
        "error": _line(fit_error(table, choice)),
        "figures": {
            "nested": Figures.of(found.human, found.machine).stored(),
            "nested_without_refusals": Figures.of(found.human[told], found.machine[told]).stored(),
            **{name: figures.stored() for name, figures in baselines.items()},
            "thirds_by_confidence": thirds(found),
        },
    }


def write(path: Path, stored: Mapping[str, Any]) -> None:
    """Raises OSError where the file cannot be written."""
    path.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")


def _line(line: Line) -> dict[str, Any]:
    terms = {name: {key: round(value, 6) for key, value in asdict(term).items()} for name, term in line.terms.items()}
    return {"intercept": round(line.intercept, 6), "terms": terms}
