"""Trains the local essay scorer, prints how well it agrees with people, and stores its coefficients."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.clients.llm.embedder import EmbeddingUnavailable
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.essay import local_scoring
from app.domain.essay.local_scoring.regression import COEFFICIENTS_FILE
from app.training import baselines
from app.training.coefficients_file import build_content, write_file
from app.training.cross_validation import Agreement, cross_validate
from app.training.feature_matrix import FeatureMatrix, measure_answers
from app.training.feature_selection import select
from app.training.synthetic_answers import make_synthetic_answers
from app.training.training_data import InvalidTrainingData, ScoredAnswer, question_ids, read_scored_answers

_DEFAULT_OUTPUT = Path(local_scoring.__file__).parent / COEFFICIENTS_FILE

_ROWS = {
    "nested": "this scorer",
    "nested_without_refusals": "  without refusals",
    "mean": "mean",
    "log_length": "log length",
    "tf_idf_cosine": "tf-idf cosine",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0 when the coefficients are written, 1 after an error message."""
    parser = argparse.ArgumentParser(prog="python -m app.training", description=__doc__)
    parser.add_argument("path", type=Path, help="answers that people scored, one JSON object a line")
    parser.add_argument("--output", type=Path, default=_DEFAULT_OUTPUT, help="where the coefficients go")
    arguments = parser.parse_args(argv)
    console = Console()
    try:
        answers = read_scored_answers(arguments.path)
        content = asyncio.run(_train(answers, console))
        write_file(arguments.output, content)
    except (InvalidTrainingData, EmbeddingUnavailable, OSError) as error:
        Console(stderr=True, soft_wrap=True).print(str(error), markup=False)
        return 1
    _print(content, console)
    console.print(f"written to {arguments.output}")
    return 0


async def _train(answers: Sequence[ScoredAnswer], console: Console) -> dict[str, Any]:
    synthetic = make_synthetic_answers(answers)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        measuring = progress.add_task("measuring", total=len(answers) + len(synthetic))
        validating = progress.add_task("validating", total=len(question_ids(answers)))
        embedder = OfflineEmbedder()
        try:
            table = await measure_answers(answers, synthetic, embedder, lambda: progress.advance(measuring))
        finally:
            await embedder.close()
        estimates = cross_validate(table, lambda: progress.advance(validating))
    return build_content(answers, table, select(table), estimates, _baselines(answers, table))


def _baselines(answers: Sequence[ScoredAnswer], table: FeatureMatrix) -> dict[str, Agreement]:
    human = table.scores[table.real]
    mean = Agreement.between(human, baselines.mean_of_others(answers))
    return {
        # Its correlation would only show that a fold's mean falls as the held-out question's rises.
        "mean": Agreement(None, mean.rmse, mean.kappa),
        "log_length": Agreement.between(human, baselines.log_length(answers)),
        "tf_idf_cosine": Agreement.between(human, baselines.tf_idf_cosine(answers)),
    }


def _print(content: dict[str, Any], console: Console) -> None:
    printed = Table(title="Agreement with people, each question held out from everything")
    for heading in ("scorer", "Pearson r", "RMSE", "weighted kappa"):
        printed.add_column(heading, justify="left" if heading == "scorer" else "right")
    for key, name in _ROWS.items():
        agreement = content["figures"][key]
        printed.add_row(name, *(_format(agreement[figure]) for figure in ("pearson", "rmse", "kappa")))
    console.print(printed)
    terms = {name: term["coefficient"] for name, term in content["share"]["terms"].items()}
    console.print(
        "coefficients of the scaled measures: " + ", ".join(f"{name} {value:.2f}" for name, value in terms.items())
    )
    for third in content["figures"]["thirds_by_confidence"]:
        console.print(f"confidence {third['confidence']:.2f}: RMSE {third['rmse']:.3f}")


def _format(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
