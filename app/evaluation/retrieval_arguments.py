"""What `assay evaluate-retrieval` is told on its command line."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from app.evaluation.arguments import whole

ABOUT = (
    "Recommend for labelled queries with the product's own search and ranking, and show how good that is. Uses "
    "DATABASE_URL, whose catalogue is neither read nor changed, or else the bundled Postgres in a temporary folder."
)


@dataclass(frozen=True)
class RetrievalEvaluation:
    """What is to be evaluated; without `catalogue` the sample data, without `picture` none is drawn."""

    file: Path
    catalogue: Path | None
    seed: int
    json: Path
    picture: Path | None


def add_retrieval_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("file", type=Path, metavar="FILE.jsonl", help="a query a line: track, level, gaps, interests, accept, …")
    add("--catalogue", type=Path, metavar="FILE", help="the credentials, .json or .jsonl (default: the sample data)")
    add("--seed", type=whole, default=1, metavar="N", help="decides which queries the intervals draw (default: 1)")
    add("--json", type=Path, metavar="PATH", help="where all figures go (default: FILE.retrieval.json in this folder)")
    add("--picture", type=Path, metavar="PATH", help="draw the figures with their intervals into this PNG file")


def retrieval_evaluation(options: argparse.Namespace) -> RetrievalEvaluation:
    """What the parsed arguments ask for."""
    default = Path(f"{options.file.stem}.retrieval.json")
    return RetrievalEvaluation(options.file, options.catalogue, options.seed, options.json or default, options.picture)
