"""Other names of skills: catalogues, tracks and students seldom write a skill in the same words."""

import csv
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files

from app.domain.recommendation.word_forms import Forms, fold

DEFAULT_FILE = "skill_aliases.csv"

AliasPair = tuple[str, str]
"""Another name of a skill, and the skill."""


class SkillAliases:
    """Which names mean the same skill. Names are compared as `fold` does: without case, punctuation, plural, endings,
    and British or American spelling."""

    def __init__(self, pairs: Iterable[AliasPair]) -> None:
        """`pairs` of another name and its skill; all names of a skill mean the same."""
        names: dict[Forms, list[Forms]] = {}
        for alias, skill in pairs:
            names.setdefault(fold(skill), [fold(skill)]).append(fold(alias))
        self._table = {name: tuple(dict.fromkeys(group)) for group in names.values() for name in group}
        # Skills come again with each candidate of a search.
        self.names_of = lru_cache(maxsize=20_000)(self._names_of)

    def _names_of(self, skill: str) -> tuple[Forms, ...]:
        """The folded names of a skill, first that by which it was asked for."""
        own = fold(skill)
        return (own, *(name for name in self._table.get(own, ()) if name != own))

    def same_skill(self, first: str, second: str) -> bool:
        """Whether two names are of one skill."""
        return fold(first) in self.names_of(second)


@lru_cache(maxsize=4)
def aliases_of(pairs: tuple[AliasPair, ...]) -> SkillAliases:
    """The aliases with these pairs; the same object for the same pairs, so that what it has folded is kept."""
    return SkillAliases(pairs)


@cache
def default_pairs() -> tuple[AliasPair, ...]:
    """The pairs that count where nobody has imported a list."""
    text = files(__package__).joinpath(DEFAULT_FILE).read_text("utf-8")
    return tuple((row["alias"], row["skill"]) for row in csv.DictReader(text.splitlines()))


def default_aliases() -> SkillAliases:
    """The aliases that count where nobody has imported a list."""
    return aliases_of(default_pairs())


def pair_faults(pairs: Sequence[AliasPair]) -> dict[int, str]:
    """Why pairs cannot stand in a list together, by their places. A name means one skill, and a skill is not itself
    another name, so that it does not depend on the order what means the same."""
    faults: dict[int, str] = {}
    skill_of: dict[Forms, str] = {}
    skills = {fold(skill): skill for _, skill in pairs}
    for place, (alias, skill) in enumerate(pairs):
        name, meant = fold(alias), fold(skill)
        if not name or not meant:
            faults[place] = "a name has no letter and no digit"
        elif name == meant:
            faults[place] = f"{alias} and {skill} are compared as the same name already"
        elif fold(skill_of.setdefault(name, skill)) != meant:
            faults[place] = f"{alias} stands for {skill_of[name]} already"
        elif name in skills:
            faults[place] = f"{alias} is also a skill that other names stand for"
    return faults
