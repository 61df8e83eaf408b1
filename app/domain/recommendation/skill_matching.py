"""How far the skills of credentials are those of tracks, so that gaps lead to them."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from app.domain.recommendation.credentials import CredentialBody
from app.domain.recommendation.naming import served_skills
from app.domain.recommendation.skill_aliases import SkillAliases
from app.domain.recommendation.word_forms import Forms, fold

# Skills that a report names: those of most rows.
_REPORTED = 20
# How like the letters of two names must be, and the share of common words, to suggest one for the other.
_LIKE_LETTERS, _LIKE_WORDS = 0.75, 0.5


@dataclass(frozen=True, slots=True)
class UnknownSkill:
    """A skill that no track has, the number of rows that have it and share no skill with a track, and the nearest skill
    of a track, if one is near."""

    skill: str
    rows: int
    nearest: str | None


@dataclass(frozen=True, slots=True)
class SkillReport:
    """How many rows share a skill with a track, how many have skills and share none, how many have none, and the skills
    of those that share none, most frequent first."""

    sharing: int
    not_sharing: int
    without: int
    unknown: Sequence[UnknownSkill] = ()
    more_unknown: int = 0
    # False where no track has any skill yet, so that there is nothing to share.
    comparable: bool = True


class SkillMatcher:
    """Compares skills of credentials with those of tracks."""

    def __init__(self, known: Collection[str], aliases: SkillAliases) -> None:
        """`known` are the skills of tracks and their questions."""
        self._known = sorted(known)
        self._names = {name for skill in known for name in aliases.names_of(skill)}
        self._aliases = aliases
        self.nearest = lru_cache(maxsize=10_000)(self._nearest)

    @property
    def is_empty(self) -> bool:
        """Whether no track has any skill."""
        return not self._known

    def is_known(self, skill: str) -> bool:
        """Whether a track has the skill, by this or another name."""
        return fold(skill) in self._names

    def shares(self, skills: Sequence[str]) -> bool:
        """Whether a track has any of the skills."""
        return any(map(self.is_known, skills))

    def _nearest(self, text: str) -> str | None:
        """The skill of a track that the text names, also by a part of it, or else the one that is most like it."""
        if named := served_skills(text, self._known, self._aliases):
            return named[0]
        forms = fold(text)
        likeness, nearest = max(((_likeness(forms, fold(skill)), skill) for skill in self._known), default=(0.0, ""))
        return nearest if likeness else None


def report_skills(bodies: Sequence[CredentialBody], matcher: SkillMatcher) -> SkillReport:
    """How far the skills of these credentials are those of tracks."""
    if matcher.is_empty:
        return SkillReport(0, 0, 0, comparable=False)
    unmatched = [body for body in bodies if body.skills and not matcher.shares(body.skills)]
    without = sum(not body.skills for body in bodies)
    counts = Counter(skill for body in unmatched for skill in dict.fromkeys(body.skills))
    first = [UnknownSkill(skill, rows, matcher.nearest(skill)) for skill, rows in counts.most_common(_REPORTED)]
    sharing = len(bodies) - len(unmatched) - without
    return SkillReport(sharing, len(unmatched), without, first, max(0, len(counts) - _REPORTED))


def _likeness(first: Forms, second: Forms) -> float:
    """How like two names are, 0 if hardly; by their words or by their letters."""
    words = len(set(first) & set(second)) / max(1, len(set(first) | set(second)))
    if words >= _LIKE_WORDS:
        return words
    matcher = SequenceMatcher(None, " ".join(first), " ".join(second), autojunk=False)
    if matcher.real_quick_ratio() < _LIKE_LETTERS or matcher.quick_ratio() < _LIKE_LETTERS:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= _LIKE_LETTERS else 0.0
