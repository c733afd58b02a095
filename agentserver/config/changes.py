"""What differs between two configurations, as plain values: listeners that came, went or changed, and settings.

Takes two configurations with what they name imported; starts nothing and changes nothing. Goes over the fields of the
configuration's own classes, so that none is forgotten. Says also which settings a running pump cannot take over: all
that are not named here as live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, TypeAlias

from agentserver.config.model import HandlesConfig, ListenerConfig, OrganismConfig, StepConfig
from agentserver.errors import AgentServerError, shorten
from agentserver.xmlable import Contract
from agentserver.xmlable.compatibility import compare
from agentserver.xmlable.foreign import AnyContract, ForeignContract

MAX_SHOWN_CHARS: Final = 120
"""Longest value that is shown."""
MAX_DETAILS: Final = 20
"""Changes of one contract that are shown."""

Same: TypeAlias = Callable[[Any, Any], bool]
"""Says whether two classes, or two functions, are the same."""

_LIVE: Final = frozenset(
    (
        "max_concurrent_handlers", "max_concurrent_per_agent", "repair", "feedback", "forbid", "budget", "meta",
        "retry", "breaker", "idempotency.by", "schedules",
        "limits.message_bytes", "limits.depth", "limits.elements", "limits.attributes", "limits.name_chars",
        "limits.namespaces", "limits.payloads", "limits.hops", "limits.queue_messages", "limits.dead_letters",
        "limits.handler_timeout_s", "limits.drain_timeout_s",
    )
)  # fmt: skip
_APART: Final = frozenset(("listeners", "pipeline", "source"))
_CONTRACT_FIELDS: Final = frozenset(field.name for field in fields(HandlesConfig)) | {"name", "handles"}
_HIDDEN: Final = frozenset(("queue",))
"""Settings whose value may hold a password."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is other than it was.

    Args:
        key: What, as `limits.hops`, `peers`, or `handler of Greeting`.
        old: What it was, in words; empty when it was not there.
        new: What it is, in words; empty when it is gone.
        details: What changed in it, where there is more to say.
    """

    key: str
    old: str = ""
    new: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListenerChange:
    """A listener that is other than it was."""

    name: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two configurations.

    Args:
        added: Names of listeners that came, in the new order.
        removed: Names of listeners that went, in the old order.
        changed: Listeners that are other than they were, in the new order.
        settings: What else changed and can be taken over while the organism runs.
        restart: What changed and cannot.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[ListenerChange, ...] = ()
    settings: tuple[Difference, ...] = ()
    restart: tuple[Difference, ...] = ()

    def __bool__(self) -> bool:
        """Say whether anything differs."""
        return any((self.added, self.removed, self.changed, self.settings, self.restart))

    def touches(self, prefix: str) -> bool:
        """Say whether a setting that can be taken over has changed whose key is `prefix`, or stands below it."""
        return any(f"{each.key}.".startswith(f"{prefix}.") for each in self.settings)


def changes_of(old: OrganismConfig, new: OrganismConfig, same: Same = lambda a, b: a is b) -> Changes:
    """Compare two configurations.

    Args:
        old: What was.
        new: What is to be.
        same: Tells whether classes and functions are the same; only an object is the same as itself when left out.
    """
    before = {listener.name: listener for listener in old.listeners}
    after = {listener.name: listener for listener in new.listeners}
    changed = [
        ListenerChange(name, found)
        for name, listener in after.items()
        if name in before and (found := tuple(_listener(before[name], listener, same)))
    ]
    settings = [*_settings(old, new), *_steps(old.pipeline, new.pipeline, same)]
    return Changes(
        tuple(name for name in after if name not in before),
        tuple(name for name in before if name not in after),
        tuple(changed),
        tuple(each for each in settings if _is_live(each.key, old.pipeline, new.pipeline)),
        tuple(each for each in settings if not _is_live(each.key, old.pipeline, new.pipeline)),
    )


def _listener(old: ListenerConfig, new: ListenerConfig, same: Same) -> Iterator[Difference]:
    before, after = _contracts(old), _contracts(new)
    for tag, pair in before.items():
        if tag in after:
            yield from _contract(tag, pair, after[tag], same)
        else:
            yield Difference(f"contract {tag}", old=pair.payload_class_path or tag)
    for tag, pair in after.items():
        if tag not in before:
            yield Difference(f"contract {tag}", new=pair.payload_class_path or tag)
    if list(before) != list(after) and sorted(before) == sorted(after):
        yield Difference("order of contracts", ", ".join(before), ", ".join(after))
    for field in fields(ListenerConfig):
        if field.compare and field.name not in _CONTRACT_FIELDS:
            yield from _value(field.name, getattr(old, field.name), getattr(new, field.name), same)


def _contract(tag: str, old: HandlesConfig, new: HandlesConfig, same: Same) -> Iterator[Difference]:
    """Compare two contracts of one root, and their handlers."""
    if details := _contract_details(old, new):
        yield Difference(f"contract {tag}", _path(old), _path(new), details)
    elif not _is_same(old.payload_class, new.payload_class, _path(old), _path(new), same):
        yield Difference(f"class of {tag}", _path(old), _path(new))
    paths = old.handler_path, new.handler_path
    if not _is_same(old.handler, new.handler, *paths, same):
        yield Difference(f"handler of {tag}", *paths, () if paths[0] != paths[1] else ("its code changed",))


def _is_same(old: Any, new: Any, old_path: str, new_path: str, same: Same) -> bool:
    if old is None or new is None:  # not imported
        return old is new and old_path == new_path
    return same(old, new)


def _contract_details(old: HandlesConfig, new: HandlesConfig) -> tuple[str, ...]:
    before, after = contract_in(old), contract_in(new)
    unseen: tuple[str, ...] = ()
    if new.schema_path and after is None:  # made in code: whoever registers it reads the file
        return ("its XSD is read again",)
    if before is None or after is None or before is after:
        return ()
    if isinstance(before, ForeignContract) and isinstance(after, ForeignContract):
        first = {name: document.data for name, document in before.foreign.documents.items()}
        if first == {name: document.data for name, document in after.foreign.documents.items()}:
            return ()
        unseen = ("its XSD was changed",)  # whatever can be told of that
    else:
        unseen = ()
    try:
        found = [str(change) for change in compare(before.outline, after.outline)]
    except AgentServerError as exc:  # the XSD of somebody else, which no outline can be made of
        return (f"cannot be compared: {exc}",)
    if isinstance(before, ForeignContract) is not isinstance(after, ForeignContract):
        found.insert(0, "it has another kind of contract")
    if not found:
        return unseen
    more = (f"and {len(found) - MAX_DETAILS} more",) if len(found) > MAX_DETAILS else ()
    return (*(shorten(each, 2 * MAX_SHOWN_CHARS) for each in found[:MAX_DETAILS]), *more)


def contract_in(pair: HandlesConfig) -> AnyContract | None:
    """Return the contract of one pair; None when its class is not imported, or has none."""
    if pair.contract is not None:
        return pair.contract
    own = vars(pair.payload_class).get("__contract__") if pair.payload_class is not None else None
    return own if isinstance(own, Contract) else None


def _contracts(listener: ListenerConfig) -> dict[str, HandlesConfig]:
    """Return a listener's contracts, by root tag, or by the path of the class where that is not imported."""
    first = HandlesConfig(
        listener.payload_class_path, listener.handler_path, listener.payload_class, listener.handler,
        listener.schema_path, listener.root, listener.contract,
    )  # fmt: skip
    found = {}
    for pair in (first, *listener.handles):
        contract = contract_in(pair)
        found[contract.root_tag if contract is not None else _path(pair)] = pair
    return found


