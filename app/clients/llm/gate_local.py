"""The rules of `app.clients.llm.gate_redis` for one process that is cut off from Redis. They do the same to the same
fields, line by line; a test holds them against each other. Times are in milliseconds of any clock."""

from dataclasses import dataclass, field

from app.clients.llm.gate_redis import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Told, Verdict


@dataclass
class Window:
    """What is left of requests or of tokens, and until when that is known."""

    left: int = 0
    until: int = 0


@dataclass
class Alone:
    """The rules for one process. `life` is how long a call may take."""

    life: int
    serial: int = 0
    calls: int = 0
    tokens: int = 0
    began: int = 0
    calls_before: int = 0
    tokens_before: int = 0
    began_before: int = 0
    requests_window: Window = field(default_factory=Window)
    tokens_window: Window = field(default_factory=Window)
    learned: int = 0
    not_before: int = 0
    failures: int = 0
    pause: int = 0
    open_until: int = 0
    probe: int = 0
    probe_until: int = 0

    def look(self, tokens: int, now: int) -> Verdict:
        """What would become of a call; number 0 if it could enter."""
        if self.pause > 0:
            away = self.open_until - now
            if away <= 0:
                away = min(self.probe_until - now, FIRST_PAUSE)
            if away > 0:
                return Verdict(0, 0, away)
        held_until = self.not_before
        for window, need in ((self.requests_window, 1), (self.tokens_window, tokens)):
            if window.left < need:
                held_until = max(held_until, window.until)
        return Verdict(0, max(held_until - now, 0), 0)

    def enter(self, tokens: int, now: int) -> int:
        """Counts a call; its number. One that the others let in is counted whatever `look` says."""
        self._turn_generation(now)
        self.serial = max(self.serial + 1, now)
        self.calls += 1
        self.tokens += tokens
        self.requests_window.left -= 1
        self.tokens_window.left -= tokens
        if self.pause > 0:
            self.probe = self.serial
            self.probe_until = now + self.life
        return self.serial

    def leave(self, told: Told, now: int) -> int:
        """As the script."""
        self._turn_generation(now)
        if told.serial >= self.began:
            self.calls = max(self.calls - 1, 0)
            self.tokens = max(self.tokens - told.tokens, 0)
        elif told.serial >= self.began_before:
            self.calls_before = max(self.calls_before - 1, 0)
            self.tokens_before = max(self.tokens_before - told.tokens, 0)
        calls, tokens = self.calls + self.calls_before, self.tokens + self.tokens_before
        self._learn(self.requests_window, calls, told.requests_left, told.requests_reset, told.serial, now)
        self._learn(self.tokens_window, tokens, told.tokens_left, told.tokens_reset, told.serial, now)
        self.not_before = max(self.not_before, now + told.hold)
        return self._judge(told, now)

    def _turn_generation(self, now: int) -> None:
        age = now - self.began
        if age >= self.life:
            self.calls_before = self.calls if age < 2 * self.life else 0
            self.tokens_before = self.tokens if age < 2 * self.life else 0
            self.began_before = self.began
            self.calls = self.tokens = 0
            self.began = max(self.serial + 1, now)

    def _learn(self, window: Window, in_flight: int, remaining: int, reset: int, serial: int, now: int) -> None:
        left, sure = window.left, remaining - in_flight
        if reset <= 0:
            return
        if now >= window.until:
            left = sure
        elif serial < self.learned:
            window.left = min(left, remaining)
            return
        else:
            left = min(max(left, sure), remaining)
        window.left, window.until = left, now + reset
        self.learned = max(self.learned, serial)

    def _open(self, pause: int, now: int, chance: float) -> int:
        self.pause = pause
        self.open_until = now + int(pause * (0.5 + chance / 2))
        self.probe_until = self.failures = 0
        return pause

    def _judge(self, told: Told, now: int) -> int:
        if self.pause > 0:
            return self._judge_probe(told, now) if told.serial == self.probe else 0
        if told.outcome == "unavailable":
            self.failures += 1
            if self.failures >= FAILURES:
                return self._open(FIRST_PAUSE, now, told.chance)
        elif told.outcome != "unknown":
            self.failures = 0
        return 0

    def _judge_probe(self, told: Told, now: int) -> int:
        if told.outcome == "unavailable":
            return self._open(min(2 * self.pause, LONGEST_PAUSE), now, told.chance)
        if told.outcome == "unknown":
            self.probe_until = 0
            return 0
        self.pause = 0
        return -1
