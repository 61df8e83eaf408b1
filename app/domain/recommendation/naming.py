"""Whether a student's words name a credential: its skills, its title or parts of it, its code, or its provider."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from app.domain.recommendation.plain_refusals import telling_forms
from app.domain.recommendation.query import Candidate, RetrievalQuery
from app.domain.recommendation.skill_aliases import SkillAliases
from app.domain.recommendation.student import Student, refuses_level
from app.domain.recommendation.word_forms import Forms, contains, fold
from app.domain.states import Level
from app.domain.text import words

# Each is a part or a tool of the skill behind it. Who wants the part is served by the skill; who refuses the part does
# not refuse the skill. The sign = is between names of one part.
_PARTS = """
a/b testing = a/b tests = online experiments, experimentation
experiments, experimentation
excel, spreadsheets
google sheets, spreadsheets
charts, data visualisation
monitoring, observability
queues, messaging
event streams, messaging
databases, sql
docker, containers
data models, data modelling
warehouses, data modelling
presenting, storytelling
reporting tools, dashboards
coding, programming fundamentals
programming, programming fundamentals
"""
# Who does not want to program wants no programming language. By the words as they are, since "programme" has the same
# folded form as "programming".
_PROGRAMMING = re.compile(r"\b(?:programming|programmed|to\s+program|coding|code)\b", re.IGNORECASE)
_LANGUAGES = frozenset(
    fold(name)
    for name in (
        "programming fundamentals", "python", "r", "java", "javascript", "typescript", "go", "c", "c++", "c#", "rust",
        "php", "ruby", "kotlin", "swift", "scala",
    )
)  # fmt: skip
# Words of titles that say nothing about the subject.
_TITLE_WORDS = frozenset(
    form
    for text in (
        "certified certification certificate associate professional specialization specialist practitioner course "
        "exam credential program programme foundations fundamentals basics essentials beginners introduction "
        "first steps level student the a an of in for with and to on from your at by"
    ,)
    for form in fold(text)
)  # fmt: skip
# More words of titles that are nobody's name, for a person may write them with a capital.
_ROLES = frozenset(fold("developer engineer analyst administrator expert data web services design open academy school"))
# What people write around the name of something that they hold: "the SAS exam two years ago".
_FILLERS = frozenset(
    fold(
        "the a an my our your this in on at for with from certification certificate certified exam course "
        "credential i we have has had and both now just also thing one paid employer badge already last ago year "
        "years month months week weeks two three four five spring summer autumn winter"
    )
)
_BRACKETS = re.compile(r"\(([^)]*)\)")
_SEPARATORS = re.compile(r":\s|\s[–—-]\s")
_ITEMS = re.compile(r",|\band\b|\bor\b|/(?!\w\b)")
_CAPITAL = re.compile(r"[A-Z]")
# Single letters and short words that are names only with a capital: R, C, Go.
_SHORT_NAMES = frozenset({"r", "c", "go", "d"})
# Skills that are no verb: who wants to write tests does not want to become a writer.
_NO_VERBS = {fold("writing")[0]: frozenset({"writing", "writer", "writers"})}
# Texts whose reading is kept, and comparisons with skills: those of a few searches.
_TEXTS, _PAIRS = 256, 4_096


def is_refused(candidate: Candidate, query: RetrievalQuery) -> bool:
    """Whether the student does not want the credential, or holds it already."""
    student = query.student
    if student.refuses_basics and candidate.level == Level.BEGINNER:
        return True
    for refusal in student.refused:
        basics_only = refuses_level(refusal) and candidate.level != Level.BEGINNER
        if not basics_only and (
            refused_skills(refusal, student, candidate.skills, query.aliases)
            or _names_title(refusal, student, candidate)
        ):
            return True
    return any(
        _is_title(item, candidate) or _is_main_skill(item, candidate, query)
        for held in student.held
        for item in _items(held)
    )


def mentioned_skills(text: str, skills: Sequence[str], aliases: SkillAliases) -> tuple[str, ...]:
    """Those of the skills that the text names, by this or another name."""
    return tuple(skill for skill in skills if _names_skill(text, skill, aliases))


def unwanted_skills(text: str, skills: Sequence[str], aliases: SkillAliases) -> tuple[str, ...]:
    """Those of the skills that a refusal names, or of whose kind it names all: "no code" names each language."""
    kind = _kind_named_in(text)
    return tuple(skill for skill in skills if fold(skill) in kind or mentioned_skills(text, (skill,), aliases))


def refused_skills(refusal: str, student: Student, skills: Sequence[str], aliases: SkillAliases) -> tuple[str, ...]:
    """Those of the skills that the refusal names, except for those that the student wishes for and that the refusal
    narrows: who wants the cloud and "no certificate of a cloud company" refuses no cloud."""
    unwanted = unwanted_skills(refusal, skills, aliases)
    return tuple(skill for skill in unwanted if not _is_narrowed(refusal, skill, student, aliases))


def undesired_skills(skills: Sequence[str], student: Student, aliases: SkillAliases) -> tuple[str, ...]:
    """Those of the skills that the student refuses or has already."""
    refused = {skill for text in student.refused for skill in refused_skills(text, student, skills, aliases)}
    held = {skill for text in student.held for skill in unwanted_skills(text, skills, aliases)}
    return tuple(skill for skill in skills if skill in refused or skill in held)


def _is_narrowed(refusal: str, skill: str, student: Student, aliases: SkillAliases) -> bool:
    wanted = any(mentioned_skills(wish, (skill,), aliases) for wish in student.wishes)
    return wanted and bool(telling_forms(refusal) - {form for name in aliases.names_of(skill) for form in name})


def served_skills(text: str, skills: Sequence[str], aliases: SkillAliases) -> tuple[str, ...]:
    """Those of the skills that the text names, or of which it names a part or a tool."""
    return tuple(skill for skill in skills if _serves_skill(text, skill, aliases))


# Each candidate of a search is compared with the same few texts, and most of their skills come again. The caches are so
# small that words of students do not stay for long.
@lru_cache(maxsize=_PAIRS)
def _names_skill(text: str, skill: str, aliases: SkillAliases) -> bool:
    return any(_mentions(text, name) for name in aliases.names_of(skill))


@lru_cache(maxsize=_PAIRS)
def _serves_skill(text: str, skill: str, aliases: SkillAliases) -> bool:
    parts = _part_table().get(fold(skill), ())
    return _names_skill(text, skill, aliases) or any(_mentions(text, name) for name in parts)


@lru_cache(maxsize=20_000)
def title_forms(candidate_title: str) -> frozenset[str]:
    """The folded words of a title that say something about its subject."""
    return frozenset(fold(candidate_title)) - _TITLE_WORDS


@lru_cache(maxsize=1)
def _part_table() -> dict[Forms, tuple[Forms, ...]]:
    """The parts of each skill."""
    table: dict[Forms, tuple[Forms, ...]] = {}
    for names, skill in _named_parts():
        table[skill] = (*table.get(skill, ()), *names)
    return table


@lru_cache(maxsize=1)
def _named_parts() -> tuple[tuple[tuple[Forms, ...], Forms], ...]:
    """The names of each part, with its skill."""
    lines = [line.split(",") for line in _PARTS.strip().splitlines()]
    return tuple((tuple(map(fold, names.split("="))), fold(skill)) for names, skill in lines)


def _mentions(text: str, name: Forms) -> bool:
    if len(name) == 1 and name[0] in _SHORT_NAMES:
        return name[0].capitalize() in re.findall(r"[\w+#]+", text)
    if len(name) == 1 and name[0] in _NO_VERBS:
        return not _NO_VERBS[name[0]].isdisjoint(words(text))
    return contains(fold(text), name)


@lru_cache(maxsize=_TEXTS)
def _kind_named_in(text: str) -> frozenset[Forms]:
    return _LANGUAGES if _PROGRAMMING.search(text) else frozenset()


@lru_cache(maxsize=_TEXTS)
def _items(text: str) -> tuple[str, ...]:
    """The whole text, and the things that it lists."""
    return text, *_ITEMS.split(text)


@lru_cache(maxsize=_TEXTS)
def _parts_in(text: str) -> tuple[tuple[Forms, ...], ...]:
    """The names of each part of a skill that the text names."""
    forms = fold(text)
    return tuple(names for names, _ in _named_parts() if any(contains(forms, name) for name in names))


@lru_cache(maxsize=_TEXTS)
def _forms_in(texts: tuple[str, ...]) -> frozenset[str]:
    """The folded words of all the texts."""
    return frozenset(form for text in texts for form in fold(text))


@lru_cache(maxsize=_TEXTS)
def _named_forms(text: str) -> frozenset[str]:
    """The folded words that the student wrote as names: with a capital letter or a digit."""
    named = (word for word in re.findall(r"[^\s,;()]+", text) if _CAPITAL.search(word) or any(map(str.isdigit, word)))
    return frozenset(form for word in named for form in fold(word) if len(form) > 1)


def _names_title(text: str, student: Student, candidate: Candidate) -> bool:
    """Whether a name in the text, or a part of a skill, is in the title, or the name is the provider's, or the text is
    about this very credential. A name that is wished for as well needs more than itself."""
    title = (title_forms(candidate.title) | title_forms(candidate.provider)) - _ROLES
    named = _named_forms(text)
    if both := named & _forms_in(student.wishes):
        named = named - both if telling_forms(text) - both else named
    if named & title or any(variant <= _forms_in((text,)) for variant in _long_variants(candidate)):
        return True
    in_title = fold(candidate.title)
    return any(contains(in_title, name) for names in _parts_in(text) for name in names)


def _long_variants(candidate: Candidate) -> Iterator[frozenset[str]]:
    return (variant for variant in _title_variants(candidate.title, candidate.provider) if len(variant) > 1)


def _is_title(text: str, candidate: Candidate) -> bool:
    """Whether the text names this very credential: by its title, a telling part of it, its code or its only name."""
    forms = _forms_in((text,))
    if any(variant <= forms for variant in _title_variants(candidate.title, candidate.provider)):
        return True
    # "The ISTQB foundation exam": words such as "foundation" count where the title has them, too.
    names = forms - _FILLERS - (_TITLE_WORDS & frozenset(fold(candidate.title)))
    return len(names) == 1 and names <= _named_forms(text) & (title_forms(candidate.title) - _ROLES)


@lru_cache(maxsize=20_000)
def _title_variants(title: str, provider: str) -> frozenset[frozenset[str]]:
    return frozenset(variant for variant in _read_variants(title, provider) if variant)


def _read_variants(title: str, provider: str) -> Iterator[frozenset[str]]:
    plain = _BRACKETS.sub(" ", title)
    yield frozenset(fold(plain)) - _FILLERS
    whole = title_forms(plain)
    if len(whole) > 1:
        yield whole
    without_provider = whole - frozenset(fold(provider))
    if len(without_provider) > 1 or any("+" in form for form in without_provider):
        yield without_provider
    for part in (*_BRACKETS.findall(title), *_SEPARATORS.split(plain)):
        forms = title_forms(part)
        is_code = len(part.split()) == 1 and (part.isupper() or any(map(str.isdigit, part)))
        if is_code or len(forms) > 1:
            yield forms


def _is_main_skill(text: str, candidate: Candidate, query: RetrievalQuery) -> bool:
    """Whether the text is no more than a skill that is the credential's main subject, and that is no gap."""
    names = query.aliases.names_of(candidate.skills[0]) if candidate.skills else ()
    if any(fold(gap) in names for gap in query.gaps):
        return False
    return tuple(word for word in fold(text) if word not in _TITLE_WORDS) in names


def wanted_title_words(texts: Sequence[str], candidate: Candidate) -> frozenset[str]:
    """The telling words of the title that the texts have."""
    return (title_forms(candidate.title) - _ROLES) & _forms_in(tuple(texts))
