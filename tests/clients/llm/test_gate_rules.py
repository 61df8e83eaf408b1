"""The rules for one process are those of the scripts: the same events leave the same behind."""

from dataclasses import asdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from app.clients.llm.gate_local import Alone
from app.clients.llm.gate_redis import ENTER, LEAVE, Told
from app.local.embedded import ServerUrls
from tests.clients.llm.gates import KEY

LIFE = 5000
OUTCOMES = ("answered", "rate_limited", "unavailable", "unknown")
small = st.integers(0, 20)
# Those at which something ends, and others.
moments = st.sampled_from([0, 1, 999, 1000, 2500, LIFE - 1, LIFE, 2 * LIFE - 1, 2 * LIFE, 30_000]) | st.integers(
    0, 3000
)
chances = st.sampled_from([0.0, 0.3, 0.9])
resets = moments | st.just(100_000)
news = st.tuples(small, resets, small, resets)
told = st.builds(
    lambda outcome, hold, chance, news: Told(-1, 0, outcome, hold, chance, *news),
    st.sampled_from(OUTCOMES),
    st.just(0) | st.just(0) | moments,
    chances,
    news | st.just((0, 0, 0, 0)),
)
# Time passes, some calls enter, or one of those in flight leaves; or one that never entered.
passes = st.tuples(st.just("pass"), moments)
enters = st.tuples(st.just("enter"), st.lists(st.integers(0, 3), min_size=1, max_size=4))
leaves = st.tuples(st.just("leave"), st.tuples(st.integers(0, 3), told))
# So many failures in a row, each so much later.
fails = st.tuples(st.just("fail"), st.tuples(st.integers(1, 12), st.sampled_from([0, 30_000])))
events = st.lists(passes | enters | leaves | fails, min_size=10, max_size=40)


class Both:
    """The scripts and the rules for one process, under one clock that the test sets."""

    def __init__(self, redis: Redis) -> None:
        self.now = 1_700_000_000_000
        self._redis = redis
        self._alone = Alone(LIFE)
        self._in_flight: list[tuple[int, int]] = []
        redis.delete(KEY)

    def do(self, event: str, what: Any) -> None:
        if event == "pass":
            self.now += what
        elif event == "enter":
            for tokens in what:
                self._enter(tokens)
        elif event == "leave":
            self._leave(*what)
        else:
            times, pause = what
            for _ in range(times):
                self.now += pause
                self._enter(1)
                self._leave(-1, Told(-1, 1, "unavailable", 0, 0.5))

    def _enter(self, tokens: int) -> None:
        shared = self._run(ENTER, LIFE, tokens, 1)
        verdict = self._alone.look(tokens, self.now)
        if shared[0] == 0:
            assert shared == list(verdict)
        else:
            assert (verdict.held, verdict.away) == (0, 0)
            assert self._alone.enter(tokens, self.now) == shared[0]
            self._in_flight.append((shared[0], tokens))

    def _leave(self, index: int, told: Told) -> None:
        if -1 <= index < len(self._in_flight) and self._in_flight:
            serial, tokens = self._in_flight.pop(index)
            told = told._replace(serial=serial, tokens=tokens)
        assert self._run(LEAVE, LIFE, *told) == self._alone.leave(told, self.now)

    def same(self) -> bool:
        """Whether both books say the same."""
        stored: dict[bytes, bytes] = self._redis.hgetall(KEY)  # type: ignore[assignment]
        shared = {name.decode(): int(value) for name, value in stored.items()}
        alone = asdict(self._alone)
        del alone["life"]
        for name in ("requests", "tokens"):
            window = alone.pop(f"{name}_window")
            alone |= {f"{name}_left": window["left"], f"{name}_until": window["until"]}
        return {name: shared.get(name, 0) for name in alone} == alone and shared.keys() <= alone.keys()

    def _run(self, script: str, *args: int | float | str) -> Any:
        assert "redis.call('TIME')" in script
        timed = script.replace("redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}")
        seconds, milliseconds = divmod(self.now, 1000)
        return self._redis.eval(timed, 1, KEY, *map(str, (*args, seconds, milliseconds * 1000)))


# More than elsewhere: the rules meet in many ways.
@settings(max_examples=150, deadline=None)
@given(events)
def test_both_do_the_same(servers: ServerUrls, events: list[tuple[str, Any]]) -> None:
    with Redis.from_url(servers.redis_url) as redis:
        both = Both(redis)
        for event, what in events:
            both.do(event, what)
            assert both.same()
