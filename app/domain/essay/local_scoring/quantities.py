"""The numbers, units and names in a sentence, and where two sentences about the same thing have different ones."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain.essay.local_scoring.lexical_analysis import FUNCTION_WORDS, content_stem
from app.domain.text import words

# Content words before and after a number or name that tell what it is about.
_CONTEXT = 4

# So many of them, or all if there are fewer, must be the same.
_SHARED_CONTEXT = 2

# The share of the other content words that two sentences with different numbers or names must have in common.
_SAME_STATEMENT = 0.75

_NUMBER = re.compile(r"(?<![\w.])(\d+(?:[.,]\d+)*)\s?(%|°\s?[CF]\b|[a-zA-Zµ]+\b)?")
_NAME = re.compile(r"\b(?:[A-Z]{2,}[A-Z0-9]*s?|[A-Z][a-z]+[A-Z]\w*|[A-Z][\w-]*\d\w*|(?<=[a-z,;:)] )[A-Z][a-z]{2,})\b")
_WORDS = re.compile(r"[^\W_]+(?:['’.,][^\W_]+)*|%|°")

_NUMBER_WORDS = {
    word: float(value)
    for value, group in {
        0: "zero",
        0.5: "half",
        2: "two twice double doubles doubled both",
        3: "three thrice triple",
        4: "four",
        5: "five",
        6: "six",
        7: "seven",
        8: "eight",
        9: "nine",
        10: "ten",
        11: "eleven",
        12: "twelve",
        20: "twenty",
        100: "hundred",
        1000: "thousand",
        1_000_000: "million",
    }.items()
    for word in group.split()
}

# For each dimension, its units with their size.
_UNITS = {
    unit: (dimension, scale)
    for dimension, sizes in {
        "time": {
            "ns": 1e-9,
            "us µs microsecond microseconds": 1e-6,
            "ms millisecond milliseconds": 1e-3,
            "s sec secs second seconds": 1.0,
            "min minute minutes": 60.0,
            "h hour hours": 3600.0,
            "day days": 86400.0,
            "week weeks": 604800.0,
            "month months": 2.63e6,
            "year years": 3.156e7,
        },
        "data": {
            "bit bits": 0.125,
            "byte bytes": 1.0,
            "kb kilobyte kilobytes": 1e3,
            "mb megabyte megabytes": 1e6,
            "gb gigabyte gigabytes": 1e9,
            "tb terabyte terabytes": 1e12,
        },
        "length": {
            "nm": 1e-9,
            "mm millimeter millimeters millimetre millimetres": 1e-3,
            "cm centimeter centimeters centimetre centimetres": 1e-2,
            "m meter meters metre metres": 1.0,
            "km kilometer kilometers kilometre kilometres": 1e3,
        },
        "mass": {"mg": 1e-3, "g gram grams": 1.0, "kg kilogram kilograms": 1e3},
        "voltage": {"mv": 1e-3, "v volt volts": 1.0, "kv": 1e3},
        "current": {"ma": 1e-3, "a amp amps ampere amperes": 1.0},
        "power": {"w watt watts": 1.0, "kw kilowatt kilowatts": 1e3, "mw megawatt megawatts": 1e6},
        "frequency": {"hz hertz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
        "share": {"% percent": 0.01},
    }.items()
    for names, scale in sizes.items()
    for unit in names.split()
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A number or a name, and the stems of the content words around it."""

    kind: str
    """The dimension of a number's unit, "number" without one, or "name"."""
    value: float | str
    context: frozenset[str]


def find_facts(sentence: str) -> tuple[Fact, ...]:
    """The numbers and names of a sentence, in no particular order."""
    tokens = [(match.start(), match.group()) for match in _WORDS.finditer(sentence)]
    found = (*_numbers(sentence), *_names(sentence))
    return tuple(Fact(kind, value, _context(tokens, start, end)) for kind, value, start, end in found)


def share_of_differing_facts(
    pairs: Iterable[tuple[str, str]], references: Sequence[str], answers: Sequence[str], prompt: str
) -> float:
    """The share, 0–1, of the numbers and names of the reference answer in whose place the answer has others.

    `pairs` are sentences of the reference answer and of the answer about the same thing.
    """
    given = _values(find_facts(prompt))
    facts = {fact for sentence in references for fact in find_facts(sentence) if not _is_known(fact, given)}
    if not facts:
        return 0.0
    known = given | _values(facts) | set(words(" ".join((*references, prompt))))
    present = _values(fact for sentence in answers for fact in find_facts(sentence)) | set(words(" ".join(answers)))
    differing = {
        fact
        for reference, answer in pairs
        if _is_same_statement(reference, answer)
        for fact in facts.intersection(find_facts(reference))
        if not _is_known(fact, present)
        and any(_is_rival(fact, other) for other in find_facts(answer) if not _is_known(other, known))
    }
    return len(differing) / len(facts)


def _is_same_statement(reference: str, answer: str) -> bool:
    """Whether the sentences have most content words in common, apart from the numbers and names themselves."""
    stems, others = (
        {stem for stem in _stems(_WORDS.findall(sentence)) if stem not in names}
        for sentence in (reference, answer)
        for names in [{content_stem(str(fact.value)) for fact in find_facts(sentence)}]
    )
    return len(stems & others) >= _SAME_STATEMENT * len(stems)


def _numbers(sentence: str) -> Iterator[tuple[str, float | str, int, int]]:
    for match in _NUMBER.finditer(sentence):
        value = _to_number(match[1])
        unit = _UNITS.get((match[2] or "").casefold())
        if value is not None:
            yield ("number", value, *match.span()) if unit is None else (unit[0], value * unit[1], *match.span())
    for match in re.finditer(r"[a-z]+", sentence.casefold()):
        if match.group() in _NUMBER_WORDS:
            yield "number", _NUMBER_WORDS[match.group()], *match.span()


def _to_number(digits: str) -> float | None:
    try:
        return float(re.sub(r",(?=\d{3}\b)", "", digits).replace(",", "."))
    except ValueError:
        return None


def _names(sentence: str) -> Iterator[tuple[str, float | str, int, int]]:
    for match in _NAME.finditer(sentence):
        # Shouted words are no names.
        if not sentence.isupper() and match.group().casefold() not in FUNCTION_WORDS:
            yield "name", match.group().casefold(), *match.span()


def _context(tokens: Sequence[tuple[int, str]], start: int, end: int) -> frozenset[str]:
    before = _stems(token for place, token in reversed(tokens) if place < start)
    after = _stems(token for place, token in tokens if place >= end)
    return frozenset((*before[:_CONTEXT], *after[:_CONTEXT]))


def _stems(tokens: Iterable[str]) -> list[str]:
    return [stem for token in tokens if token[0].isalpha() and (stem := content_stem(token.casefold()))]


def _values(facts: Iterable[Fact]) -> set[object]:
    return {_rounded(fact) for fact in facts}


def _is_known(fact: Fact, values: set[object]) -> bool:
    return _rounded(fact) in values


def _rounded(fact: Fact) -> float | str:
    return fact.value if isinstance(fact.value, str) else round(fact.value, 9)


def _is_rival(fact: Fact, other: Fact) -> bool:
    """Whether the other stands in the same place: it is of the same kind, among the same words."""
    if fact.kind != other.kind and not ("number" in (fact.kind, other.kind) and "name" not in (fact.kind, other.kind)):
        return False
    return len(fact.context & other.context) >= min(_SHARED_CONTEXT, len(fact.context)) > 0
