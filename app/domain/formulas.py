"""Texts in tables that a spreadsheet would run as a formula."""

import re

# Where a spreadsheet may begin a cell within one of ours: some take semicolons or tabs for the delimiter, as in many
# languages, and line breaks.
_DELIMITERS = r";\t\r\n\v\f\x85\u2028\u2029"
# What a spreadsheet would run as a formula, also after characters that do not show, and full-width signs.
_BEGINNING = (
    r"((?:[^\S\t\r\n]|[\x00-\x08\xad\u200b-\u200f\u2060\ufeff])*"
    r"[-=+@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20])"
)
_FORMULA = re.compile(rf"(^|[{_DELIMITERS}]){_BEGINNING}")
_GUARDED = re.compile(rf"(^|[{_DELIMITERS}])'{_BEGINNING}")
# Most texts; looking for formulas in them would take most of the time that a long file takes.
_PLAIN = re.compile(rf"[0-9A-Za-z][^{_DELIMITERS}]*")


def guard(text: str) -> str:
    """The text with an apostrophe before all that a spreadsheet would take for a formula."""
    return text if _PLAIN.fullmatch(text) else _FORMULA.sub(r"\1'\2", text)


def unguard(text: str) -> str:
    """The text that was guarded: without these apostrophes."""
    return _GUARDED.sub(r"\1\2", text) if "'" in text else text
