"""The report of the benchmark: what was measured of Assay, beside limits measured in the same run."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Measurement:
    """One figure of Assay. `limits` are the same task done in other ways, in the same unit; `ratio` compares `value` to
    the tightest of them; `met` is None where there is no target."""

    part: str
    name: str
    unit: str
    value: float
    limits: Mapping[str, float]
    ratio: float | None
    target: str
    met: bool | None
    note: str = ""


def at_least(
    part: str, name: str, value: float, limits: Mapping[str, float], share: float | None, note: str = ""
) -> Measurement:
    """A rate per second, where more is better; the target is a share of the smallest limit."""
    ratio = value / min(limits.values())
    target, met = ("", None) if share is None else (f"≥ {share:g} × the smallest limit", ratio >= share)
    return Measurement(part, name, "/s", value, limits, ratio, target, met, note)


def at_most(
    part: str, name: str, unit: str, value: float, limits: Mapping[str, float], maximum: float | None, note: str = ""
) -> Measurement:
    """A cost, where less is better; the target is an absolute number."""
    ratio = value / min(limits.values()) if limits and min(limits.values()) else None
    target, met = ("", None) if maximum is None else (f"< {maximum:g} {unit}", value < maximum)
    return Measurement(part, name, unit, value, limits, ratio, target, met, note)


def ratio_at_most(
    part: str, name: str, unit: str, value: float, limits: Mapping[str, float], maximum: float, note: str = ""
) -> Measurement:
    """A cost, where less is better; the target is a multiple of the smallest limit."""
    ratio = value / min(limits.values())
    target = f"≤ {maximum:g} × the smallest limit"
    return Measurement(part, name, unit, value, limits, ratio, target, ratio <= maximum, note)


def print_report(measurements: Iterable[Measurement], notes: Iterable[str], console: Console) -> None:
    """Prints all measurements as one table, and below it the notes needed to read it."""
    table = Table(title="Assay beside limits measured in the same run")
    for name in ("part", "measured", "Assay", "limits", "ratio", "target", "met"):
        table.add_column(name, justify="right" if name in ("Assay", "ratio") else "left", overflow="fold")
    part = ""
    for measurement in measurements:
        if part and measurement.part != part:
            table.add_section()
        table.add_row(measurement.part if measurement.part != part else "", *_cells(measurement))
        part = measurement.part
    console.print(table)
    for note in notes:
        console.print(f"- {note}", highlight=False)


def as_json(measurements: Iterable[Measurement]) -> list[dict[str, object]]:
    """The measurements as plain values for a JSON file."""
    return [asdict(measurement) for measurement in measurements]


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest of the values that is not exceeded by this percentage of them."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]


def _cells(measurement: Measurement) -> tuple[str, ...]:
    limits = "\n".join(f"{name}: {_number(value)}" for name, value in measurement.limits.items())
    name = f"{measurement.name}\n[dim]{measurement.note}[/dim]" if measurement.note else measurement.name
    ratio = "" if measurement.ratio is None else f"{measurement.ratio:.2g} ×"
    met = {None: "", True: "[green]yes[/green]", False: "[bold red]NO[/bold red]"}[measurement.met]
    return name, f"{_number(measurement.value)} {measurement.unit}", limits, ratio, measurement.target, met


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
