"""Secret fields: neither the class's repr nor an error about a message tells their values."""

from __future__ import annotations

import dataclasses
import traceback
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import pytest
from annotated_types import MinLen
from lxml import etree

from agentserver.errors import BindingError
from agentserver.xmlable import Secret, contract_of, xml, xmlify
from agentserver.xmlable.outline import Field, Record
from tests.xmlable.verdicts import holder

T = TypeVar("T")
Password = Annotated[str, Secret, MinLen(8)]


@dataclass
class Login:
    user: str
    password: Password

    def __post_init__(self) -> None:
        if self.password == "password":
            raise ValueError(f"{self.password} is too easy")


@xmlify
@dataclass
class Request:
    login: Login
    keys: list[Annotated[int, Secret()]] = field(default_factory=list)
    tokens: dict[str, Annotated[int, Secret]] = field(default_factory=dict)
    either: Annotated[int, Secret] | str = "x"
    pin: Annotated[int | None, Secret] = field(default=None, metadata=xml(attribute=True))
    all: Annotated[Login | None, Secret] = None
    open: int = 0

    def __post_init__(self) -> None:
        if self.open < 0:
            raise ValueError(f"negative for {self.login.password}")


@xmlify
@dataclass(frozen=True, slots=True)
class Slotted:
    password: Annotated[str, Secret] = "hunter22"
    hidden: int = field(default=0, repr=False)


@xmlify
@dataclass
class Own:
    password: Annotated[str, Secret]

    def __repr__(self) -> str:
        return f"Own({len(self.password)})"


@xmlify
@dataclass
class Heir(Own):
    more: int = 0


def test_the_repr_masks_what_is_secret() -> None:
    request = Request(Login("me", "hunter22"), [1234], {"a": 1234}, 1234, 1234, Login("you", "hunter22"), 5)
    login = "Login(user='me', password=***)"
    expected = f"Request(login={login}, keys=***, tokens=***, either=***, pin=***, all=***, open=5)"
    assert expected == repr(request)


def test_the_repr_of_a_frozen_class_with_slots_masks_too() -> None:
    assert repr(Slotted()) == "Slotted(password=***)"


def test_a_repr_of_ones_own_stays() -> None:
    assert repr(Own("abc")) == "Own(3)"


def test_a_class_without_secrets_keeps_its_repr() -> None:
    assert repr(holder(int)(5)) == "Holder(value=5)"


def test_an_heir_masks_what_it_inherits() -> None:
    assert repr(Heir("abc", 5)) == "Heir(password=***, more=5)"


def test_decorating_twice_masks_once() -> None:
    assert repr(xmlify(Slotted)()) == "Slotted(password=***)"


def test_a_value_within_itself_has_a_repr() -> None:
    value: Any = Slotted()
    object.__setattr__(value, "password", value)
    assert repr(value) == "Slotted(password=***)"


VALID = (
    "<Request><Login><User>me</User><Password>hunter22</Password></Login>"
    "<Keys>1234</Keys><Tokens><Entry><Key>a</Key><Value>1234</Value></Entry></Tokens>"
    "<Either><Int>1234</Int></Either><All><User>you</User><Password>hunter22</Password></All></Request>"
)
LOGIN = "<Login><User>me</User><Password>hunter22</Password></Login>"
HIDDEN = "found a value that is not shown, as it is secret"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("hunter22", "hunter"), f"Request/Login/Password: {HIDDEN}, expected str, at least 8 characters"),
        (("<Keys>1234", "<Keys>hunter"), f"Request/Keys[1]: {HIDDEN}, expected int"),
        (("<Value>1234", "<Value>hunter"), f"Request/Tokens/Entry[1]/Value: {HIDDEN}, expected int"),
        (("<Int>1234", "<Int>hunter"), f"Request/Either/Int: {HIDDEN}, expected int"),
        (("<Request>", '<Request pin="hunter">'), f"Request/@pin: {HIDDEN}, expected int"),
        (("<All><User>you</User>", "<All>hunter"), f"Request/All: {HIDDEN}, expected elements alone"),
        (("<All><User>you</User>", "<All>"), "Request/All/User: found nothing, expected str"),
        (("<Password>hunter22</Password></Login>", "</Login>"), "Request/Login/Password: found nothing"),
        (("<Keys>1234", "<Keys><hunter/>"), f"Request/Keys[1]: {HIDDEN}, expected text alone"),
        (("<Password>hunter22</Password></Login>", "<Password>password</Password></Login>"),
         "Request/Login: found values that Login refuses, expected others; what it says is not shown"),
        (("<Password>hunter22</Password></All>", "<Password>password</Password></All>"),
         f"Request/All: {HIDDEN}, expected values that its class takes"),
        (("</Request>", "<Open>-1</Open></Request>"), "Request: found values that Request refuses, expected others"),
    ],
)  # fmt: skip
def test_errors_of_reading_do_not_tell_a_secret(change: tuple[str, str], words: str) -> None:
    document = VALID.replace(*change)
    assert document != VALID
    with pytest.raises(BindingError) as error:
        contract_of(Request).read(etree.fromstring(document))
    assert str(error.value).startswith(words)
    shown = "".join(traceback.format_exception(error.value))
    assert "hunter" not in shown
    assert "1234" not in shown
    assert "password is too easy" not in shown


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<Login>hunter22</Login>", "Request/Login: found text '***', expected elements alone"),
        ("<Login><hunter22/></Login>", "Request/Login: found unknown element '***', expected the elements User"),
        ('<Login hunter22="1"/>', "Request/Login: found attribute '***', expected no attributes"),
        ("hunter22", "Request: found text '***', expected elements alone"),
        (LOGIN + "<Tokens><hunter22/></Tokens>", "Request/Tokens: found unknown element '***', expected "),
        (LOGIN + "<Tokens><Entry><hunter22/></Entry></Tokens>", "Request/Tokens/Entry[1]: found unknown element '***'"),
        (LOGIN + "<Either><hunter22/></Either>", "Request/Either: found unknown element '***', expected one of "),
        (LOGIN + "<Open>hunter22</Open>", "Request/Open: found '***', expected int"),
    ],
)  # fmt: skip
def test_what_stands_in_place_of_a_record_with_a_secret_is_not_told(inside: str, words: str) -> None:
    with pytest.raises(BindingError) as error:
        contract_of(Request).read(etree.fromstring(f"<Request>{inside}</Request>"))
    assert str(error.value).startswith(words)
    assert "hunter" not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("wrong", ["hunter22", b"hunter22", {"password": "hunter22"}, ["hunter22"], None])
