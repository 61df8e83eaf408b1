"""Reading what students write: which of their words are wishes, which are refusals, and what they have already.

The rules are for English. Text in another language has no cues, so all of it is a wish.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from app.domain.text import sentences


class Stance(StrEnum):
    """How a student stands to something: wants it, does not want it, or has it already."""

    WANTED = "wanted"
    REFUSED = "refused"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Clause:
    """Words of a student, cut from their answer as they are, with the stance in which they stand."""

    stance: Stance
    words: str


# Negations and the like that refuse nothing.
_HARMLESS = r"""
    \bnot \s (?:only|just|merely|sure|certain|yet|so \s much|bad|afraid|too|an? \s \w+(?:er|or|ist|yst|ian|ant)\b)
  | \bno \s (?:\w+ \s)? (?:experience|idea|clue|knowledge|problem|matter|background|doubt|time|one)\b
  | \bno \s longer \s (?:be|feel|have|depend)\b
  | \bnone\b | \bwithout \s (?:help|asking|calling|fear|problems?)\b
"""
_WANT = r"(?:want|wish|need|like|care|enjoy|plan|intend|prefer|fancy|expect)"
# What follows is refused.
_REFUSES = rf"""
    \b(?:do|does|did|would|will|should|shall) (?: \s not|n['’]?t) \s (?:really\s|even\s|ever\s|actually\s|also\s)*
      (?:{_WANT}|have \s to|do|take|touch|recommend|give|show|send|suggest|offer)\b (?: \s (?:to|for|about)\b)?
  | \bnever (?: \s (?:want|wish|like|touch|see|again)\b)+ (?: \s to\b)?
  | \b(?:no|nothing) \s (?:more|further|other|need|wish|desire|interest)\b (?: \s (?:of|for|to|in)\b)?
  | \bnothing\b (?: \s (?:on|with|about|in|from|by|to \s do \s with)\b)?
  | \b(?:instead|in \s place) \s of\b | \brather \s than\b | \b(?:rather|prefer(?:ably)?) \s not\b
  | \b(?:anything|everything|all) \s (?:but|except)\b | \bexcept (?: \s for)?\b | \bother \s than\b | \bapart \s from\b
  | \bwithout\b | \b(?:avoid|skip|exclud)(?:ing|e)?\b
  | \bleav(?:e|ing)\b (?= .* \b(?:behind|out|aside)\b) | \bleft\b (?=\s[A-Z])
  | \b(?:done|through) \s with\b | \b(?:tired|sick|weary) \s of\b | \bfed \s up \s with\b
  | \benough (?: \s of\b|\s(?=[A-Z]))
  | \bbored \s (?:of|with|by)\b | \b(?:hate|dislike|detest|loathe)d?\b | \bcan(?:no|['’]|\sno)?t \s stand\b
  | \b(?:do|does) (?: \s not|n['’]?t) \s think \s (?:that \s)? (?:i|we) \s (?:want|need)\b | \bneither\b
  | \bspare \s (?:me|us)\b | \bhad \s (?:my|our) \s fill \s of\b | \bmov(?:e|ed|ing) \s away \s from\b
  | \bnot \s (?:(?:at \s all|really|so|very|that|particularly|much) \s)*
      (?:interested|keen|fond|into|a \s fan|another|again|any)\b (?: \s (?:in|on|of)\b)?
  | (?: (?<=[,;:(–—-]\s) | (?<=[,;:(–—-]) | (?<=^) | (?<=\bbut\s) | (?<=\band\s) | (?<=\bor\s) | (?<=\bplease\s)
      | (?<=\bcertainly\s) | (?<=\bdefinitely\s) | (?<=\bpreferably\s)
      | (?<=\bmaybe\s) | (?<=\bjust\s) | (?<=\bwant\s) | (?<=\bwith\s) ) not?\b
"""
# What comes before is refused.
_REFUSED = r"""
    \b(?:is|are|was|were) (?: \s not|n['’]?t) \s
      (?:for \s (?:me|us)|what \s (?:i|we)\b (?:\s\w+)?
        |interesting|my \s \w+|our \s \w+|something \s (?:i|we)\b.*|needed|wanted)
  | \b(?:is|are) \s of \s no \s (?:interest|use)\b (?: \s (?:to|for) \s (?:me|us)\b)?
  | \b(?:can|may|has \s to|must) \s wait\b | \b(?:bores?|annoys?) \s (?:me|us)\b | ,? \s no,? \s thank(?:s|\s you)\b
"""
_FINISHED = r"(?:finished|completed|passed|done|taken|taught|attended|earned|obtained|acquired|gained|got|received)"
# What follows is held.
_HOLDS = rf"""
    \b(?:i|we) (?:['’]ve|\s have|\s had)? (?: \s (?:already|just|also|recently|even|successfully))*
      \s (?:{_FINISHED}|did|took|hold|own|have \s got)\b (?! \s (?:to|with|not|n['’]t)\b) (?: \s my\b)?
  | \b(?:i|we) \s already \s (?:have|know|use|master|hold|work \s with)\b
  | \balready \s (?:{_FINISHED}|have|hold|know|did|took)\b
  | (?<=^)(?:already\s)? (?:finished|completed|passed|done|taken|attended|earned|obtained|hold|holder \s of)\b
    (?! \s with\b)
  | \bhaving \s {_FINISHED}\b | \bbeen \s certified \s (?:in|as)\b | \bi \s have \s (?=an?\b.*\bcertificat)
  | \b(?:i|we) (?:['’]ve|\s have) \s already\b | \b(?:i['’]m|i \s am) \s already \s certified \s (?:in|as)\b
"""
# What comes before is held.
_HELD = rf"""
    [,(:–—-] \s? (?:already\s|i\s)? {_FINISHED}\b (?! \s with\b)
  | \b(?:i|we) \s (?:already\s)? (?:know|have|hold|had|did|passed|finished|took|use)
    \s (?:well|already|by \s heart|inside \s out)\b
  | \b(?:is|are) \s from \s (?:19|20)\d\d\b
  | \bis \s (?:already\s)? (?:done|behind \s me|in \s my \s pocket)\b
"""
# Here a wish begins again.
_RESETS = r"""
    [,;:–—] \s? (?:and\s|but\s|so\s|now\s|then\s)*
    (?=(?:i|we|i['’]d|i['’]m|we['’]d|my|our|rather|just|only|give|please|now|next|instead)\b)
  | ,? \s \b(?:but|however)\b (?: \s rather\b)? | , \s (?:so|yet|now|next)\b
  | \band \s (?=(?:i|we|i['’]d|i['’]m|would|want|need|am|now|prefer|rather|instead|then|only)\b)
  | \b(?:i|we) (?:['’]d|\s would)? \s (?:want|like|love|need|prefer|hope|wish|am \s looking)\b (?! \s no[tn]\b)
  | \bi['’]d \s rather \s (?!not\b)
"""
_CUE = re.compile(
    rf"""(?P<harmless>{_HARMLESS}) | (?P<refuses>{_REFUSES}) | (?P<refused>{_REFUSED}) | (?P<holds>{_HOLDS})
       | (?P<held>{_HELD}) | (?P<resets>{_RESETS}) | (?P<comma>[,;:])""",
    re.IGNORECASE | re.VERBOSE,
)
_OR = re.compile(r"\b(?:or|nor)\b", re.IGNORECASE)
# Nothing but a pronoun, so the words before are meant.
_PRONOUN = re.compile(r"\W*(?:(?:to|of|more)\W+)*(?:it|them|that|those|this|these|so)?\W*", re.IGNORECASE)


# A student's answers are read several times while a query is built; they do not stay for long.
@lru_cache(maxsize=64)
def read_clauses(text: str) -> tuple[Clause, ...]:
    """The clauses of an answer in their order, each with the stance of the student."""
    clauses: list[Clause] = []
    for sentence in sentences(text):
        for part in sentence.text.split(";"):
            for clause in _read_sentence(part.strip()):
                if clause.stance is not Stance.WANTED and _PRONOUN.fullmatch(clause.words):
                    if clauses:
                        clauses[-1] = Clause(clause.stance, clauses[-1].words)
                elif any(map(str.isalnum, clause.words)):
                    clauses.append(clause)
    return tuple(clauses)


def _read_sentence(sentence: str) -> Iterator[Clause]:
    stance, start = Stance.WANTED, 0
    for cue in _CUE.finditer(sentence):
        before = sentence[start : cue.start()].strip()
        match cue.lastgroup:
            case "refuses" | "holds":
                yield Clause(stance, before)
                stance = Stance.REFUSED if cue.lastgroup == "refuses" else Stance.HELD
            case "refused" | "held":
                yield Clause(Stance.REFUSED if cue.lastgroup == "refused" else Stance.HELD, before)
                stance = Stance.WANTED
            case "resets":
                yield Clause(stance, before)
                stance = Stance.WANTED
            case "comma" if stance is Stance.WANTED or _ends_refusal(stance, sentence[cue.end() :]):
                yield Clause(stance, before)
                stance = Stance.WANTED
            case _:
                continue
        start = cue.end()
    yield Clause(stance, sentence[start:].strip())


def _ends_refusal(stance: Stance, rest: str) -> bool:
    """ "No Java, PHP or Ruby" refuses all three; "not Tableau, Power BI" refuses one. What is held is listed."""
    return stance is Stance.REFUSED and not _OR.search(rest.partition(".")[0])
