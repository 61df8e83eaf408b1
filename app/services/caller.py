"""Who asks, and what they may do."""

from dataclasses import dataclass

from app.domain.errors import Forbidden
from app.domain.states import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind a token: `sub` and the known roles among its `roles`."""

    sub: str
    roles: frozenset[Role]

    @property
    def staff(self) -> bool:
        """Whether the caller may read what belongs to students and see answer keys."""
        return not self.roles.isdisjoint({Role.ADVISOR, Role.ADMIN})

    def require(self, *allowed: Role) -> None:
        """Lets pass who has one of the roles.

        Raises:
            Forbidden: the caller has none of them.
        """
        if self.roles.isdisjoint(allowed):
            raise Forbidden(f"this needs the role {' or '.join(sorted(allowed))}")

    def require_owner(self, owner: str) -> None:
        """Lets pass the student whose assessment it is.

        Raises:
            Forbidden: the caller is someone else.
        """
        if Role.STUDENT not in self.roles or self.sub != owner:
            raise Forbidden("this assessment belongs to someone else")

    def require_reader(self, owner: str) -> None:
        """Lets pass the owner, advisors and admins.

        Raises:
            Forbidden: the caller is none of them.
        """
        if not self.staff:
            self.require_owner(owner)
