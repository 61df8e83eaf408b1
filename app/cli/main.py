"""The `assay` command."""

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from app.cli.credentials_arguments import add_actions
from app.domain.states import DeliveryStatus, JobStatus, JobType, Role
from app.evaluation import retrieval_arguments
from app.evaluation.arguments import ABOUT, add_arguments, evaluation
from app.lifecycle import stop_event
from app.settings import Settings, WrongSetting, load_settings

# Clients that a server serves at once, and then some.
_FILES = 65_536
Until = Coroutine[Any, Any, None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        if options.command in (_serve, _worker):
            _leave_out_rich()
        from app.telemetry import configure_logging

        configure_logging(settings.log_level)
        command: Callable[[Settings, argparse.Namespace], int] = options.command
        return command(settings, options)
    except WrongSetting as error:
        print(f"assay: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("assay: stopped", file=sys.stderr)
        return 130
    except (OSError, asyncpg.PostgresError) as error:
        # What an operator can mend, such as an address that is taken: a line says it, a traceback hides it.
        print(f"assay: {_in_a_line(error)}", file=sys.stderr)
        return 1


def _in_a_line(error: Exception) -> str:
    if isinstance(error, asyncpg.UndefinedTableError):
        return "the database has no schema yet; run `assay migrate`"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="assay", description="Assessment scoring with evidence.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, meaning in (
        ("serve", _serve, "serve the HTTP API"),
        ("worker", _worker, "run background jobs"),
        ("migrate", _migrate, "bring the database's schema up to date"),
        ("seed", _seed, "add the sample data, where it is missing"),
        ("demo", _demo, "start everything, send a sample assessment through, print its result, stop"),
        ("up", _up, "the same, and keep serving until Ctrl-C"),
        ("config", _config, "show all settings"),
    ):
        part = commands.add_parser(name, help=meaning, description=meaning)
        part.set_defaults(command=command)
        if command in (_serve, _worker):
            part.add_argument("--while-stdin-open", action="store_true", help="stop also at the end of standard input")
    _add_jobs(commands.add_parser("jobs", help="list jobs, retry failed ones", description="Dead letters."))
    _add_webhooks(
        commands.add_parser("webhooks", help="list webhook deliveries, send them again", description="Deliveries.")
    )
    catalogue = commands.add_parser("credentials", help="import a catalogue, embed it anew", description="Catalogue.")
    add_actions(catalogue, _import_credentials, _reindex)
    evaluate = commands.add_parser("evaluate", help="hold a scorer's scores against people's", description=ABOUT)
    add_arguments(evaluate)
    evaluate.set_defaults(command=_evaluate)
    meaning = "hold the recommendations against what people would accept"
    retrieval = commands.add_parser("evaluate-retrieval", help=meaning, description=retrieval_arguments.ABOUT)
    retrieval_arguments.add_retrieval_arguments(retrieval)
    retrieval.set_defaults(command=_evaluate_retrieval)
    token = commands.add_parser("token", help="print a token signed with JWT_SECRET")
    token.add_argument(
        "--role", action="append", choices=[str(role) for role in Role], required=True, help="may be given again"
    )
    token.add_argument("--sub", help="whom the token names (default: somebody new)")
    token.add_argument("--seconds", type=_number, default=86_400, help="how long it is valid (default: a day)")
    token.set_defaults(command=_token)
    return parser


def _add_jobs(jobs: argparse.ArgumentParser) -> None:
    actions = jobs.add_subparsers(required=True, metavar="ACTION")
    meaning = "print jobs, newest first"
    listing = actions.add_parser("list", help=meaning, description=meaning)
    listing.add_argument("--status", choices=[str(status) for status in JobStatus], help="failed ones are dead letters")
    listing.add_argument("--job-type", choices=[str(job_type) for job_type in JobType])
    listing.add_argument("--limit", type=_number, default=50, help="how many (default: 50)")
    listing.add_argument("--json", action="store_true", help="print a JSON object a line")
    listing.set_defaults(command=_list_jobs)
    meaning = "try failed jobs again; where the assessment is over, in a new run that takes over what was completed"
    retrying = actions.add_parser("retry", help="try failed jobs again", description=meaning)
    which = retrying.add_mutually_exclusive_group(required=True)
    which.add_argument("job_ids", nargs="*", type=UUID, default=[], metavar="JOB_ID")
    which.add_argument("--all", action="store_true", help="the failed jobs of all newest runs")
    retrying.set_defaults(command=_retry_jobs)


def _add_webhooks(webhooks: argparse.ArgumentParser) -> None:
    actions = webhooks.add_subparsers(required=True, metavar="ACTION")
    meaning = "print messages to webhooks, newest first; without a status, those that are not delivered (yet)"
    listing = actions.add_parser("list", help="print messages to webhooks, newest first", description=meaning)
    listing.add_argument("--status", action="append", choices=[str(status) for status in DeliveryStatus])
    listing.add_argument("--limit", type=_number, default=50, help="how many (default: 50)")
    listing.add_argument("--json", action="store_true", help="print a JSON object a line")
    listing.set_defaults(command=_list_deliveries)
    meaning = "print a message with each of its tries, as JSON"
    showing = actions.add_parser("show", help=meaning, description=meaning)
    showing.add_argument("delivery_id", type=UUID, metavar="DELIVERY_ID")
    showing.set_defaults(command=_show_delivery)
    meaning = "send messages once more, now; what is left of their schedules stays"
    again = actions.add_parser("redeliver", help="send messages once more, now", description=meaning)
    again.add_argument("delivery_ids", nargs="+", type=UUID, metavar="DELIVERY_ID")
    again.set_defaults(command=_redeliver)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    with _importing():
        from app.server import serve

    return _run(settings, options, serve)


def _worker(settings: Settings, options: argparse.Namespace) -> int:
    settings.secret("database_url")
    settings.secret("redis_url")
    with _importing():
        from workers.main import work

    return _run(settings, options, work)


def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    from app.repositories.migrations import MigrationFailed, migrate

    try:
        print(f"{migrate(settings.secret('database_url'))} migration(s) applied")
    except MigrationFailed as error:
        print(f"assay: {error}", file=sys.stderr)
        return 1
    return 0


def _seed(settings: Settings, _: argparse.Namespace) -> int:
    from app.wiring.seed import seed_sample_data

    print(f"{asyncio.run(seed_sample_data(settings))} row(s) of sample data added")
    return 0


def _token(settings: Settings, options: argparse.Namespace) -> int:
    from app.http.tokens import issue
    from app.local.demo.secret import with_secret

    print(issue(with_secret(settings), options.sub or f"user-{uuid4()}", options.role, options.seconds))
    return 0


def _list_jobs(settings: Settings, options: argparse.Namespace) -> int:
    from app.cli import jobs

    status, job_type = options.status, options.job_type
    wanted = (JobStatus(status) if status else None, JobType(job_type) if job_type else None, options.limit)
    jobs.show(asyncio.run(jobs.read(settings, *wanted)), as_json=options.json)
    return 0


def _retry_jobs(settings: Settings, options: argparse.Namespace) -> int:
    from app.cli import jobs

    return 0 if asyncio.run(jobs.retry(settings, options.job_ids)) else 1


def _list_deliveries(settings: Settings, options: argparse.Namespace) -> int:
    from app.cli import webhooks

    named = options.status or [status for status in DeliveryStatus if status is not DeliveryStatus.DELIVERED]
    statuses = tuple(DeliveryStatus(status) for status in dict.fromkeys(named))
    webhooks.show(asyncio.run(webhooks.read(settings, statuses, options.limit)), as_json=options.json)
    return 0


def _show_delivery(settings: Settings, options: argparse.Namespace) -> int:
    from app.cli import webhooks

    return 0 if asyncio.run(webhooks.show_one(settings, options.delivery_id)) else 1


def _redeliver(settings: Settings, options: argparse.Namespace) -> int:
    from app.cli import webhooks

    return 0 if asyncio.run(webhooks.redeliver(settings, options.delivery_ids)) else 1


def _evaluate(settings: Settings, options: argparse.Namespace) -> int:
    from app.cli.evaluate import evaluate

    return evaluate(settings, evaluation(options))


def _evaluate_retrieval(settings: Settings, options: argparse.Namespace) -> int:
    from app.cli.evaluate_retrieval import evaluate_retrieval

    return evaluate_retrieval(settings, retrieval_arguments.retrieval_evaluation(options))


def _import_credentials(settings: Settings, options: argparse.Namespace) -> int:
    from app.cli.credentials import import_file

    return import_file(settings, options.file, skip_bad=options.skip_bad)


def _reindex(settings: Settings, _: argparse.Namespace) -> int:
    from app.cli.credentials import reindex

    return reindex(settings)


def _demo(settings: Settings, _: argparse.Namespace) -> int:
    from app.local.demo.main import run

    return run(settings, keep_serving=False)


def _up(settings: Settings, _: argparse.Namespace) -> int:
    from app.local.demo.main import run

    return run(settings, keep_serving=True)


def _config(settings: Settings, _: argparse.Namespace) -> int:
    from app.local.demo.settings_table import print_settings

    print_settings(settings)
    return 0


def _run(settings: Settings, options: argparse.Namespace, work: Callable[[Settings, asyncio.Event], Until]) -> int:
    import uvloop

    async def until_stopped() -> None:
        await work(settings, stop_event(with_stdin=options.while_stdin_open))

    _take_all_files()
    uvloop.run(until_stopped())
    return 0


def _take_all_files() -> None:
    """A shell allows some thousand open files where the system allows many more, and each client that waits is one."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = _FILES if most == resource.RLIM_INFINITY else min(most, _FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))


@contextmanager
def _importing() -> Iterator[None]:
    """Modules stay for good, so looking for garbage among them would only take a fifth of the start-up time, and the
    time of each collection after it."""
    gc.disable()
    yield
    gc.freeze()
    # What a request leaves behind is counted away at its end; cycles are few, so looking for them can be rarer.
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def _leave_out_rich() -> None:
    """structlog loads rich where it finds it, for tracebacks in colour: a tenth of a service's start-up time, and a
    service logs JSON."""
    sys.modules["rich"] = None  # type: ignore[assignment]  # what makes its import fail
