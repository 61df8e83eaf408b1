"""What the bench says: figures of ours beside limits that were measured in the same run."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Line:
    """One figure of ours. `limits` are the same thing done in other ways, in the same unit; `ratio` is ours to the
    tightest of them; `met` is None where nothing is aimed at."""

    part: str
    what: str
    unit: str
    ours: float
    limits: Mapping[str, float]
    ratio: float | None
    aim: str
    met: bool | None
    note: str = ""


def at_least(
    part: str, what: str, ours: float, limits: Mapping[str, float], share: float | None, note: str = ""
) -> Line:
    """Something a second, of which more is better; the aim is a share of the smallest limit."""
    ratio = ours / min(limits.values())
    aim, met = ("", None) if share is None else (f"≥ {share:g} × the smallest limit", ratio >= share)
    return Line(part, what, "/s", ours, limits, ratio, aim, met, note)


def at_most(
    part: str, what: str, unit: str, ours: float, limits: Mapping[str, float], most: float | None, note: str = ""
) -> Line:
    """Something of which less is better; the aim is a number of its own."""
    ratio = ours / min(limits.values()) if limits and min(limits.values()) else None
    aim, met = ("", None) if most is None else (f"< {most:g} {unit}", ours < most)
    return Line(part, what, unit, ours, limits, ratio, aim, met, note)


def ratio_at_most(
    part: str, what: str, unit: str, ours: float, limits: Mapping[str, float], most: float, note: str = ""
) -> Line:
    """Something of which less is better; the aim is a multiple of the smallest limit."""
    ratio = ours / min(limits.values())
    return Line(part, what, unit, ours, limits, ratio, f"≤ {most:g} × the smallest limit", ratio <= most, note)


def show(lines: Iterable[Line], notes: Iterable[str], console: Console) -> None:
    """Prints one table, and what has to be known to read it."""
    table = Table(title="Ours against limits measured in the same run")
    for name in ("part", "what", "ours", "limits", "ratio", "aim", "met"):
        table.add_column(name, justify="right" if name in ("ours", "ratio") else "left", overflow="fold")
    part = ""
    for line in lines:
        if part and line.part != part:
            table.add_section()
        table.add_row(line.part if line.part != part else "", *_cells(line))
        part = line.part
    console.print(table)
    for note in notes:
        console.print(f"- {note}", highlight=False)


def as_json(lines: Iterable[Line]) -> list[dict[str, object]]:
    """The lines for a file."""
    return [asdict(line) for line in lines]


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]


def _cells(line: Line) -> tuple[str, ...]:
    limits = "\n".join(f"{name}: {_number(value)}" for name, value in line.limits.items())
    what = f"{line.what}\n[dim]{line.note}[/dim]" if line.note else line.what
    ratio = "" if line.ratio is None else f"{line.ratio:.2g} ×"
    met = {None: "", True: "[green]yes[/green]", False: "[bold red]NO[/bold red]"}[line.met]
    return what, f"{_number(line.ours)} {line.unit}", limits, ratio, line.aim, met


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
