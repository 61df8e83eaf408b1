"""Figures of values that are given with the number of times that each occurs."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate


class Distribution:
    """Values with their numbers; a value may be given several times."""

    def __init__(self, counts: Iterable[tuple[float, int]]) -> None:
        pairs = sorted((value, count) for value, count in counts if count)
        self._values = [value for value, _ in pairs]
        self._ends = list(accumulate(count for _, count in pairs))
        self._sum = sum(value * count for value, count in pairs)
        self._pairs = pairs

    @property
    def count(self) -> int:
        """How many values there are."""
        return self._ends[-1] if self._ends else 0

    @property
    def mean(self) -> float | None:
        """Their mean; None if there are none."""
        return self._sum / self.count if self.count else None

    def quantiles(self, shares: Sequence[float]) -> tuple[float, ...] | None:
        """The values below which these shares lie, interpolated between two values as `percentile_cont` of PostgreSQL
        does; None if there are none."""
        return tuple(self._quantile(share) for share in shares) if self.count else None

    def bins(self, width: float, number: int) -> tuple[int, ...]:
        """How many values lie in each bin from 0 on; the last one also has those above."""
        counts = [0] * number
        for value, count in self._pairs:
            counts[min(int(value // width), number - 1)] += count
        return tuple(counts)

    def _quantile(self, share: float) -> float:
        place = share * (self.count - 1)
        below = int(place)
        low = self._at(below)
        return low + (place - below) * (self._at(min(below + 1, self.count - 1)) - low)

    def _at(self, index: int) -> float:
        return self._values[bisect_right(self._ends, index)]
