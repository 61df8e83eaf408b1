"""Trains the classifier that finds essays which address their grader, prints what it finds, and stores its
coefficients: `python -m app.training.injection [FOLDER]`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy.optimize import minimize  # type: ignore[import-untyped]

from app.clients.llm.embedder import DIMENSIONS, Embedder, EmbeddingUnavailable
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.essay import injection
from app.domain.essay.injection.classifier import COEFFICIENTS_FILE, Passage, split_passages
from app.domain.essay.visible_text import visible_text
from app.training.coefficients_file import write_file
from app.training.training_data import InvalidTrainingData

Numbers = NDArray[np.float64]

COMMAND = "python -m app.training.injection"
_DEFAULT_FOLDER = Path("tests/data/injection")
_DEFAULT_OUTPUT = Path(injection.__file__).parent / COEFFICIENTS_FILE

# Kinds whose attack is not in the words that can be read.
_UNREADABLE = frozenset({"encoded", "hidden_characters"})
# A passage of an attacking essay counts as an attack if so much of it, or of the attack, is in both.
_OVERLAP = 0.3
_FOLDS = 10
# The penalty was chosen by the folds. The share of honest essays that may be suspected is that of the lexicon before,
# of those on which it was not tuned.
_PENALTY, _SUSPECTED = 4.0, 0.06
# How much the penalty matters for a vector, and for the intercept of passages that have one, beside words.
_VECTOR_SCALE, _INTERCEPT_SCALE = 2.0, 3.0
# The share of recognized attacks whose words may put them below the floor.
_BELOW_FLOOR = 0.01
# Smaller coefficients are left out.
_NEGLIGIBLE = 0.01


@dataclass(frozen=True)
class LabelledPassage:
    """A passage of an essay, and whether it attacks."""

    essay: str
    passage: Passage
    attacks: bool


@dataclass(frozen=True)
class Inputs:
    """The inputs of the regression, a row for each passage: the named ones, the vector and its intercept."""

    names: tuple[str, ...]
    rows: Numbers
    has_vector: NDArray[np.bool_]
    attacks: NDArray[np.bool_]
    essays: NDArray[np.str_]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0 when the coefficients are written, 1 after an error message."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=_DEFAULT_FOLDER, help="has the two training files")
    parser.add_argument("--output", type=Path, default=_DEFAULT_OUTPUT, help="where the coefficients go")
    arguments = parser.parse_args(argv)
    try:
        passages = read_passages(arguments.folder)
        content = asyncio.run(_train(passages))
        write_file(arguments.output, content)
    except (InvalidTrainingData, EmbeddingUnavailable, OSError) as error:
        Console(stderr=True, soft_wrap=True).print(str(error), markup=False)
        return 1
    console = Console(soft_wrap=True)
    for name, value in content["held_out"].items():
        console.print(f"{name}: {value}")
    console.print(f"written to {arguments.output}", markup=False)
    return 0


def read_passages(folder: Path) -> list[LabelledPassage]:
    """The passages of the essays in `attacks.jsonl` and `honest.jsonl`, in order.

    Raises:
        InvalidTrainingData: a file cannot be read, or a line is not a labelled essay.
    """
    passages = []
    for name in ("attacks", "honest"):
        path = folder / f"{name}.jsonl"
        try:
            for line in path.read_text(encoding="utf-8").splitlines():
                essay = json.loads(line)
                if essay.get("kind") not in _UNREADABLE:
                    attack = essay.get("passage", essay["essay"]) if name == "attacks" else None
                    passages += _labelled(essay["id"], essay["essay"], attack)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidTrainingData(f"{path} cannot be read: {error}") from error
    if not any(each.attacks for each in passages) or all(each.attacks for each in passages):
        raise InvalidTrainingData(f"{folder} needs attacks and honest essays")
    return passages


def fit(rows: Numbers, attacks: NDArray[np.bool_]) -> Numbers:
    """The coefficients of a penalized logistic regression, the intercept first. Attacks weigh as much as the rest."""
    with_intercept = np.hstack([np.ones((len(rows), 1)), rows])
    targets = attacks.astype(float)
    weights = np.where(attacks, (~attacks).sum() / attacks.sum(), 1.0)
    penalty = np.full(with_intercept.shape[1], _PENALTY)
    penalty[0] = 1e-6

    def loss_and_gradient(coefficients: Numbers) -> tuple[float, Numbers]:
        odds = with_intercept @ coefficients
        loss = weights @ (np.logaddexp(0, odds) - targets * odds) + penalty @ coefficients**2 / 2
        share = 0.5 * (1.0 + np.tanh(odds / 2))
        gradient: Numbers = with_intercept.T @ (weights * (share - targets)) + penalty * coefficients
        return float(loss), gradient

    start = np.zeros(with_intercept.shape[1])
    coefficients: Numbers = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return coefficients


async def _train(passages: Sequence[LabelledPassage]) -> dict[str, Any]:
    embedder = OfflineEmbedder()
    try:
        inputs = await _inputs(passages, embedder)
    finally:
        await embedder.close()
    held_out = _held_out_odds(inputs)
    thresholds = {has: _threshold(inputs, held_out, inputs.has_vector == has) for has in (True, False)}
    coefficients = fit(inputs.rows, inputs.attacks)
    # One threshold serves for both sorts of passages if the intercept of one takes the difference.
    margin = held_out - np.where(inputs.has_vector, thresholds[True], thresholds[False])
    return {
        "command": COMMAND,
        "coefficients": _stored(inputs, coefficients, thresholds),
        "held_out": _figures(inputs, margin),
    }


async def _inputs(passages: Sequence[LabelledPassage], embedder: Embedder) -> Inputs:
    names = tuple(sorted({name for each in passages for name in each.passage.inputs}))
    index = {name: column for column, name in enumerate(names)}
    rows = np.zeros((len(passages), len(names) + DIMENSIONS + 1))
    has_vector = np.array([each.passage.is_english for each in passages])
    for row, each in enumerate(passages):
        rows[row, [index[name] for name in each.passage.inputs]] = 1.0
        if has_vector[row]:
            (vector,) = await embedder.embed([each.passage.text])
            rows[row, len(names) : -1] = _VECTOR_SCALE * np.array(vector)
            rows[row, -1] = _INTERCEPT_SCALE
    attacks = np.array([each.attacks for each in passages])
    return Inputs(names, rows, has_vector, attacks, np.array([each.essay for each in passages]))


def _held_out_odds(inputs: Inputs) -> Numbers:
    """The log odds of each passage by a regression that was fitted without its essay."""
    essays = np.unique(inputs.essays)
    folds = dict(zip(np.random.default_rng(0).permutation(essays), np.arange(len(essays)) % _FOLDS, strict=True))
    fold = np.array([folds[essay] for essay in inputs.essays])
    odds = np.zeros(len(fold))
    for number in range(_FOLDS):
        test = fold == number
        coefficients = fit(inputs.rows[~test], inputs.attacks[~test])
        odds[test] = coefficients[0] + inputs.rows[test] @ coefficients[1:]
    return odds


def _threshold(inputs: Inputs, odds: Numbers, of: NDArray[np.bool_]) -> float:
    """The odds above which `_SUSPECTED` of the honest essays have a passage among those `of` one sort."""
    attacking = set(inputs.essays[inputs.attacks])
    highest: dict[str, float] = {}
    for essay, value in zip(inputs.essays[of], odds[of], strict=True):
        if essay not in attacking:
            highest[essay] = max(value, highest.get(essay, -np.inf))
    return float(np.quantile(list(highest.values()), 1 - _SUSPECTED))


def _stored(inputs: Inputs, coefficients: Numbers, thresholds: dict[bool, float]) -> dict[str, Any]:
    intercept, count = float(coefficients[0]), len(inputs.names)
    words, vector = coefficients[1 : count + 1], _VECTOR_SCALE * coefficients[count + 1 : -1]
    threshold = thresholds[False]
    vector_intercept = _INTERCEPT_SCALE * float(coefficients[-1]) + threshold - thresholds[True]
    by_words = intercept + inputs.rows[:, :count] @ words
    odds = by_words + inputs.rows[:, count:-1] @ coefficients[count + 1 : -1] + vector_intercept
    recognized = inputs.has_vector & inputs.attacks & (odds > threshold)
    return {
        "intercept": round(intercept, 3),
        "vector_intercept": round(vector_intercept, 3),
        "threshold": round(threshold, 3),
        "floor": round(float(np.quantile(by_words[recognized], _BELOW_FLOOR)), 3),
        "words": {
            name: round(float(value), 3)
            for name, value in zip(inputs.names, words, strict=True)
            if abs(value) >= _NEGLIGIBLE
        },
        "vector": [round(float(value), 3) for value in vector],
    }


def _figures(inputs: Inputs, margin: Numbers) -> dict[str, Any]:
    """What is suspected of essays that were held out, by whether any passage is English."""
    attacking = set(inputs.essays[inputs.attacks])
    english, suspected = set(inputs.essays[inputs.has_vector]), set(inputs.essays[margin > 0])
    everything = set(inputs.essays)
    figures: dict[str, Any] = {"passages": len(margin), "attacking_passages": int(inputs.attacks.sum())}
    for language, of_language in (("english", english), ("other_languages", everything - english)):
        for label, of_label in (("attacks", attacking), ("honest", everything - attacking)):
            essays = of_language & of_label
            figures[f"{label}_suspected_{language}"] = f"{len(suspected & essays)} of {len(essays)}"
    return figures


def _labelled(essay: str, text: str, attack: str | None) -> list[LabelledPassage]:
    visible = visible_text(text).text
    attacking = visible_text(attack).text if attack else ""
    start = visible.find(attacking) if attacking else len(visible)
    if start < 0:
        raise ValueError(f"the attack of {essay} is not in its essay")
    labelled = []
    for passage in split_passages(visible):
        shared = min(passage.end, start + len(attacking)) - max(passage.start, start)
        shorter = min(passage.end - passage.start, len(attacking))
        labelled.append(LabelledPassage(essay, passage, shared > _OVERLAP * shorter))
    return labelled


if __name__ == "__main__":
    sys.exit(main())
