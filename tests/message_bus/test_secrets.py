"""Only the handler sees a secret: not the logs, the errors, their causes, the notes, the dead letters, any repr."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from lxml import etree

from agentserver import HandlerMetadata, HandlerResponse, MessageState, RequestFailed, Secret, running, xmlify
from agentserver.config import Limits, StepConfig
from agentserver.errors import PayloadError
from agentserver.message_bus.letter_view import shown_document
from agentserver.message_bus.steps import deserialization_step, make_repair_step, xsd_validation_step
from agentserver.queues import Delivery, QueuedMessage
from agentserver.wire import StrictParser
from tests.organisms import THREAD, Amount, Ping, Recorder, envelope, listener, ping, pump_of
from tests.secret_ears import MARK, heard, listening, told, whole


@xmlify
@dataclass
class Login:
    user: int
    password: Annotated[str, Secret]
    pin: Annotated[int, Secret] | None = None


@xmlify
@dataclass
class Picky:
    password: Annotated[str, Secret]

    def __post_init__(self) -> None:
        if not self.password.startswith("good"):
            raise ValueError(f"{self.password} is bad")


@xmlify
@dataclass
class Token:
    user: int
    token: Annotated[str, Secret]


def login(inside: str = f"<User>7</User><Password>{MARK}</Password>", **where: Any) -> bytes:
    return envelope(f'<Login xmlns="">{inside}</Login>', **{"to": "door", **where})


async def all_told(
    handler: Callable[..., Any], *messages: bytes, cls: type[Any] = Login, **options: Any
) -> tuple[str, list[MessageState]]:
    """Have one listener handle messages; return all that was told of it, and what left or failed."""
    steps = options.pop("pipeline", [])
    limits = options.pop("limits", Limits())
    pump = pump_of(listener("door", cls, handler, **options), limits=limits, pipeline=steps)
    seen: list[MessageState] = []
    pump.add_outlet(seen.append)
    with listening() as ear:
        async with running(pump):
            for message in messages:
                await pump.inject(message, THREAD, "user")
            await pump.drained()
    assert pump.books.balanced
    return told(pump, seen, ear), seen


def code_of(states: list[MessageState]) -> str:
    assert states[0].failure is not None
    return states[0].failure.code


def raiser(fault: Callable[[Login], BaseException]) -> Callable[..., Any]:
    async def handler(payload: Login, metadata: HandlerMetadata) -> None:
        raise fault(payload)

    return handler


def chained(payload: Login) -> BaseException:
    fault = RuntimeError("outside")
    fault.__cause__ = LookupError(payload.password)
    fault.__cause__.__context__ = OSError(f"https://host/?password={payload.password}")
    return fault


def noted(payload: Login) -> BaseException:
    fault = ValueError("of several kinds")
    fault.add_note(f"the password was {payload.password}")
    return ExceptionGroup("several", [fault, ExceptionGroup("more", [KeyError(payload.password)])])


class Odd(Exception):
    def __init__(self, payload: Login) -> None:
        super().__init__(payload, payload.password)
        self.payload = payload

    def __str__(self) -> str:
        return f"odd: {self.payload.password.upper()}"


@pytest.mark.parametrize(
    "fault",
    [
        lambda payload: ValueError(f"cannot take {payload}"),
        lambda payload: ValueError(payload),
        lambda payload: KeyError(payload.password),
        lambda payload: ValueError(f"cannot take {payload.password[:9]}…"),
        lambda payload: ValueError(payload.password * 1_000),
        lambda payload: ValueError("-" * 495 + payload.password),
        lambda payload: SystemExit(payload.password),
        lambda payload: StopIteration(payload.password),
        chained,
        noted,
        Odd,
    ],
)
@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_handler_that_raises_with_the_secret_tells_it_to_nobody(
    fault: Callable[[Login], BaseException], in_thread: bool
) -> None:
    handler = raiser(fault)

    def plain(payload: Login, metadata: HandlerMetadata) -> None:
        raise fault(payload)

    said, states = await all_told(plain if in_thread else handler, login())

    assert code_of(states) == "handler-failed"
    assert "" == heard(said)


async def test_what_a_handler_raises_beside_the_secret_is_told_with_its_place() -> None:
    said, states = await all_told(raiser(lambda payload: ValueError(f"no {payload.password} here")), login())

    assert states[0].error == "handler-failed: door: ValueError: no *** here"
    assert 'File "' in said
    assert "raise fault(payload)" in said


async def test_a_log_record_of_a_secret_message_leads_to_no_frame(caplog: pytest.LogCaptureFixture) -> None:
    await all_told(raiser(lambda payload: ValueError("no")), login())

    record = next(record for record in caplog.records if record.getMessage() == "handler raised")
    assert record.exc_info is None
    assert "ValueError: no" in vars(record)["exception"]


async def test_a_contract_without_secrets_keeps_its_causes_and_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(payload: Ping, metadata: HandlerMetadata) -> None:
        raise ValueError(payload.text)

    _, states = await all_told(handler, ping("hello", to="door"), cls=Ping)

    assert states[0].failure is not None
    assert isinstance(states[0].failure.__cause__, ValueError)
    assert any(record.exc_info for record in caplog.records)


async def test_of_an_error_about_a_secret_too_short_to_be_found_in_it_nothing_is_told() -> None:
    said, states = await all_told(
        raiser(lambda payload: ValueError(f"pin {payload.pin}")),
        login("<User>7</User><Password>long enough</Password><Pin>42</Pin>"),
    )

    assert states[0].error == "handler-failed: door: ValueError: (left out: it may quote something secret)"
    assert "pin 42" not in said
    assert "in handler" in said


async def test_a_secret_that_the_handler_changed_is_still_one() -> None:
    async def handler(payload: Login, metadata: HandlerMetadata) -> None:
        old, payload.password = payload.password, "gone"
        raise ValueError(old)

    said, _ = await all_told(handler, login())
    assert "" == heard(said)


@pytest.mark.parametrize(
    "inside",
    [
        f"<User>seven</User><Password>{MARK}</Password>",
        f"<User>7</User><Password>{MARK}</Password><Pin>{MARK}</Pin>",
        f"<User>{MARK}</User><Password>{MARK}</Password>",
        f"<User>my {MARK}</User><Password>{MARK}</Password>",
        f"<User>{MARK[:9]}</User><Password>{MARK}</Password>",
        f"<User>7</User><Password>{MARK}</Password><Password>{MARK}</Password>",
        f"<User>7</User><Password>{MARK}<x/></Password>",
        f"<User>7</User><Password><{MARK}/></Password>",
        f"<User>7</User><Password>a</Password>{MARK}",
        f"{MARK}<User>7</User><Password>a</Password>",
        f'<User>7</User><Password hint="{MARK}">a</Password>',
        f'<User password="{MARK}">7</User><Password>a</Password>',
        f"<User>7</User><password>{MARK}</password>",
        f"<User><Password>{MARK}</Password></User><Password>a</Password>",
        f"<!-- {MARK} --><User>x</User><Password>{MARK}</Password>",
        f"<User>7</User><Password>{MARK}</Password><Extra>{MARK}</Extra>",
        f"<User>{MARK * 10}</User><Password>{MARK * 10}</Password>",
        f"<Password>{MARK}</Password><User>{MARK}</User>",
    ],
)
async def test_a_payload_that_breaks_its_contract_tells_no_secret_wherever_it_stands(inside: str) -> None:
    handler = Recorder()
    said, states = await all_told(handler, login(inside))

    assert (code_of(states), handler.calls) == ("schema", [])
    assert "" == heard(said)


async def test_a_broken_secret_is_told_with_its_place_and_what_was_expected() -> None:
    _, states = await all_told(Recorder(), login("<User>7</User><Password>a</Password><Pin>x1</Pin>"))

    assert "Login/Pin" in str(states[0].error)
    assert "x1" not in str(states[0].error)


async def test_no_fault_of_several_tells_a_secret() -> None:
    inside = f"<User>{MARK}</User><Password>{MARK}</Password><{MARK}/>"
    text, states = await all_told(Recorder(), login(inside))

    failure = states[0].failure
    assert isinstance(failure, PayloadError)
    assert ["Login/User", "Login/***"] == [each.path for each in failure.violations]
    assert ["'***'", "<***>"] == [each.found for each in failure.violations]
    assert "" == heard(text)


@pytest.mark.parametrize(
    ("inside", "error"),
    [
        (
            "<User>AB12</User><Password>hunter2</Password>",
            "schema: Login/User: found 'AB12', expected a whole number (xs:integer) (line 1)",
        ),
        (
            "<User>my hunter2</User><Password>hunter2</Password>",
            "schema: Login/User: found '***', expected a whole number (xs:integer) (line 1)",
        ),
        (
            "AB12<User>7</User><Password>text</Password>",
            "schema: Login: found the text '***', expected elements alone (line 1)",
        ),
        (
            "<User>7</User><Password>Login</Password><Foo/>",
            "schema: Login: found <***>, expected <Pin> (line 1)",
        ),
        (
            "<User>7</User><Password>Login</Password><Pinn/>",
            "schema: Login: found <Pinn>, expected <Pin> (line 1)",
        ),
    ],
)
async def test_the_words_of_an_error_and_the_values_of_other_fields_are_told(inside: str, error: str) -> None:
    _, states = await all_told(Recorder(), login(inside))

    assert error.partition("found")[2] == str(states[0].error).partition("found")[2]


@pytest.mark.parametrize(
    ("inside", "error"),
    [
        ("<User>7</Usr><Password>a</Password>", "syntax: mismatched tag: User and Usr (line 1)"),
        ("<User>&open;</User><Password>a</Password>", "syntax: undefined entity (line 1)"),
        ("<Password>ab<cd>ef</Password>", "syntax: mismatched tag (line 1)"),
        ("<Password><![CDATA[ab</Password>", "syntax: CDATA section not finished (line 1)"),
        ("<Password hint='a' hint='b'>a</Password>", "syntax: attribute given twice (line 1)"),
    ],
)
async def test_a_syntax_error_keeps_its_kind_and_its_line(inside: str, error: str) -> None:
    state = make_repair_step(policy="off")(MessageState(login(inside), secret_names=frozenset(("password",))))

    assert error == state.error


async def test_what_a_class_says_when_it_refuses_is_not_told() -> None:
    said, states = await all_told(
        Recorder(), envelope(f'<Picky xmlns=""><Password>{MARK}</Password></Picky>', to="door"), cls=Picky
    )

    assert states[0].stage == "deserialization"
    assert "" == heard(said)


@pytest.mark.parametrize(
    "message",
    [
        login(to="nobody"),
        login().replace(b"<Login ", b"<Unknown ").replace(b"</Login>", b"</Unknown>"),
        login(sender="", thread=MARK),
        login(to=MARK),
        login().replace(b"</meta>", f"</meta><Second><Password>{MARK}</Password></Second>".encode()),
        login(f"<Password>&{MARK};</Password>"),
        login(f"<Password>{MARK}</{MARK}>"),
        login(f"<Password>a<{MARK} b</Password>"),
        login(f'<Password hint={MARK}="a">a</Password>'),
        login().replace(b"</message>", b""),
        login().replace(b"</Login>", b""),
        f"<?xml version='1.0' encoding='{MARK}'?><Login><Password>a</Password></Login>".encode(),
        f"<Login><Password>{MARK}".encode(),
    ],
)
async def test_a_message_that_nobody_takes_tells_no_secret_as_far_as_names_can_tell(message: bytes) -> None:
    said, states = await all_told(Recorder(), message)

    assert states[0].error is not None
    assert "" == heard(said.replace(f"to={MARK!r}", ""))


async def test_a_step_of_the_users_own_that_raises_with_the_message_tells_no_secret() -> None:
    def dump(state: MessageState) -> MessageState:
        raise ValueError(f"what is this? {state.raw_bytes!r} {state.canonical!r}")

    for place in ({"before": "repair"}, {"after": "c14n"}, {"after": "deserialization"}):
        said, states = await all_told(
            Recorder(), login(), pipeline=[StepConfig("a.dump", step=dump, **place)]
        )
        assert code_of(states) == "step-failed"
        assert "" == heard(said), place


async def test_a_step_that_refuses_with_the_secret_tells_it_to_nobody() -> None:
    def refuse(state: MessageState) -> MessageState:
        state.error = f"not {state.payload.password}"
        return state

    said, states = await all_told(
        Recorder(), login(), pipeline=[StepConfig("a.refuse", after="deserialization", step=refuse)]
    )
    assert code_of(states) == "refused"
    assert "" == heard(said)


async def test_a_step_that_makes_another_state_of_a_message_tells_no_secret() -> None:
    def anew(state: MessageState) -> MessageState:
        assert state.envelope_tree is not None
        return MessageState(
            envelope_tree=state.envelope_tree, from_id=state.from_id, thread_id=state.thread_id
        )

    _, states = await all_told(
        Recorder(), login(to=MARK), pipeline=[StepConfig("a.anew", after="c14n", step=anew)]
    )
    assert code_of(states) == "no-listener"
    assert "" == heard(str(states[0].error))


@pytest.mark.parametrize(
    "reply",
    [
        lambda payload: HandlerResponse(Token(payload.password, "t")),
        lambda payload: HandlerResponse.respond(Token(payload.password, "t")),
        lambda payload: HandlerResponse.respond(Amount(payload.password)),
        lambda payload: HandlerResponse.respond(payload.password),
        lambda payload: payload,
        lambda payload: f"<Token><Token>{payload.password}</Token>",
        lambda payload: f"<Token>&{payload.password}; <",
        lambda payload: HandlerResponse(Amount(7), to=payload.password + "!"),
        lambda payload: {payload.password: payload},
    ],
)
async def test_a_reply_that_cannot_be_sent_tells_no_secret_of_what_was_asked(
    reply: Callable[[Login], Any],
) -> None:
    said, _ = await all_told(Recorder(reply), login())

    assert "" == heard(said)


@dataclass
class Property:
    """Raises when it is written."""

    user: int
    token: Annotated[str, Secret]

    def __getattribute__(self, name: str) -> Any:
        if name == "user":
            raise ValueError(f"spilled {object.__getattribute__(self, 'token')}")
        return object.__getattribute__(self, name)


@pytest.mark.parametrize(
    "reply",
    [
        Token("seven", MARK),  # type: ignore[arg-type]
        Token(MARK, MARK),  # type: ignore[arg-type]
        Token(7, [MARK]),  # type: ignore[arg-type]
        Token(7, MARK + "\x00"),
        Token(7, MARK.encode()),  # type: ignore[arg-type]
        xmlify(Property)(7, MARK),
    ],
)
async def test_a_reply_that_breaks_its_own_contract_tells_no_secret_of_its_own(reply: Any) -> None:
    said, states = await all_told(
        Recorder(lambda _: HandlerResponse.respond(reply)), ping(to="door"), cls=Ping
    )

    assert code_of(states) == "bad-reply"
    assert "" == heard(said)


@pytest.mark.parametrize("element", [Login(7, MARK), Token(7, MARK)])
async def test_a_foreign_schema_that_marks_a_secret_hides_it(tmp_path: Path, element: Any) -> None:
    """Of the handler's own element, and of one that its answer consists of, which its contract refuses."""
    (tmp_path / "login.xsd").write_bytes(etree.tostring(Login.xsd()))  # type: ignore[attr-defined]

    async def handler(payload: etree._Element, metadata: HandlerMetadata) -> HandlerResponse:
        payload[1].text = "gone"
        if element.xml_value("Login").find("Password") is None:
            payload[0].text = payload[1].text = MARK
            return HandlerResponse.respond(payload)
        raise ValueError(MARK, etree.tostring(element.xml_value("Login")))

    config = listener("door", etree._Element, handler, schema_path=str(tmp_path / "login.xsd"))
    pump = pump_of(config)
    seen: list[MessageState] = []
    pump.add_outlet(seen.append)
    with listening() as ear:
        async with running(pump):
            await pump.inject(login(), THREAD, "user")
            await pump.inject(login(f"<User>{MARK}</User><Password>{MARK}</Password>"), THREAD, "user")
            await pump.drained()

    assert ["schema"] == [state.failure.code for state in seen if state.failure][:1]
    assert 2 == len(seen)
    assert "" == heard(told(pump, seen, ear))


