"""What waits to be read by somebody slow: bounded, and of levels and partial words only the newest. Pure."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class Backlog(Generic[T]):
    """First in, first out. An item with a `key` takes the place of the waiting one with the same key, at the
    end of the queue: it is newer than everything before it.
    """

    def __init__(self, *, max_items: int, max_size: int, size: Callable[[T], int]) -> None:
        """`max_size` is a sum of `size(item)`, in bytes for lines."""
        self._max_items, self._max_size, self._size_of = max_items, max_size, size
        self._numbers = count()
        self._items: dict[int, T] = {}
        self._keyed: dict[str, int] = {}
        self._size = 0
        self.coalesced = 0
        """Items that were never read because a newer one took their place, or to make room."""

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, *, key: str | None = None) -> bool:
        """Add it. False where there is no room, even without all items that have a key: it was not added."""
        if key is not None and key in self._keyed:
            self._drop(key)
        if not self._fits(item):
            for waiting in list(self._keyed):
                self._drop(waiting)
            if not self._fits(item):
                return False
        number = next(self._numbers)
        self._items[number] = item
        self._size += self._size_of(item)
        if key is not None:
            self._keyed[key] = number
        return True

    def take(self) -> T:
        """The oldest. Raises KeyError when empty."""
        number = next(iter(self._items), None)
        if number is None:
            raise KeyError("nothing waits")
        item = self._items.pop(number)
        self._size -= self._size_of(item)
        for key, keyed in self._keyed.items():
            if keyed == number:
                del self._keyed[key]
                break
        return item

    def _fits(self, item: T) -> bool:
        return len(self._items) < self._max_items and self._size + self._size_of(item) <= self._max_size

    def _drop(self, key: str) -> None:
        self._size -= self._size_of(self._items.pop(self._keyed.pop(key)))
        self.coalesced += 1
