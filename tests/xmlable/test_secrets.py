"""Masked copies of elements, and the texts that are secret in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from lxml import etree

from agentserver import BindingError, Secret, xmlify
from agentserver.xmlable import parse_element
from agentserver.xmlable.outline import Anything, Content, Field, Many, Record, Text, Variants
from agentserver.xmlable.secrets import (
    all_texts,
    masked,
    masked_bytes,
    mentions,
    named_texts,
    secret_names,
    secret_texts,
)
from tests.secret_ears import MARK, heard, whole

STR = Text("str", "string")


def field(tag: str, content: Content = STR, *, many: Many = "", secret: bool = False) -> Field:
    return Field(tag, content, name=tag.lower(), many=many, most=None if many else 1, secret=secret)


def attribute(tag: str, *, secret: bool = False) -> Field:
    return Field(tag, STR, name=tag, attribute=True, secret=secret)


def record(name: str, *fields: Field) -> Record:
    return Record("class", name, name, list(fields))


CARD = record("Card", field("Number"), field("Owner"))
LOGIN = field(
    "Login",
    record(
        "Login",
        attribute("token", secret=True),
        attribute("id"),
        field("User"),
        field("Password", secret=True),
        field("Keys", many="list", secret=True),
        field("Card", CARD, secret=True),
        field("Policy", record("Policy", field("Password"))),
        field("How", Variants([field("Totp", secret=True), field("Mail")])),
        field("Body", Anything()),
    ),
)
OPEN = field("Ping", record("Ping", field("Text")))


def hidden(xml: str, root: Field = LOGIN) -> str:
    return etree.tostring(masked(root, etree.fromstring(xml)), encoding="unicode")


def texts(xml: str, root: Field = LOGIN) -> list[str]:
    return secret_texts(root, etree.fromstring(xml))


def test_the_text_of_a_secret_element_is_masked_and_its_siblings_stay() -> None:
    assert "<Login><User>ada</User><Password>***</Password></Login>" == hidden(
        "<Login><User>ada</User><Password>hunter2</Password></Login>"
    )


def test_a_secret_attribute_is_masked_and_others_stay() -> None:
    assert '<Login id="7" token="***"/>' == hidden('<Login id="7" token="hunter2"/>')


def test_every_one_of_repeated_secrets_is_masked() -> None:
    assert "<Login><Keys>***</Keys><Keys>***</Keys></Login>" == hidden(
        "<Login><Keys>a</Keys><Keys>b</Keys></Login>"
    )


def test_nothing_of_what_is_below_a_secret_record_is_left() -> None:
    assert "<Login><Card>***</Card></Login>" == hidden(
        '<Login><Card kind="visa"><Number>1234</Number><Owner>Ada</Owner></Card></Login>'
    )


def test_the_members_of_a_union_are_told_apart() -> None:
    assert "<Login><How><Totp>***</Totp></How></Login>" == hidden(
        "<Login><How><Totp>123456</Totp></How></Login>"
    )
    assert "<Login><How><Mail>a@b</Mail></How></Login>" == hidden(
        "<Login><How><Mail>a@b</Mail></How></Login>"
    )


def test_a_field_that_is_known_and_not_secret_stays_though_another_of_its_name_is() -> None:
    xml = "<Login><Policy><Password>8 characters</Password></Policy></Login>"

    assert xml == hidden(xml)


def test_where_the_structure_is_unknown_the_name_decides() -> None:
    assert "<Login><Body><any><Password>***</Password><other>b</other></any></Body></Login>" == hidden(
        "<Login><Body><any><Password>a</Password><other>b</other></any></Body></Login>"
    )
    assert '<Login><User token="***"><Password>***</Password></User></Login>' == hidden(
        '<Login><User token="a"><Password>b</Password></User></Login>'
    )


def test_names_are_recognised_in_any_spelling_and_namespace() -> None:
    assert '<Login><x:pass_word xmlns:x="urn:x">***</x:pass_word><PASSWORD>***</PASSWORD></Login>' == hidden(
        '<Login><x:pass_word xmlns:x="urn:x">a</x:pass_word><PASSWORD>b</PASSWORD></Login>'
    )


def test_a_field_of_a_secret_class_is_secret_by_its_name_where_it_does_not_belong() -> None:
    assert "<Login><Number>***</Number></Login>" == hidden("<Login><Number>1234</Number></Login>")


def test_a_second_secret_element_and_the_text_behind_one_are_masked() -> None:
    assert "<Login><Password>***</Password>***<Password>***</Password>\n</Login>" == hidden(
        "<Login><Password>a</Password>b<Password>c</Password>\n</Login>"
    )


def test_comments_and_instructions_are_left_out_and_the_text_around_them_stays() -> None:
    assert "<Login> <User>bc</User>\n</Login>" == hidden(
        "<Login><!-- hunter2 --> <User>b<?say hunter2?>c</User><!-- hunter2 -->\n</Login>"
    )


def test_text_beside_the_fields_of_what_holds_a_secret_is_masked() -> None:
    assert "<Login>***<User>a</User>***<How>***</How></Login>" == hidden(
        "<Login>hunter<User>a</User>2<How>hunter2</How></Login>"
    )


def test_a_document_without_secrets_is_copied_as_it_is() -> None:
    xml = "<Ping><!-- why --><Text>hello</Text></Ping>"

    assert xml == hidden(xml, OPEN)


def test_what_is_secret_as_a_whole_is_masked_as_a_whole() -> None:
    assert "<Key>***</Key>" == hidden("<Key><Any>a</Any></Key>", field("Key", CARD, secret=True))


def test_the_element_itself_is_not_changed_and_the_copy_has_no_tail() -> None:
    parent = etree.fromstring("<a><Login><Password>b</Password></Login>tail</a>")

    assert masked(LOGIN, parent[0]).tail is None
    assert b"<a><Login><Password>b</Password></Login>tail</a>" == etree.tostring(parent)


def test_an_outline_that_refers_to_itself_is_walked_to_its_end() -> None:
    tree = record("Tree", field("Key", secret=True))
    tree.fields.append(field("Branch", tree, many="list"))
    xml = "<Tree><Key>a</Key><Branch><Key>b</Key><Branch><Key>c</Key></Branch></Branch></Tree>"

    assert ["a", "b", "c"] == texts(xml, field("Tree", tree))


def test_secret_texts_are_those_of_elements_attributes_and_all_that_is_below() -> None:
    assert ["t", " p ", "4", "visa", "Ada", "4Ada"] == texts(
        '<Login token="t" id="7"><User>ada</User><Password> p </Password>'
        '<Card><Number kind="visa">4</Number><Owner>Ada</Owner></Card></Login>'
    )


def test_a_secret_that_is_cut_by_markup_is_told_in_pieces_and_as_a_whole() -> None:
    element = "<Login><Password>hun<b><!--x-->ter</b>2</Password></Login>"

    assert {"hun", "ter", "2", "x", "hunter2", "b"} == set(texts(element))


def test_blank_secrets_are_none() -> None:
    assert [] == texts('<Login token=" "><Password/><Keys>\n</Keys></Login>')


def test_names_alone_tell_what_is_secret_where_no_outline_is_known() -> None:
    element = etree.fromstring('<m><Login api_token="a" Token="b"><Pass-Word>c</Pass-Word></Login></m>')

    assert ["b", "c"] == named_texts(frozenset(("password", "token")), element)


def test_secret_names_are_folded_and_few() -> None:
    assert {"token", "password", "keys", "card", "number", "owner", "totp"} == secret_names(LOGIN)
    assert frozenset() == secret_names(OPEN)


def test_names_that_say_nothing_are_secret_only_where_they_are_marked() -> None:
    rows = Record("items", fields=[field("Item", many="list")])

    assert {"rows"} == secret_names(field("Table", record("Table", field("Rows", rows, secret=True))))
    entry = Record("entry", fields=[field("Key"), field("Value", secret=True)])
    entries = Record("entries", fields=[field("Entry", entry, many="dict")])
    assert {"value"} == secret_names(field("Table", record("Table", field("Rows", entries))))


def test_all_texts_are_all_of_them() -> None:
    assert ["1", "b", "c"] == all_texts(etree.fromstring('<a x="1"><b>b</b>c<d/></a>'))


def test_bytes_mention_a_secret_when_its_name_stands_in_them_in_any_spelling() -> None:
    names = frozenset(("apikey",))

    assert mentions(names, b"<a><API_Key>s")
    assert mentions(names, b"\xff<api-key")
    assert not mentions(names, b"<a><Key>")


def test_bytes_without_a_contract_are_shown_by_size_and_digest() -> None:
    assert "3 bytes, sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" == masked_bytes(
        b"abc"
    )


@xmlify
@dataclass
class Picky:
    user: int
    key: Annotated[str, Secret]

    def __post_init__(self) -> None:
        if self.key == MARK:
            raise ValueError(f"{self.key} is bad") from KeyError(self.key)


@pytest.mark.parametrize(
    "xml",
    [
        f"<Picky><User>7</User><Key>{MARK}</Key></Picky>",
        f"<Picky><User>{MARK}</User><Key>{MARK}</Key></Picky>",
        f"<Picky><User>7</User><Key>{MARK}<x/></Key></Picky>",
        f"<Picky><User>7</User>{MARK}<Key>{MARK}</Key></Picky>",
    ],
)
def test_an_element_that_is_refused_tells_no_secret_nor_leads_to_one(xml: str) -> None:
    with pytest.raises(BindingError) as caught:
        parse_element(Picky, etree.fromstring(xml))

    assert "" == heard("\n".join([*whole(caught.value.with_traceback(None))]))


@pytest.mark.parametrize("values", [(7, [MARK]), (7, f"{MARK}\0"), (MARK, MARK + "!"), ([MARK], MARK + "!")])
def test_a_value_that_cannot_be_written_tells_no_secret_nor_leads_to_one(values: Any) -> None:
    thing: Any = Picky(7, "fine")
    thing.user, thing.key = values
    with pytest.raises(BindingError) as caught:
        thing.xml_value("Picky")

    assert "" == heard("\n".join([*whole(caught.value.with_traceback(None))]))
