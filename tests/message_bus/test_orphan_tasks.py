"""A task that a handler starts and never awaits: its exception is logged with the listener, without secrets."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from agentserver import HandlerMetadata, Secret, running, xmlify
from tests.organisms import THREAD, Ping, envelope, listener, pump_of
from tests.secret_ears import MARK, Ear, heard, listening

EVENT = "a task that a handler started raised, and nobody awaited it"


@xmlify
@dataclass
class Login:
    user: str
    password: Annotated[str, Secret]


LOGIN = f'<Login xmlns=""><User>ada</User><Password>{MARK}</Password></Login>'
PING = '<Ping xmlns=""><Text>hello</Text></Ping>'


async def fail(payload: Any) -> None:
    await asyncio.sleep(0)
    raise ValueError(payload.password if isinstance(payload, Login) else payload.text)


async def fail_in_a_task(payload: Any) -> None:
    asyncio.create_task(fail(payload), name=f"about {payload}")  # noqa: RUF006  # it is to be forgotten
    await asyncio.sleep(0)


async def everything_logged(
    cls: type[Any], inner: str, do: Callable[[Any], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> Ear:
    """Return what is logged of a handler, and of the tasks that are gone after it."""

    async def handler(payload: Any, metadata: HandlerMetadata) -> None:
        await do(payload)

    pump = pump_of(listener("vault", cls, handler))
    with listening() as ear, caplog.at_level(logging.DEBUG):
        async with running(pump):
            await pump.inject(envelope(inner, to="vault"), THREAD, "user")
            await pump.drained()
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()
    return ear


async def start_and_forget(payload: Any) -> None:
    asyncio.create_task(fail(payload))  # noqa: RUF006  # it is to be forgotten


async def start_a_task_that_does(payload: Any) -> None:
    asyncio.ensure_future(fail_in_a_task(payload))  # noqa: RUF006  # it is to be forgotten


async def raise_what_leads_to_it(payload: Any) -> None:
    async def wrap() -> None:
        try:
            await fail(payload)
        except ValueError as exc:
            raise RuntimeError(f"about {vars(payload)}") from exc

    asyncio.create_task(wrap())  # noqa: RUF006  # it is to be forgotten


@pytest.mark.parametrize("do", [start_and_forget, start_a_task_that_does, raise_what_leads_to_it])
async def test_its_text_tells_no_secret_and_the_line_names_the_listener(
    do: Callable[[Any], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    ear = await everything_logged(Login, LOGIN, do, caplog)

    (line,) = [record for record in caplog.records if record.message == EVENT]
    assert ("vault", THREAD) == (vars(line)["listener"], vars(line)["thread_id"])
    assert "Error" in vars(line)["exception"]
    assert "" == heard("\n".join(ear.heard))


async def test_without_secrets_it_is_logged_whole(caplog: pytest.LogCaptureFixture) -> None:
    await everything_logged(Ping, PING, start_and_forget, caplog)

    (line,) = [record for record in caplog.records if record.message == EVENT]
    assert "vault" == vars(line)["listener"]
    assert line.exc_info is not None
    assert "hello" == str(line.exc_info[1])


async def test_what_somebody_takes_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def take(payload: Any) -> None:
        await asyncio.gather(asyncio.create_task(fail(payload)), return_exceptions=True)
        waited = asyncio.create_task(fail(payload))
        with pytest.raises(ValueError, match="hello"):
            await waited

    await everything_logged(Ping, PING, take, caplog)

    assert EVENT not in caplog.messages


async def test_a_task_of_somebody_else_is_left_to_asyncio(caplog: pytest.LogCaptureFixture) -> None:
    async with running(pump_of(listener("vault", Ping, start_and_forget))):
        asyncio.create_task(fail(Ping("mine")))  # noqa: RUF006  # it is to be forgotten
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()

    assert EVENT not in caplog.messages
    assert "Task exception was never retrieved" in caplog.text