async def test_a_handler_that_does_not_return_in_time_tells_no_secret() -> None:
    async def late(payload: Login, metadata: HandlerMetadata) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError(payload.password)

    said, states = await all_told(late, login(), limits=Limits(handler_timeout_s=0.01))

    assert code_of(states) == "handler-timeout"
    assert "" == heard(said)


async def test_whoever_requested_is_told_no_secret() -> None:
    pump = pump_of(listener("door", Login, raiser(lambda payload: ValueError(payload))))
    async with running(pump):
        with listening() as ear, pytest.raises(RequestFailed) as caught:
            await pump.request(Login(7, MARK), to="door", timeout_s=5)

    assert "" == heard(
        "".join([*whole(caught.value.__cause__ or caught.value), str(caught.value), *ear.heard])
    )


async def test_an_outlet_that_raises_with_the_payload_tells_no_secret() -> None:
    def outlet(state: MessageState) -> None:
        raise ValueError(state.canonical, state.payload)

    pump = pump_of(listener("door", Login, Recorder(lambda _: HandlerResponse.respond(Token(7, MARK)))))
    pump.add_outlet(outlet)
    with listening() as ear:
        async with running(pump):
            await pump.inject(login(), THREAD, "user")
            await pump.inject(login(to="nobody"), THREAD, "user")
            await pump.drained()

    assert sum("an outlet raised" in line for line in ear.heard) > 0
    assert "" == heard("\n".join(ear.heard))


