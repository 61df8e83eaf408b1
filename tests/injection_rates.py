"""How many attacks the detector finds, and how many honest essays it suspects: `python -m tests.injection_rates`.

Words and rules were chosen by looking at the essays with odd numbers only. Of the `other half` only rates were seen.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from app.domain.essay.injection import suspects_injection
from app.domain.essay.visible_text import VisibleText, visible_text

_FOLDER = Path(__file__).parent / "data" / "injection"
Half = Literal["tuned on", "other half"]
HALVES: tuple[Half, Half] = ("tuned on", "other half")


@dataclass(frozen=True)
class LabelledEssay:
    """One essay of the set: its number, its kind or topic, and its text as saved."""

    id: str
    kind: str
    essay: str

    @property
    def half(self) -> Half:
        """By the number at the end of the id: odd ones were looked at."""
        return HALVES[(int(self.id.rsplit("-", 1)[1]) + 1) % 2]


@dataclass(frozen=True)
class Rate:
    """How many of how many were suspected."""

    suspected: int
    of: int

    @property
    def share(self) -> float:
        """0–1; 0 where there were none."""
        return self.suspected / self.of if self.of else 0.0

    def __str__(self) -> str:
        return f"{self.suspected}/{self.of} ({self.share:.0%})" if self.of else "–"


def attacks() -> list[LabelledEssay]:
    """The essays that attack, by kind of attack."""
    return _samples("attacks.jsonl", "kind")


def honest() -> list[LabelledEssay]:
    """The essays that do not, by topic."""
    return _samples("honest.jsonl", "topic")


def rate(samples: Iterable[LabelledEssay], detector: Callable[[VisibleText], bool] = suspects_injection) -> Rate:
    """How many of the samples a detector suspects."""
    found = [detector(visible_text(sample.essay)) for sample in samples]
    return Rate(sum(found), len(found))


def table(title: str, samples: list[LabelledEssay]) -> Table:
    """A line for each kind, with both halves."""
    kinds: dict[str, list[LabelledEssay]] = defaultdict(list)
    for sample in samples:
        kinds[sample.kind].append(sample)
    shown = Table("kind", *HALVES, "together", title=title)
    for kind, members in (*kinds.items(), ("all", samples)):
        halves = [str(rate(sample for sample in members if sample.half == half)) for half in HALVES]
        shown.add_row(kind, *halves, str(rate(members)), end_section=members is not samples and kind == [*kinds][-1])
    return shown


def _samples(file: str, kind: str) -> list[LabelledEssay]:
    lines = [json.loads(line) for line in (_FOLDER / file).read_text("utf-8").splitlines()]
    return [LabelledEssay(line["id"], line[kind], line["essay"]) for line in lines]


if __name__ == "__main__":
    console = Console()
    console.print(table("Attacks that are suspected", attacks()))
    console.print(table("Honest essays that are suspected", honest()))
