"""`python -m app.training PATH` trains the local essay scorer, prints how well it scores, and stores it."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Printed

from app.clients.llm.embeddings_local import EmbeddingUnavailable, OfflineEmbedder
from app.domain.essay import local_scoring
from app.domain.essay.local_scoring.regression import COEFFICIENTS
from app.training import baselines
from app.training.answers import BadData, ScoredAnswer, questions, read_answers
from app.training.choosing import choose
from app.training.made_up import made_up
from app.training.storing import content, write
from app.training.table import Table, measured
from app.training.validation import Figures, validate

STORED = Path(local_scoring.__file__).parent / COEFFICIENTS

_ROWS = {
    "nested": "this scorer",
    "nested_without_refusals": "  without refusals",
    "mean": "mean",
    "log_length": "log length",
    "tf_idf_cosine": "tf-idf cosine",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when the coefficients are written, 1 with a message otherwise."""
    parser = argparse.ArgumentParser(prog="python -m app.training", description=__doc__)
    parser.add_argument("path", type=Path, help="answers that people scored, one JSON object a line")
    parser.add_argument("--output", type=Path, default=STORED, help="where the coefficients go")
    told = parser.parse_args(arguments)
    console = Console()
    try:
        answers = read_answers(told.path)
        stored = asyncio.run(_trained(answers, console))
        write(told.output, stored)
    except (BadData, EmbeddingUnavailable, OSError) as error:
        Console(stderr=True, soft_wrap=True).print(str(error), markup=False)
        return 1
    _print(stored, console)
    console.print(f"written to {told.output}")
    return 0


async def _trained(answers: Sequence[ScoredAnswer], console: Console) -> dict[str, Any]:
    made = made_up(answers)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        reading = bars.add_task("measuring", total=len(answers) + len(made))
        holding = bars.add_task("validating", total=len(questions(answers)))
        embedder = OfflineEmbedder()
        try:
            table = await measured(answers, made, embedder, lambda: bars.advance(reading))
        finally:
            await embedder.close()
        found = validate(table, lambda: bars.advance(holding))
    return content(answers, table, choose(table), found, _baselines(answers, table))


def _baselines(answers: Sequence[ScoredAnswer], table: Table) -> dict[str, Figures]:
    human = table.scores[table.real]
    mean = Figures.of(human, baselines.mean_of_others(answers))
    return {
        # Its correlation would only tell that a fold's mean falls as the held-out question's rises.
        "mean": Figures(None, mean.rmse, mean.kappa),
        "log_length": Figures.of(human, baselines.log_length(answers)),
        "tf_idf_cosine": Figures.of(human, baselines.tf_idf_cosine(answers)),
    }


def _print(stored: dict[str, Any], console: Console) -> None:
    printed = Printed(title="Agreement with people, each question held out from everything")
    for heading in ("scorer", "Pearson r", "RMSE", "weighted kappa"):
        printed.add_column(heading, justify="left" if heading == "scorer" else "right")
    for key, name in _ROWS.items():
        figures = stored["figures"][key]
        printed.add_row(name, *(_shown(figures[one]) for one in ("pearson", "rmse", "kappa")))
    console.print(printed)
    terms = {name: term["coefficient"] for name, term in stored["share"]["terms"].items()}
    console.print("coefficients of the scaled measures: " + ", ".join(f"{name} {at:.2f}" for name, at in terms.items()))
    for third in stored["figures"]["thirds_by_confidence"]:
        console.print(f"confidence {third['confidence']:.2f}: RMSE {third['rmse']:.3f}")


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
