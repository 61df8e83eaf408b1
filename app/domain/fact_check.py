"""Whether a sentence says what a fact says, and nothing else.

A model's wordings have no end, so there is no list of lies here. What is known is the little that each kind of fact
says. A sentence passes where it makes each of the fact's claims once, in one of the ways known here, with the fact's
own figures and names in their order, and has beside that only words that claim nothing. Praise, promises, comparisons,
advice, negations and all that nobody thought of fail for that reason alone, and some honest sentences with them: the
plain sentence is never wrong.
"""

import re
from dataclasses import dataclass

from app.domain.result.summary import Fact, FactKind
from app.domain.sentence_skeleton import skeleton

_MOST_CHARACTERS = 400
# A sentence may be twice as long as the plain one, and a short one a little longer.
_ROOM = 40
_NARROW_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " "})
_PUNCTUATION = frozenset(",:;–—")

_Claims = tuple[tuple[re.Pattern[str], str], ...]


@dataclass(frozen=True)
class _Rule:
    """The claims of a kind of fact, found one after the other and put down by their capital names: those in `once` must
    be made exactly once, those in `some` at least once. `glue` are the words that may stand beside them."""

    claims: _Claims
    once: tuple[str, ...]
    glue: frozenset[str]
    some: tuple[str, ...] = ()
    never: re.Pattern[str] | None = None

    def passes(self, line: str) -> bool:
        for pattern, claim in self.claims:
            line = pattern.sub(claim, line)
        tokens = line.split()
        if tokens[-1:] != ["."] or (self.never and self.never.search(line)):
            return False
        known = self.glue | _PUNCTUATION | {*self.once, *self.some}
        return (
            all(token in known for token in tokens[:-1])
            and all(tokens.count(claim) == 1 for claim in self.once)
            and all(claim in tokens for claim in self.some)
        )


def tidy(text: str) -> str:
    """The sentence with plain spaces, and none around it."""
    return text.translate(_NARROW_SPACES).strip(" ")


def says_the_same(text: str, fact: Fact) -> bool:
    """Whether the (tidy) sentence says what the fact says: every figure and name of it, in the same order, all of its
    claims, and nothing else."""
    if len(text) > min(2 * len(fact.text) + _ROOM, _MOST_CHARACTERS) or (text[:1].islower() and not _named(text, fact)):
        return False
    told, plain = skeleton(text, fact.names), skeleton(fact.text, fact.names)
    if told is None or plain is None or (told.figures, told.shares) != (plain.figures, plain.shares):
        return False
    return _rule(fact, plain.line).passes(told.line)


def _named(text: str, fact: Fact) -> bool:
    return text.startswith(fact.names) if fact.names else False


def _rule(fact: Fact, plain: str) -> _Rule:
    if fact.kind is not FactKind.PART:
        return _RULES[fact.kind]
    return next(rule for name, rule in _PARTS.items() if f" {name} " in f" {plain} ")


def _claims(*claims: tuple[str, str]) -> _Claims:
    return tuple((re.compile(rf"(?<!\S)(?:{pattern})(?!\S)"), claim) for pattern, claim in claims)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_POSSIBLE = "(?:possible|available)"
_POINTS = _claims(
    (
        rf"# (?:points )?(?:out )?of (?:the |a )?(?:total of )?(?:{_POSSIBLE} )?#(?: {_POSSIBLE})?(?: points)?",
        "RATIO",
    ),
    (r"\( RATIO \)", "RATIO"),
    (r"(?:comes|amounts|adds up) to", "is"),
    (r"\(#%\)", "SHARE"),
    (r", (?:or|which is|which makes|that is|that's|equal to) #%(?= [,.:;–—])", ", SHARE"),
    (rf"#%(?: of (?:the |all )?(?:{_POSSIBLE} )?points| overall)?(?= (?:[,.:;–—]|RATIO))", "SHARE"),
)
_POINTS_GLUE = _words(
    "you your you've have has earned got scored gained received collected reached achieved makes score result points in"
    " the a of for with this that which is are was were been and answers at by stands as from"
)
_ALL_POINTS = _Rule(_POINTS, ("RATIO", "SHARE"), _POINTS_GLUE | _words("total overall altogether together assessment"))


def _points_of(part: str) -> _Rule:
    """The points of one part, which has to be named; without its name they would be those of the whole."""
    glue = _POINTS_GLUE | _words("part section questions question on")
    return _Rule((*_POINTS, *_claims((part, "PART"))), ("RATIO", "SHARE", "PART"), glue)


_PARTS = {
    "theory": _points_of("theory|theoretical"),
    "profile": _points_of("profile"),
    "essay": _points_of("essays?"),
}

