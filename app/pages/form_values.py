"""What a form shows: the texts in its fields, and what is wrong with them in words for people."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from app.domain.errors import InvalidFields

# The messages of the models are for programs as well; people read these.
_WORDINGS = (
    ("String should have at least 1 character", "Please fill this in."),
    ("Field required", "Please fill this in."),
    ("Input should be a valid number", "Please write a number."),
    ("Input should be a valid integer", "Please write a whole number."),
    ("String should match pattern '^[a-z0-9]+(-[a-z0-9]+)*$'", "Only small letters, digits and single dashes."),
    ("String should have at most", "At most"),
    ("Input should be", "Must be"),
    ("String should", "Must"),
    ("Tuple should have at least 1 item", "Needs at least one."),
    ("Value should have at least 1 item", "Needs at least one."),
    ("Tuple should have", "Must have"),
    ("Value should have", "Must have"),
    ("names options that do not exist", "One of the right options has no text."),
    (
        "belong to the inputs single and multiple",
        "“One of several options” and “any of several options” need options; other answers have none.",
    ),
    ("belongs to the input scale", "“A number on a scale” needs both ends; other answers have none."),
)
# What the validator adds for programmers.
_INTERNAL = re.compile(r" after validation, not \d+$")


@dataclass(frozen=True)
class FormValues:
    """The texts by the names of the fields, errors by the same names, and what the page calls the fields. An error that
    belongs to no field has the name ""."""

    texts: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The text of a field."""
        return self.texts.get(name, "")

    def error(self, name: str) -> str:
        """What is wrong with a field; empty if nothing is."""
        return self.errors.get(name, "")

    def label(self, name: str) -> str:
        """What the page calls a field."""
        return self.labels.get(name, name)

    @property
    def status(self) -> int:
        """The status of the page that shows the form."""
        return 422 if self.errors else 200


def errors_by_field(error: InvalidFields, names: Collection[str]) -> dict[str, str]:
    """What is wrong, by the name of the field. A name is the JSON pointer of its field without the first slash; what
    points into a field, as to one of several skills, belongs to the field."""
    errors: dict[str, str] = {}
    for invalid in error.errors:
        pointer = invalid.pointer.removeprefix("/")
        owners = [name for name in names if pointer == name or pointer.startswith(f"{name}/")]
        name = max(owners, key=len, default="")
        text = wording(invalid.detail) if name else f"{pointer}: {wording(invalid.detail)}"
        if text not in errors.get(name, ""):
            errors[name] = f"{errors[name]} {text}" if name in errors else text
    return errors


def wording(detail: str) -> str:
    """The message for a person."""
    detail = _INTERNAL.sub("", detail)
    for beginning, text in _WORDINGS:
        if detail.startswith(beginning):
            return text if text.endswith(".") else text + detail.removeprefix(beginning)
    return detail[:1].upper() + detail[1:]


def number(text: str) -> object:
    """The number that the text means; the text itself where it means none, which a model then refuses."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return text


def number_text(value: float | None) -> str:
    """The number as one writes it into a field."""
    return "" if value is None else str(int(value)) if float(value).is_integer() else repr(float(value))
