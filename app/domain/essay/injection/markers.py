"""Marks parts of chat templates in a text: special tokens, closing tags, and names of speakers."""

import re

_SPEAKERS = "system|assistant|developer|operator|admin|human|user|root|ai|model|grader|examiner|evaluator"
_NOTES = "note|message|prompt|override|update|notice|instruction|to|says|mode|log|alert"
_TAGS = (
    r"essay|student[a-z_]*|answer|submission|user_?input|instructions?|document|response|grading|grader|rubric|system"
    r"|prompt|input|text|content|task|evaluation|result|output"
)
_MARKER = re.compile(
    r"<\|[a-z_]{2,20}\|>|\[/?(?:inst|system|assistant|user|developer|admin)\b|<<?/?sys>>?|</?s>|\btool_result\b"
    rf"|(?:^|\n|[.!?\"'] )[\W_]{{0,8}}(?:{_SPEAKERS})(?: (?:{_NOTES})\b[^\n:]{{0,30}})?[\])*]{{0,3}}\s?[:>]"
    rf'|"role" ?: ?"|</?(?:{_TAGS})\b[^<>\n]{{0,40}}>'
    r"|\b(?:begin|end) (?:of )?(?:the )?(?:essay|student|submission|user input|untrusted|instructions?)\b"
    r"|(?<!#)#{2,}+ ?(?:instruction|system|response|input|end|new|grading|output|important)"
    r"|(?<![-=])[-=]{3,}+ ?(?:system|end|begin|grader|admin)"
)
# The word that is put after each marker, as a sentence of its own.
MARKED = "xmarkerx"


def with_markers(text: str) -> str:
    """The plain text with the word `MARKED` after each part of a template."""
    return _MARKER.sub(rf"\g<0> . {MARKED} ", text)