_QUESTIONS = ("# (?:of (?:your|the|these) )?questions?", "N")
# Who has missed what earned nothing must stay clear: "you earned no points" would be about everything.
_UNANSWERED = _Rule(
    _claims(
        _QUESTIONS,
        (
            "(?:left|leave) N (?:unanswered|without (?:an answer|answers))|(?:did not|didn't) answer N"
            "|(?:gave|there (?:was|were|is)) no answers? (?:to|for|on) N|no answers? (?:was|were) given (?:to|for) N",
            "MISSED BY-YOU",
        ),
        (
            "N (?:that )?(?:you )?(?:left unanswered|did not answer|didn't answer)"
            "|N (?:had|has|have|received) no answers?"
            "|N (?:went|remained|stayed|(?:was|were) left)? ?without (?:an answer|answers|any answers?)"
            "|N (?:was|were|is|are|remained|stayed)? ?(?:left )?(?:unanswered|not answered)",
            "MISSED",
        ),
        (
            "(?:earned|got|brought|gave|received|have|has|had) (?:you )?(?:no points?|nothing)"
            "|(?:did not|didn't|do not|does not) earn (?:any )?points?|no points were earned"
            "|(?:are|were) without points",
            "NOTHING",
        ),
        (
            "BY-YOU (?:, )?(?:and )?(?:so )?(?:which|that|they|these|those|it|this) (?:have |has )?NOTHING",
            "NOTHING",
        ),
        ("BY-YOU (?:, )?(?:and |so )?(?:you )?NOTHING for (?:them|these|those|it|that|this)", "NOTHING"),
    ),
    ("MISSED", "NOTHING"),
    _words("you your and so which that they it these this those have has therefore the"),
    never=re.compile("you (?:have |therefore )?NOTHING|NOTHING (?:for|in|at)"),
)
_UNSCORED = _Rule(
    _claims(
        ("# (?:of (?:your|the|these) )?essays?", "N"),
        (
            "N (?:could not|couldn't|cannot|can't) be (?:scored|given a score)|N (?:has|have|got|received) no score"
            "|N (?:was|were|is|are|remains?|remained|stays?|stayed|went|has been|have been) (?:unscored|not scored)",
            "UNSCORED",
        ),
        ("neither for (?:you )?nor against you|neither against (?:you )?nor for you", "NEITHER"),
    ),
    ("UNSCORED", "NEITHER"),
    _words("which that it they and this so counts count counted counting is are was were the your in total result"),
)
_BY_PEOPLE = _Rule(
    _claims(
        _QUESTIONS,
        (
            "N (?:was|were|has been|have been) (?:scored|graded|marked) by a (?:person|human)"
            "|a (?:person|human) (?:has )?(?:scored|graded|marked) N",
            "SCORED",
        ),
        (
            "(?:whose|their|this|that|that person's|this person's|the person's) (?:scores?|grades?)"
            " (?:counts?|(?:is|are) what counts)",
            "COUNTS",
        ),
    ),
    ("SCORED", "COUNTS"),
    _words("and so it is here"),
)

_LIST = (
    ("@ (?:at |with |, )?(?:#%|[(]#%[)])", "SKILL"),
    ("SKILL(?: (?:, and|, followed by|followed by|, then|as well as|,|;|and) SKILL)*", "LIST"),
)
_LISTED_GLUE = _words(
    "you your you've have is are was were in of on with the here these this that which where what assessment skill"
    " skills area areas topics there there's for"
)
# Words that say nothing here but much elsewhere.
_FILLING = (("MOST lies? in", "MOST in"), ("so far", "here"))
_GROW = "(?:gain|learn|grow|improve|improvement|growth)"
_STRENGTHS = _Rule(
    _claims(
        *_LIST,
        (
            "(?:showed|shown|show|demonstrated) (?:the )?most|(?:did|done) (?:the )?best"
            "|your (?:strongest|best) (?:skills?|areas?|results?|topics?)|strongest|your strengths?"
            "|your strong points?",
            "MOST",
        ),
        *_FILLING,
    ),
    ("LIST", "MOST"),
    _LISTED_GLUE,
)
_GAPS = _Rule(
    _claims(
        *_LIST,
        (
            f"(?:the )?most (?:room )?(?:to|for) {_GROW}|(?:can|could) {_GROW} (?:the )?most"
            f"|(?:the |your )?(?:biggest|widest|largest|greatest) (?:gaps?|room (?:to|for) {_GROW})",
            "MOST",
        ),
        *_FILLING,
    ),
    ("LIST", "MOST"),
    _LISTED_GLUE | _words("offer offers leave leaves"),
)
_ADVICE = _Rule(
    _claims(
        ("@ (?:, )?(?:offered |provided )?(?:by|from) @", "OFFER"),
        (
            "(?:good |possible |sensible |suitable )?next step|(?:worth )?(?:consider|considering)"
            "|worth a look|(?:take a |have a )?look at|(?:could|can|might|may) (?:earn|take|try)|try"
            "|to (?:earn|take|try) next",
            "STEP",
        ),
        ("to (?:go on|go further|continue|move on) ,", "STEP"),
    ),
    ("OFFER",),
    _words("a an your you is be would could might may can as the for this that it credential next to from here"),
    some=("STEP",),
)
_RULES = {
    FactKind.TOTAL: _ALL_POINTS,
    FactKind.UNANSWERED: _UNANSWERED,
    FactKind.UNSCORED: _UNSCORED,
    FactKind.SCORED_BY_PEOPLE: _BY_PEOPLE,
    FactKind.STRENGTHS: _STRENGTHS,
    FactKind.GAPS: _GAPS,
    FactKind.ADVICE: _ADVICE,
}
