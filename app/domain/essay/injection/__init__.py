"""Essays that speak to whoever grades them: suspected by their words, never sure, and for a person to look at.

A passage counts where it addresses a grader or gives an order, wants points, secrets or other rules, and names the
points, the instructions or the essay. An essay about such things mostly does one or two of the three.
"""

import re

from app.domain.essay.injection.characters import hidden_texts, hides, mixes_scripts, splits_words
from app.domain.essay.injection.lexicon import plain
from app.domain.essay.injection.outputs import imitates_output
from app.domain.essay.injection.passages import mentions_of_attacks, passages
from app.domain.essay.injection.readings import decoded, joined, spelt, turned, unescaped
from app.domain.essay.injection.rules import broken
from app.domain.essay.visible_text import visible_text

# So many different mentions of attacks make them the subject of an essay. Its quotes are examples then, and only
# what concerns points is a cue.
_MENTIONS = 2
_ON_POINTS = frozenset({"appeal", "authority", "demand", "output", "rubric"})
# Quotes of what somebody might write, and not of what somebody says.
_QUOTES = r"\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|„[^“”\n]{1,400}[“”]|«[^»\n]{1,400}»"
_MENTIONED = re.compile(
    r"(\b(?:wrote|writes?|writing|written|contain(?:s|ed|ing)|sentences?|phrases?|like|such as|example|e\.g\.|words?"
    rf"|hides?|inserts?|named|called)(?: \w{{1,12}}){{0,4}}[ :,]{{1,3}})(?:{_QUOTES}|'[^'\n]{{1,400}}')"
)
# Who quotes more than that says it himself.
_UNQUOTED = 0.5
_QUOTED = re.compile(rf"{_QUOTES}|`[^`\n]{{1,400}}`")
# No more than that is looked at, so that no text takes long.
_LONGEST = 20_000


def suspected(essay: str) -> bool:
    """Whether the essay, as saved, seems to instruct, bribe, imitate or question its grader."""
    return bool(cues(essay))


def cues(essay: str) -> tuple[str, ...]:
    """What makes the essay suspect, by name and in order; empty for an essay that is not."""
    essay = essay[:_LONGEST]
    read = visible_text(essay)
    text = plain(unescaped(read.text))[:_LONGEST]
    found = set(_in_words(text))
    found |= {"hidden_text"} if hides(essay) else set()
    found |= {"split_words"} if splits_words(essay) else set()
    found |= {"look_alikes"} if mixes_scripts(read) else set()
    found |= {"joined_words"} if joined(text) else set()
    others = filter(None, (*map(plain, (*hidden_texts(essay), *decoded(read.text))), *turned(text), spelt(text)))
    found |= {"encoded"} if any(_in_secret(other[:_LONGEST]) for other in others) else set()
    return tuple(sorted(found))


def _in_words(text: str) -> set[str]:
    """The cues that a plain text has as any reader reads it."""
    text = _MENTIONED.sub(r"\1 … ", text)
    unquoted = _QUOTED.sub(" … ", text)
    if len(unquoted) < _UNQUOTED * len(text):
        unquoted = text
    said = _told(unquoted)
    if mentions_of_attacks(text) >= _MENTIONS:
        return said & _ON_POINTS
    return said | (_told(text) & _ON_POINTS if unquoted != text else set())


def _told(text: str) -> set[str]:
    found = {name for spoken in set(passages(text)) for name in broken(spoken)}
    return found | {"output"} if imitates_output(text) else found


def _in_secret(text: str) -> bool:
    """Whether a text that somebody took pains to encode has anything to do with grading."""
    return imitates_output(text) or any(broken(spoken, encoded=True) for spoken in set(passages(text)))
