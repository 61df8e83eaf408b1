"""Bodies as JSON values: checked against their model, changed in part."""

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.domain.errors import FieldError, InvalidFields

# More than anyone reads; a hostile body can have a hundred thousand.
_MOST_ERRORS = 500

Body = TypeVar("Body", bound=BaseModel)


def merged(model: type[Body], present: BaseModel, changes: dict[str, Any], fixed: Iterable[str] = ()) -> Body:
    """`present` with the fields of `changes` in place of its own, checked as a whole.

    Raises:
        InvalidFields: a field is unknown, of the wrong kind, or one of the `fixed` ones.
    """
    told = present.model_dump(mode="json")
    changed = [name for name in fixed if name in changes and changes[name] != told[name]]
    if changed:
        raise InvalidFields(FieldError(f"/{name}", "cannot be changed") for name in changed)
    return checked(model, told | changes)


def checked(model: type[Body], value: Any) -> Body:
    """A JSON value as a `model`.

    Raises:
        InvalidFields: with a pointer for each field that does not fit.
    """
    try:
        # As JSON, because only there may strict checks take texts for ids and times.
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise InvalidFields(islice(_field_errors(error), _MOST_ERRORS)) from None


def _field_errors(error: ValidationError) -> Iterable[FieldError]:
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        yield FieldError(_pointer(fault["loc"]), fault["msg"].removeprefix("Value error, "))


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
