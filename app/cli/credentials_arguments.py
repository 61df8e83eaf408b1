"""What `assay credentials` is told on its command line."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[[Any, argparse.Namespace], int]


def add_actions(parser: argparse.ArgumentParser, importing: Command, reindexing: Command) -> None:
    """Adds `import` and `reindex` to the parser, with the commands that do them."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    meaning = "add the credentials of a file, all or none; those of the same provider and title get a new version"
    action = actions.add_parser("import", help="add the credentials of a file", description=meaning)
    action.add_argument("file", type=Path, metavar="FILE", help=".csv (skills apart by ;) or .jsonl")
    action.add_argument("--skip-bad", action="store_true", help="import the good rows even where some are wrong")
    action.set_defaults(command=importing)
    meaning = (
        "embed what has no vector of the present model, and build the index over all vectors where there are more than "
        "50,000 passages; searching goes on meanwhile, and a second run goes on where a killed one stopped"
    )
    actions.add_parser("reindex", help="embed what is not embedded yet", description=meaning).set_defaults(
        command=reindexing
    )
