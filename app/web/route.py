"""A row of the route table."""

from dataclasses import dataclass
from types import UnionType

from pydantic import BaseModel

from app.http.access import AccessRule, Handler

# The model of a body, or several of them of which the body is one.
Shape = type[BaseModel] | UnionType

# Parameters of the query of lists, and of what is about a period.
PAGE = ("limit", "cursor")
PERIOD = ("track", "from", "to")


@dataclass(frozen=True)
class Route:
    """A route, who may use it, and what the OpenAPI document says about it."""

    method: str
    path: str
    handler: Handler
    access: AccessRule
    # The bodies of successful answers by status; None for a status without a JSON body.
    success: dict[int, Shape | None]
    body: Shape | None = None
    # Whether the body is a patch: the same fields, none of them required.
    patch: bool = False
    body_required: bool = True
    # Whether the route takes an `Idempotency-Key`.
    keyed: bool = False
    query: tuple[str, ...] = ()
    # Headers of successful answers.
    headers: tuple[str, ...] = ()
    # Statuses of problems beside those that every route may answer with.
    problems: tuple[int, ...] = ()
    documented: bool = True

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]
