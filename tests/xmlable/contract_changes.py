"""Pairs of contracts that differ in one thing, and what is said of them."""

from __future__ import annotations

from typing import Any

from agentserver.xmlable.outline import Anything, Content, Field, Record, Text, Variants

STR = Text("str", "string")
INT = Text("int", "integer", name="int", lexical="[0-9]+")
DECIMAL = Text("decimal", "decimal")


def record(*fields: Field, **options: Any) -> Record:
    return Record("class", fields=list(fields), **options)


def root(*fields: Field, **options: Any) -> Field:
    return Field("R", record(*fields, name="R"), **options)


def holding(content: Content) -> Field:
    return root(Field("A", content))


def text(base: str, **facets: Any) -> Field:
    return holding(Text(base, base, **facets))


def dict_of(key: Text) -> Field:
    entry = Record("entry", fields=[Field("Key", key), Field("Value", STR)])
    return holding(Record("entries", fields=[Field("Entry", entry, least=0, most=None)]))


A, B, C = (Field(name, STR) for name in "ABC")

COMPATIBLE: dict[str, tuple[Field, Field, str]] = {
    "an optional element more": (
        root(A),
        root(A, Field("B", STR, least=0)),
        "R/B: was added, and may be absent",
    ),
    "an optional attribute more": (
        root(A),
        root(A, Field("b", STR, attribute=True, least=0)),
        "R/@b: was added, and may be absent",
    ),
    "required to optional": (root(A), root(Field("A", STR, least=0)), "R/A: was required, is optional"),
    "one to many": (
        root(A),
        root(Field("A", STR, most=None)),
        "R/A: stood there at most once, may at most any number",
    ),
    "attribute order": (
        root(Field("a", STR, attribute=True), Field("b", STR, attribute=True)),
        root(Field("b", STR, attribute=True), Field("a", STR, attribute=True)),
        "",
    ),
    "int to decimal": (holding(Text("int", "integer")), holding(DECIMAL), "R/A: was int, is decimal"),
    "short to integer": (text("short"), text("integer"), "R/A: was short, is integer"),
    "anything to text": (holding(DECIMAL), holding(STR), "R/A: was decimal, may be any text"),
    "lower bound lowered": (
        text("integer", at_least="5"),
        text("integer", at_least="3"),
        "was at least 5, is at least 3",
    ),
    "exclusive to inclusive": (
        text("decimal", above="5"),
        text("decimal", at_least="5"),
        "was above 5, is at least 5",
    ),
    "the same integers": (text("integer", above="4"), text("integer", at_least="5"), ""),
    "a bound that its base has": (
        text("positiveInteger"),
        text("integer", at_least="1"),
        "was positiveInteger, is integer",
    ),
    "bound given up": (
        text("date", at_most="2020-01-01"),
        text("date"),
        "was at most 2020-01-01, is unbounded above",
    ),
    "longer": (text("string", max_length=5), text("string", max_length=9), "most characters: was 5, is 9"),
    "shorter": (text("string", min_length=5), text("string", min_length=1), "fewest characters: was 5, is 1"),
    "more digits": (text("decimal", fraction_digits=2), text("decimal", fraction_digits=3), "was 2, is 3"),
    "no digits to some": (text("integer"), text("integer", fraction_digits=2), "was not limited, is 2"),
    "a pattern less": (
        text("decimal", patterns=("a", "b")),
        text("decimal", patterns=("b",)),
        "need no longer match the pattern 'a'",
    ),
    "a value more": (text("string", values=("a",)), text("string", values=("a", "b")), "may now be 'b', too"),
    "an open set": (
        text("token", values=("1", "2")),
        text("integer"),
        "was one of '1', '2', is integer",
    ),
    "a member more": (
        holding(Variants([A, B])),
        holding(Variants([A, B, C])),
        "R/A: may now be <C>, too",
    ),
    "a member of a union of texts more": (
        holding(Text("int", "anySimpleType", any_of=(INT,))),
        holding(Text("int or bool", "anySimpleType", any_of=(INT, Text("bool", "boolean")))),
        "was int, is int or bool",
    ),
    "text to one of several": (
        holding(INT),
        holding(Text("u", "anySimpleType", any_of=(DECIMAL, INT))),
        "was int, is u",
    ),
    "longer lists": (
        holding(Text("l", "anySimpleType", item=INT, max_length=2)),
        holding(Text("l", "anySimpleType", item=INT)),
        "most words: was 2, is not limited",
    ),
    "text gets an attribute": (
        holding(STR),
        holding(record(Field("a", STR, attribute=True, least=0), text=STR)),
        "R/A/@a: was added, and may be absent",
    ),
    "one element to anything": (
        holding(Variants([A, B])),
        holding(Anything()),
        "holds one element of any kind",
    ),
    "looser wildcard": (
        holding(Anything(namespaces="##other urn:a", check="lax")),
        holding(Anything()),
        "was one element of ##other urn:a, checked: lax, is one element of ##any, checked: skip",
    ),
    "no dict any more": (
        dict_of(STR),
        holding(record(Field("Entry", record(Field("Key", STR), Field("Value", STR)), least=0, most=None))),
        "a key may now stand there more than once",
    ),
    "no secret any more": (
        root(Field("A", STR, secret=True)),
        root(A),
        "R/A: is no longer secret: it will be shown",
    ),
    "a secret now": (root(A), root(Field("A", STR, secret=True)), "is secret now: it will be masked"),
    "documentation": (root(A), root(Field("A", STR, doc="What")), "R/A: documentation changed"),
    "default of an attribute": (
        root(Field("a", STR, attribute=True, least=0, default="x")),
        root(Field("a", STR, attribute=True, least=0, default="y")),
        "R/@a: when absent it meant 'x', and means 'y'",
    ),
    "nil": (root(A), root(Field("A", STR, nillable=True)), "may be xsi:nil"),
    "all that was": (holding(record(A)), holding(record(model="ANY")), "may now hold anything"),
}

