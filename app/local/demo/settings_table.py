"""The table that `assay config` prints."""

import re
import sys
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.settings import LATER, Settings


def print_settings(settings: Settings) -> None:
    """All settings with their value or default and their meaning; secrets masked, those in effect first."""
    table = Table("setting", "value", "meaning", box=None, pad_edge=False)
    for name, field in sorted(Settings.model_fields.items(), key=_in_effect_first):
        value, default = (
            _without_password(_plain(getattr(settings, name))),
            _plain(field.get_default(call_default_factory=True)),
        )
        given = name in settings.model_fields_set
        shown = f"{value} (default {default or 'none'})" if given else f"{default or 'none'} (default)"
        table.add_row(Text(name.upper(), no_wrap=True), Text(shown), Text(field.description or ""))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _in_effect_first(entry: tuple[str, FieldInfo]) -> bool:
    return (entry[1].description or "").startswith(LATER)


def _without_password(value: str) -> str:
    """Addresses may hold one, which nobody should read over a shoulder."""
    return re.sub(r"(?<=://)[^/@\s]+(?=@)", "****", value)


def _plain(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, list):
        return ",".join(f"{each:g}" if isinstance(each, float) else str(each) for each in value)
    return "" if value is None else str(value)
