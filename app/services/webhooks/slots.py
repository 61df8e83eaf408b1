"""Limits on messages that are sent at the same time, so that one owner or a slow receiver leaves room for others."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum


class Shared(StrEnum):
    """What messages share: the student who owns the assessment, the host of the URL, or an address of the host."""

    OWNER = "owner"
    HOST = "host"
    ADDRESS = "address"


# Messages that one worker sends at the same time. Unrelated receivers may share an address behind a proxy.
SLOTS: Mapping[Shared, int] = {Shared.OWNER: 8, Shared.HOST: 8, Shared.ADDRESS: 32}


class NoSlot(Exception):
    """All `slots` are taken; `rejected` messages were turned away since one became free, including this one."""

    def __init__(self, rejected: int, slots: int) -> None:
        super().__init__(f"all {slots} slots are taken")
        self.rejected = rejected
        self.slots = slots


class DeliverySlots:
    """Limits how many messages are sent at the same time for each owner, host and address."""

    def __init__(self, slots: Mapping[Shared, int] = SLOTS) -> None:
        self._slots = slots
        self._taken: Counter[tuple[Shared, str]] = Counter()
        self._rejected: Counter[tuple[Shared, str]] = Counter()

    @contextmanager
    def hold(self, shared: Shared, names: Iterable[str]) -> Iterator[None]:
        """Takes a slot of each of the names while the block runs.

        Raises:
            NoSlot: one of them has none left.
        """
        keys = {(shared, name) for name in names}
        slots = self._slots[shared]
        full = [key for key in keys if self._taken[key] >= slots]
        if full:
            self._rejected.update(full)
            raise NoSlot(max(self._rejected[key] for key in full), slots)
        self._taken.update(keys)
        try:
            yield
        finally:
            for key in keys:
                self._rejected.pop(key, None)
                self._taken[key] -= 1
                if not self._taken[key]:
                    del self._taken[key]
