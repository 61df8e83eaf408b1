"""What the reason for a recommendation claims: typed, made from what is known about the student, and checked against
it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.recommendation.naming import mentioned_skills, undesired_skills
from app.domain.recommendation.query import Candidate, RetrievalQuery
from app.domain.recommendation.skill_aliases import SkillAliases
from app.domain.recommendation.student import LevelSource

# Skills that a sentence of the reason names.
_MAX_NAMED = 3
# From this similarity on, a description is near to the query. Courses in botany, welding, cooking or Italian reach 0.26
# at most for students of the sample tracks; docs/retrieval.md says what the limit costs.
MIN_SIMILARITY = 0.3


class ClaimKind(StrEnum):
    """What a claim is about: a gap in theory, a wish, the goal, the track's skills, the description, or the level."""

    GAP = "gap"
    WISH = "wish"
    GOAL = "goal"
    TRACK = "track"
    NEAR = "near"
    WORDS = "words"
    LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that is said about a credential, with the skills that it names."""

    kind: ClaimKind
    skills: tuple[str, ...] = ()


def claims_for(candidate: Candidate, query: RetrievalQuery) -> tuple[Claim, ...]:
    """What can truly be said about the credential, most important first; never about what is refused or held."""
    return tuple(claim for claim in _claims(candidate, query) if _is_supported(claim, candidate, query))


def is_related(candidate: Candidate, query: RetrievalQuery, *, of_known_model: bool = True) -> bool:
    """Whether the credential is near enough in meaning to have to do with the student, whatever found it. Where no
    vectors were compared, it was found by words and so shares some. The threshold was set for the offline model: with
    vectors of another one, it is enough to close a gap or to fulfil a wish."""
    if candidate.similarity is None or candidate.similarity >= MIN_SIMILARITY:
        return True
    return not of_known_model and bool(_gaps(candidate, query) or _wishes(candidate, query))


def _claims(candidate: Candidate, query: RetrievalQuery) -> Iterator[Claim]:
    gaps, wishes = _gaps(candidate, query), _wishes(candidate, query)
    goals = _besides(_mentioned(query.student.goals, candidate, query), (*gaps, *wishes), query)
    for kind, skills in ((ClaimKind.GAP, gaps), (ClaimKind.WISH, wishes), (ClaimKind.GOAL, goals)):
        if skills:
            yield Claim(kind, skills[:_MAX_NAMED])
    if not (gaps or wishes or goals):
        shared = _allowed([skill for skill in query.skills if _has(candidate, skill, query.aliases)], query)
        if shared:
            yield Claim(ClaimKind.TRACK, shared[:_MAX_NAMED])
        else:
            yield Claim(ClaimKind.WORDS if candidate.similarity is None else ClaimKind.NEAR)
    if query.student.level_source is LevelSource.CHOSEN:
        yield Claim(ClaimKind.LEVEL)


def _is_supported(claim: Claim, candidate: Candidate, query: RetrievalQuery) -> bool:
    """Whether the claim has its source in what is known: a check that does not depend on how the claim was made."""
    student, aliases = query.student, query.aliases
    if claim.kind is ClaimKind.NEAR:
        return candidate.similarity is not None and candidate.similarity >= MIN_SIMILARITY
    if claim.kind is ClaimKind.LEVEL:
        return student.level is not None and student.level_source is LevelSource.CHOSEN
    sources = {
        ClaimKind.GAP: query.gaps, ClaimKind.TRACK: query.skills, ClaimKind.WISH: student.wishes,
        ClaimKind.GOAL: student.goals, ClaimKind.WORDS: (),
    }[claim.kind]  # fmt: skip
    return all(
        _has(candidate, skill, aliases)
        and any(aliases.same_skill(skill, source) or mentioned_skills(source, (skill,), aliases) for source in sources)
        and not undesired_skills((skill,), student, aliases)
        for skill in claim.skills
    )


def _gaps(candidate: Candidate, query: RetrievalQuery) -> tuple[str, ...]:
    return tuple(gap for gap in query.gaps if _has(candidate, gap, query.aliases))


def _wishes(candidate: Candidate, query: RetrievalQuery) -> tuple[str, ...]:
    """The skills that the student's wishes mention and that are not gaps."""
    return _besides(_mentioned(query.student.wishes, candidate, query), query.gaps, query)


def _mentioned(texts: Sequence[str], candidate: Candidate, query: RetrievalQuery) -> tuple[str, ...]:
    named = {skill for text in texts for skill in mentioned_skills(text, candidate.skills, query.aliases)}
    return _allowed([skill for skill in candidate.skills if skill in named], query)


def _allowed(skills: Sequence[str], query: RetrievalQuery) -> tuple[str, ...]:
    """Without those that the student refuses or has already."""
    undesired = undesired_skills(skills, query.student, query.aliases)
    return tuple(skill for skill in skills if skill not in undesired)


def _besides(skills: Sequence[str], others: Sequence[str], query: RetrievalQuery) -> tuple[str, ...]:
    return tuple(skill for skill in skills if not any(query.aliases.same_skill(skill, other) for other in others))


def _has(candidate: Candidate, skill: str, aliases: SkillAliases) -> bool:
    return any(aliases.same_skill(skill, other) for other in candidate.skills)
