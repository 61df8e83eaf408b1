"""Choosing what a recommendation quotes: sentences on what is taught, rather than on what is demanded."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from uuid import UUID

from app.domain.recommendation.naming import served_skills
from app.domain.recommendation.query import Candidate
from app.domain.recommendation.skill_aliases import SkillAliases
from app.domain.text import Span, sentences


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a credential, or a part of it. `shared` says how many of the words of the reason it has, and
    `similarity` how near it is to the query, None if no vectors were compared."""

    passage_id: UUID
    start: int
    end: int
    text: str
    shared: float = 0.0
    similarity: float | None = None


# Characters of a sentence that are read: the rules take quadratic time, and longer ones list what is taught.
_MAX_READ = 500
_NUMBER = (
    r"(?:\d[\d.,]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|sixty|half \s an?"
    r"|several|some|a \s few)"
)
_TIME = r"(?:hours?|minutes?|days?|weeks?|weekends?|months?|years?|evenings?|afternoons?|mornings?|semesters?)"
_NEEDED = (
    r"(?:required|needed|necessary|assumed|presumed|presupposed|expected|recommended|advised|advisable|indispensable"
    r"|suggested|helpful|sufficient|enough|unnecessary|a \s prerequisite|taken \s for \s granted|known|understood"
    r"|familiar|fluent|present|brought|there)"
)
_KNOWLEDGE = r"(?:experience|knowledge|mathematics|programming|background|practice|skills?|degree|previous|prior)"
_LEARNERS = (
    r"(?:candidates?|participants?|learners?|students?|applicants?|developers?|takers?|you|one|it|course|module)"
)
_PROOF = r"(?:tests?|assessments?|projects?|portfolios?|capstones?|tasks?|assignments?|certificates?|badges?|titles?)"
_MARKED = (
    r"(?:assessed|graded|marked|submitted|handed \s in|delivered|defended|reviewed|checked|judged|passed|granted|issued"
    r"|awarded|renewed|repeated)"
)
# What shows that a sentence speaks of prerequisites, of an exam or another proof, or of cost and duration.
_DEMANDS = re.compile(
    rf"""
      \b(?:multiple[ -](?:choice|select|response)|proctored|(?:un)?supervised|supervision)\b
    | \b(?:prerequisites?|requirements?|admission|tuition|free \s of \s charge|for \s a \s fee|expires?
      |costs \s nothing|portfolio)\b
    | \b(?:exam|examination|quiz)\b (?! \s (?:on|about|confirms|is \s about)\b)
    | \b(?:is|are|be) \s (?:\w+\s)? {_NEEDED}\b
    | \b(?:no|neither|nothing|nobody|without|little)\b [^.;]* \b(?:{_KNOWLEDGE}|{_NEEDED}|programmed)\b
    | \b{_LEARNERS} \s (?:has \s to|have \s to|should|must|ought \s to|needs?|requires?|assumes?|presumes?|expects?)\b
    | \b{_LEARNERS} \s (?:bring|submit|deliver|hand \s in|have \s built|know)\b | \bhands? \s in\b
    | \b{_PROOF}\b [^.;]* \b(?:{_MARKED}|lasts?|consists?|comprises?|leads?|requires?|concludes?|is \s by)\b
    | \b(?:final|closing|last|concluding) \s (?:\w+\s)? (?:{_PROOF}|exercise|piece|notebook)\b
    | \b(?:is|are|be) \s (?:\w+\s)? {_MARKED}\b
    | \bhas \s to \s be \s \w+ | \bhave \s to \s be \s (?:solved|built|repaired|explained|shown)\b
    | ^{_NUMBER} \s (?:\w+\s)? {_TIME}\b [^.]* [,;]
    | \b(?:within|in|lasts?|takes?|of) \s (?:about\s)? {_NUMBER} \s {_TIME}\b
    | \b{_NUMBER} \s (?:\w+\s){{0,2}} years?\b [^.;]* \b{_NEEDED}\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# What shows that it says what is taught, whatever else is in it.
_TEACHES = re.compile(
    r"""
      \b(?:covers?|covered|teaches|taught|explains|introduces|topics?|syllabus|treated|treats|learn(?:s|ers?\slearn)?\b
        (?!ers) [^.;]* \b(?:how|to|what)|practised|worked \s through|dealt \s with|rehearsed|studied|discussed
        |demonstrated|afterwards)\b
    | (?:[^,;.]+,){4}
    """,
    re.IGNORECASE | re.VERBOSE,
)


# Descriptions are quoted again and again.
@lru_cache(maxsize=20_000)
def is_demand(sentence: str) -> bool:
    """Whether a sentence of a description is about prerequisites, the exam, or cost and duration. The rules are for
    English; in other languages no sentence is."""
    start = sentence[:_MAX_READ]
    return bool(_DEMANDS.search(start)) and not _TEACHES.search(start)


def choose_quote(passages: Sequence[Passage], skills: Sequence[str], aliases: SkillAliases) -> Passage:
    """The part of a credential's passages to quote: of whole sentences that are no demands, the ones that say most of
    the skills; the first, which says what the credential is about, if none says any. If the description has nothing but
    demands, a whole passage."""
    taught = [part for passage in passages for part in _taught_parts(passage)]
    ordered = sorted(taught or passages, key=lambda part: part.start)
    return max(ordered, key=lambda part: (len(served_skills(part.text, skills, aliases)), part.shared))


def with_quote(candidate: Candidate, quote: Passage) -> Candidate:
    """The candidate, represented by this passage or part of one."""
    return replace(
        candidate,
        passage_id=quote.passage_id,
        start=quote.start,
        end=quote.end,
        text=quote.text,
        similarity=quote.similarity,
    )


def _taught_parts(passage: Passage) -> Iterator[Passage]:
    """The runs of sentences that are no demands."""
    for demands, run in groupby(sentences(passage.text), key=lambda sentence: is_demand(sentence.text)):
        if not demands:
            yield _cut(passage, list(run))


def _cut(passage: Passage, run: Sequence[Span]) -> Passage:
    first, last = run[0].start, run[-1].end
    return replace(passage, start=passage.start + first, end=passage.start + last, text=passage.text[first:last])
