"""What `assay evaluate` is told on its command line."""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ABOUT = "Score answers that people have scored, and show how far both agree. Needs neither Postgres nor Redis."


@dataclass(frozen=True)
class Evaluation:
    """What is to be evaluated; without `limit` all answers, without `picture` none is drawn."""

    file: Path
    scorer: Literal["gpt", "local"]
    max_score: float
    group: str | None
    limit: int | None
    seed: int
    json: Path
    picture: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("file", type=Path, metavar="FILE.jsonl", help="an object a line: question, model_answer, answer, score")
    add("--scorer", choices=["gpt", "local"], required=True, help="the model of OPENAI_*, or the local estimate")
    add(
        "--max-score",
        type=_above_0,
        default=1.0,
        metavar="POINTS",
        help="the file's highest possible score (default: 1)",
    )
    add("--group", metavar="NAME", help="a column whose values are compared with each other")
    add("--limit", type=whole, metavar="N", help="score only so many answers, chosen by chance")
    add("--seed", type=whole, default=1, metavar="N", help="decides everything that is left to chance (default: 1)")
    add("--json", type=Path, metavar="PATH", help="where all figures go (default: FILE.evaluation.json in this folder)")
    add("--picture", type=Path, metavar="PATH", help="draw both scores of each answer into this PNG file")


def evaluation(options: argparse.Namespace) -> Evaluation:
    """What the parsed arguments ask for."""
    return Evaluation(
        file=options.file,
        scorer=options.scorer,
        max_score=options.max_score,
        group=options.group,
        limit=options.limit,
        seed=options.seed,
        json=options.json or Path(f"{options.file.stem}.evaluation.json"),
        picture=options.picture,
    )


def _above_0(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError("must be a number above 0")
    return number


def whole(text: str) -> int:
    """A whole number from 1 to a thousand million, as an argument's type."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)
