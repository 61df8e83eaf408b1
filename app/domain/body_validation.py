"""JSON bodies validated against their pydantic models, with a JSON Pointer to each field that is wrong."""

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.domain.errors import FieldError, InvalidFields

# More than anyone reads; a hostile body can have a hundred thousand.
_MAX_ERRORS = 500

Body = TypeVar("Body", bound=BaseModel)


def merge_body(model: type[Body], present: BaseModel, changes: dict[str, Any], fixed: Iterable[str] = ()) -> Body:
    """`present` with the fields of `changes` in place of its own, validated as a whole.

    Raises:
        InvalidFields: a field is unknown or has a wrong value, or one of the `fixed` fields would change.
    """
    fields = present.model_dump(mode="json")
    changed = [name for name in fixed if name in changes and changes[name] != fields[name]]
    if changed:
        raise InvalidFields(FieldError(f"/{name}", "cannot be changed") for name in changed)
    return validate_body(model, fields | changes)


def validate_body(model: type[Body], value: Any) -> Body:
    """The JSON value as a `model`.

    Raises:
        InvalidFields: with a pointer to each field that does not fit.
    """
    try:
        # As JSON text, because only there does pydantic's strict mode accept strings for UUIDs and times.
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise InvalidFields(islice(_field_errors(error), _MAX_ERRORS)) from None


def fault_message(fault: ErrorDetails) -> str:
    """What is wrong, without the prefixes that pydantic puts before the messages of our own validators."""
    return fault["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")


def error_line(error: ValueError) -> str:
    """The error in one line, with the field of each fault."""
    if not isinstance(error, ValidationError):
        return str(error)
    faults = [(".".join(map(str, fault["loc"])), fault_message(fault)) for fault in error.errors()]
    return "; ".join(f"{place}: {message}" if place else message for place, message in faults)


def _field_errors(error: ValidationError) -> Iterable[FieldError]:
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        yield FieldError(_pointer(fault["loc"]), fault_message(fault))


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
