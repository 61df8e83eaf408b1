"""Imports and exports other names of skills, by which the skills of credentials, tracks and students are compared.

reads   DATABASE_URL; `import` also FILE
writes  `export` FILE; the others the list, and a line in the audit log
needs   Postgres with all migrations; no server, no Redis, no secret
"""

import argparse
import asyncio
import sys
from pathlib import Path

from app.cli.console import print_error
from app.domain.recommendation.skill_aliases import AliasPair
from app.domain.text import count_of
from app.services.catalog import skill_aliases
from app.services.catalog.table_file import UnreadableFile
from app.settings import Settings
from app.wiring.pool import open_pool_for

# The actor in the audit log, with the action after it.
ACTOR = "assay skill-aliases"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(uses_database=True)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    meaning = "put the list of a .csv file with the columns alias and skill in the place of the one that counts"
    action = actions.add_parser("import", help="replace the list by that of a file", description=meaning)
    action.add_argument("file", type=Path, metavar="FILE", help=".csv with the columns alias and skill")
    action.set_defaults(run=_import)
    meaning = "write the list that counts: the imported one, or else the one that comes with the software"
    action = actions.add_parser("export", help="write the list that counts", description=meaning)
    action.add_argument("--output", type=Path, metavar="FILE", help="where to write it (default: standard output)")
    action.set_defaults(run=_export)
    meaning = "delete the imported list, so that the one that comes with the software counts"
    action = actions.add_parser("reset", help="go back to the list that comes with the software", description=meaning)
    action.set_defaults(run=_reset)


def _import(settings: Settings, options: argparse.Namespace) -> int:
    """Returns 2 if the file is no list; then nothing was changed."""
    try:
        pairs = skill_aliases.parse_aliases(str(options.file), options.file.read_bytes())
    except (UnreadableFile, OSError) as error:
        reason = f"{options.file}: {error.strerror}" if isinstance(error, OSError) else str(error)
        print_error(f"{reason}; nothing was changed")
        return 2
    asyncio.run(_replace(settings, pairs, "import"))
    print(f"{count_of(len(pairs), 'name')} imported")
    return 0


def _export(settings: Settings, options: argparse.Namespace) -> int:
    """Returns 2 if the file cannot be written."""
    text = skill_aliases.aliases_table(asyncio.run(_read(settings)))
    if options.output is None:
        sys.stdout.write(text)
        return 0
    try:
        options.output.write_text(text, "utf-8", newline="")
    except OSError as error:
        print_error(f"{options.output}: {error.strerror}")
        return 2
    return 0


def _reset(settings: Settings, _: argparse.Namespace) -> int:
    asyncio.run(_replace(settings, [], "reset"))
    print("the list that comes with the software counts")
    return 0


async def _read(settings: Settings) -> tuple[AliasPair, ...]:
    async with open_pool_for(settings, ACTOR, 1) as pool:
        return await skill_aliases.pairs_that_count(pool)


async def _replace(settings: Settings, pairs: list[AliasPair], action: str) -> None:
    async with open_pool_for(settings, ACTOR, 1) as pool:
        await skill_aliases.replace(pool, f"{ACTOR} {action}", pairs)
