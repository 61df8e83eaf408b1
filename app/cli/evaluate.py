"""`assay evaluate`: how well a scorer agrees with people, on answers that people have scored. Needs no database."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Literal

from rich.console import Console
from rich.progress import Progress

from app.clients.llm.chat import EssayModel
from app.clients.llm.embeddings_local import OfflineEmbedder
from app.evaluation.answers import HumanScored, read_answers, sample
from app.evaluation.arguments import Evaluation
from app.evaluation.lines import WrongFile, check_writable
from app.evaluation.report import Cost, Report, Source, report
from app.evaluation.tables import show
from app.services.essays.evaluate import LocalScorer, ModelScorer, Outcome, Scorer, Tally, score_all
from app.settings import Price, Settings, WrongSetting

# What a shell expects of a command that Ctrl-C ended.
_INTERRUPTED = 130


@dataclass
class _Progress:
    """How far it came, for whoever interrupts it."""

    chosen: int = 0
    tally: Tally = field(default_factory=Tally)


def evaluate(settings: Settings, asked: Evaluation) -> int:
    """Scores, prints and writes; returns the exit status: 1 where there are no figures or it was given up, 2 where
    nothing was tried, 130 after Ctrl-C.

    Raises:
        WrongSetting: the scorer is not set up.
        OSError: a file cannot be written.
    """
    came = _Progress()
    try:
        return _evaluate(settings, asked, came)
    except WrongFile as error:
        _complain(str(error))
        return 2
    except KeyboardInterrupt:
        _complain(_interrupted(came))
        return _INTERRUPTED


def _evaluate(settings: Settings, asked: Evaluation, came: _Progress) -> int:
    every = read_answers(asked.file, asked.max_score, asked.group)
    answers = sample(every, asked.limit, asked.seed)
    for path in (asked.json, asked.picture):
        check_writable(path)
    came.chosen, started = len(answers), time.monotonic()
    outcomes = asyncio.run(_score(settings, asked, answers, came.tally))
    cost = _cost(settings, asked, outcomes, time.monotonic() - started)
    source = Source(str(asked.file), asked.scorer, asked.max_score, asked.seed, len(every), asked.group)
    found = report(source, answers, outcomes, cost)
    show(found)
    _write(found, asked)
    return 1 if came.tally.gave_up or found.scored < 2 else 0


async def _score(settings: Settings, asked: Evaluation, answers: Sequence[HumanScored], tally: Tally) -> list[Outcome]:
    console = Console(stderr=True)
    told = [(answer.question, answer.answer) for answer in answers]
    async with _scorer(settings, asked.scorer) as scorer:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("scoring", total=len(answers))
            return await score_all(scorer, told, tally, lambda: progress.advance(task))


@asynccontextmanager
async def _scorer(settings: Settings, name: Literal["gpt", "local"]) -> AsyncIterator[Scorer]:
    if name == "local":
        embedder = OfflineEmbedder()
        try:
            yield LocalScorer(embedder)
        finally:
            await embedder.close()
        return
    if settings.openai_api_key is None:
        raise WrongSetting("OPENAI_API_KEY is not set")
    key = settings.openai_api_key.get_secret_value()
    model = EssayModel(key, settings.openai_base_url, settings.openai_model, settings.openai_timeout)
    try:
        yield ModelScorer(model, settings.job_max_attempts, settings.job_retry_delay)
    finally:
        await model.close()


def _cost(settings: Settings, asked: Evaluation, outcomes: Sequence[Outcome], seconds: float) -> Cost:
    free = Price(**{"in": 0, "out": 0})
    price = settings.model_prices.get(settings.openai_model) if asked.scorer == "gpt" else free
    tokens_in, tokens_out = (sum(getattr(one, name) for one in outcomes) for name in ("tokens_in", "tokens_out"))
    tried = [one.seconds for one in outcomes if one.tries]
    return Cost(
        tries=sum(one.tries for one in outcomes),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        dollars=(tokens_in * price.input + tokens_out * price.output) / 1e6 if price else None,
        seconds_for_an_answer=sum(tried) / len(tried) if tried else None,
        seconds=seconds,
    )


def _write(found: Report, asked: Evaluation) -> None:
    asked.json.write_text(json.dumps(asdict(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    _say(f"All figures and scores: {asked.json}")
    if asked.picture is None:
        return
    if not found.scored:
        _complain("nothing was scored, so there is nothing to draw")
        return
    # It tells about its fonts.
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    # Imported here: it takes a while, and most evaluations need no picture.
    from app.evaluation.picture import draw

    draw(found, asked.picture)
    _say(f"Picture: {asked.picture}")


def _interrupted(came: _Progress) -> str:
    outcomes = came.tally.outcomes.values()
    scored = sum(outcome.score is not None for outcome in outcomes)
    tokens_in, tokens_out = sum(one.tokens_in for one in outcomes), sum(one.tokens_out for one in outcomes)
    spent = f" ({tokens_in} tokens in, {tokens_out} out)" if tokens_in or tokens_out else ""
    return f"interrupted; {scored} of {came.chosen} answers were scored{spent}"


def _say(line: str) -> None:
    Console().out(line, highlight=False)


def _complain(line: str) -> None:
    Console(stderr=True).out(f"assay: {line}", highlight=False)
