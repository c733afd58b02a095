"""The Markdown page: complete, linked, bounded, and free of other people's markup."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentserver.xmlable import contract_of
from agentserver.xmlable.markdown import MAX_FIELDS, MAX_RECORDS, markdown
from agentserver.xmlable.markdown_escape import code, escaped, fenced, paragraphs
from agentserver.xmlable.outline import Field, Record, Text
from tests.properties import examples
from tests.xmlable import order_outline as o
from tests.xmlable.outline_strategies import outlines
from tests.xmlable.rich_contracts import RICH, Shapes


def rows(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| Element")]


def test_the_page_of_a_small_contract() -> None:
    expected = """\
# calculator.add: Add

Adds numbers.

The message is one element `<Add>`.

## Record Add

Adds.

| Element | JSON | Type | How often | Constraints | Meaning |
|---|---|---|---|---|---|
| `<Left>` | `left` | one of [Add](#record-add), Int (int) | required |  |  |
| `<Right>` | `right` | one of [Add](#record-add), Int (int) | required |  |  |

## Example

```xml
<Add>
  <Left>
    <Int>1</Int>
  </Left>
  <Right>
    <Int>1</Int>
  </Right>
</Add>
```

## Example in JSON

```json
{
  "left": {
    "Int": 1
  },
  "right": {
    "Int": 1
  }
}
```
"""
    assert expected == markdown(contract_of(RICH[2]).outline, "calculator.add", "Adds numbers.")


def test_the_fields_of_a_rich_contract() -> None:
    expected = r"""
| `<Name>` | `name` | str | required | at least 1 and at most 20 characters | What it is called. |
| `<Code>` | `code` | str | required | like \[A-Z\]{2}\\d{1,3}(-\[a-z\]+)? |  |
| `<Shape>` | `shape` | one of [Circle](#record-circle), [Square](#record-square), Int (int) | required |  |  |
| `<Colour>` | `colour` | Colour (one of 'red', 'green') | required |  |  |
| `<Level>` | `level` | Level (one of '1', '2') | required |  |  |
| `<Size>` | `size` | Literal (one of '1', '2', 'true') | required |  |  |
| `<More>` | `more` | list of one of [Circle](#record-circle), Str (str) | any number |  |  |
| `<Count>` | `count` | int | optional | at least 0 and below 100; 7 when absent |  |
"""
    assert expected.strip().splitlines() == rows(markdown(contract_of(Shapes).outline, "x", ""))[:8]


def test_every_link_has_its_heading() -> None:
    record = Record("class", "a.b-C", "", [o.one("Leaf", o.INT)])
    other = Record("class", "A.B-c", "", [o.one("Leaf", o.INT)])
    page = markdown(o.root_of(o.one("A", record), o.one("B", other), o.one("T", o.tree())), "x", "y")
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert ["Record Order", "Record a.b-C", "Record A.B-c 2", "Record Tree"] == headings[:4]
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert {"record-ab-c", "record-ab-c-2", "record-tree"} == set(re.findall(r"\]\(#([^)]*)\)", page))
    assert anchors >= set(re.findall(r"\]\(#([^)]*)\)", page))


def test_attributes_text_and_namespace_are_shown() -> None:
    amount = Record("class", "Amount", "", [o.one("currency", o.STR, attribute=True)], text=o.PRICE)
    page = markdown(Field("{urn:a}Total", amount), "x", "y")
    assert "one element `<Total>` of the namespace `urn:a`." in page
    assert "| `@currency` | `currency` | str | required |  |  |" in page
    assert "| its text | `#text` | Decimal | required | at least 0, less than 1000 |  |" in page


def test_a_message_that_is_no_record_has_a_table() -> None:
    page = markdown(Field("Prices", o.dict_of(o.STR, o.PRICE)), "x", "y")
    assert "| dict of str to Decimal | required | values: at least 0, less than 1000 |  |" in page


def test_what_collections_are_held_to_is_shown() -> None:
    grid = o.list_of(o.list_of(o.PRICE))
    grid.fields[0].least = 2
    assert "items: at least 2; items: items: at least 0, less than 1000" in markdown(
        o.root_of(o.one("Grid", grid)), "x", "y"
    )


def test_a_secret_default_is_not_told() -> None:
    page = markdown(o.root_of(o.one("Pin", o.STR, secret=True, default="hunter2", least=0)), "x", "y")
    assert ["| `<Pin>` | `pin` | str | optional | secret |  |"] == rows(page)


def test_a_content_model_is_shown() -> None:
    record = Record("class", "Any", "", [o.one("A", o.INT, least=0)], model="(A | B)*")
    assert "Its elements are: <code>&#40;A &#124; B&#41;&#42;</code>." in markdown(
        Field("Any", record), "x", "y"
    )


EVIL = "a | b `c` <script>x</script> **d** [e](http://f) ![g](h) _i_ \\ ~~j~~ &amp;\n\n# k\n| l |"


def test_no_markup_of_others_is_left() -> None:
    record = Record("class", EVIL, "", [o.one("A", Text(EVIL, "string"), doc=EVIL, least=0)], EVIL)
    page = markdown(o.root_of(o.one("B", record, doc=EVIL), doc=EVIL), EVIL, EVIL)
    text = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    text = re.sub(r"(?m)^## Record .*|\]\(#record-[^)]*\)", "", text)
    assert "<script>" not in text
    assert re.search(r"(?<!\\)`(?!<?/?\w+>?`| |,)", re.sub(r"`[<@#]?\w+>?`", "", text)) is None
    assert "](http" not in text.replace("\\](http", "")
    assert not any(line.startswith(("# k", "| l |")) for line in text.splitlines())
    unescaped = [re.sub(r"\\.", "", row).count("|") for row in rows(text)]
    assert [7] * len(unescaped) == unescaped


def test_every_row_has_six_cells_whatever_is_in_it() -> None:
    for cls in RICH:
        for row in rows(markdown(contract_of(cls).outline, "x", "y")):
            assert 7 == re.sub(r"\\.", "", row).count("|"), row


@given(st.text())
@examples(200)
def test_escaped_text_is_one_line_without_marks(text: str) -> None:
    found = escaped(text)
    assert [] == found.splitlines()[1:]
    bare = re.sub(r"\\[\\`*_\[\]|~]|&(amp|lt|gt);", "", found)
    assert re.search(r"[\\`*_\[\]|~<>&]", bare) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# No heading", "\\# No heading"),
        ("- no list\n\n1. no list\n\n+ no", "\\- no list\n\n1\\. no list\n\n\\+ no"),
        ("one\ntwo\n\n\n  three", "one two\n\nthree"),
        ("2026 is a year", "2026 is a year"),
        ("", ""),
    ],
)
def test_paragraphs_stay_paragraphs(text: str, expected: str) -> None:
    assert expected == paragraphs(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<Name>", "`<Name>`"),
        ("a`b", "<code>a&#96;b</code>"),
        ("a|b", "<code>a&#124;b</code>"),
        ("", "<code></code>"),
    ],
)
def test_names_are_shown_as_code(text: str, expected: str) -> None:
    assert expected == code(text)


def test_a_fence_is_longer_than_any_in_it() -> None:
    assert "````xml\n```\n````" == fenced("```", "xml")


def test_a_huge_outline_has_a_bounded_page_that_says_what_is_missing() -> None:
    records = [Record("class", f"R{number}", "", [o.one("Leaf", o.INT)]) for number in range(3 * MAX_RECORDS)]
    page = markdown(o.root_of(*(o.one(f"F{n}", record) for n, record in enumerate(records))), "x", "y")
    assert MAX_RECORDS == page.count("\n## Record ")
    assert f"Not described here: {2 * MAX_RECORDS + 1} more records (R39, R40," in page


def test_a_record_of_many_fields_is_cut() -> None:
    page = markdown(o.root_of(*(o.one(f"F{n}", o.INT, least=0) for n in range(MAX_FIELDS + 5))), "x", "y")
    assert MAX_FIELDS == len(rows(page))
    assert "Not listed here: 5 more fields. The XSD has them all." in page


def test_an_example_too_long_for_the_page_is_shortened_or_left_out() -> None:
    optional = [o.many(f"F{n}", Text("str", "string", min_length=500)) for n in range(100)]
    page = markdown(o.root_of(o.one("A", o.INT), *optional), "x", "y")
    assert "```xml\n<Order>\n  <A>1</A>\n</Order>\n```" in page
    needed = [o.one(f"F{n}", Text("str", "string", min_length=500)) for n in range(100)]
    assert "An example would be too long for this page." in markdown(o.root_of(*needed), "x", "y")


def test_a_contract_without_an_example_has_a_page() -> None:
    page = markdown(o.root_of(o.one("Never", Text("str", "string", patterns=("a", "b")))), "x", "y")
    assert "There is no example: Order.never: no text was found" in page


@given(outlines())
@examples(50)
def test_every_outline_has_a_page(root: Field) -> None:
    page = markdown(root, "x", "y")
    assert page.endswith("\n")
    assert page == markdown(root, "x", "y")
    in_json = page.partition("```json\n")[2].partition("\n```")[0]
    json.loads(in_json)
