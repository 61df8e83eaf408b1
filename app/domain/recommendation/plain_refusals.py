"""Refusals without a name: "not in the browser", "nothing with children", "no vendor's product".

A refused thing is compared by its telling words, all of which have to be what a credential is about. Words that say how
a course is held and not what it is about tell nothing, nor does a thing that the student wants elsewhere.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from app.domain.recommendation.query import Candidate
from app.domain.recommendation.student import Student, refuses_level
from app.domain.recommendation.word_forms import fold
from app.domain.states import Level
from app.domain.text import first_sentence

_ITEMS = re.compile(r"[,;:.]|\band\b|\bor\b|\bnor\b|/(?!\w\b)")
_UNTELLING = frozenset(
    form
    for text in (
        "a an the my our your their his her its this that these those some any all every each no not one two "
        "three of in on at by for from to with about around into onto over under through as like such than then "
        "there here when where which who whom what how why if is are was were be been being am do does did doing "
        "done have has had having can could will would shall should may might must i me we us you he she it they "
        "them myself ourselves so too very really quite just only also again even ever never still already more "
        "most much many less few other another else anything something everything nothing someone anyone people "
        "person get got go going come make making take taking give given use used using work working learn "
        "learning study studying teach taught see seen look want need like become becoming sit touch run running "
        "deal thing stuff side part kind sort type bit lot way topic subject matter area field world time day "
        "week month year hour long short big small new old good bad hard easy heavy pure mere course class lesson "
        "lecture training programme program certificate certification certified exam test quiz grade degree "
        "diploma badge module seminar workshop video book reading essay homework project group team practice "
        "practical theory theoretical basic beginner beginners introduction introductory intro elementary "
        "advanced level foundation fundamental online remote live self certain whole entire general specific pay "
        "money cost price free euro dollar multiple choice question answer english school term once more please "
        "thanks yet now job career"
    ,)
    for form in fold(text)
)  # fmt: skip
# What makes another word of the same family, after a word of some length: "finance" and "financial".
_FAMILY = re.compile(
    r"(?:(?:i?al|at|ator|at?ion|ator|er|or|ist|ian|ic|ment|ity|ly|y|iz|ing|iv|abl|ful|ism|r|t)(?:s|ly|al)?)?$"
)
_STEM = 5
# Words for one thing, as far as people refuse it by either.
_SAME_THING = tuple(
    frozenset(form for word in line.split() for form in fold(word))
    for line in (
        "website websites web online internet", "hacking hack penetration", "advertising adverts marketing",
        "child children kid kids pupil", "finance financial accounting bookkeeping", "map maps cartography geographic",
        "law legal compliance", "maths math mathematics",
    )
)  # fmt: skip
# A thing that more than this share of the candidates begin with is what they have in common.
_COMMON = 0.25
_VENDOR = re.compile(
    r"""\b(?:vendor|manufacturer|supplier)s?\b | \bproprietary\b
      | \b(?:product|certificate|certification|tool|exam|badge)s?\b .*
        \b(?:company|companies|corporations?|brands?|makers?|firms?)\b
      | \b(?:company|companies|corporation|brand|maker|firm)['’]?s?['’]? \s \w* \s?
        (?:product|certificate|certification|tool|exam|badge)s?\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Schools, and bodies that certify without a product of their own.
