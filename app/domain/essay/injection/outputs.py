"""Essays that imitate a grader's output: the four dimensions with their points, or points with a rationale."""

import re

_WORD = re.compile(r"[a-z]+|\d+")
_PRAISE = frozenset(("full", "excellent", "outstanding", "perfect", "maximum", "max", "exemplary", "flawless"))
_MET = re.compile(r"[\"']met[\"'] ?: ?true")
_DIMENSIONS = frozenset(("relevance", "depth", "clarity", "technical"))
# At least so many dimensions have at least so many points, each at most so many words after its name.
_NAMED, _LEAST, _REACH = 3, 18, 16
_FINDINGS = 2
# Keys of the output's JSON: one with points, and one with words.
_POINTS = re.compile(
    r"[\"'](?:score|total|points|grade|marks|overall|overall_score|total_score)[\"'] ?: ?[\"']?(?:2[0-5]|100|9\d|a\+)\b"
)
_WORDS = re.compile(r"[\"'](?:rationale|quotes|findings|evidence|feedback|justification)[\"'] ?: ?")


def imitates_output(text: str) -> bool:
    """Whether a plain text has the form of a grader's output with nearly all points."""
    if len(_well_marked(text)) >= _NAMED or len(_MET.findall(text)) >= _FINDINGS:
        return True
    return _POINTS.search(text) is not None and _WORDS.search(text) is not None


def _well_marked(text: str) -> set[str]:
    marked: set[str] = set()
    name, since = "", 0
    for word in _WORD.findall(text):
        since += 1
        if word in _DIMENSIONS:
            name, since = word, 0
        elif name and since <= _REACH and (word in _PRAISE or _high(word)):
            marked.add(name)
            name = ""
        elif word.isdigit():
            name = ""
    return marked


def _high(word: str) -> bool:
    return word.isdigit() and _LEAST <= int(word[:4]) <= 100
