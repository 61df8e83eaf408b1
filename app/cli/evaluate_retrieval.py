"""Recommends for labelled queries with the product's own search and ranking, and reports the quality of the results.

reads   FILE.jsonl: a query per line with the credentials that people accept; --catalogue, or else the sample data;
        EMBEDDING_MODEL and OPENAI_* (without them the offline model embeds)
writes  all figures as JSON to --json, and a plot to --picture; nothing in the database
needs   no server: uses DATABASE_URL, whose credentials are neither read nor changed, or else starts a Postgres in a
        temporary folder
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from app.cli.arguments import picture_path, positive_integer
from app.cli.console import print_error, progress_bar
from app.clients.llm.embedder import EmbeddingUnavailable
from app.evaluation.json_lines import InvalidFile, check_writable
from app.evaluation.labelled_queries import LabelledSet, read_labelled_set
from app.evaluation.retrieval_queries import to_retrieval_query
from app.evaluation.retrieval_report import RetrievalReport, build_retrieval_report
from app.evaluation.retrieval_tables import print_retrieval
from app.services.recommendations.evaluate_retrieval import (
    TrialRecommendations,
    load_trial_credentials,
    recommend_by_each_method,
)
from app.services.recommendations.search import space_name
from app.settings import Settings, WrongSetting
from app.wiring.embedder import retrieval_embedder
from app.wiring.pool import open_session


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("file", type=Path, metavar="FILE.jsonl", help="a query per line: track, level, gaps, interests, accept, …")
    add("--catalogue", type=Path, metavar="FILE", help="the credentials, .json or .jsonl (default: the sample data)")
    help_text = "random seed for the bootstrap intervals (default: 1)"
    add("--seed", type=positive_integer, default=1, metavar="N", help=help_text)
    help_text = "file for all figures (default: FILE.retrieval.json in this folder)"
    add("--json", type=Path, metavar="PATH", help=help_text)
    add("--picture", type=picture_path, metavar="PATH", help="PNG plot of the figures with their intervals")
    parser.set_defaults(run=_evaluate)


def _evaluate(settings: Settings, options: argparse.Namespace) -> int:
    """Returns 1 if nothing can be embedded, 2 if nothing was tried."""
    json_path = options.json or Path(f"{options.file.stem}.retrieval.json")
    try:
        labelled = read_labelled_set(options.file, options.catalogue)
        for path in (json_path, options.picture):
            check_writable(path)
        with with_trial_database(settings) as with_database:
            recommended, model = asyncio.run(_recommend(with_database, labelled))
    except InvalidFile as error:
        print_error(str(error))
        return 2
    except EmbeddingUnavailable as error:
        print_error(f"nothing can be embedded: {error}")
        return 1
    catalogue = "the sample data" if options.catalogue is None else options.catalogue.name
    figures = build_retrieval_report(str(options.file), catalogue, labelled, recommended, model, options.seed)
    print_retrieval(figures)
    _write(figures, json_path, options.picture)
    return 0


@contextmanager
def with_trial_database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database for temporary credentials: the given one, or one that ends with the context."""
    if settings.database_url is not None:
        yield settings
        return
    # Imported here: with DATABASE_URL set, the embedded Postgres need not be installed.
    from app.local.embedded import embedded_servers
    from app.repositories.migrations import migrate

    with (
        tempfile.TemporaryDirectory(prefix="assay-") as folder,
        embedded_servers(Path(folder), durable=False) as servers,
    ):
        migrate(servers.database_url)
        yield settings.with_values(database_url=servers.database_url)


async def _recommend(settings: Settings, labelled: LabelledSet) -> tuple[list[TrialRecommendations], str]:
    """The recommendations for each query, and the name of the embedding model."""
    console = Console(stderr=True)
    # All on one connection: the credentials are temporary tables, which end with it.
    async with retrieval_embedder(settings) as embedder, open_session(settings, "assay evaluate-retrieval") as conn:
        if conn is None:
            raise WrongSetting("temporary tables need a connection without a pooler: set MIGRATE_DATABASE_URL to one")
        with console.status("embedding the credentials") if console.is_terminal else nullcontext():
            await load_trial_credentials(conn, embedder, labelled.credentials.values())
        queries = [to_retrieval_query(query) for query in labelled.queries]
        with progress_bar("searching", len(queries)) as advance:
            recommended = await recommend_by_each_method(conn, embedder, queries, lambda: advance(1))
        return recommended, space_name(embedder)


def _write(figures: RetrievalReport, json_path: Path, picture: Path | None) -> None:
    json_path.write_text(json.dumps(asdict(figures), indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    print(f"All figures and recommendations: {json_path}")
    if picture is not None:
        # Imported here: it takes a while, and most evaluations need no plot.
        from app.evaluation.retrieval_plot import draw_retrieval

        draw_retrieval(figures, picture)
        print(f"Plot: {picture}")
