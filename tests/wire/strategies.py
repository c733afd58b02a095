"""Well-formed documents, written as somebody might write them, and the shape that must survive a repair."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import strategies as st

from agentserver.wire import ENVELOPE_NS, Element

Shape: TypeAlias = tuple[str, tuple["Shape", ...]]

NAMES = st.sampled_from(["a", "b", "Name", "to", "from", "meta", "été", "_x", "a-b.c"])
PREFIXES = st.sampled_from(["", "", "p:", "q:", "e:"])
SAFE_TEXT = st.text(st.sampled_from("ab \n1é€😀>'\""), max_size=6)
TEXT = SAFE_TEXT | st.sampled_from(
    ["&amp;", "&lt;", "&#38;", "&#x3C;", "<![CDATA[<b>&]]>", "<!-- <b> & -->", "<?p <b>?>"]
)
STRAY = st.sampled_from(
    [
        " & ",
        "AT&T",
        "&copy;",
        "&nbsp;",
        "&;",
        "1 < 2",
        "<3",
        "<=",
        "]]>",
        "<",
        "&",
        "&#",
        "&amp",
        "x<-y",
        "< b>",
    ]
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["x", "y", "p:x", "xml:lang"]),
    st.sampled_from(["", "1", "&amp;", "&lt;b/&gt;", "é"]),
    max_size=2,
)
DECLARATIONS = st.sampled_from(
    ["", "", ' xmlns="urn:d"', ' xmlns=""', ' xmlns:p="urn:p2"', ' xmlns:q="urn:d"']
)


@st.composite
def elements(draw: st.DrawFn, texts: st.SearchStrategy[str], depth: int = 3) -> str:
    """Write one element, its content made of `texts` and more elements."""
    name = draw(PREFIXES) + draw(NAMES)
    attributes = "".join(f' {key}="{value}"' for key, value in draw(ATTRIBUTES).items())
    content = draw(texts)
    for _ in range(draw(st.integers(0, 2 if depth else 0))):
        content += draw(elements(texts, depth - 1)) + draw(texts)
    return f"<{name}{draw(DECLARATIONS)}{attributes}>{content}</{name}>"


def documents(texts: st.SearchStrategy[str] = TEXT) -> st.SearchStrategy[str]:
    """Write documents whose root declares the prefixes that are used."""
    return elements(texts).map(
        lambda body: f'<root xmlns:p="urn:p" xmlns:q="urn:q" xmlns:e="{ENVELOPE_NS}">{body}</root>'
    )


def shape_of(element: Element) -> Shape:
    """Return the names of an element and of all below it."""
    return str(element.tag), tuple(shape_of(child) for child in element)
