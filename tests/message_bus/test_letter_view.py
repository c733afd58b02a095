"""A dead letter as a whole, for people to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest

from agentserver import Secret, xmlify
from agentserver.message_bus.letter_view import shown_document
from agentserver.queues import DeadLetter, QueuedMessage
from agentserver.wire import StrictParser
from tests.organisms import Ping, Recorder, envelope, listener, ping, pump_of
from tests.secret_ears import MARK


@xmlify
@dataclass
class Login:
    """Asks to be let in."""

    password: Annotated[str, Secret]


LOGIN = f'<Login xmlns=""><Password>{MARK}</Password></Login>'


def shown(data: bytes, *, with_secrets: bool = True, target: str | None = None) -> str:
    listeners = [listener("echo", Ping, Recorder())]
    if with_secrets:
        listeners.append(listener("door", Login, Recorder()))
    message = QueuedMessage("run-1", data, "user", target=target)
    letter = DeadLetter(message, "dispatch", "handler-failed", "it raised", "user", None, 1.0)
    return shown_document(letter, data, pump_of(*listeners).routing_table, StrictParser())


@pytest.mark.parametrize("data", [ping(), b"<no xml", b"", envelope(LOGIN, to="door")])
def test_where_nothing_is_secret_it_is_shown_as_it_was_sent(data: bytes) -> None:
    assert data.decode() == shown(data, with_secrets=False)


def test_bytes_that_are_no_text_are_shown_as_escapes() -> None:
    assert "\\xff<a/>" == shown(b"\xff<a/>", with_secrets=False)


def test_a_secret_is_masked_within_its_envelope() -> None:
    found = shown(envelope(LOGIN, to="door"))

    assert "<from>user</from><to>door</to>" in found
    assert '<Login xmlns=""><Password>***</Password></Login>' in found
    assert MARK not in found


def test_a_secret_is_masked_without_an_envelope() -> None:
    assert "<Login><Password>***</Password></Login>" == shown(LOGIN.encode(), target="door.login")


def test_a_contract_without_secrets_is_shown_as_it_was_sent() -> None:
    assert ping().decode() == shown(ping())


@pytest.mark.parametrize(
    "data", [b"<no xml", envelope(LOGIN, to="nobody"), LOGIN.encode()[:-3], envelope(LOGIN) * 2]
)
def test_where_nobody_can_tell_what_is_secret_the_size_is_shown(data: bytes) -> None:
    assert shown(data).startswith(f"{len(data)} bytes, sha256 ")
