"""The caller of a request, and whose assessments the request may reach."""

import math
from dataclasses import dataclass

from app.domain.api_key import id_in_sub
from app.domain.errors import Forbidden
from app.domain.states import Role

_STAFF = frozenset({Role.ADVISOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: the `principal` that everything of theirs is stored under (app/domain/principal.py), the
    known roles, and the unix time from which the credential is not accepted any more."""

    principal: str
    roles: frozenset[Role]
    expires_at: float = math.inf

    @property
    def staff(self) -> bool:
        """Whether the caller may read what belongs to students and see answer keys."""
        return not self.roles.isdisjoint(_STAFF)


@dataclass(slots=True)
class Access:
    """Whose assessments a request may reach: everyone's (`any_owner`), or only the caller's own; with `others_only`
    everyone's but the caller's own.

    The route table decides `any_owner` before the request is handled. Whoever loads an assessment for the caller calls
    `check_owner`; `owner_checked` records that this was done.
    """

    caller: Caller
    any_owner: bool
    others_only: bool = False
    owner_checked: bool = False

    @property
    def audited_actor(self) -> str | None:
        """The caller, if the audit log has what they change: staff and API keys. None for students."""
        is_key = id_in_sub(self.caller.principal) is not None
        return self.caller.principal if self.any_owner or is_key else None

    def check_owner(self, owner: str) -> None:
        """Checks that the caller may have an assessment of this owner.

        Raises:
            Forbidden: it belongs to someone else, or to the caller, who may not do this to it.
        """
        if self.others_only and owner == self.caller.principal:
            raise Forbidden("this assessment is your own; another advisor or admin has to do this")
        if not self.any_owner and owner != self.caller.principal:
            raise Forbidden("this assessment belongs to someone else")
        self.owner_checked = True