BREAKING: dict[str, tuple[Field, Field, str]] = {
    "another root": (Field("R", STR), Field("S", STR), "R: was called R, is called S"),
    "another namespace": (Field("R", STR), Field("{urn:a}R", STR), "R: was in no namespace, is in the namespace urn:a"),
    "a required element more": (root(A), root(A, B), "R/B: was added, and is required"),
    "an element less": (root(A, B), root(A), "R/B: was removed"),
    "an optional element less": (root(A, Field("B", STR, least=0)), root(A), "R/B: was removed"),
    "a renamed element": (root(A), root(B), "R/A: was removed"),
    "an element in another namespace": (
        root(A),
        root(Field("{urn:a}A", STR)),
        "R/A: was in no namespace, is in the namespace urn:a",
    ),
    "an attribute for an element": (
        root(A),
        root(Field("A", STR, attribute=True)),
        "R/A: was an element, is an attribute",
    ),
    "an element for an attribute": (
        root(Field("A", STR, attribute=True)),
        root(A),
        "R/@A: was an attribute, is an element",
    ),
    "another order": (root(A, B, C), root(B, C, A), "R/A: stands in another place among its neighbours"),
    "optional to required": (root(Field("A", STR, least=0)), root(A), "R/A: was optional, is required"),
    "many to one": (root(Field("A", STR, most=None)), root(A), "R/A: stood there at most any number of times"),
    "more at least": (
        root(Field("A", STR, least=1, most=None)),
        root(Field("A", STR, least=2, most=None)),
        "stood there at least once, must at least 2 times",
    ),
    "text to int": (holding(STR), holding(INT), "R/A: was str, is int"),
    "decimal to integer": (holding(DECIMAL), holding(Text("int", "integer")), "R/A: was decimal, is int"),
    "double to decimal": (text("double"), text("decimal"), "was double, is decimal"),
    "text to elements": (holding(STR), holding(record(B, name="P")), "R/A: held text, holds the elements of P"),
    "text to a union": (holding(STR), holding(Variants([A, B])), "R/A: held str, holds one of <A>, <B>"),
    "lower bound raised": (text("integer", at_least="3"), text("integer", at_least="5"), "at least 3, is at least 5"),
    "inclusive to exclusive": (text("decimal", at_most="5"), text("decimal", below="5"), "was at most 5, is below 5"),
    "a new bound": (text("date"), text("date", below="2020-01-01"), "was unbounded above, is below 2020-01-01"),
    "bounds that cannot be compared": (
        text("time", at_least="12:00:00Z"),
        text("time", at_least="11:00:00"),
        "is at least 11:00:00",
    ),
    "a smaller base": (text("int"), text("short"), "R/A: was at most 2147483647, is at most 32767"),
    "max_length less": (text("string", max_length=5), text("string", max_length=4), "most characters: was 5, is 4"),
    "min_length more": (text("string"), text("string", min_length=1), "fewest characters: was not limited, is 1"),
    "digits less": (text("decimal"), text("decimal", fraction_digits=2), "was not limited, is 2"),
    "total digits less": (text("decimal", total_digits=9), text("decimal", total_digits=8), "most digits: was 9, is 8"),
    "another pattern": (text("string", patterns=("a",)), text("string", patterns=("b",)), "must now match the pattern"),
    "another lexical space": (
        text("integer", name="int", lexical="[0-9]+"),
        text("integer", name="int", lexical="[1-9]+"),
        "must now match the pattern '[1-9]+'",
    ),
    "a value less": (text("string", values=("a", "b")), text("string", values=("a",)), "'b' is no longer allowed"),
    "a closed set": (text("string"), text("string", values=("a",)), "must now be one of 'a'"),
    "values that do not fit": (text("token", values=("1", "x")), text("integer"), "'x' is no longer allowed"),
    "values written in other ways": (
        text("integer", values=("1",)),
        text("integer", patterns=("[0-9]",)),
        "the same value may be written in other ways",
    ),
    "values with a point": (
        text("decimal", values=("1",)),
        text("integer"),
        "the same value may be written in other ways",
    ),
    "blanks count now": (
        text("token", values=("a",)),
        text("string", values=("a",)),
        "blanks around it no longer go away",
    ),
    "a member less": (holding(Variants([A, B, C])), holding(Variants([A, B])), "R/A: may no longer be <C>"),
    "a member of another type": (
        holding(Variants([A, B])),
        holding(Variants([A, Field("B", INT)])),
        "R/A/B: was str, is int",
    ),
    "a member of a union of texts less": (
        holding(Text("u", "anySimpleType", any_of=(INT, Text("bool", "boolean")))),
        holding(Text("v", "anySimpleType", any_of=(INT,))),
        "bool is no longer allowed: it is v",
    ),
    "items of another type": (
        holding(Text("l", "anySimpleType", item=DECIMAL)),
        holding(Text("m", "anySimpleType", item=INT)),
        "was l, is m",
    ),
    "a list for text": (holding(INT), holding(Text("l", "anySimpleType", item=INT)), "was int, is l"),
    "stricter wildcard": (holding(Anything()), holding(Anything(check="lax")), "checked: lax"),
    "anything to something": (holding(Anything()), holding(record(B, name="P")), "holds the elements of P"),
    "text to anything": (holding(STR), holding(Anything()), "R/A: held str, holds one element of any kind"),
    "a dict now": (
        holding(record(Field("Entry", record(Field("Key", STR), Field("Value", STR)), least=0, most=None))),
        dict_of(STR),
        "each key must now stand there once only",
    ),
    "keys that become equal": (dict_of(STR), dict_of(Text("token", "token")), "keys that were different may now be"),
    "no nil": (root(Field("A", STR, nillable=True)), root(A), "may no longer be xsi:nil"),
    "another form": (
        holding(record(A, B, model="(A | B)*")),
        holding(record(A, B)),
        "was of the form (A | B)*, is of the form (A, B)",
    ),
    "not anything any more": (holding(record(model="ANY")), holding(record()), "of the form ANY, is of the form ()"),
}  # fmt: skip
