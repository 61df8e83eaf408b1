"""Prints all settings with their value, default and meaning; secrets and passwords are masked.

reads   the environment
writes  nothing
needs   no servers
"""

import argparse
import re
import sys
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.settings import Settings

_WIDTH_WITHOUT_TERMINAL = 140


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(run=_print_settings)


def _print_settings(settings: Settings, _: argparse.Namespace) -> int:
    table = Table("setting", "value", "meaning", box=None, pad_edge=False)
    for name, field in Settings.model_fields.items():
        value = _without_password(_plain(getattr(settings, name)))
        default = _plain(field.get_default(call_default_factory=True)) or "none"
        is_set = name in settings.model_fields_set
        shown = f"{value} (default {default})" if is_set else f"{default} (default)"
        table.add_row(Text(name.upper(), no_wrap=True), Text(shown), Text(field.description or ""))
    Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL).print(table)
    return 0


def _without_password(value: str) -> str:
    value = re.sub(r"(?<=://)\S+(?=@)", "****", value)
    return re.sub(r"(?i)([\w-]*(?:key|token|secret|sig|password)[\w-]*=)[^&\s]+", r"\1****", value)


def _plain(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, list):
        return ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
    if isinstance(value, dict) and all(isinstance(part, str) for part in value.values()):
        return "&".join(f"{name}={part}" for name, part in value.items())
    return "" if value is None else str(value)
