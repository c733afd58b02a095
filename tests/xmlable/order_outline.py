"""One outline made by hand, with a field of every kind: what the artefacts are tested on."""

from __future__ import annotations

from typing import Any

from agentserver.xmlable import lexical
from agentserver.xmlable.outline import Anything, Content, Field, Many, Record, Text, Variants

STR = Text("str", "string")
INT = Text("int", "integer", "int", lexical.INT)
FLOAT = Text("float", "double", "float", lexical.FLOAT)
DECIMAL = Text("Decimal", "decimal", "Decimal", lexical.DECIMAL)
BOOL = Text("bool", "boolean")
BYTES = Text("bytes", "base64Binary", "bytes", lexical.BASE64)
DATE = Text("date", "date", "date", lexical.DATE)
DATETIME = Text("datetime", "dateTime", "datetime", lexical.DATETIME)
TIME = Text("time", "time", "time", lexical.TIME)
SPAN = Text("timedelta", "duration", "timedelta", lexical.DURATION)
UUID = Text("UUID", "token", "UUID", lexical.UUID_TEXT)
COLOUR = Text("Colour (one of 'red', 'green')", "string", "Colour", values=("red", "green"))
LEVEL = Text("Level (one of '1', '2', 'false')", "token", "Level", values=("1", "2", "false"))
SKU = Text("str, like [A-Z]{2}[0-9]{1,3}", "string", patterns=("[A-Z][A-Z][0-9]([0-9]([0-9])?)?",))
PRICE = Text(
    "Decimal, at least 0, less than 1000",
    "decimal",
    "Decimal",
    lexical.DECIMAL,
    at_least="0",
    below="1000",
    fraction_digits=2,
)


def one(tag: str, content: Content, **options: Any) -> Field:
    """A field that stands there once, called as its element in lower case."""
    return Field(tag, content, **{"name": tag.rpartition("}")[2].lower(), **options})


def many(tag: str, content: Content, kind: Many = "list", **options: Any) -> Field:
    """A field that stands there any number of times."""
    return one(tag, content, **{"least": 0, "most": None, "many": kind, **options})


def dict_of(key: Content, value: Content, **options: Any) -> Record:
    """The content of a dict."""
    entry = Record("entry", fields=[one("Key", key), one("Value", value, **options)])
    return Record("entries", noun="dict", fields=[many("Entry", entry, "dict")])


def list_of(content: Content) -> Record:
    """The content of a list within something else."""
    return Record("items", noun="list", fields=[many("Item", content)])


def root_of(*fields: Field, name: str = "Order", doc: str = "") -> Field:
    """A document with these fields."""
    return Field(name, Record("class", name, name, list(fields), doc), name=name)


def tree() -> Record:
    """A record that holds itself."""
    record = Record("class", "Tree", "Tree", doc="A tree.")
    record.fields += [one("Value", INT), many("Children", record)]
    return record


CIRCLE = Record("class", "Circle", "Circle", [one("Radius", DECIMAL)], "Round.")
SHAPE = Variants([Field("Circle", CIRCLE), Field("Int", INT)], "one of Circle, Int")


def order() -> Field:
    """A document with a field of every kind."""
    line = Record(
        "class", "Line", "Line", [one("Sku", SKU, doc="Stock | keeping\n`unit`."), one("Price", PRICE)]
    )
    nested = tree()
    return root_of(
        one("id", INT, attribute=True),
        one("note", STR, attribute=True, least=0),
        one("UnitPrice", DECIMAL, name="unit_price", doc="In euros."),
        many("Lines", line, least=1),
        one("When", DATETIME, least=0),
        one("Day", DATE),
        one("At", TIME),
        one("Span", SPAN),
        one("Key", UUID),
        one("Data", BYTES),
        one("Flag", BOOL, least=0, default="true"),
        one("Colour", COLOUR),
        one("Level", LEVEL),
        one("Ratio", FLOAT),
        one("Shape", SHAPE),
        many("Shapes", SHAPE),
        one("Pair", Record("tuple", noun="tuple", fields=[one("Item1", INT), one("Item2", STR, least=0)])),
        one("Matrix", list_of(list_of(INT))),
        one("Prices", dict_of(STR, DECIMAL)),
        one("Counts", dict_of(INT, nested, least=0)),
        one("Tree", nested),
        one("Password", STR, secret=True, least=0),
        many("Tags", STR, "set", least=2),
        one("Body", Anything()),
        doc="An order.",
    )
