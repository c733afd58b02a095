"""What is secret in a document, and the document without it.

Takes an outline and elements that claim to follow it; gives masked copies, and the texts that nobody but the handler
may see. Where an element does not follow the outline, whatever bears the name of a secret field, or one near to it,
counts as secret: a sender's slip must not show a password. So does the text beside the fields of an element that holds
a secret. A secret in a field of another name cannot be known. Never raises, and changes nothing that it is given. Knows
nothing of messages; how texts are taken out of others, `scrubbing.py` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from hashlib import sha256
from typing import Final, TypeAlias

from lxml import etree

from agentserver.name_dictionary import with_own_names
from agentserver.xmlable.near_names import NearNames, folded, without_separators
from agentserver.xmlable.outline import Content, Field, Record, Text, Variants
from agentserver.xmlable.strange_names import strange_places

MASK: Final = "***"
"""What stands where a secret stood."""

_UNNAMED: Final = "hidden"
"""What an element or attribute is called in a masked copy whose own name may be a secret."""
_REMARKS: Final = (etree.Comment, etree.ProcessingInstruction)


def secret_names(root: Field) -> frozenset[str]:
    """Give the names that secret fields of an outline bear, folded by `folded`; empty when nothing is secret.

    Args:
        root: The outline. The fields of a class that is secret as a whole count, too.
    """
    names: set[str] = set()
    seen: set[tuple[int, bool]] = set()
    waiting: list[tuple[Field, bool]] = [(root, False)]
    while waiting:
        field, inside = waiting.pop()
        secret = inside or field.secret
        if secret:
            names |= {folded(field.local_name), folded(field.name)}
        key = id(field.content), secret
        if key in seen:
            continue
        seen.add(key)
        # `Item`, `Key` and the like say nothing by themselves
        speaking = isinstance(field.content, Record) and field.content.kind == "class"
        waiting += [(child, secret and speaking) for child in fields_of(field.content)]
    return frozenset(names - {""})


def fields_of(content: Content) -> list[Field]:
    """Give the fields that stand right below `content`."""
    if isinstance(content, Record):
        return content.fields
    return content.members if isinstance(content, Variants) else []


def masked(root: Field, element: etree._Element) -> etree._Element:
    """Copy an element without its secrets.

    Args:
        root: The outline that it follows, or should.
        element: The element; it may stand in a larger tree.

    Returns:
        A copy, without a tail, in which `***` stands for what is in each secret element and attribute. When the
        outline has secrets, what bears a name that is near to none that it knows is secret, too, and called `hidden`;
        comments and processing instructions are left out, as no outline knows what is in them.
    """
    copy: etree._Element = with_own_names(deepcopy, element)
    copy.tail = None
    names = secret_names(root)
    if not names:
        return copy
    for node, attribute, _ in list(_secret_places(root, names, copy)):
        if attribute is not None:
            node.set(attribute, MASK)
        else:
            tail = node.tail
            node.clear()
            node.text, node.tail = MASK, MASK if tail and tail.strip() else tail
    for node, name in list(strange_places(root, copy)):
        _hide_name(node, name)
    for remark in list(copy.iter(*_REMARKS)):
        _take_out(remark)
    for node in list(_secretive(root, copy)):
        _hide_beside_children(node)
    return copy


def _hide_beside_children(node: etree._Element) -> None:
    if node.text and node.text.strip():
        node.text = MASK
    for child in node:
        if child.tail and child.tail.strip():
            child.tail = MASK


def _hide_name(node: etree._Element, name: str) -> None:
    if name == node.tag:
        tail = node.tail
        node.clear()
        node.tag, node.text, node.tail = _UNNAMED, MASK, tail
    elif name in node.attrib:
        del node.attrib[name]
        node.set(_UNNAMED, MASK)


def secret_texts(root: Field, element: etree._Element) -> list[str]:
    """Give the secret texts in an element, as they stand there, each once and in order; blank ones are none.

    The text that stands right in an element around a secret, or in one whose class has a secret, is secret, too.

    Args:
        root: The outline that the element follows, or should.
        element: The element.
    """
    places = list(_secret_places(root, secret_names(root), element))
    return _distinct([*_texts(places), *_stray_texts(root, element, places)])


def named_texts(names: frozenset[str], element: etree._Element) -> list[str]:
    """Give the texts in an element that no outline is known for, as far as names tell that they are secret.

    Args:
        names: The names, as `secret_names` gives them.
        element: The element.
    """
    places = list(_places_below(element, None, names))
    return _distinct([*_texts(places), *_texts_around(element, places)])


def all_texts(element: etree._Element) -> list[str]:
    """Give every text in an element, values of attributes included, each once; blank ones are none."""
    return _distinct(_inside(element))


def mentions(names: Iterable[str], data: bytes) -> bool:
    """Tell whether bytes that are no XML may hold something secret: one of the names stands in them."""
    text = without_separators(data.decode("utf-8", "replace"))
    return any(name in text for name in names)


def masked_bytes(data: bytes) -> str:
    """Describe bytes that no contract is known for, so that nothing can be masked in them: by size and digest."""
    return f"{len(data)} bytes, sha256 {sha256(data).hexdigest()}"


_Element: TypeAlias = etree._Element  # noqa: SLF001  # lxml's class of elements has no other name
_Place: TypeAlias = tuple[_Element, str | None, Content | None]
"""An element that is secret as a whole, or one that has a secret attribute, and its name; and what is known of it."""


def _secret_places(root: Field, names: frozenset[str], element: etree._Element) -> Iterator[_Place]:
    if root.secret:
        yield element, None, root.content
    elif names:
        yield from _places_below(element, root.content, names)


def _places_below(
    element: etree._Element, content: Content | None, names: frozenset[str]
) -> Iterator[_Place]:
    near = NearNames(names)
    waiting: list[tuple[etree._Element, Content | None]] = [(element, content)]
    while waiting:
        node, known = waiting.pop()
        fields = fields_of(known) if known is not None else []
        attributes = {field.tag: field for field in fields if field.attribute}
        elements = {field.tag: field for field in fields if not field.attribute}
        for name in map(str, node.keys()):
            if _is_secret(name, attributes, near):
                yield node, name, None
        below: list[tuple[etree._Element, Content | None]] = []
        for child in node.iterchildren("*"):
            field = elements.get(child.tag)
            inner = field.content if field is not None else None
            if _is_secret(child.tag, elements, near):
                yield child, None, inner
            else:
                below.append((child, inner))
        waiting += reversed(below)


def _is_secret(name: str, fields: Mapping[str, Field], names: NearNames) -> bool:
    field = fields.get(name)
    return field.secret if field is not None else names.has(name)


def _texts(places: Iterable[_Place]) -> list[str]:
    texts: list[str] = []
    for node, attribute, content in places:
        if attribute is not None:
            texts.append(node.get(attribute, ""))
            continue
        texts += _inside(node)
        if len(node):
            texts.append("".join(map(str, node.itertext("*"))))
        if content is None or isinstance(
            content, Text
        ):  # no element belongs here: its name may be the secret
            texts += [etree.QName(child).localname for child in node.iterdescendants("*")]
        if node.tail:
            texts.append(node.tail)
    return _distinct(texts)


def _stray_texts(root: Field, element: etree._Element, places: list[_Place]) -> Iterator[str]:
    """Give the texts beside the fields of elements that hold, or by the outline may hold, a secret."""
    yield from _texts_around(element, places)
    for node in _secretive(root, element):
        yield from _beside_children(node)


def _secretive(root: Field, element: etree._Element) -> Iterator[etree._Element]:
    """Give the elements that by the outline may hold a secret below."""
    secretive: dict[int, bool] = {}  # by the id of a field: whether something below it is secret
    waiting: list[tuple[etree._Element, Field]] = [(element, root)]
    while waiting:
        node, field = waiting.pop()
        if id(field) not in secretive:
            secretive[id(field)] = bool(secret_names(field))
        if not secretive[id(field)]:
            continue
        yield node
        fields = {each.tag: each for each in fields_of(field.content) if not each.attribute}
        waiting += [(child, fields[child.tag]) for child in node.iterchildren("*") if child.tag in fields]


def _texts_around(element: etree._Element, places: list[_Place]) -> Iterator[str]:
    """Give the texts right in the elements that secrets stand in, from `element` down."""
    seen: set[etree._Element] = set()
    for place, attribute, _ in places:
        node = place if attribute is not None else place.getparent()
        while node is not None and node not in seen and place is not element:
            seen.add(node)
            if node is not place:
                yield from _beside_children(node)
            if node is element:
                break
            node = node.getparent()


def _beside_children(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        yield child.tail or ""


def _inside(element: etree._Element) -> Iterator[str]:
    for node in element.iter():
        yield node.text or ""
        yield from map(str, node.values()) if isinstance(node.tag, str) else ()
        if node is not element:
            yield node.tail or ""


def _distinct(texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text.strip()]


def _take_out(remark: etree._Element) -> None:
    """Take a comment out of its tree, and leave what follows it."""
    parent, previous = remark.getparent(), remark.getprevious()
    if parent is None:
        return
    if previous is not None:
        previous.tail = (previous.tail or "") + (remark.tail or "") or None
    else:
        parent.text = (parent.text or "") + (remark.tail or "") or None
    parent.remove(remark)
