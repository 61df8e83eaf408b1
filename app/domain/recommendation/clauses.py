"""Reading what students write: which of their words are wishes, which are refusals, and what they have already.

The rules are for English. Text in another language has no cues, so all of it is a wish.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from app.domain.recommendation.stance_cues import CUE, is_choice
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


_OR = re.compile(r"\b(?:or|nor)\b", re.IGNORECASE)
# "Our reports are boring" complains and refuses nothing, unlike "reports are boring" and "our reports bore me".
_OWN = re.compile(r"\b(?:our|my|me|us|i|we)\b", re.IGNORECASE)
_WORD = re.compile(r"\w+")
# Nothing but a pronoun, so the words before are meant.
_PRONOUN = re.compile(
    r"""\W*(?:(?:to|of|more|about)\W+)* (?:it|them|that|those|this|these|so|one
        |(?:the|that|this|my|its)\s(?:certificate|certification|badge|exam|course|one))?
        (?:\W+(?:aside|out|behind|alone|please|again|either|now|thanks|already|too|twice|once))*\W*""",
    re.IGNORECASE | re.VERBOSE,
)
# Words that say nothing alone: what is left of a sentence when its cue is cut out of it.
_GRAMMAR = frozenset(
    {
        "i", "we", "what", "that", "there", "can", "am", "are", "have", "had", "would", "will", "just", "and", "but",
        "so", "then", "the", "thing", "is", "it", "m", "d", "ve", "ll", "s",
    }
)  # fmt: skip


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
                elif _says_something(clause.words):
                    clauses.append(clause)
    return tuple(clauses)


def _read_sentence(sentence: str) -> Iterator[Clause]:
    stance, start = Stance.WANTED, 0
    for cue in CUE.finditer(sentence):
        before = sentence[start : cue.start()].strip()
        if _says_nothing(cue, sentence, before, stance):
            continue
        match cue.lastgroup:
            case "refuses" | "versus" | "holds":
                yield Clause(stance, before)
                stance = Stance.HELD if cue.lastgroup == "holds" else Stance.REFUSED
            case "refused" | "held":
                yield Clause(Stance.REFUSED if cue.lastgroup == "refused" else Stance.HELD, before)
                stance = Stance.WANTED
            case _:
                # What begins a wish, or a comma that ends a refusal.
                if _has_words(before) or stance is Stance.WANTED or cue.lastgroup == "resets":
                    yield Clause(stance, before)
                    stance = Stance.WANTED
        start = cue.end()
    yield Clause(stance, sentence[start:].strip())


def _says_nothing(cue: re.Match[str], sentence: str, before: str, stance: Stance) -> bool:
    """Whether the cue only looks like one where it stands."""
    match cue.lastgroup:
        case "harmless":
            return True
        case "versus":
            return not is_choice(sentence[: cue.end()], sentence[cue.end() :])
        case "refused":
            return bool(_OWN.search(before)) and not _OWN.search(cue.group())
        case "comma":
            # "What I don't need: HTTP" goes on.
            ends = stance is Stance.WANTED or not _has_words(before) or _ends_refusal(stance, sentence[cue.end() :])
            return not ends
        case _:
            return False


def _says_something(text: str) -> bool:
    return _has_words(text) and not _GRAMMAR.issuperset(_WORD.findall(text.casefold()))


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))


def _ends_refusal(stance: Stance, rest: str) -> bool:
    """ "No Java, PHP or Ruby" refuses all three; "not Tableau, Power BI" refuses one. What is held is listed."""
    return stance is Stance.REFUSED and not _OR.search(rest.partition(".")[0])