_EDUCATOR = re.compile(
    r"""academ|school|college|universit|institut|foundation|guild|society|association|council|centre|center|learning
      | \b(?:comptia|istqb|isaca|isc2|iiba|pmi|axelos|peoplecert|giac|bcs|dama|scrum\.org|linux)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_NEUTRAL = re.compile(r"\b(?:vendor|product|tool|supplier)[-\s](?:neutral|independent|agnostic)", re.IGNORECASE)
# "Vendor-neutral" is not about vendors, and "without downtime" not about downtime.
_ABSENT = re.compile(
    r"\b\w+-(?:neutral|independent|agnostic|free|specific)\b|\b(?:without|no|not|instead\s+of)\s+\w+", re.IGNORECASE
)


_Thing = tuple[frozenset[str], bool]
"""The telling words of something that is refused, and whether only courses for beginners on it are."""


class PlainRefusals:
    """What a student refuses without naming a skill or a credential."""

    def __init__(self, student: Student, passages: Sequence[Candidate]) -> None:
        """`passages` are all that a search found: what is common among them refuses none of them."""
        self._no_vendors = any(map(_VENDOR.search, student.refused))
        self._things = _things(student.refused, student.wishes)
        firsts = [passage for passage in passages if passage.start == 0] if self._things else []
        self._described = {passage.credential_id: _first_forms(passage.text) for passage in firsts}
        most = _COMMON * len(self._described)
        self._telling = {
            thing for thing in self._things if sum(_all_in(thing[0], text) for text in self._described.values()) <= most
        }

    def cover(self, candidate: Candidate) -> bool:
        """Whether the credential is about something that is refused, or a vendor's where no vendor is wanted."""
        if self._no_vendors and _is_of_vendor(candidate):
            return True
        return any(
            self._is_about(thing, candidate)
            for thing in self._things
            if not thing[1] or candidate.level == Level.BEGINNER
        )

    def _is_about(self, thing: _Thing, candidate: Candidate) -> bool:
        """By title and skills, or by the first sentence of the description, which says what a course is about."""
        subject = _subject(candidate.title, candidate.skills)
        described = self._described.get(candidate.credential_id, frozenset()) if thing in self._telling else frozenset()
        return _all_in(thing[0], subject | described)


def telling_forms(text: str) -> frozenset[str]:
    """The folded words of the text that say what something is about."""
    return frozenset(fold(text)) - _UNTELLING


@lru_cache(maxsize=64)
def _things(refused: tuple[str, ...], wishes: tuple[str, ...]) -> tuple[_Thing, ...]:
    """Each thing that is refused, without what is wished for as well."""
    wanted = frozenset(form for wish in wishes for form in fold(wish))
    things = ((telling_forms(item), refuses_level(text)) for text in refused for item in _ITEMS.split(text))
    return tuple(thing for thing in dict.fromkeys(things) if thing[0] and not thing[0] <= wanted)


@lru_cache(maxsize=8_192)
def _subject(title: str, skills: tuple[str, ...]) -> frozenset[str]:
    return frozenset(form for text in (_ABSENT.sub(" ", title), *skills) for form in fold(text))


@lru_cache(maxsize=2_048)
def _first_forms(text: str) -> frozenset[str]:
    first = first_sentence(text)
    return frozenset(fold(_ABSENT.sub(" ", first.text))) if first else frozenset()


def _all_in(thing: frozenset[str], forms: frozenset[str]) -> bool:
    return all(_meant_by(word) & forms or any(_of_one_family(word, form) for form in forms) for word in thing)


@lru_cache(maxsize=1_024)
def _meant_by(word: str) -> frozenset[str]:
    return next((words for words in _SAME_THING if word in words), frozenset((word,)))


@lru_cache(maxsize=4_096)
def _of_one_family(word: str, form: str) -> bool:
    shorter, longer = sorted((word, form), key=len)
    start = len(shorter.removesuffix("or").removesuffix("ion").removesuffix("y"))
    return start >= _STEM and longer[:start] == shorter[:start] and bool(_FAMILY.match(longer, start))


def _is_of_vendor(candidate: Candidate) -> bool:
    """Whether the provider, or its initials, is in the title or a skill; schools and the like sell no products."""
    if _EDUCATOR.search(candidate.provider) or _NEUTRAL.search(candidate.text):
        return False
    initials = "".join(word[0] for word in candidate.provider.split()).casefold()
    names = (*fold(candidate.provider), *([initials] if len(initials) > 1 else []))
    return not _subject(candidate.title, candidate.skills).isdisjoint(names)
