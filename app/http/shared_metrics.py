"""Metrics that several processes keep in files of one folder, so that each can show those of all.

prometheus_client offers this for processes that are known by their ids, and then has more files with each restart. Here
a process is known by its number: the one that replaces it goes on counting in its file. That needs a name of the
library that is not documented; a test fails when an upgrade changes it.
"""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector


def keep_metrics_in(folder: Path, number: int) -> bool:
    """Has the metrics that are made from now on kept in the folder. Returns whether an earlier process with this number
    kept its own there."""
    restarted = (folder / f"counter_{number}.db").exists()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: number)  # type: ignore[no-untyped-call]
    return restarted


def show_metrics_of_all(folder: Path, registry: CollectorRegistry) -> None:
    """Adds the metrics in the folder to those that the registry shows."""
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
