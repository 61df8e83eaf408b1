"""A sentence cut into what can be compared: its names and figures in order, and the line of tokens that is left."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

NAME, FIGURE, SHARE, SHARE_IN_BRACKETS = "@", "#", "#%", "(#%)"
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    )
}
# Nothing that would change a figure's worth may touch it: no sign, no letter, no further digits.
_NUMBER = r"(?<![\w.,–—-])(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:[.,][0-9]+)?)(?!\w|[.,][0-9])"
_PERCENT = r" ?(?:%|percent\b|per cent\b)"
# Whatever no part of this matches (markup, links, controls, other scripts, exclamation marks) has no place in a fact.
_TOKENS = (
    rf"(?P<bracketed>\( ?{_NUMBER}{_PERCENT} ?\))|(?P<share>{_NUMBER}{_PERCENT})|(?P<figure>{_NUMBER})"
    r"|(?P<word>[A-Za-z]+(?:['’][A-Za-z]+)?)|(?P<mark>[,.:;–—()\"“”'‘’])|(?P<space> )"
)
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_QUOTED_NAME = re.compile(r"[\"“”'‘’] @( ,)? [\"“”'‘’]")


@dataclass(frozen=True, slots=True)
class Skeleton:
    """`line` has words in small letters, punctuation, and a sign for each name, figure and share; `figures` are those
    that count points and things, `shares` the names and percentages, both in order."""

    line: str
    figures: tuple[str, ...]
    shares: tuple[str, ...]


def skeleton(text: str, names: Sequence[str]) -> Skeleton | None:
    """The skeleton of a text in which these names may stand; None where something stands in it that belongs into no
    fact."""
    pattern = _pattern(names)
    line: list[str] = []
    figures: list[str] = []
    shares: list[str] = []
    place = 0
    while place < len(text):
        found = pattern.match(text, place)
        if found is None:
            return None
        place = found.end()
        kind, piece = found.lastgroup or "", found[0]
        if kind == "word" and piece.casefold() in _NUMBER_WORDS:
            kind, piece = "figure", _NUMBER_WORDS[piece.casefold()]
        if kind == "figure":
            figures.append(_value(piece))
        elif kind in ("share", "bracketed"):
            shares.append(f"{_value(piece)} %")
        elif kind == "name":
            shares.append(piece)
        if kind != "space":
            line.append(_sign(kind, piece))
    return Skeleton(_QUOTED_NAME.sub(r"@\1", " ".join(line)), tuple(figures), tuple(shares))


def _pattern(names: Sequence[str]) -> re.Pattern[str]:
    """Names first, the longest of them first: a figure or a word in a name is a part of the name."""
    told = "|".join(re.escape(name) for name in sorted(set(names), key=lambda name: (-len(name), name)))
    return re.compile(rf"(?P<name>(?<!\w)(?:{told})(?!\w))|{_TOKENS}" if told else _TOKENS)


def _sign(kind: str, piece: str) -> str:
    signs = {"name": NAME, "figure": FIGURE, "share": SHARE, "bracketed": SHARE_IN_BRACKETS}
    return signs.get(kind) or piece.casefold().replace("’", "'")


def _value(piece: str) -> str:
    """The figure as the plain sentences have it: 77,5 and 1,000,000 without what is only a way to write them."""
    number = piece.strip("()% ").removesuffix("percent").removesuffix("per cent").rstrip()
    return number.replace(",", "") if _THOUSANDS.fullmatch(number) else number.replace(",", ".")
