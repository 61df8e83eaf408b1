"""Principals: the ids under which everything of a person is stored. A person is a `sub` together with its issuer."""

from typing import Annotated

from pydantic import PlainSerializer

from app.domain.api_key import SUB_PREFIX

# In no `sub` and in no issuer, since both are printable.
_SEPARATOR = "\t"


def principal_of(sub: str, issuer: str | None) -> str:
    """The id of the person with this `sub`: with the issuer where there is one, because the same `sub` of another
    issuer is another person."""
    return sub if issuer is None else f"{sub}{_SEPARATOR}{issuer}"


def principal_named(sub: str, issuer: str | None, trusted_issuer: str | None) -> str:
    """The principal that staff name by a `sub`: of the issuer whose tokens are accepted, which API keys do not have, or
    of another `issuer`; an empty one stands for none."""
    if issuer is None and not sub.startswith(SUB_PREFIX):
        issuer = trusted_issuer
    return principal_of(sub, issuer or None)


def display_name(principal: str) -> str:
    """The `sub` of a principal, as people read it."""
    return principal.partition(_SEPARATOR)[0]


def issuer_of(principal: str) -> str | None:
    """The issuer of a principal, if it has one."""
    return principal.partition(_SEPARATOR)[2] or None


# A principal in a model: JSON shows the `sub` alone.
Principal = Annotated[str, PlainSerializer(display_name, return_type=str, when_used="json")]
