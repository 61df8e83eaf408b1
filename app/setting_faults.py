"""What is wrong with the value of a setting, in words for whoever sets it."""

from collections.abc import Callable, Container, Mapping
from types import MappingProxyType
from typing import Any

from pydantic_core import ErrorDetails

from app.domain.body_validation import fault_message

_FORM_OF_PRICES = 'must be JSON such as {"gpt-5-mini": {"in": 0.25, "out": 2}}'
# pydantic speaks of inputs and types; its messages for other kinds are plain enough.
_MESSAGES: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType({
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_parsing": lambda _: "must be a number",
    "finite_number": lambda _: "must be a number",
    "bool_parsing": lambda _: "must be true or false",
    "greater_than": lambda limits: f"must be more than {limits['gt']:g}",
    "greater_than_equal": lambda limits: f"must be {limits['ge']:g} or more",
    "less_than_equal": lambda limits: f"must be {limits['le']:g} or less",
    "literal_error": lambda limits: f"must be {limits['expected']}",
    "string_too_long": lambda limits: f"must have {limits['max_length']} characters at most",
    "string_pattern_mismatch": lambda _: "must be a single word",
    "model_attributes_type": lambda _: "is no price",
    "model_type": lambda _: "is no price",
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: "is not known",
})  # fmt: skip

# Settings of other versions. Here they would change nothing, so one that is set stops the start.
_OF_OTHER_VERSIONS = frozenset({"SUMMARY_MODEL"})
_PREFIX_OF_OTHER_VERSIONS = "OIDC_"


def names_of_other_versions(environment: Mapping[str, str], known: Container[str]) -> list[str]:
    """The settings of other versions that are set; `known` are those of this one."""
    return sorted(
        name
        for name, value in environment.items()
        if value
        and name.lower() not in known
        and (name in _OF_OTHER_VERSIONS or name.startswith(_PREFIX_OF_OTHER_VERSIONS))
    )


def setting_fault(fault: ErrorDetails) -> str:
    """The setting's name and what is wrong with it, in one line that does not repeat the value."""
    name, *place = (str(part) for part in fault["loc"])
    describe = _MESSAGES.get(fault["type"])
    message = describe(fault.get("ctx", {})) if describe else fault_message(fault)
    if name == "model_prices":
        message = f"{'.'.join(place)} {message}; it {_FORM_OF_PRICES}" if place else _FORM_OF_PRICES
    return f"{name.upper()}: {message}"
