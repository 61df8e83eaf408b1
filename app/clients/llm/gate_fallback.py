"""How long one process leaves a model alone by its own calls, for as long as Redis is unavailable and no other worker's
calls are known: as long as the provider asks, and for a fixed pause after a failure."""

from dataclasses import dataclass

from app.clients.llm.gate_redis import FIRST_PAUSE, Admission, CallEnd


@dataclass
class LocalPause:
    """What one process has learned. Times are in milliseconds of any clock that does not go back."""

    hold_until: int = 0
    pause_until: int = 0

    def admission(self, now: int) -> Admission:
        """What becomes of a call that wants to leave now."""
        return Admission(0, max(self.hold_until - now, 0), max(self.pause_until - now, 0))

    def record(self, end: CallEnd, now: int) -> None:
        """Takes in what a call of this process has shown."""
        self.hold_until = max(self.hold_until, now + end.hold_ms)
        if end.outcome == "unavailable":
            self.pause_until = now + FIRST_PAUSE
