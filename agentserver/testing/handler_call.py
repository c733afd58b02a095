"""One handler, called as the pump would call it, and what it sent, checked as the pump would check it.

Takes the handler and a payload; gives `HandlerResponse`s whose payloads fit their contracts. Addresses and permissions
are an organism's: nothing of them is checked here. What the handler raises comes out as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, Final

from agentserver.errors import AgentServerError, BadReply, ContractError, HandlerTimedOut, PayloadError
from agentserver.message_bus.listener import is_async
from agentserver.message_bus.message_state import HandlerMetadata, HandlerResponse, MessageState
from agentserver.message_bus.steps import make_repair_step, payload_extraction_step
from agentserver.wire import MESSAGE, Element, ParseLimits, first_violation
from agentserver.xmlable import contract_of

DEFAULT_TIMEOUT_S: Final = 60.0
DEFAULT_THREAD: Final = "00000000-0000-4000-8000-000000000000"


async def call(
    handler: Callable[[Any, HandlerMetadata], Any],
    payload: Any,
    *,
    from_id: str = "test",
    thread_id: str = DEFAULT_THREAD,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    **metadata: Any,
) -> list[HandlerResponse]:
    """Call a handler with one payload.

    Args:
        handler: The handler, `async` or not.
        payload: An instance of an `@xmlify` class, which is written and read again on its way; or an element.
        from_id: Who is said to have sent it.
        thread_id: The thread that it is said to have come on.
        timeout_s: Seconds that it may take.
        **metadata: Further fields of its `HandlerMetadata`, as `own_name`.

    Returns:
        What it sent. Where it wrote XML itself, each payload is an element, and `to` what its envelope says.

    Raises:
        BadReply: What it returned cannot become messages.
        BindingError: The payload does not fit its class.
        ContractError: The payload's class is no contract.
        HandlerTimedOut: It took too long.
        PayloadError: The payload breaks its contract.
    """
    given = payload if isinstance(payload, Element) else _through_the_gate(payload)
    told = HandlerMetadata(thread_id=thread_id, from_id=from_id, **metadata)
    name = getattr(handler, "__name__", type(handler).__name__)
    try:
        async with asyncio.timeout(timeout_s) as limit:
            result = await _result(handler, given, told)
    except TimeoutError:
        if not limit.expired():
            raise
        raise HandlerTimedOut(name, f"no answer within {timeout_s:g} s") from None
    if result is None:
        return []
    several = result if isinstance(result, list | tuple) else [result]
    return [checked for each in several for checked in _checked(name, each)]


async def _result(handler: Callable[..., Any], payload: Any, metadata: HandlerMetadata) -> Any:
    if is_async(handler):
        return await handler(payload, metadata)
    result = handler(payload, metadata)
    if hasattr(result, "__aiter__"):
        return [each async for each in result]
    return await result if isawaitable(result) else result


def _through_the_gate(payload: Any) -> Any:
    contract = contract_of(type(payload))
    element = payload.xml_value(contract.root_tag.rpartition("}")[2])
    violation = first_violation(contract.schema, element)
    if violation is not None:
        raise PayloadError(str(violation))
    return contract.read(element)


def _checked(handler: str, response: Any) -> list[HandlerResponse]:
    if isinstance(response, bytes | str):
        return [HandlerResponse(*pair) for pair in _written(handler, response)]
    if not isinstance(response, HandlerResponse):
        kind = type(response).__name__
        raise BadReply(handler, f"returned {kind}, expected HandlerResponse, bytes, a list of those, or None")
    payload = response.payload
    if isinstance(payload, bytes | str):
        pairs = _written(handler, payload)
        return [HandlerResponse(each, response.to, response.is_response) for each, _ in pairs]
    if not isinstance(payload, Element):
        try:
            _through_the_gate(payload)
        except ContractError as exc:
            raise BadReply(handler, f"payload {type(payload).__name__} is no @xmlify class") from exc
        except AgentServerError as exc:
            raise BadReply(handler, str(exc)) from exc
    return [response]


def _written(handler: str, data: bytes | str) -> list[tuple[Element, str | None]]:
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    state = make_repair_step(ParseLimits(), "safe")(MessageState(raw_bytes=raw))
    if state.failure is not None:
        raise BadReply(handler, f"malformed reply: {state.failure}") from state.failure
    roots = state.roots if state.roots is not None else [state.envelope_tree]
    return [_unwrapped(handler, root) for root in roots if root is not None]


def _unwrapped(handler: str, root: Element) -> tuple[Element, str | None]:
    if root.tag != MESSAGE:
        return root, None
    part = payload_extraction_step(MessageState(envelope_tree=root, from_id=handler))
    if part.failure is not None or part.payload_tree is None:
        raise BadReply(handler, f"malformed reply: {part.failure}")
    return part.payload_tree, part.to_id
