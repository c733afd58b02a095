"""The reader alone, without the XSD before it: it refuses with a path, and never misreads."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from agentserver.errors import BindingError
from agentserver.xmlable import contract_of, parse_element, xmlify

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


@dataclass
class Line:
    sku: str
    price: Decimal


@xmlify
@dataclass
class Invoice:
    number: int
    lines: list[Line]
    note: str | None = None
    pair: tuple[int, str] = (0, "")
    scores: dict[str, int] = field(default_factory=dict)
    grid: list[list[int]] = field(default_factory=list)
    tags: list[str] = field(default_factory=lambda: ["a"])


@xmlify
@dataclass
class Chain:
    name: str = ""
    next: Chain | None = None


ENTITIES = etree.XMLParser(resolve_entities=False)


def read(content: str) -> Invoice:
    doctype = '<!DOCTYPE Invoice [<!ENTITY e "x">]>' if "&e;" in content else ""
    return parse_element(Invoice, etree.fromstring(f"{doctype}<Invoice>{content}</Invoice>", ENTITIES))


def test_absent_children_give_the_defaults() -> None:
    assert read("<Number>1</Number>") == Invoice(1, [], tags=[])


def test_an_absent_list_is_empty_whatever_its_default() -> None:
    assert read("<Number>1</Number>").tags == []


def test_blanks_comments_and_instructions_between_elements_do_not_count() -> None:
    read_back = read(
        "<!--a-->\n<Number> 1\t</Number> <?b?> <Lines><!--c--><Sku>x</Sku><?d e?><Price>2</Price><!--f-->"
        "</Lines>"
        "<!--g--><Lines><Sku/><Price>3</Price></Lines> <!--h--> <!--i--><Tags>t</Tags><!--j--> <?k?>"
    )
    assert read_back == Invoice(1, [Line("x", Decimal(2)), Line("", Decimal(3))], tags=["t"])


def test_blanks_in_a_str_survive() -> None:
    assert read("<Number>1</Number><Note> a\n&#13;\t </Note>").note == " a\n\r\t "


def test_a_character_data_section_is_text() -> None:
    assert read("<Number>1</Number><Note>a<![CDATA[<b>]]></Note>").note == "a<b>"


def test_comments_and_instructions_within_a_text_do_not_count() -> None:
    read_back = read("<Number><?p?>1<!--c-->2</Number><Note>ad<!-- -->min<?p?>s<!-- --></Note>")
    assert read_back == Invoice(12, [], "admins", tags=[])


@pytest.mark.parametrize("name", ["schemaLocation", "noNamespaceSchemaLocation"])
def test_where_a_schema_lies_may_be_said_anywhere_and_is_not_heeded(name: str) -> None:
    location = f'{XSI} xsi:{name}="urn:a a.xsd"'
    element = etree.fromstring(
        f"<Invoice {location}><Number {location}>1</Number><Scores {location}/></Invoice>"
    )
    assert contract_of(Invoice).schema.validate(element)
    assert parse_element(Invoice, element) == Invoice(1, [], tags=[])


N = "<Number>1</Number>"
L = "<Lines><Sku>s</Sku><Price>1</Price></Lines>"


@pytest.mark.parametrize(
    ("content", "path", "found"),
    [
        ("", "Invoice/Number", "nothing"),
        ("<Number/>", "Invoice/Number", "''"),
        ("<Number>1_000</Number>", "Invoice/Number", "'1_000'"),
        ("<Number>٣</Number>", "Invoice/Number", "'٣'"),
        (f"<Number>{'9' * 5000}</Number>", "Invoice/Number", "'999"),
        (f"{N}<Bogus/>", "Invoice", "unknown element 'Bogus'"),
        (f"<Bogus/>{N}", "Invoice", "unknown element 'Bogus'"),
        ("<number>1</number>", "Invoice", "unknown element 'number'"),
        ('<Number xmlns="urn:x">1</Number>', "Invoice", "unknown element '{urn:x}Number'"),
        (f"{N}{N}", "Invoice/Number", "the element again"),
        (f"{N}<Note>a</Note><Note>b</Note>", "Invoice/Note", "the element again"),
        (f"{L}{N}", "Invoice", "the elements in another order"),
        (f"{N}<Note/>{L}", "Invoice", "the elements in another order"),
        (f"{N}{L}<Tags/>{L}", "Invoice", "the elements in another order"),
        (f"text{N}", "Invoice", "text 'text'"),
        (f"{N}text", "Invoice", "text 'text'"),
        (f"{N}<!--c-->text", "Invoice", "text 'text'"),
        (f"{N}\u00a0", "Invoice", "text '\\xa0'"),
        (f"{N}&e;", "Invoice", "an entity"),
        (f"&e;{N}", "Invoice", "an entity"),
        (f"{N}{L}&e;", "Invoice", "an entity"),
        ("<Number>1<!--c-->x</Number>", "Invoice/Number", "'1x'"),
        (f"{N}<Note>ad&e;min</Note>", "Invoice/Note", "an entity"),
        (f"{N}<Note>ad<!--c-->&e;min</Note>", "Invoice/Note", "an entity"),
        (f"{N}<Note>ad<!--c--><b/>min</Note>", "Invoice/Note", "element 'b'"),
        (f"{N}<Note>ad<b/>min</Note>", "Invoice/Note", "element 'b'"),
        ('<Number a="1">1</Number>', "Invoice/Number", "attribute 'a'"),
        (f'{N}<Note {XSI} xsi:nil="true"/>', "Invoice/Note", "attribute '{http"),
        (
            f'{N}<Lines {XSI} xsi:type="Line"><Sku/><Price>1</Price></Lines>',
            "Invoice/Lines[1]",
            "attribute '{http",
        ),
        (f"{N}{L}<Lines><Sku/></Lines>", "Invoice/Lines[2]/Price", "nothing"),
        (f"{N}{L}{L}<Lines><Sku/><Price>NaN</Price></Lines>", "Invoice/Lines[3]/Price", "'NaN'"),
        (f"{N}<Pair><Item1>1</Item1></Pair>", "Invoice/Pair/Item2", "nothing"),
        (f"{N}<Pair><Item1>x</Item1><Item2/></Pair>", "Invoice/Pair/Item1", "'x'"),
        (f"{N}<Scores><Entry><Key>a</Key></Entry></Scores>", "Invoice/Scores/Entry[1]/Value", "nothing"),
        (f"{N}<Scores>x</Scores>", "Invoice/Scores", "text 'x'"),
        (f"{N}<Grid><Item>1</Item><Item>x</Item></Grid>", "Invoice/Grid[1]/Item[2]", "'x'"),
        (f"{N}<Grid/><Grid><Bogus/></Grid>", "Invoice/Grid[2]", "unknown element 'Bogus'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(content: str, path: str, found: str) -> None:
    with pytest.raises(BindingError) as error:
        read(content)
    assert error.value.path == path
    assert error.value.found.startswith(found)
    assert len(str(error.value)) <= 500


def test_attributes_of_the_root_are_refused() -> None:
    with pytest.raises(BindingError) as error:
        parse_element(Chain, etree.fromstring('<Chain a="1"/>'))
    assert error.value.path == "Chain"


def test_a_key_that_comes_twice_is_refused() -> None:
    entry = "<Entry><Key>a</Key><Value>1</Value></Entry>"
    with pytest.raises(BindingError) as error:
        read(f"{N}<Scores>{entry}<!-- -->{entry}</Scores>")
    assert (error.value.path, error.value.found) == ("Invoice/Scores/Entry[2]/Key", "the same key again")


def chain(depth: int, extra: str = "") -> etree._Element:
    text = f"<Chain>{'<Next>' * depth}{extra}{'</Next>' * depth}</Chain>"
    return etree.fromstring(text, etree.XMLParser(huge_tree=True))


def test_what_the_parser_takes_is_not_too_deep_to_read() -> None:
    value: Any = parse_element(Chain, chain(254))
    depth = 0
    while value.next is not None:
        value, depth = value.next, depth + 1
    assert depth == 254


def test_what_is_too_deep_is_refused() -> None:
    with pytest.raises(BindingError, match="nested too deeply"):
        parse_element(Chain, chain(2000))


def test_comments_at_every_level_take_no_more_time_than_they_are_many() -> None:
    element = etree.fromstring(f"<Chain>{'<Next>' * 200}{'</Next><!-- -->' * 200}</Chain>")
    assert parse_element(Chain, element).next is not None


def test_a_long_path_is_cut() -> None:
    with pytest.raises(BindingError) as error:
        parse_element(Chain, chain(100, "<Bogus/>"))
    assert len(error.value.path) < 80


def test_the_reader_agrees_with_the_schema_on_an_empty_root() -> None:
    assert contract_of(Chain).schema.validate(etree.fromstring("<Chain/>"))
    assert parse_element(Chain, etree.fromstring("<Chain/>")) == Chain()


@pytest.mark.parametrize(
    ("given", "found"), [(b"<Invoice/>", "bytes"), ("<Invoice/>", "str"), (None, "NoneType")]
)
def test_what_is_no_element_is_told(given: Any, found: str) -> None:
    with pytest.raises(BindingError) as caught:
        parse_element(Invoice, given)
    assert f"Invoice: found {found}, expected an lxml element" == str(caught.value)