def _path(pair: HandlesConfig) -> str:
    if pair.payload_class_path:
        return pair.payload_class_path
    cls = pair.payload_class
    return f"{cls.__module__}.{cls.__qualname__}" if cls is not None else ""


def _settings(old: OrganismConfig, new: OrganismConfig) -> Iterator[Difference]:
    for field in fields(OrganismConfig):
        if field.compare and field.name not in _APART:
            yield from _value(field.name, getattr(old, field.name), getattr(new, field.name), nested=True)


def _value(
    key: str, old: Any, new: Any, same: Same = lambda a, b: a is b, *, nested: bool = False
) -> Iterator[Difference]:
    if nested and is_dataclass(new) and type(old) is type(new):
        for field in fields(new):
            yield from _value(
                f"{key}.{field.name}", getattr(old, field.name), getattr(new, field.name), nested=True
            )
    elif callable(old) and callable(new):
        if not same(old, new):
            yield Difference(key, _shown(old), _shown(new))
    elif old != new:
        hidden = key in _HIDDEN
        yield Difference(
            key, "(not shown)" if hidden else _shown(old), "(not shown)" if hidden else _shown(new)
        )


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__name__)}"
    if isinstance(value, list | tuple):
        return shorten(", ".join(map(_shown, value)) or "none", MAX_SHOWN_CHARS)
    return shorten(str(value), MAX_SHOWN_CHARS)


def _steps(old: list[StepConfig], new: list[StepConfig], same: Same) -> Iterator[Difference]:
    before, after = list(map(_place, old)), list(map(_place, new))
    if before != after:
        yield Difference("pipeline", "; ".join(before) or "none", "; ".join(after) or "none")
    for first, second in zip(old, new, strict=False):
        if before == after and not _is_same(first.step, second.step, first.step_path, second.step_path, same):
            yield Difference("pipeline", _place(first), _place(second), ("its code changed",))


def _place(step: StepConfig) -> str:
    return f"{step.step_path} {f'before {step.before}' if step.before else f'after {step.after}'}"


def _is_live(key: str, old: list[StepConfig], new: list[StepConfig]) -> bool:
    """Say whether a pump can take over a change of a setting: of steps, while as many stand in the same places."""
    if key == "pipeline":
        return [(step.before, step.after) for step in old] == [(step.before, step.after) for step in new]
    return key in _LIVE or key.partition(".")[0] in _LIVE
