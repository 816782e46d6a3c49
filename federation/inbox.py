"""Which function hears of which activity.

An inbox is filled like a router and included like a router:

    inbox = Inbox[Received]()

    @inbox.on(Create, Event)
    async def created(received: Received, activity: Create) -> None: ...

A handler is looked up along the class chain, the activity's first: one for `(Create, Note)` hears
of a Proposal, unless there is one for `(Create, Proposal)`. An object that came as a mere id is a
`str`; an Undo or an answer that names an activity so is made whole by whoever knows that one:

    @inbox.knows
    async def follow(received: Received, uri: str) -> Activity | None: ...

Who hears of many activities in a row may prepare for them:

    @inbox.looks_ahead
    async def ask(session: Session, activities: Sequence[Activity], hosts: Collection[str]): ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from federation.vocab.activities import Activity

C = TypeVar("C")
A = TypeVar("A", bound=Activity)

Recall = Callable[[C, str], Awaitable[Activity | None]]
LookAhead = Callable[[Any, Sequence[Activity], Collection[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Registration:
    """One pair of types and the function that hears of it; `object_type` may be `object`."""

    activity_type: type[Activity]
    object_type: type
    handler: Callable[[Any, Any], Awaitable[None]]


class Inbox(Generic[C]):
    """Handlers by type; `C` is what every handler gets besides the activity."""

    def __init__(self) -> None:
        self._registrations: dict[tuple[type[Activity], type], Registration] = {}
        self._recalls: list[Recall[C]] = []
        self._look_aheads: list[LookAhead] = []

    def on(
        self, activity_type: type[A], object_type: type = object
    ) -> Callable[[Callable[[C, A], Awaitable[None]]], Callable[[C, A], Awaitable[None]]]:
        """Mark a function as the handler of these activities; `object` stands for any object.

        Raises:
            ValueError: there is one already.
        """

        def register(
            handler: Callable[[C, A], Awaitable[None]],
        ) -> Callable[[C, A], Awaitable[None]]:
            self._add(Registration(activity_type, object_type, handler))
            return handler

        return register

    def knows(self, recall: Recall[C]) -> Recall[C]:
        """Mark a function that gives an activity of old by its id, or None."""
        self._recalls.append(recall)
        return recall

    async def recall(self, received: C, uri: str) -> Activity | None:
        """The activity of old that has this id, if anybody knows it."""
        for recall in self._recalls:
            found = await recall(received, uri)
            if found is not None:
                return found
        return None

    def looks_ahead(self, look: LookAhead) -> LookAhead:
        """Mark a function that prepares for activities, and for their actors' servers."""
        self._look_aheads.append(look)
        return look

    async def look_ahead(
        self, context: Any, activities: Sequence[Activity], hosts: Collection[str]
    ) -> None:
        """Let everybody prepare for these; `context` is what the caller has for all of them."""
        for look in self._look_aheads:
            await look(context, activities, hosts)

    def include(self, other: Inbox[C]) -> None:
        """Take over everything of another inbox.

        Raises:
            ValueError: there is one already for the same types.
        """
        for registration in other.handlers:
            self._add(registration)
        self._recalls += other._recalls
        self._look_aheads += other._look_aheads

    @property
    def handlers(self) -> tuple[Registration, ...]:
        """All that is registered, in the order in which it was."""
        return tuple(self._registrations.values())

    def handler_for(self, activity: Activity) -> Registration | None:
        """Who hears of `activity`, or None if nobody does."""
        for key in _chain(activity):
            found = self._registrations.get(key)
            if found is not None:
                return found
        return None

    async def dispatch(self, received: C, activity: Activity) -> bool:
        """Let the handler of `activity` hear of it; False if there is none.

        Raises:
            FederationError: whatever the handler has against it.
        """
        found = self.handler_for(activity)
        if found is None:
            return False
        await found.handler(received, activity)
        return True

    def _add(self, registration: Registration) -> None:
        key = (registration.activity_type, registration.object_type)
        if key in self._registrations:
            first, second = key
            raise ValueError(f"two handlers for ({first.__name__}, {second.__name__})")
        self._registrations[key] = registration


def _chain(activity: Activity) -> Iterator[tuple[type[Activity], type]]:
    """The pairs of types to look for, the most exact first."""
    for activity_type in type(activity).__mro__:
        if issubclass(activity_type, Activity):
            for object_type in type(activity.object).__mro__:
                yield activity_type, object_type
