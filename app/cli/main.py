"""The `assay` command: its parser, and the dispatch to one module for each subcommand."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from typing import Any

from app.cli.console import print_error
from app.installed_files import ChangedFile
from app.network_errors import describe_error
from app.settings import UnusableSetting, WrongSetting, load_settings

# Only the module of the called command is imported: others would cost start-up time and memory. Its function
# `configure(parser)` adds the command's arguments and sets `run`; its docstring is the help text.
_COMMANDS = {
    "up": ("app.cli.up", "start everything on this machine, run a sample assessment, serve until Ctrl-C"),
    "demo": ("app.cli.demo", "like `up`, but exit after printing the result"),
    "serve": ("app.cli.serve", "serve the HTTP API"),
    "worker": ("app.cli.worker", "run background jobs"),
    "migrate": ("app.cli.migrate", "bring the database schema up to date"),
    "seed": ("app.cli.seed", "add the sample data where it is missing"),
    "token": ("app.cli.token", "print a token for the API"),
    "keys": ("app.cli.keys", "make, list, revoke and rotate API keys"),
    "doctor": ("app.cli.doctor", "check settings, servers and models"),
    "config": ("app.cli.config", "print all settings with their meaning"),
    "people": ("app.cli.people", "export all that is stored of a person, erase a person"),
    "jobs": ("app.cli.jobs", "list jobs, retry failed ones"),
    "webhooks": ("app.cli.webhooks", "list webhook deliveries, send them again"),
    "credentials": ("app.cli.credentials", "import, list, export and retire micro-credentials, embed them again"),
    "skill-aliases": ("app.cli.skill_aliases", "import and export other names of skills"),
    "evaluate": ("app.cli.evaluate", "compare a scorer's scores with people's"),
    "evaluate-retrieval": ("app.cli.evaluate_retrieval", "measure recommendations on labelled queries"),
}
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit status: 0, 1 after a failure, 2 for wrong arguments or settings, 130 after
    Ctrl-C."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser(words)
    options = parser.parse_args(words)
    if "run" not in options:
        parser.print_help()
        return 0
    try:
        return _run(options)
    except WrongSetting as error:
        print_error(str(error))
        return 2
    except KeyboardInterrupt:
        print_error("stopped")
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has gone, as in `assay jobs list | head`; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        print_error(reason)
        return 1


def _run(options: argparse.Namespace) -> int:
    settings = options.load() if "load" in options else load_settings()
    if "prepare" in options:
        options.prepare()
    from app.telemetry import configure_logging

    configure_logging(settings.log_level, getattr(options, "process_number", None))
    if "uses_database" in options and settings.database_url is None:
        from app.local.local_settings import with_running_servers

        settings = with_running_servers(settings)
    status: int = options.run(settings, options)
    sys.stdout.flush()
    return status


def _reason(error: Exception) -> str | None:
    """The message about an error that an operator can fix; None for a bug, which needs its traceback."""
    if isinstance(error, UnusableSetting | ChangedFile):
        return str(error)
    import asyncpg

    from app.repositories.sql import DATABASE_UNAVAILABLE, MIXED_SESSIONS, NOT_MIGRATED

    line = describe_error(error)
    if isinstance(error, NOT_MIGRATED):
        return "DATABASE_URL: the database is not migrated; run `assay migrate`"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return (
            f"DATABASE_URL: {line}; as the owner of the tables, grant its user USAGE on the schema, SELECT, INSERT, "
            "UPDATE and DELETE on its tables, and USAGE on its sequences"
        )
    if isinstance(error, MIXED_SESSIONS):
        return f"DATABASE_POOLER: {line}; a pooler gives each transaction another session, so unset it"
    if isinstance(error, DATABASE_UNAVAILABLE):
        return f"DATABASE_URL: {line}"
    return line if isinstance(error, OSError | asyncpg.PostgresError) else None


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay",
        description="Scores assessments: rules at once, essays by a language model, recommendations with sources.",
        epilog="`assay COMMAND --help` says what it reads, writes and needs. Settings come from the environment; "
        "`assay config` shows them. Without DATABASE_URL, commands use the servers that `make run` has started.",
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND")
    called = next((word for word in words if not word.startswith("-")), None)
    for name, (module_name, meaning) in _COMMANDS.items():
        command = commands.add_parser(name, help=meaning, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == called:
            module = import_module(module_name)
            command.description = module.__doc__
            module.configure(command)
    return parser


class _Version(argparse.Action):
    """Prints the installed version, which is looked up only if this option is used."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"assay {metadata.version('assay')}")
        parser.exit()