def test_what_is_no_element_and_no_instance_is_told_by_its_type(wrong: Any) -> None:
    contract, kind = contract_of(Request), "None" if wrong is None else type(wrong).__name__
    with pytest.raises(
        BindingError, match=f"^Request: found {type(wrong).__name__}, expected an lxml element$"
    ):
        contract.read(wrong)
    with pytest.raises(BindingError, match=f"^Request: found {kind}, expected Request$"):
        contract.fill(wrong, etree.Element("Request"))


@pytest.mark.parametrize(
    "wrong", ["hunter22", ["hunter22"], {"hunter22": "hunter22"}, (1, "hunter22"), b"hunter22"]
)
def test_what_stands_in_place_of_a_class_with_secrets_is_not_in_the_repr(wrong: Any) -> None:
    request = Request(Login("me", "hunter22"), open=5)
    request.login = wrong
    assert "Request(login=***, keys=***, tokens=***, either=***, pin=***, all=***, open=5)" == repr(request)
    with pytest.raises(BindingError, match=f"^Request/Login: found {type(wrong).__name__}, expected Login$"):
        request.xml_value("Request")  # type: ignore[attr-defined]


def test_collections_of_classes_with_secrets_are_in_the_repr() -> None:
    @xmlify
    @dataclass
    class Team:
        members: list[Login]
        by_name: dict[str, Login]
        boss: Login | Slotted | int | None = None
        pair: tuple[int, Login] | None = None

    me, shown = Login("me", "hunter22"), "Login(user='me', password=***)"
    team = Team([me], {"me": me}, me, (5, me))
    expected = f"Team(members=[{shown}], by_name={{'me': {shown}}}, boss={shown}, pair=(5, {shown}))"
    assert expected.replace("Team(", f"{Team.__qualname__}(", 1) == repr(team)
    team.members, team.by_name, team.boss, team.pair = ["x"], {"me": "x"}, "x", (me, 5)  # type: ignore
    assert f"{Team.__qualname__}(members=***, by_name=***, boss=***, pair=***)" == repr(team)


def test_a_name_that_xml_does_not_allow_is_not_told_when_it_is_a_secret() -> None:
    with pytest.raises(
        BindingError, match=r"^Slotted: found the name '\*\*\*', expected a name that XML allows$"
    ):
        Slotted("hunter 22").xml_value("hunter 22")  # type: ignore[attr-defined]


def test_a_field_that_is_gone_leads_to_no_secret() -> None:
    request = Request(Login("me", "hunter22"))
    del request.login.password
    with pytest.raises(BindingError, match="an instance without 'password'") as error:
        request.xml_value("Request")  # type: ignore[attr-defined]
    assert error.value.__cause__ is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"keys": ["hunter"]}, f"Request/Keys[1]: {HIDDEN}, expected int"),
        ({"keys": "hunter"}, "Request/Keys: found str, expected list of int"),
        ({"tokens": {"a": "hunter"}}, "Request/Tokens/Entry[1]/Value: found "),
        ({"pin": "hunter"}, f"Request/@pin: {HIDDEN}, expected int"),
        ({"all": "hunter"}, f"Request/All: {HIDDEN}, expected Login"),
        ({"login": Login("me", "hunter")}, f"Request/Login/Password: {HIDDEN}, expected str, at least 8"),
    ],
    ids=str,
)
def test_errors_of_writing_do_not_tell_a_secret(change: dict[str, Any], words: str) -> None:
    request = dataclasses.replace(Request(Login("me", "hunter22")), **change)
    with pytest.raises(BindingError) as error:
        contract_of(Request).fill(request, etree.Element("Request"))
    assert str(error.value).startswith(words)
    assert "hunter" not in "".join(traceback.format_exception(error.value))


def test_the_outline_says_what_is_secret() -> None:
    content = contract_of(Request).outline.content
    assert isinstance(content, Record)
    assert [each.name for each in content.fields if each.secret] == ["keys", "pin", "all"]
    login = content.fields[0]
    assert isinstance(login, Field)
    assert isinstance(login.content, Record)
    assert [each.secret for each in login.content.fields] == [False, True]


def test_the_default_of_a_secret_is_told_nowhere() -> None:
    content = contract_of(Slotted).outline.content
    assert isinstance(content, Record)
    assert content.fields[0].default is None
    assert b"hunter" not in etree.tostring(contract_of(Slotted).xsd())
