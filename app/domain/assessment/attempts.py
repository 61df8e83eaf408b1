"""How often and how soon a student may start a track again."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import AttemptsUsed, RetakeTooSoon
from app.domain.text import count_of


@dataclass(frozen=True, slots=True)
class Attempts:
    """A student's attempts at a track: how many were `used` of those `permitted` (None: any number), and when the next
    one may be started (None: at any time). Each start is an attempt, also if the assessment has expired."""

    used: int
    permitted: int | None
    next_at: datetime | None
    now: datetime

    def check(self) -> None:
        """Returns if another attempt may be started now.

        Raises:
            AttemptsUsed: none is left.
            RetakeTooSoon: the pause after the former attempt is not over.
        """
        if self.permitted is not None and self.used >= self.permitted:
            raise AttemptsUsed(f"this track permits {count_of(self.permitted, 'attempt')}, and none is left")
        if self.next_at is not None and self.next_at > self.now:
            raise RetakeTooSoon(self.next_at, self.now)
