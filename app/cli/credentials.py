"""Imports micro-credentials from a file, lists, exports and retires them, and embeds their passages for vector search.

reads   DATABASE_URL, EMBEDDING_MODEL and OPENAI_* (without them the offline model embeds); `import` also FILE
writes  `list` nothing, `export` FILE; `import` and `delete` the credentials, and a line for each in the audit log;
        `reindex` their vectors, and a line if any was missing; progress on standard error
needs   Postgres with all migrations; no server, no Redis, no secret
"""

import argparse
import asyncio
from pathlib import Path
from typing import Any

from app.cli import credential_import, credential_list
from app.cli.arguments import positive_integer
from app.cli.console import print_error, progress_bar
from app.clients.llm.embedder import EmbeddingUnavailable
from app.domain.text import count_of
from app.repositories import passage_vectors
from app.services.recommendations.embed_credentials import CredentialEmbedder
from app.services.recommendations.search import space_name
from app.settings import Settings
from app.wiring.embedder import retrieval_embedder
from app.wiring.pool import open_pool_for

# The actor of `reindex` in the audit log.
REINDEX_ACTOR = "assay credentials reindex"
# Pauses that the model provider may ask for between two batches, and the longest of them in seconds.
_PAUSES = 5
_LONGEST_PAUSE = 90.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(uses_database=True)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _configure_import(actions)
    action = actions.add_parser("list", help="print credentials", description="print credentials, by id")
    action.add_argument("--words", default="", metavar="TEXT", help="only those with it in title, provider or skills")
    action.add_argument("--limit", type=positive_integer, default=50, help="maximum number (default: 50)")
    action.add_argument("--json", action="store_true", help="print a JSON object per line")
    action.set_defaults(run=credential_list.run_list)
    meaning = "write all credentials to a file that `import` reads"
    action = actions.add_parser("export", help=meaning, description=meaning)
    action.add_argument("file", metavar="FILE", help=".csv or .jsonl; - for JSON lines on standard output")
    action.set_defaults(run=credential_list.run_export)
    meaning = "retire credentials: they are not recommended any more, and results that name them stay"
    action = actions.add_parser("delete", help="retire credentials", description=meaning)
    action.add_argument("names", nargs="*", metavar="ID", help="a credential's id or external_id")
    action.add_argument("--samples", action="store_true", help="all credentials that came with the software")
    action.set_defaults(run=credential_list.run_delete)
    meaning = (
        "embed passages without a vector from the current model, and build the indexes over all vectors if there are "
        "more than 5,000 passages; searches continue meanwhile, and another run continues a killed one"
    )
    action = actions.add_parser(
        "reindex", help="embed passages without a vector from the current model", description=meaning
    )
    action.set_defaults(run=_reindex)


def _configure_import(actions: Any) -> None:
    meaning = (
        "add the credentials of a file, all or none; one with the same external_id, or else the same provider and "
        "title, gets a new version"
    )
    action = actions.add_parser("import", help="add the credentials of a file", description=meaning)
    action.add_argument(
        "file", type=Path, metavar="FILE",
        help=".csv as spreadsheets write it (skills separated by ; or ,), .jsonl, or .json with an array",
    )  # fmt: skip
    ways = action.add_mutually_exclusive_group()
    ways.add_argument("--skip-bad", action="store_true", help="import the valid rows even if others are invalid")
    ways.add_argument("--replace", action="store_true", help="also retire all credentials that the file has not")
    action.add_argument("--check", action="store_true", help="only say what would be done")
    action.set_defaults(run=credential_import.run_import)


def _reindex(settings: Settings, _: argparse.Namespace) -> int:
    """Returns 1 if nothing can be embedded. Workers and other runs of this command share the work."""
    try:
        embedded = asyncio.run(_embed_all(settings))
    except EmbeddingUnavailable as error:
        print_error(f"nothing can be embedded: {error}")
        return 1
    print(f"{count_of(embedded, 'passage')} embedded")
    return 0


async def _embed_all(settings: Settings) -> int:
    embedded = 0
    async with (
        open_pool_for(settings, "assay credentials", 2) as pool,
        retrieval_embedder(settings, pool=pool) as embedder,
    ):
        credential_embedder = CredentialEmbedder(pool, embedder, REINDEX_ACTOR)
        waiting = await passage_vectors.count_unembedded(pool, space_name(embedder))
        with progress_bar("embedding", waiting) as advance:
            while count := await _embed_batch(credential_embedder):
                embedded += count
                advance(count)
        await credential_import.vacuum(settings)
    return embedded


async def _embed_batch(credential_embedder: CredentialEmbedder) -> int:
    """Embeds a batch, with the pauses that the provider asks for. No passage is locked during a pause."""
    for _ in range(_PAUSES):
        try:
            return await credential_embedder.embed()
        except EmbeddingUnavailable as error:
            if error.retry_after is None or error.retry_after > _LONGEST_PAUSE:
                raise
            await asyncio.sleep(error.retry_after)
    return await credential_embedder.embed()
