"""Scores answers that people have scored, and reports how well the scores agree.

reads   FILE.jsonl: question, model_answer, answer and score per line; with --scorer gpt also OPENAI_*, MODEL_PRICES,
        JOB_MAX_ATTEMPTS and JOB_RETRY_DELAY
writes  all figures as JSON to --json, and a plot to --picture; with --scorer gpt, requests to the model provider
needs   neither Postgres nor Redis; with --scorer gpt an OPENAI_API_KEY
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app.cli.arguments import picture_path, positive_integer, positive_number
from app.cli.console import print_error, progress_bar
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.evaluation.agreement_report import AgreementReport, EvaluationSource, ScoringCost, build_agreement_report
from app.evaluation.agreement_tables import print_agreement
from app.evaluation.human_scored_answers import HumanScoredAnswer, read_answers, sample_answers
from app.evaluation.json_lines import InvalidFile, check_writable
from app.services.essays.bulk_scoring import LocalScorer, ModelScorer, Scorer, ScoringProgress, ScoringResult, score_all
from app.setting_types import Price
from app.settings import Settings, WrongSetting
from app.wiring.models import endpoint_options

# The exit status that shells expect after Ctrl-C.
_INTERRUPTED = 130


@dataclass
class _Run:
    """The number of sampled answers, and the results so far, which are reported after Ctrl-C."""

    sampled: int = 0
    progress: ScoringProgress = field(default_factory=ScoringProgress)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("file", type=Path, metavar="FILE.jsonl", help="an object per line: question, model_answer, answer, score")
    add("--scorer", choices=["gpt", "local"], required=True, help="the model of OPENAI_*, or the local estimate")
    help_text = "the highest possible score in the file (default: 1)"
    add("--max-score", type=positive_number, default=1.0, metavar="POINTS", help=help_text)
    add("--group", metavar="NAME", help="column to compare bias by")
    add("--limit", type=positive_integer, metavar="N", help="score only N answers, chosen at random")
    help_text = "random seed (default: 1)"
    add("--seed", type=positive_integer, default=1, metavar="N", help=help_text)
    help_text = "file for all figures (default: FILE.evaluation.json in this folder)"
    add("--json", type=Path, metavar="PATH", help=help_text)
    add("--picture", type=picture_path, metavar="PATH", help="PNG plot of human against machine scores")
    parser.set_defaults(run=_evaluate)


def _evaluate(settings: Settings, options: argparse.Namespace) -> int:
    """Returns 1 if there are no figures or the scoring was given up, 2 if nothing was tried, 130 after Ctrl-C."""
    run = _Run()
    try:
        return _score_and_report(settings, options, run)
    except InvalidFile as error:
        print_error(str(error))
        return 2
    except KeyboardInterrupt:
        print_error(_interruption(run))
        return _INTERRUPTED


def _score_and_report(settings: Settings, options: argparse.Namespace, run: _Run) -> int:
    json_path = options.json or Path(f"{options.file.stem}.evaluation.json")
    all_answers = read_answers(options.file, options.max_score, options.group)
    answers = sample_answers(all_answers, options.limit, options.seed)
    for path in (json_path, options.picture):
        check_writable(path)
    run.sampled, started = len(answers), time.monotonic()
    results = asyncio.run(_score(settings, options.scorer, answers, run.progress))
    cost = _cost(settings, options.scorer, results, time.monotonic() - started)
    source = EvaluationSource(
        str(options.file), options.scorer, options.max_score, options.seed, len(all_answers), options.group
    )
    figures = build_agreement_report(source, answers, results, cost)
    print_agreement(figures)
    _write(figures, json_path, options.picture)
    return 1 if run.progress.gave_up or figures.scored < 2 else 0


async def _score(
    settings: Settings, scorer_name: str, answers: Sequence[HumanScoredAnswer], progress: ScoringProgress
) -> list[ScoringResult]:
    pairs = [(answer.question, answer.answer) for answer in answers]
    async with _open_scorer(settings, scorer_name) as scorer:
        with progress_bar("scoring", len(answers)) as advance:
            return await score_all(scorer, pairs, progress, lambda: advance(1))


@asynccontextmanager
async def _open_scorer(settings: Settings, name: str) -> AsyncIterator[Scorer]:
    if name == "local":
        embedder = OfflineEmbedder()
        try:
            yield LocalScorer(embedder)
        finally:
            await embedder.close()
        return
    if settings.openai_api_key is None:
        raise WrongSetting("OPENAI_API_KEY is not set")
    # Imported here: the SDK takes half a second, and the local scorer does not need it.
    from app.clients.llm.chat import ChatModel

    key = settings.openai_api_key.get_secret_value()
    options, seconds = endpoint_options(settings), settings.openai_timeout
    model = ChatModel(key, settings.openai_base_url, settings.openai_model, seconds, options=options)
    try:
        yield ModelScorer(model, settings.job_max_attempts, settings.job_retry_delay)
    finally:
        await model.close()


def _cost(settings: Settings, scorer_name: str, results: Sequence[ScoringResult], seconds: float) -> ScoringCost:
    free = Price(**{"in": 0, "out": 0})
    price = settings.model_prices.get(settings.openai_model) if scorer_name == "gpt" else free
    tokens_in, tokens_out = _tokens(results)
    tried = [result.seconds for result in results if result.tries]
    return ScoringCost(
        tries=sum(result.tries for result in results),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        dollars=(tokens_in * price.input + tokens_out * price.output) / 1e6 if price else None,
        seconds_for_an_answer=sum(tried) / len(tried) if tried else None,
        seconds=seconds,
    )


def _tokens(results: Sequence[ScoringResult]) -> tuple[int, int]:
    return sum(result.tokens_in for result in results), sum(result.tokens_out for result in results)


def _write(figures: AgreementReport, json_path: Path, picture: Path | None) -> None:
    json_path.write_text(json.dumps(asdict(figures), indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    print(f"All figures and scores: {json_path}")
    if picture is None:
        return
    if not figures.scored:
        print_error("nothing was scored, so there is nothing to plot")
        return
    # Imported here: it takes a while, and most evaluations need no plot.
    from app.evaluation.agreement_plot import draw_agreement

    draw_agreement(figures, picture)
    print(f"Plot: {picture}")


def _interruption(run: _Run) -> str:
    results = list(run.progress.results.values())
    scored = sum(result.score is not None for result in results)
    tokens_in, tokens_out = _tokens(results)
    spent = f" ({tokens_in} tokens in, {tokens_out} out)" if tokens_in or tokens_out else ""
    return f"interrupted; {scored} of {run.sampled} answers were scored{spent}"
