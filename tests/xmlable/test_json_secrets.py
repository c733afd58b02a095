"""JSON of the wrong shape: what stands where a secret is to be, at the place or below it, is told by its kind alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

from agentserver.errors import BindingError
from agentserver.xmlable import Secret, from_json, xmlify
from agentserver.xmlable.concealment import HIDDEN
from tests.secret_ears import MARK, heard, whole


@dataclass
class Login:
    user: int
    password: Annotated[str, Secret]


@dataclass
class Guest:
    name: str


@xmlify
@dataclass
class Request:
    login: Login
    others: list[Login] = field(default_factory=list)
    either: Login | Guest | int | None = None
    tokens: dict[str, Annotated[int, Secret]] = field(default_factory=dict)
    pair: tuple[int, Login] | None = None
    counts: dict[str, int] = field(default_factory=dict)
    note: str = ""


LOGIN = {"user": 7, "password": MARK}
OBJECT, KIND = "an object: Login", "found a text"


def refusal(data: Any) -> BindingError:
    with pytest.raises(BindingError) as caught:
        from_json(Request, data)
    assert "" == heard("\n".join([str(caught.value), *whole(caught.value.with_traceback(None))]))
    return caught.value


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (json.dumps({"login": LOGIN}), "Request: found a text, expected an object: Request; call json.loads first"),
        (MARK.encode(), "Request: found a text, expected an object: Request; call json.loads first"),
        ([MARK, LOGIN], "Request: found an array of 2 items, expected an object: Request"),
        ({"login": MARK}, f"Request/login: {KIND}, expected {OBJECT}"),
        ({"login": 4_711}, f"Request/login: found a number, expected {OBJECT}"),
        ({"login": True}, f"Request/login: found a boolean, expected {OBJECT}"),
        ({"login": None}, f"Request/login: found null, expected {OBJECT}"),
        ({"login": [7, MARK]}, f"Request/login: found an array of 2 items, expected {OBJECT}"),
        ({"login": LOGIN, "others": {"a": MARK}},
         "Request/others: found an object with 1 members, expected an array: each item Login"),
        ({"login": LOGIN, "others": [MARK]}, f"Request/others[1]: {KIND}, expected {OBJECT}"),
        ({"login": LOGIN, "either": MARK}, f"Request/either: {KIND}, expected an object: one of Login, Guest, Int"),
        ({"login": LOGIN, "tokens": MARK}, f"Request/tokens: {KIND}, expected an object: "),
        ({"login": LOGIN, "tokens": {"a": MARK}}, f"Request/tokens[1]: found {HIDDEN}, expected "),
        ({"login": LOGIN, "tokens": {MARK: "a"}}, f"Request/tokens[1]: found {HIDDEN}, expected "),
        ({"login": LOGIN, "pair": MARK}, f"Request/pair: {KIND}, expected an array: "),
        ({"login": LOGIN, "pair": [1, MARK]}, f"Request/pair[2]: {KIND}, expected {OBJECT}"),
    ],
)  # fmt: skip
def test_what_is_of_the_wrong_shape_is_told_by_its_kind(data: Any, words: str) -> None:
    assert str(refusal(data)).startswith(words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"login": {"user": MARK, "password": MARK}}, "Request/login/user: found '***', expected "),
        ({"login": LOGIN, "counts": {MARK: MARK}}, "Request/counts[1]: found '***', expected "),
        ({"login": LOGIN, "counts": {"a": f"my {MARK}!"}}, "Request/counts['a']: found '***', expected "),
        ({"login": [MARK], "note": 5}, "Request/login: found an array of 1 items, expected "),
        ({"login": {"Pass_word": MARK, "user": MARK}}, "Request/login: found unknown key 'Pass_word', expected "),
        ({"note": [MARK], "login": {"passwrd": MARK, "user": MARK}}, "Request/login: found unknown key 'passwrd'"),
        ({"login": LOGIN, "either": {"Guest": {"name": MARK, "user": 1}}}, "Request/either/Guest: found unknown"),
    ],
)  # fmt: skip
def test_a_secret_that_stands_elsewhere_as_well_is_not_told(data: Any, words: str) -> None:
    assert str(refusal(data)).startswith(words)


@pytest.mark.parametrize(
    ("key", "told"),
    [("usr", "'usr'"), ("USER", "'USER'"), ("notes", "'notes'"), (MARK, "'***'"), ("x", "'***'"), ("it's", "'***'")],
)  # fmt: skip
def test_a_key_is_told_that_is_near_to_a_field_and_no_other(key: str, told: str) -> None:
    assert f"unknown key {told}" == refusal({"login": {key: 5}}).found


def test_an_open_value_is_told_though_there_are_secrets() -> None:
    assert "'abc'" == refusal({"login": {"user": "abc", "password": MARK}}).found
    assert "Request/counts['abc']" == refusal({"login": LOGIN, "counts": {"abc": "x"}}).path


def test_where_nothing_is_secret_values_and_keys_are_told() -> None:
    @xmlify
    @dataclass
    class Open:
        guest: Guest

    with pytest.raises(BindingError, match="found 'hello', expected an object: Guest"):
        from_json(Open, {"guest": "hello"})
    with pytest.raises(BindingError, match="found unknown key 'hello'"):
        from_json(Open, {"guest": {"hello": 1}})


def test_of_more_values_than_are_looked_at_nothing_is_told() -> None:
    many = [{"name": str(number)} for number in range(30_000)]
    assert "'***'" == refusal({"login": {"user": "abc", "password": MARK}, "either": [many]}).found


def test_data_that_hold_themselves_come_to_an_end() -> None:
    data: dict[str, Any] = {"login": {"user": "abc", "password": MARK}}
    data["login"]["extra"] = data
    assert refusal(data).found.startswith("unknown key")
