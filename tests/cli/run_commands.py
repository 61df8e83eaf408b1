"""Runs many commands in this one process: standard input has a JSON list of arguments and settings of each, standard
output gets a JSON list of what each has printed and logged. Starting a process for each would take minutes."""

import io
import json
import os
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout

from app.cli.main import main


def run(arguments: list[str], settings: dict[str, str]) -> str:
    """What the command prints and logs, with the traceback of an error that it does not handle."""
    os.environ.update(settings)
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        try:
            main(arguments)
        except SystemExit:
            pass
        except Exception:
            traceback.print_exc()
    for name in settings:
        del os.environ[name]
    return output.getvalue()


if __name__ == "__main__":
    json.dump([run(arguments, settings) for arguments, settings in json.load(sys.stdin)], sys.stdout)
