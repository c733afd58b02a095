"""How a listener's contract is called where messages are routed: `{name}.{root tag}`, as `greeter.greeting`.

A tag without a namespace is matched without regard to case, so keys hold it in lower case. One with a namespace
stays exactly as it is (`invoices.{urn:oasis:...:Invoice-2}Invoice`): case matters in the schemas of others, and
a namespace may hold dots. Plain functions of texts; knows no listeners.
"""

from __future__ import annotations


def folded_tag(tag: str) -> str:
    """Give a root tag, in Clark notation, as it stands in a key."""
    return tag if tag.startswith("{") else tag.lower()


def routing_key(name: str, tag: str) -> str:
    """Give the key of the contract whose root is `tag`, under the listener called `name`."""
    return f"{name.lower()}.{folded_tag(tag)}"


def split_key(key: str) -> tuple[str, str]:
    """Take a key apart: the name, which may hold dots, and the tag as it stands in the key."""
    start = key.find(".{")
    if start >= 0:
        return key[:start], key[start + 1 :]
    name, _, tag = key.rpartition(".")
    return name, tag


def shown_tag(tag: str) -> str:
    """Write a tag for people: `<Invoice> of urn:oasis:...:Invoice-2`."""
    if not tag.startswith("{"):
        return f"<{tag}>"
    namespace, _, local = tag[1:].rpartition("}")
    return f"<{local}> of {namespace}"
