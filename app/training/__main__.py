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

from app.clients.llm.embedder import Embedder, EmbeddingUnavailable
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.essay import local_scoring
from app.domain.essay.local_scoring.regression import COEFFICIENTS_FILE
from app.training.agreement_table import agreement_by_corpus, thirds_by_confidence
from app.training.baselines import predict_baselines
from app.training.coefficients_file import build_content, write_file
from app.training.cross_validation import cross_validate
from app.training.embedding_cache import CachedEmbedder
from app.training.feature_matrix import FeatureMatrix, Numbers, embedding_cosines, measure_answers
from app.training.synthetic_answers import make_synthetic_answers
from app.training.training_data import InvalidTrainingData, ScoredAnswer, corpus_names, read_corpora

_DEFAULT_OUTPUT = Path(local_scoring.__file__).parent / COEFFICIENTS_FILE

# Groups of questions that are held out in turn, with two of the 17 questions of the corpus with the fewest.
_QUESTION_GROUPS = 9


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0 when the coefficients are written, 1 after an error message."""
    parser = argparse.ArgumentParser(prog="python -m app.training", description=__doc__)
    parser.add_argument("paths", type=Path, nargs="+", help="answers that people scored, one JSON object a line")
    parser.add_argument("--output", type=Path, default=_DEFAULT_OUTPUT, help="where the coefficients go")
    parser.add_argument("--cache", type=Path, help="a file that keeps the embeddings, for the next training")
    arguments = parser.parse_args(argv)
    console = Console()
    try:
        answers = read_corpora(arguments.paths)
        content = asyncio.run(_train(answers, arguments.cache, console))
        write_file(arguments.output, content)
    except (InvalidTrainingData, EmbeddingUnavailable, OSError) as error:
        Console(stderr=True, soft_wrap=True).print(str(error), markup=False)
        return 1
    _print(content, console)
    console.print(f"written to {arguments.output}")
    return 0


async def _train(answers: Sequence[ScoredAnswer], cache: Path | None, console: Console) -> dict[str, Any]:
    synthetic = make_synthetic_answers(answers)
    offline = OfflineEmbedder()
    embedder: Embedder = CachedEmbedder(offline, cache) if cache else offline
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("measuring", total=len(answers) + len(synthetic))
        try:
            table = await measure_answers(answers, synthetic, embedder, lambda: progress.advance(task))
            cosines = await embedding_cosines(answers, embedder)
        finally:
            await embedder.close()
        figures = _figures(answers, table, cosines, progress)
    return build_content(answers, table, figures)


def _figures(
    answers: Sequence[ScoredAnswer], table: FeatureMatrix, cosines: Numbers, progress: Progress
) -> dict[str, Any]:
    """The agreement with corpora held out, if there are several, and with questions held out."""
    longer = table.longer[table.real]
    corpora = table.corpora[table.real]
    splits = {"question": table.question_folds(_QUESTION_GROUPS)}
    if len(corpus_names(answers)) > 1:
        splits = {"corpus": table.corpus_folds, **splits}
    figures = {}
    for split, folds in splits.items():
        task = progress.add_task(f"holding out each {split}", total=len(folds))
        estimates = cross_validate(table, folds, lambda task=task: progress.advance(task))  # type: ignore[misc]
        baselines = predict_baselines(answers, cosines, [held[table.real] for held in folds])
        figures[f"{split}_held_out"] = {
            "four_words_or_more": agreement_by_corpus(estimates, baselines, corpora, longer),
            "all": agreement_by_corpus(estimates, baselines, corpora, longer | True),
            "thirds_by_confidence": thirds_by_confidence(estimates, corpora, longer),
        }
    return figures


def _print(content: dict[str, Any], console: Console) -> None:
    for split, figures in content["figures"].items():
        for rows in ("four_words_or_more", "all"):
            console.print(_agreement_table(f"{split}, {rows}".replace("_", " "), figures[rows]))
        for corpus, thirds in figures["thirds_by_confidence"].items():
            for third in thirds:
                shown = ", ".join(f"{name} {value}" for name, value in third.items())
                console.print(f"{corpus}: {shown}".replace("_", " "))
    terms = {name: term["coefficient"] for name, term in content["share"]["terms"].items()}
    console.print(
        "coefficients of the scaled measures: " + ", ".join(f"{name} {value:.2f}" for name, value in terms.items())
    )


def _agreement_table(title: str, by_corpus: dict[str, Any]) -> Table:
    table = Table(title=title)
    for heading in ("corpus", "scorer", "Pearson r", "RMSE", "weighted kappa"):
        table.add_column(heading, justify="left" if heading in ("corpus", "scorer") else "right")
    for corpus, scorers in by_corpus.items():
        for scorer, agreement in scorers.items():
            table.add_row(corpus, scorer, *(_format(agreement[figure]) for figure in ("pearson", "rmse", "kappa")))
    return table


def _format(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
