"""Measures how many attacks are found without a language model, how many honest essays are suspected, and whether the
quotes are of the attacks: `python -m tests.injection_rates`.

The classifier is trained on `attacks.jsonl` and `honest.jsonl`; only the essays of `unseen.jsonl` show what it does
with others. With paths to files of answers, an object with `answer` on each line, it counts the suspected ones of them.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.clients.llm.embedder import Embedder
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.essay.score import Suspicion
from app.domain.essay.visible_text import visible_text
from app.services.essays.injection_check import check_injection

_FOLDER = Path(__file__).parent / "data" / "injection"


@dataclass(frozen=True)
class LabelledEssay:
    """One essay: its id, the kind of attack or the topic, its text as stored, and its language where the file says so.
    `passage` is the part of an attack that attacks, if it is not the whole."""

    id: str
    kind: str
    essay: str
    attack: bool
    language: str | None = None
    passage: str | None = None

    def is_quoted_by(self, suspicion: Suspicion) -> bool:
        """Whether the quote has something of the passage that attacks."""
        passage = self.passage or self.essay
        start = self.essay.index(passage)
        return suspicion.start < start + len(passage) and start < suspicion.end


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
    """The essays that attack their grader, of the training files."""
    return [
        LabelledEssay(line["id"], line["kind"], line["essay"], True, line.get("language"), line.get("passage"))
        for line in _lines("attacks.jsonl")
    ]


def honest() -> list[LabelledEssay]:
    """The essays of the training files that do not attack."""
    return [
        LabelledEssay(line["id"], line["topic"], line["essay"], False, line.get("language"))
        for line in _lines("honest.jsonl")
    ]


def unseen() -> list[LabelledEssay]:
    """Attacks and honest essays that nothing was trained on."""
    return [
        LabelledEssay(line["id"], line["kind"], line["essay"], line["attack"], line["language"], line.get("passage"))
        for line in _lines("unseen.jsonl")
    ]


async def suspicions(essays: Sequence[LabelledEssay], embedder: Embedder) -> dict[str, Suspicion]:
    """What the detector says of the essays that it suspects, by id."""
    found = [(each.id, await check_injection(embedder, visible_text(each.essay))) for each in essays]
    return {essay_id: suspicion for essay_id, suspicion in found if suspicion}


def rate(essays: Iterable[LabelledEssay], suspected: Iterable[str]) -> Rate:
    """How many of the essays are among the suspected ids."""
    ids = [each.id for each in essays]
    return Rate(len(set(suspected) & set(ids)), len(ids))


def table(essays: Sequence[LabelledEssay], suspected: Iterable[str], title: str) -> Table:
    """The rates of the essays by language."""
    shown = Table("language", "attacks suspected", "honest suspected", title=title)
    for language in (*dict.fromkeys(each.language for each in essays), "all"):
        members = [each for each in essays if language in (each.language, "all")]
        rates = (rate((each for each in members if each.attack is attack), suspected) for attack in (True, False))
        shown.add_row(language or "not named", *map(str, rates), end_section=language == essays[-1].language)
    return shown


def _lines(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (_FOLDER / file).read_text("utf-8").splitlines()]


def _answers(path: Path) -> list[LabelledEssay]:
    lines = path.read_text("utf-8").splitlines()
    return [LabelledEssay(str(number), "", json.loads(line)["answer"], False) for number, line in enumerate(lines)]


async def _print_rates(files: Sequence[str]) -> None:
    console, embedder = Console(), OfflineEmbedder()
    try:
        for title, essays in (("Unseen essays", unseen()), ("Trained on", attacks() + honest())):
            found = await suspicions(essays, embedder)
            console.print(table(essays, found, title))
            quoted = [each for each in essays if each.attack and each.id in found and each.is_quoted_by(found[each.id])]
            console.print(
                f"{len(quoted)} quotes are of the attack; cues: {dict(Counter(str(s.cue) for s in found.values()))}"
            )
        for path in files:
            answers = _answers(Path(path))
            console.print(f"{path}: {rate(answers, await suspicions(answers, embedder))} answers are suspected")
    finally:
        await embedder.close()


if __name__ == "__main__":
    asyncio.run(_print_rates(sys.argv[1:]))
