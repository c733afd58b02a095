"""What a document looks like, as plain values: the one description that every artefact is made from.

The planner makes an outline beside the codecs of a dataclass; `xsd_reader` makes one from an XSD. The XSD, the
example, the JSON Schema, the prompt card, the Markdown, the JSON notation and the comparison of two versions all
come from it, so that none of them can say what another does not. Holds no code that reads or writes messages.

Names are in Clark notation, `{namespace}Local`, and plain where there is no namespace. Texts of values are written
as XML has them. An outline may refer to itself: a record is compared by identity and completed after it is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Many: TypeAlias = Literal["", "list", "tuple", "set", "frozenset", "dict"]
"""What repeated elements are gathered in; empty for a single one."""

RecordKind: TypeAlias = Literal["class", "items", "tuple", "entries", "entry"]
"""What a record stands for: a dataclass, a collection within a collection, a tuple of fixed length, a dict, one
entry of a dict."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text: a number, a date, a member of a closed set.

    Attributes:
        noun: The type in a few words, for people: `int`, `Colour (one of 'red', 'green')`.
        base: Local name of the XSD built-in type that it restricts: `integer`, `string`, `token`.
        name: Name of its own named type in the schema; empty when it has none.
        lexical: The texts of `base` that Python reads, as a regular expression; empty for all. Part of the named type.
        values: The closed set, when it is one. Part of the named type, when it has one.
        at_least: Inclusive lower bound.
        above: Exclusive lower bound.
        at_most: Inclusive upper bound.
        below: Exclusive upper bound.
        fraction_digits: Most digits behind the point that count.
        patterns: Regular expressions, in the syntax of XSD, each of which the whole text must match.
        min_length: Fewest characters, or octets where `base` is `base64Binary`.
        max_length: Most of them.
        total_digits: Most digits in all.
        any_of: The texts that it may be one of, for a union of simple types; `base` is then `anySimpleType`.
        item: What each word of it is, for a list of words between blanks; `base` is then `anySimpleType`, and
            the lengths count words.
        multiple_of: What an integer is to be a multiple of, where `patterns` say so. An XSD has no word for it, so an
            outline that was read from one lacks it, and it does not count when two are compared.
    """

    noun: str
    base: str
    name: str = ""
    lexical: str = ""
    values: tuple[str, ...] = ()
    at_least: str = ""
    above: str = ""
    at_most: str = ""
    below: str = ""
    fraction_digits: int | None = None
    patterns: tuple[str, ...] = ()
    min_length: int | None = None
    max_length: int | None = None
    total_digits: int | None = None
    any_of: tuple[Text, ...] = ()
    item: Text | None = None
    multiple_of: str = field(default="", compare=False)


@dataclass(slots=True, eq=False)
class Record:
    """Attributes, and then elements in this order.

    Attributes:
        kind: What it stands for.
        name: Name of its type in the schema; empty when it has none, and is written in place.
        noun: What it stands for in a few words, for people.
        fields: Its attributes and elements. The items of a collection are one field called `Item`, those of a tuple
            `Item1` and so on; a dict has one called `Entry`, a record of `Key` and `Value`, whose keys are unique.
        doc: What it means.
        text: What its own text holds, for an XSD's simple content; None when it holds elements. Never for a dataclass.
        model: What a foreign XSD allows in it, in the notation of a DTD, where `fields` cannot say it exactly, as
            `((Name, Street?) | Box)`; empty where they can. Those of its elements that may be absent are then
            optional fields.
    """

    kind: RecordKind
    name: str = ""
    noun: str = ""
    fields: list[Field] = field(default_factory=list)
    doc: str = ""
    text: Text | None = None
    model: str = ""


@dataclass(slots=True, eq=False)
class Variants:
    """Exactly one of several elements, which tells by its name which it is: a union.

    Attributes:
        members: The elements; each is required once, when it is the one.
        noun: The union in a few words, for people.
        doc: What it means.
    """

    members: list[Field] = field(default_factory=list)
    noun: str = ""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Anything:
    """Exactly one element of any name and content, which nothing looks into.

    Attributes:
        noun: It in a few words, for people.
        namespaces: From which namespaces, as `xs:any` says it: `##any`, `##other urn:own`, `urn:a urn:b`.
        check: How an XSD looks into it: not at all, when it knows the element, or always.
    """

    noun: str = "one element of any kind"
    namespaces: str = "##any"
    check: Literal["skip", "lax", "strict"] = "skip"


Content: TypeAlias = Text | Record | Variants | Anything


@dataclass(slots=True, eq=False)
class Field:
    """An element or an attribute, and what is in it.

    Attributes:
        tag: Its name in XML.
        content: What is in it; a `Text` for an attribute.
        name: Its name in Python and in JSON: the dataclass's field. For what has no field, the local name.
        attribute: Whether it is an attribute.
        least: Fewest times that it stands there: 0 for what may be absent.
        most: Most times; None for any number.
        many: What repeated ones are gathered in.
        default: The text of its default, when absence means one that has a text of its own.
        doc: What it means.
        secret: Whether what is in it is masked wherever it would be shown.
        nillable: Whether a foreign XSD lets it be empty when `xsi:nil` says so.
    """

    tag: str
    content: Content
    name: str = ""
    attribute: bool = False
    least: int = 1
    most: int | None = 1
    many: Many = ""
    default: str | None = None
    doc: str = ""
    secret: bool = False
    nillable: bool = False

    @property
    def local_name(self) -> str:
        """Its name without the namespace."""
        return self.tag.rpartition("}")[2]

    @property
    def namespace(self) -> str:
        """Its namespace; empty for none."""
        return self.tag[1:].partition("}")[0] if self.tag.startswith("{") else ""
