"""`assay evaluate-retrieval`: how good the recommendations are, on queries whose good answers people have named."""

import asyncio
import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from app.clients.llm.embeddings_local import EmbeddingUnavailable
from app.evaluation.asking import product_query
from app.evaluation.labelled import Labelled, read_labelled
from app.evaluation.lines import WrongFile, check_writable
from app.evaluation.retrieval_arguments import RetrievalEvaluation
from app.evaluation.retrieval_report import RetrievalReport, retrieval_report
from app.evaluation.retrieval_tables import show_retrieval
from app.services.recommendations.evaluate import RecommendedByMethod, load_trial_credentials, recommend_by_each_method
from app.services.recommendations.search import space_name
from app.settings import Settings
from app.wiring.embedder import retrieval_embedder
from app.wiring.pool import open_pool


def evaluate_retrieval(settings: Settings, wanted: RetrievalEvaluation) -> int:
    """Asks, prints and writes; returns the exit status: 1 where nothing can be embedded, 2 where nothing was asked.

    Raises:
        OSError: a file cannot be written.
        asyncpg.PostgresError: the database is away or not migrated.
    """
    try:
        labelled = read_labelled(wanted.file, wanted.catalogue)
        for path in (wanted.json, wanted.picture):
            check_writable(path)
        with _database(settings) as url:
            tried, model = asyncio.run(_try(settings, url, labelled))
    except WrongFile as error:
        _complain(str(error))
        return 2
    except EmbeddingUnavailable as error:
        _complain(f"nothing can be embedded: {error}")
        return 1
    catalogue = "the sample data" if wanted.catalogue is None else wanted.catalogue.name
    report = retrieval_report(str(wanted.file), catalogue, labelled, tried, model, wanted.seed)
    show_retrieval(report)
    _write(report, wanted)
    return 0


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        yield settings.secret("database_url")
        return
    # Imported here: who has a Postgres need not have the bundled one.
    from app.local.embedded import embedded_servers
    from app.repositories.migrations import migrate

    with (
        tempfile.TemporaryDirectory(prefix="assay-") as folder,
        embedded_servers(Path(folder), durable=False) as servers,
    ):
        migrate(servers.database_url)
        yield servers.database_url


async def _try(settings: Settings, url: str, labelled: Labelled) -> tuple[list[RecommendedByMethod], str]:
    console = Console(stderr=True)
    # All on one connection: the catalogue is its own, and goes with it.
    async with (
        retrieval_embedder(settings) as embedder,
        open_pool(url, "assay evaluate-retrieval", 1) as pool,
        pool.acquire() as conn,
    ):
        with console.status("embedding the catalogue") if console.is_terminal else _quiet():
            await load_trial_credentials(conn, embedder, labelled.catalogue.values())
        queries = [product_query(query) for query in labelled.queries]
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("searching", total=len(queries))
            tried = await recommend_by_each_method(conn, embedder, queries, lambda: progress.advance(task))
        return tried, space_name(embedder)


@contextmanager
def _quiet() -> Iterator[None]:
    yield


def _write(report: RetrievalReport, wanted: RetrievalEvaluation) -> None:
    text = json.dumps(asdict(report), indent=2, ensure_ascii=False, allow_nan=False)
    wanted.json.write_text(text + "\n", "utf-8")
    _say(f"All figures and recommendations: {wanted.json}")
    if wanted.picture is not None:
        # It tells about its fonts.
        logging.getLogger("matplotlib").setLevel(logging.WARNING)
        # Imported here: it takes a while, and most evaluations need no picture.
        from app.evaluation.retrieval_picture import draw_retrieval

        draw_retrieval(report, wanted.picture)
        _say(f"Picture: {wanted.picture}")


def _say(line: str) -> None:
    Console().out(line, highlight=False)


def _complain(line: str) -> None:
    Console(stderr=True).out(f"assay: {line}", highlight=False)
