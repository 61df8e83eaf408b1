"""Detects essays that try to influence their grader (prompt injection). A match is a suspicion for a person to look at.

A passage matches if it addresses a grader or gives an order, wants points, secrets or other rules, and names the
points, the instructions or the essay. An essay about such topics mostly does one or two of the three.
"""

import re

from app.domain.essay.injection.characters import hidden_texts, hides, mixes_scripts, splits_words
from app.domain.essay.injection.lexicon import plain
from app.domain.essay.injection.outputs import imitates_output
from app.domain.essay.injection.passages import mentions_of_attacks, passages
from app.domain.essay.injection.readings import decoded, joined, spelt, turned, unescaped
from app.domain.essay.injection.rules import matching_rules
from app.domain.essay.visible_text import VisibleText, visible_text

# An essay with so many different mentions of attacks is about attacks. Its quotes are then examples, and only cues
# that concern points count.
_MENTIONS = 2
_ON_POINTS = frozenset({"appeal", "authority", "demand", "output", "rubric"})
# Quotations, as of what somebody might write.
_QUOTES = r"\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|„[^“”\n]{1,400}[“”]|«[^»\n]{1,400}»"
_MENTIONED = re.compile(
    r"(\b(?:wrote|writes?|writing|written|contain(?:s|ed|ing)|sentences?|phrases?|like|such as|example|e\.g\.|words?"
    rf"|hides?|inserts?|named|called)(?: \w{{1,12}}){{0,4}}[ :,]{{1,3}})(?:{_QUOTES}|'[^'\n]{{1,400}}')"
)
# If less than this share of a text is outside quotation marks, the marks are ignored.
_UNQUOTED = 0.5
_QUOTED = re.compile(rf"{_QUOTES}|`[^`\n]{{1,400}}`")
# Characters that are looked at, so that no text takes long.
_LONGEST = 20_000


def suspects_injection(essay: VisibleText) -> bool:
    """Whether the essay seems to instruct, bribe, imitate or question its grader."""
    return bool(cues(essay))


def cues(essay: VisibleText) -> tuple[str, ...]:
    """The names of the cues that make the essay suspect, sorted; empty for an essay that is not."""
    if len(essay.original) > _LONGEST:
        essay = visible_text(essay.original[:_LONGEST])
    text = plain(unescaped(essay.text))[:_LONGEST]
    names = set(_in_words(text))
    names |= {"hidden_text"} if hides(essay.original) else set()
    names |= {"split_words"} if splits_words(essay.original) else set()
    names |= {"look_alikes"} if mixes_scripts(essay) else set()
    names |= {"joined_words"} if joined(text) else set()
    hidden = map(plain, (*hidden_texts(essay.original), *decoded(essay.text)))
    others = filter(None, (*hidden, *turned(text), spelt(text)))
    names |= {"encoded"} if any(_in_secret(other[:_LONGEST]) for other in others) else set()
    return tuple(sorted(names))


def _in_words(text: str) -> set[str]:
    """The cues of a plain text."""
    text = _MENTIONED.sub(r"\1 … ", text)
    unquoted = _QUOTED.sub(" … ", text)
    if len(unquoted) < _UNQUOTED * len(text):
        unquoted = text
    matches = _matches(unquoted)
    if mentions_of_attacks(text) >= _MENTIONS:
        return matches & _ON_POINTS
    return matches | (_matches(text) & _ON_POINTS if unquoted != text else set())


def _matches(text: str) -> set[str]:
    names = {name for passage in set(passages(text)) for name in matching_rules(passage)}
    return names | {"output"} if imitates_output(text) else names


def _in_secret(text: str) -> bool:
    """Whether a text that was hidden or encoded has anything to do with grading."""
    return imitates_output(text) or any(matching_rules(passage, encoded=True) for passage in set(passages(text)))