async def test_the_handler_and_whoever_is_answered_see_the_secret() -> None:
    handler = Recorder(lambda payload: HandlerResponse.respond(Token(7, payload.password)))
    pump = pump_of(listener("door", Login, handler))
    async with running(pump):
        reply = await pump.request(Login(7, MARK), to="door", timeout_s=5)

    assert (MARK, MARK) == (handler.payloads[0].password, reply.token)


async def test_a_reply_that_left_as_an_element_tells_no_secret_in_its_note() -> None:
    reply = Picky(f"good {MARK}")

    async def handler(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        reply.password = MARK  # which its class refuses when it is read
        return HandlerResponse.respond(reply)

    said, states = await all_told(handler, ping(to="door"), cls=Ping)

    assert states[0].metadata["diagnostics"]
    assert "" == heard(said)


async def test_a_dead_letter_is_shown_without_its_secrets() -> None:
    pump = pump_of(listener("door", Login, raiser(ValueError)))
    async with running(pump):
        await pump.inject(login(), THREAD, "user")
        await pump.drained()
    (letter,) = pump.dead_letters

    shown = shown_document(letter, letter.message.data, pump.routing_table, StrictParser())
    assert "<User>7</User><Password>***</Password></Login>" in shown
    assert MARK not in shown
    assert MARK.encode() in letter.message.data


@pytest.mark.parametrize(
    "message", [login(to="nobody"), b"<Login><Password>", b"", b"<message/>", b"<Other/>"]
)
async def test_a_dead_letter_without_a_contract_is_shown_by_its_size(message: bytes) -> None:
    pump = pump_of(listener("door", Login, Recorder()))
    async with running(pump):
        await pump.inject(message, THREAD, "user")
        await pump.drained()
    (letter,) = pump.dead_letters

    shown = shown_document(letter, message, pump.routing_table, StrictParser())
    assert shown.startswith(f"{len(message)} bytes, sha256 ")


def test_no_repr_shows_what_is_in_a_message() -> None:
    message = QueuedMessage("1", login(), "user", THREAD)
    tree = StrictParser().parse(login())
    state = MessageState(login(), tree, tree[1], Login(7, MARK), THREAD, delivery=Delivery(message))
    reply = HandlerResponse(login())

    assert "" == heard(repr([message, Delivery(message), state, reply, HandlerResponse(Login(7, MARK))]))
    assert f"QueuedMessage('1', {len(login())} bytes, sender='user', hop=0)" == repr(message)


@pytest.mark.parametrize("step", [xsd_validation_step, deserialization_step])
def test_a_step_that_is_used_alone_tells_no_secret(step: Callable[[MessageState], MessageState]) -> None:
    pump = pump_of(listener("door", Login, Recorder()))
    tree = StrictParser().parse(f"<Login><User>{MARK}</User><Password>{MARK}</Password></Login>".encode())

    state = step(MessageState(payload_tree=tree, target_listeners=[pump.listeners["door"]]))

    assert state.failure is not None
    assert "" == heard("".join([repr(state), str(state.error), *whole(state.failure)]))


def test_a_deserialization_by_a_class_alone_tells_no_secret() -> None:
    tree = StrictParser().parse(f"<Login><User>{MARK}</User><Password>{MARK}</Password></Login>".encode())

    state = deserialization_step(MessageState(payload_tree=tree, metadata={"payload_class": Login}))

    assert "Login/User" in str(state.error)
    assert "" == heard(str(state.error))


async def test_handlers_that_run_in_threads_show_nothing_in_the_debug_mode_of_asyncio(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    try:

        def handler(payload: Login, metadata: HandlerMetadata) -> HandlerResponse:
            if payload.user:
                raise ValueError(payload.password)
            return HandlerResponse.respond(payload.password)

        with caplog.at_level(logging.DEBUG):
            said, _ = await all_told(handler, login(), login(f"<User>0</User><Password>{MARK}</Password>"))
    finally:
        loop.set_debug(False)
    assert "" == heard(said)
