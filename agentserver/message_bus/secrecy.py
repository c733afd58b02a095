"""What of a message may be told: errors, notes and log lines, without the secrets of its contract.

Takes a state and what went wrong with it; gives the same without what only the handler may see. A message that was
routed has its listeners' contracts; of one that was not, whatever bears the name of a secret field of the organism
counts. An error about a place tells what was found there, unless the place or the value is secret; a secret that a
sender wrote into a field of another name cannot be known. Runs when something failed, and never else: a message whose
contract has no secrets pays nothing, and keeps its errors as they are, causes included. A cause that may quote a
secret is dropped, as anybody may print it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from agentserver.errors import (
    AgentServerError,
    BadReply,
    BindingError,
    ContractError,
    EnvelopeError,
    GateError,
    MissingInput,
    PayloadError,
    PayloadFault,
    RoutingError,
    WireError,
    shorten,
)
from agentserver.wire import Element
from agentserver.wire.parser import parse_again
from agentserver.xmlable import Contract, contract_of
from agentserver.xmlable.foreign import AnyContract
from agentserver.xmlable.found_values import (
    expected_without_secrets,
    is_valueless,
    path_without_secrets,
    without_secrets,
)
from agentserver.xmlable.near_names import folded
from agentserver.xmlable.scrubbing import LEFT_OUT, Scrubber
from agentserver.xmlable.secret_regions import stand_outside
from agentserver.xmlable.secret_values import value_texts
from agentserver.xmlable.secrets import mentions, named_texts, secret_names, secret_texts
from agentserver.xmlable.strange_names import strange_names

if TYPE_CHECKING:
    from agentserver.message_bus.message_state import MessageState

Hide: TypeAlias = Callable[[str], str]

_NAMES_ONLY: Final = frozenset(("code", "listener", "step"))
"""Fields of errors that only the pump writes."""
_WHOLE_VALUES: Final = (RoutingError, EnvelopeError, MissingInput, WireError)
"""Errors of the gate, which quote values whole."""
_CONCEALED: Final = "a secret value"
_QUOTING_CODES: Final = frozenset(("syntax", "encoding", "namespace-uri"))


def veiled(state: MessageState, failure: AgentServerError) -> AgentServerError:
    """Return a failure of a message without the message's secrets: itself when it has none."""
    names = _names(state)
    if not names:
        return failure
    if _is_unparsed(state):
        return _of_unparsed(names, state.raw_bytes or b"", failure)
    scrubber = _scrubber(state)
    return _without(failure, scrubber, names) if scrubber else failure


def scrubber_of(state: MessageState) -> Scrubber | None:
    """Return what takes the secrets of a message out of a text; None when it has none."""
    names = _names(state)
    if not names:
        return None
    if _is_unparsed(state):
        return Scrubber.of_everything() if mentions(names, state.raw_bytes or b"") else None
    return _scrubber(state) or None


def veiled_reply(state: MessageState, result: Any, failure: AgentServerError) -> AgentServerError:
    """Return the failure of a message by what its handler returned, without the secrets in that."""
    scrubber = scrubber_of_reply(state, result)
    if scrubber is None:
        return failure
    cause = failure.__cause__
    if isinstance(failure, BadReply) and isinstance(cause, BindingError):
        return BadReply(failure.listener, str(_without(cause, scrubber, frozenset())))
    return _without(failure, scrubber, frozenset())


def scrubber_of_reply(state: MessageState, result: Any) -> Scrubber | None:
    """Return what takes the secrets of a handler's answer out of a text; None when it has none."""
    secrets: list[str] = []
    for response in result if isinstance(result, list | tuple) else (result,):
        payload = getattr(response, "payload", None)
        contract = _contract(type(payload))
        if contract is not None and secret_names(contract.outline):
            secrets += value_texts(contract.outline, payload)
        elif isinstance(payload, Element):
            secrets += named_texts(state.secret_names, payload)
    return Scrubber(secrets) if secrets else None


def _without(failure: AgentServerError, scrubber: Scrubber, names: frozenset[str]) -> AgentServerError:
    """Return a copy of a failure without secrets, causes and traceback; its path ends at a field of the `names`."""
    if isinstance(failure, PayloadError) and failure.path:
        faults = [
            replace(each, path=_path(each.path, names, scrubber), found=_found(each, scrubber, names))
            for each in failure.violations
        ]
        return PayloadError.of(faults, code=failure.code)
    if isinstance(failure, BindingError) and failure.path:
        path, found = _path(failure.path, names, scrubber), _found(failure, scrubber, names)
        return BindingError(path, found, expected_without_secrets(failure.found, failure.expected, scrubber))
    hide = scrubber.scrub_quotes if isinstance(failure, _WHOLE_VALUES) else scrubber.scrub
    kept = {value for name, value in vars(failure).items() if name in _NAMES_ONLY}
    arguments = [arg if arg in kept else hidden(arg, hide) for arg in failure.args]
    copy = type(failure).__new__(type(failure), *arguments)
    for name, value in vars(failure).items():
        if not name.startswith("__"):
            setattr(copy, name, value if name in _NAMES_ONLY else hidden(value, hide))
    if type(failure).__module__ != AgentServerError.__module__ and hide(str(copy)) != str(copy):
        return GateError(
            hide(str(failure)), code=failure.code
        )  # a class of somebody's own, in words of its own
    return copy


