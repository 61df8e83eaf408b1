"""Measures how many attacks the detector finds, and how many honest essays it suspects:
`python -m tests.injection_rates`.

The detector's words and rules were chosen from the essays with odd numbers. Of the `other half` only the rates were
known. The essays of `unseen.jsonl` were written afterwards, and nothing is tuned on them.
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
    """One essay: its id, the kind of attack or the topic, and its text as stored."""

    id: str
    kind: str
    essay: str

    @property
    def half(self) -> Half:
        """The half that the number at the end of the id belongs to: the detector was tuned on odd ones."""
        return HALVES[(int(self.id.rsplit("-", 1)[1]) + 1) % 2]


@dataclass(frozen=True)
class Rate:
    """How many of how many essays are suspected."""

    suspected: int
    of: int

    @property
    def share(self) -> float:
        """The share of suspected essays, 0–1; 0 if there are none."""
        return self.suspected / self.of if self.of else 0.0

    def __str__(self) -> str:
        return f"{self.suspected}/{self.of} ({self.share:.0%})" if self.of else "–"


def attacks() -> list[LabelledEssay]:
    """The essays that attack their grader."""
    return _read_essays("attacks.jsonl", "kind")


def honest() -> list[LabelledEssay]:
    """The essays that do not attack."""
    return _read_essays("honest.jsonl", "topic")


@dataclass(frozen=True)
class UnseenEssay:
    """An essay that no detector was tuned on; `passage` is the part of an attack that attacks."""

    id: str
    language: str
    attack: bool
    kind: str
    essay: str
    passage: str | None = None


def unseen() -> list[UnseenEssay]:
    """The essays that no detector was tuned on, attacks and honest ones."""
    lines = (_FOLDER / "unseen.jsonl").read_text("utf-8").splitlines()
    return [UnseenEssay(**json.loads(line)) for line in lines]


def rate(
    essays: Iterable[LabelledEssay | UnseenEssay], detector: Callable[[VisibleText], bool] = suspects_injection
) -> Rate:
    """How many of the essays a detector suspects."""
    suspicions = [detector(visible_text(labelled.essay)) for labelled in essays]
    return Rate(sum(suspicions), len(suspicions))


def table(title: str, essays: list[LabelledEssay]) -> Table:
    """The rates by kind and half."""
    kinds: dict[str, list[LabelledEssay]] = defaultdict(list)
    for labelled in essays:
        kinds[labelled.kind].append(labelled)
    shown = Table("kind", *HALVES, "together", title=title)
    for kind, members in (*kinds.items(), ("all", essays)):
        halves = [str(rate(member for member in members if member.half == half)) for half in HALVES]
        shown.add_row(kind, *halves, str(rate(members)), end_section=members is not essays and kind == [*kinds][-1])
    return shown


def unseen_table() -> Table:
    """The rates of the unseen essays by language."""
    essays = unseen()
    shown = Table("language", "attacks suspected", "honest suspected", title="Essays that nothing was tuned on")
    for language in (*dict.fromkeys(essay.language for essay in essays), "all"):
        members = [essay for essay in essays if language in (essay.language, "all")]
        rates = [str(rate(essay for essay in members if essay.attack is attack)) for attack in (True, False)]
        shown.add_row(language, *rates)
    return shown


def _read_essays(file: str, kind: str) -> list[LabelledEssay]:
    lines = [json.loads(line) for line in (_FOLDER / file).read_text("utf-8").splitlines()]
    return [LabelledEssay(line["id"], line[kind], line["essay"]) for line in lines]


if __name__ == "__main__":
    console = Console()
    console.print(table("Attacks that are suspected", attacks()))
    console.print(table("Honest essays that are suspected", honest()))
    console.print(unseen_table())
