"""What was used or learnt last, bounded in number: what strangers fill must not grow for ever."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, ItemsView
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Name, Value]):
    """The values used last, and no more of them than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Name, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: Name) -> Value | None:
        """The value of this name, which is young again; None if there is none."""
        value = self._values.get(name)
        if value is not None:
            self._values.move_to_end(name)
        return value

    def put(self, name: Name, value: Value) -> None:
        """Keep a value; the one that was not used for longest may go."""
        self._values[name] = value
        self._values.move_to_end(name)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def drop(self, name: Name) -> None:
        """Forget a name, whether it is known or not."""
        self._values.pop(name, None)

    def items(self) -> ItemsView[Name, Value]:
        """All names with their values, the oldest first."""
        return self._values.items()