def _found(failure: BindingError | PayloadFault, scrubber: Scrubber, names: frozenset[str]) -> str:
    if any(_name_of(step) in names for step in failure.path.split("/")):
        return failure.found if is_valueless(failure.found) else _CONCEALED
    return without_secrets(failure.found, scrubber)


def veiled_text(state: MessageState, text: str) -> str:
    """Return a remark on a message without the message's secrets."""
    scrubber = scrubber_of(state)
    return text if scrubber is None else shorten(scrubber.scrub_quotes(text))


def _names(state: MessageState) -> frozenset[str]:
    if state.target_listeners:
        return frozenset().union(*(listener.secret_names for listener in state.target_listeners))
    names = state.secret_names
    for contract in _own_contracts(state):
        names |= secret_names(contract.outline)
    return names


def _own_contracts(state: MessageState) -> list[AnyContract]:
    """Give the contracts of a message: its listeners', or that of the class that it was written from."""
    if state.target_listeners:
        return [listener.contract for listener in state.target_listeners]
    message = state.message
    classes = (state.metadata.get("payload_class"), message.payload_class if message is not None else None)
    return [contract for cls in classes if (contract := _contract(cls)) is not None]


def _contract(cls: Any) -> Contract[Any] | None:
    try:
        return contract_of(cls) if isinstance(cls, type) else None
    except ContractError:
        return None


def _scrubber(state: MessageState) -> Scrubber:
    contracts, trees = _own_contracts(state), list(_trees(state))
    secrets: list[str] = []
    for contract in contracts:
        secrets += [text for tree in trees for text in secret_texts(contract.outline, tree)]
        if state.payload is not None:
            secrets += value_texts(contract.outline, state.payload)
    if not state.target_listeners:
        secrets += [text for tree in trees for text in named_texts(_names(state), tree)]
    return Scrubber(secrets, _strange_names(state, contracts))


def _strange_names(state: MessageState, contracts: Iterable[AnyContract]) -> Iterator[str]:
    """Give the names in a payload that may be secrets: those that its contract, which has some, does not know."""
    for contract in contracts:
        if state.payload_tree is not None and secret_names(contract.outline):
            yield from strange_names(contract.outline, state.payload_tree)


def _trees(state: MessageState) -> Iterator[Element]:
    """Give what a message consists of; anew, where its handler may have changed it."""
    if state.payload is not None and state.canonical is not None:
        with suppress(WireError, IndexError):  # a step of the user's own may have put anything there
            yield parse_again(state.canonical)[-1]
    if state.payload_tree is not None:
        yield state.payload_tree
    elif state.envelope_tree is not None:
        yield state.envelope_tree
    else:
        yield from state.roots or ()


def _is_unparsed(state: MessageState) -> bool:
    return state.payload_tree is None and state.envelope_tree is None and state.roots is None


def _of_unparsed(names: Iterable[str], data: bytes, failure: AgentServerError) -> AgentServerError:
    """Return what may be told of bytes that nobody can tell the fields of: not what was found in them.

    The failure is made anew: libxml2's own error, which led to it, remembers those of other messages.
    """
    line = failure.line if isinstance(failure, GateError) else 0
    harmless = isinstance(failure, MissingInput) or not mentions(names, data)
    if isinstance(failure, WireError):
        harmless |= failure.code not in _QUOTING_CODES
        detail = failure.detail if harmless else _plainly(failure, names, data)
        return WireError(detail, code=failure.code, line=line)
    return failure if harmless else GateError(LEFT_OUT, code=failure.code, line=line)


def _plainly(failure: WireError, names: Iterable[str], data: bytes) -> str:
    """Say what kind of fault it is, and of which tags, unless their names stand in something secret only."""
    if not failure.tags:
        return failure.plain or LEFT_OUT
    tags = f": {' and '.join(failure.tags)}" if stand_outside(failure.tags, names, data) else ""
    return f"{failure.plain}{tags}"


def _path(path: str, names: frozenset[str], scrubber: Scrubber) -> str:
    """Cut a path below the first secret field, and take out names that may be secrets."""
    steps = path.split("/")
    for index, step in enumerate(steps):
        if _name_of(step) in names:
            path = "/".join(steps[: index + 1])
            break
    return path_without_secrets(path, scrubber)


def _name_of(step: str) -> str:
    return folded(step.partition("[")[0].removeprefix("@"))


def hidden(value: Any, hide: Hide) -> Any:
    """Return a value as a text without secrets; itself where it can hold none."""
    if value is None or isinstance(value, bool | int | float):
        return value
    try:
        return hide(str(value))
    except BaseException:  # noqa: BLE001  # an edge: the value's own code
        return LEFT_OUT
