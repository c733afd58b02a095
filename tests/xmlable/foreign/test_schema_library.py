"""Schemas that nobody here wrote: what loads, and what is refused with which words."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from lxml import etree

from agentserver.errors import SchemaError
from agentserver.xmlable.foreign import ForeignSchema, SchemaLibrary
from agentserver.xmlable.foreign.schema_folder import MAX_DOCUMENT_BYTES
from agentserver.xmlable.foreign.schema_library import MAX_DOCUMENTS
from tests.xmlable.foreign.schema_files import XS, element, schema, ubl, write


def load(folder: Path, files: dict[str, str | bytes]) -> ForeignSchema:
    return SchemaLibrary().load(write(folder, files))


def refusal(folder: Path, files: dict[str, str | bytes]) -> str:
    with pytest.raises(SchemaError) as caught:
        load(folder, files)
    return str(caught.value)


def refers(location: str, verb: str = "include", namespace: str = "") -> str:
    named = f' namespace="{namespace}"' if namespace else ""
    return f'<xs:{verb} schemaLocation="{location}"{named}/>'


@pytest.mark.parametrize("kind", ["Invoice", "Order", "CreditNote", "DespatchAdvice", "OrderResponseSimple"])
def test_ubl_loads_and_takes_its_real_documents(kind: str) -> None:
    found = SchemaLibrary().load(ubl(f"xsd/maindoc/UBL-{kind}-2.1.xsd"))
    assert f"{{urn:oasis:names:specification:ubl:schema:xsd:{kind}-2}}{kind}" == found.root_tag()
    documents = sorted(ubl("documents").glob(f"UBL-{kind}-*.xml"))
    assert documents
    assert [True] * len(documents) == [found.compiled.validate(etree.parse(each)) for each in documents]


def test_documents_are_named_from_the_parent_of_the_folder_and_the_main_one_is_first() -> None:
    found = SchemaLibrary().load(ubl("xsd/maindoc/UBL-Order-2.1.xsd"))
    assert "maindoc/UBL-Order-2.1.xsd" == next(iter(found.documents))
    assert "common/UBL-xmldsig-core-schema-2.1.xsd" in found.documents
    assert 14 == len(found.documents)


def test_the_same_file_is_compiled_once(tmp_path: Path) -> None:
    path = write(tmp_path, {"s/a.xsd": schema(element("A"))})
    (tmp_path / "link").symlink_to(tmp_path / "s")
    library = SchemaLibrary()
    first = library.load(path)
    assert library.load(path) is first
    assert library.load(tmp_path / "s" / ".." / "s" / "a.xsd") is first
    assert library.load(tmp_path / "link" / "a.xsd") is first


def test_a_file_that_was_changed_is_compiled_again(tmp_path: Path) -> None:
    library = SchemaLibrary()
    path = write(tmp_path, {"s/a.xsd": schema(refers("b.xsd")), "s/b.xsd": schema(element("A"))})
    first = library.load(path)
    write(tmp_path, {"s/b.xsd": schema(element("A", "xs:int"))})
    second = library.load(path)
    document = etree.fromstring('<A xmlns="urn:a">no number</A>')
    assert [True, False] == [each.compiled.validate(document) for each in (first, second)]


def test_a_folder_beside_the_schemas_own_is_reached(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        {
            "main/a.xsd": schema(refers("../common/deep/b.xsd") + element("A", "T")),
            "common/deep/b.xsd": schema(
                '<xs:simpleType name="T"><xs:restriction base="xs:int"/></xs:simpleType>'
            ),
        },
    )
    assert found.compiled.validate(etree.fromstring('<A xmlns="urn:a">1</A>'))
    assert not found.compiled.validate(etree.fromstring('<A xmlns="urn:a">x</A>'))


def test_documents_that_include_each_other_are_read_once(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        {
            "s/a.xsd": schema(refers("b.xsd") + element("A")),
            "s/b.xsd": schema(refers("a.xsd") + refers("../s/a.xsd") + element("B")),
        },
    )
    assert ["s/a.xsd", "s/b.xsd"] == list(found.documents)


def test_namespaces_that_import_each_other_end(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        {
            "s/a.xsd": schema(refers("b.xsd", "import", "urn:b") + element("A")),
            "s/b.xsd": schema(refers("a.xsd", "import", "urn:a") + element("B"), "urn:b"),
        },
    )
    assert "{urn:a}A" == found.root_tag()


def test_an_import_without_a_location_is_fine_when_nothing_needs_it(tmp_path: Path) -> None:
    assert load(tmp_path, {"s/a.xsd": schema('<xs:import namespace="urn:b"/>' + element("A"))})


def test_an_import_without_a_location_that_is_needed_is_refused(tmp_path: Path) -> None:
    body = '<xs:import namespace="urn:b"/><xs:element name="A" type="b:T"/>'
    told = refusal(tmp_path, {"s/a.xsd": schema(body, head='xmlns:b="urn:b"')})
    assert "s/a.xsd line 1: " in told
    assert "{urn:b}T" in told


def test_a_redefined_document_counts(tmp_path: Path) -> None:
    narrower = (
        '<xs:redefine schemaLocation="b.xsd"><xs:simpleType name="T"><xs:restriction base="T">'
        '<xs:maxLength value="2"/></xs:restriction></xs:simpleType></xs:redefine>'
    )
    found = load(
        tmp_path,
        {
            "s/a.xsd": schema(narrower + element("A", "T")),
            "s/b.xsd": schema('<xs:simpleType name="T"><xs:restriction base="xs:string"/></xs:simpleType>'),
        },
    )
    assert not found.compiled.validate(etree.fromstring('<A xmlns="urn:a">abc</A>'))


def test_a_document_without_a_namespace_takes_that_of_who_includes_it(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        {"s/a.xsd": schema(refers("b.xsd")), "s/b.xsd": f"<xs:schema {XS}>{element('A')}</xs:schema>"},
    )
    assert "{urn:a}A" == found.root_tag("A")


def test_a_name_with_a_blank_is_reached_by_its_escape(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "my schemas/a b.xsd": schema(refers("c%20d.xsd")),
        "my schemas/c d.xsd": schema(element("A")),
    }
    assert "{urn:a}A" == load(tmp_path, files).root_tag("A")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.1:9/b.xsd", "is an address, and nothing is fetched"),
        ("HTTPS://example.org/b.xsd", "is an address"),
        ("//example.org/b.xsd", "is an address"),
        ("file:///etc/passwd", "is an address"),
        ("FILE:b.xsd", "is an address"),
        ("c:/schemas/b.xsd", "is an address"),
        ("/etc/passwd", "is an absolute path"),
        ("../b.xsd", "leads out of the schema's folder"),
        ("../../b.xsd", "leads out of the schema's folder"),
        ("../../../../../../../../etc/passwd", "leads out of the schema's folder"),
        ("..%2F..%2Fetc%2Fpasswd", "leads out of the schema's folder"),
        ("deep/../../../b.xsd", "leads out of the schema's folder"),
        ("..", "leads out of the schema's folder"),
        ("b c.xsd", "write %20 instead"),
        ("..\\b.xsd", "write '/' instead"),
        ("b.xsd?x=1", "is no path"),
        ("b.xsd#x", "is no path"),
        ("b%zz.xsd", "is no path"),
        ("missing.xsd", "there is no file"),
        ("%00.xsd", "cannot be read"),
    ],
)
@pytest.mark.parametrize("verb", ["include", "import", "redefine"])
def test_a_location_outside_is_refused_with_its_line(
    tmp_path: Path, location: str, reason: str, verb: str
) -> None:
    write(tmp_path, {"b.xsd": schema(element("Secret"))})
    namespace = "urn:b" if verb == "import" else ""
    told = refusal(tmp_path / "x", {"s/a.xsd": schema("\n\n" + refers(location, verb, namespace))})
    assert told.startswith("s/a.xsd line 3 ")
    assert reason in told


def test_the_whole_chain_is_told(tmp_path: Path) -> None:
    told = refusal(
        tmp_path,
        {
            "main/a.xsd": schema("\n" + refers("../common/b.xsd")),
            "common/b.xsd": schema("\n\n" + refers("http://example.org/c.xsd", "import", "urn:c")),
        },
    )
    assert told.startswith(
        "main/a.xsd line 2 includes common/b.xsd line 3 imports http://example.org/c.xsd: "
    )


def test_no_connection_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        host = f"http://127.0.0.1:{server.getsockname()[1]}"
        doctype = f'<!DOCTYPE xs:schema SYSTEM "{host}/x.dtd">'
        load(tmp_path, {"s/a.xsd": doctype + schema(element("A"))})
        refusal(tmp_path, {"s/b.xsd": schema(refers(f"{host}/b.xsd"))})
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/deep/b.xsd": schema(element("B"))})
    path = write(tmp_path / "project", {"s/a.xsd": schema(refers("b.xsd"))})
    path.with_name("b.xsd").symlink_to(tmp_path / "elsewhere/deep/b.xsd")
    with pytest.raises(SchemaError, match=r"a link that leads out of the schema's folder") as caught:
        SchemaLibrary().load(path)
    assert "copy the file there" in str(caught.value)


def test_a_linked_folder_out_of_the_schemas_own_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/deep/b.xsd": schema(element("B"))})
    path = write(tmp_path / "project", {"s/a.xsd": schema(refers("../common/b.xsd"))})
    (tmp_path / "project/common").symlink_to(tmp_path / "elsewhere/deep")
    with pytest.raises(SchemaError, match="leads out of the schema's folder"):
        SchemaLibrary().load(path)


@pytest.mark.slow
def test_links_in_a_circle_end(tmp_path: Path) -> None:
    path = write(tmp_path, {"s/a.xsd": schema(refers("loop/a.xsd"))})
    (tmp_path / "s/loop").symlink_to(tmp_path / "s")
    with pytest.raises(SchemaError):
        SchemaLibrary().load(path)
    (tmp_path / "s/b.xsd").symlink_to(tmp_path / "s/b.xsd")
    with pytest.raises(SchemaError, match="cannot be read"):
        SchemaLibrary().load(tmp_path / "s/b.xsd")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not well-formed XML"),
        (b"<xs:schema", "not well-formed XML"),
        (b"\x00\x01\x02", "not well-formed XML"),
        (b"PK\x03\x04", "not well-formed XML"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "not well-formed XML"),
        (b"<html/>", "no XSD: its root is <html>"),
        (b'<schema xmlns="urn:x"/>', "no XSD: its root is <schema>"),
    ],
)
def test_what_is_no_schema_is_refused(tmp_path: Path, text: bytes, reason: str) -> None:
    told = refusal(tmp_path, {"s/a.xsd": text})
    assert told.startswith("s/a.xsd: ")
    assert reason in told


def test_what_libxml2_does_not_compile_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    told = refusal(
        tmp_path,
        {"s/a.xsd": schema(refers("b.xsd")), "s/b.xsd": schema("\n\n\n" + element("B", "xs:nothing"))},
    )
    assert told.startswith("s/a.xsd line 1 includes s/b.xsd line 4: ")
    assert "nothing" in told


@pytest.mark.parametrize("name", ["", "missing.xsd", "s", "\x00", "x" * 300])
def test_a_path_that_leads_to_no_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(SchemaError):
        SchemaLibrary().load(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, {"s/a.xsd": schema()})
    path.chmod(0)
    with pytest.raises(SchemaError, match="cannot be read"):
        SchemaLibrary().load(path)


def test_internal_entities_are_read(tmp_path: Path) -> None:
    text = '<!DOCTYPE xs:schema [<!ENTITY n "Named">]>' + schema(element("&n;"))
    found = load(tmp_path, {"s/a.xsd": text})
    assert "{urn:a}Named" == found.root_tag()
    assert found.compiled.validate(etree.fromstring('<Named xmlns="urn:a"/>'))


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY x SYSTEM "b.txt">',
        '<!ENTITY x PUBLIC "p" "b.txt">',
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x SYSTEM "http://127.0.0.1:9/b">',
        '<!ENTITY % p SYSTEM "b.dtd"> %p; <!ENTITY x "y">',
    ],
)
def test_an_external_entity_is_refused(tmp_path: Path, declaration: str) -> None:
    write(tmp_path, {"s/b.txt": "Stolen", "s/b.dtd": '<!ENTITY x "Stolen">'})
    text = f"<!DOCTYPE xs:schema [{declaration}]>" + schema(
        "<xs:annotation><xs:documentation>&x;</xs:documentation></xs:annotation>" + element("A")
    )
    told = refusal(tmp_path, {"s/a.xsd": text})
    assert told.startswith("s/a.xsd: not well-formed XML: Entity ")
    assert told.endswith("; entities of other files are not read")


def test_an_external_subset_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"s/b.dtd": '<!ENTITY x "Stolen">'})
    text = '<!DOCTYPE xs:schema SYSTEM "b.dtd">' + schema(element("A"))
    assert "{urn:a}A" == load(tmp_path, {"s/a.xsd": text}).root_tag()


def bomb(levels: int = 9, width: int = 10) -> str:
    """Write the declarations of an entity that grows to `width` to the `levels`."""
    declared = ['<!ENTITY x0 "aaaaaaaaaa">']
    for level in range(1, levels + 1):
        declared.append(f'<!ENTITY x{level} "{f"&x{level - 1};" * width}">')
    return f"<!DOCTYPE xs:schema [{''.join(declared)}]>"


@pytest.mark.parametrize("place", ["text", "attribute"])
def test_an_entity_bomb_is_refused(tmp_path: Path, place: str) -> None:
    body = "<xs:annotation><xs:documentation>&x9;</xs:documentation></xs:annotation>"
    if place == "attribute":
        body = '<xs:element name="&x9;" type="xs:string"/>'
    assert "s/a.xsd: not well-formed XML" in refusal(tmp_path, {"s/a.xsd": bomb() + schema(body)})


def test_a_quadratic_bomb_is_refused(tmp_path: Path) -> None:
    doctype = f'<!DOCTYPE xs:schema [<!ENTITY x "{"a" * 100_000}">]>'
    body = f"<xs:annotation><xs:documentation>{'&x;' * 10_000}</xs:documentation></xs:annotation>"
    assert refusal(tmp_path, {"s/a.xsd": doctype + schema(body)}).startswith("s/a.xsd: ")


def test_a_document_that_is_too_long_is_refused(tmp_path: Path) -> None:
    text = schema(element("A")).encode() + b" " * MAX_DOCUMENT_BYTES
    assert f"longer than {MAX_DOCUMENT_BYTES} bytes" in refusal(tmp_path, {"s/a.xsd": text})


def test_a_chain_of_the_most_documents_loads_and_one_more_is_refused(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        f"s/{index}.xsd": schema(refers(f"{index + 1}.xsd")) for index in range(MAX_DOCUMENTS - 1)
    }
    last = f"s/{MAX_DOCUMENTS - 1}.xsd"
    assert MAX_DOCUMENTS == len(load(tmp_path, {**files, last: schema(element("A"))}).documents)
    further: dict[str, str | bytes] = {
        last: schema(refers(f"{MAX_DOCUMENTS}.xsd")),
        f"s/{MAX_DOCUMENTS}.xsd": schema(element("A")),
    }
    assert f"more than {MAX_DOCUMENTS} documents" in refusal(tmp_path, {**files, **further})


@pytest.mark.parametrize(
    ("body", "root", "expected"),
    [
        (element("A"), "", "{urn:a}A"),
        (element("A") + element("B"), "B", "{urn:a}B"),
        (element("A") + element("B"), "{urn:a}A", "{urn:a}A"),
        (element("A") + element("a"), "a", "{urn:a}a"),
    ],
)
def test_the_root_is_the_one_element_or_the_named_one(
    tmp_path: Path, body: str, root: str, expected: str
) -> None:
    assert expected == load(tmp_path, {"s/a.xsd": schema(body)}).root_tag(root)


@pytest.mark.parametrize(
    ("body", "root", "reason"),
    [
        ("", "", "declares no element; name the document that declares the root"),
        (element("A") + element("B"), "", "declares 2 elements (A, B); say with `root:` which one is meant"),
        (element("A"), "B", "no element 'B' is declared; it declares A"),
        (element("A"), "a", "no element 'a' is declared; it declares A"),
        (element("A"), "{urn:b}A", "no element '{urn:b}A' is declared"),
    ],
)
def test_a_root_that_is_not_clear_is_refused(tmp_path: Path, body: str, root: str, reason: str) -> None:
    found = load(tmp_path, {"s/a.xsd": schema(body)})
    with pytest.raises(SchemaError) as caught:
        found.root_tag(root)
    assert reason in str(caught.value)


def test_a_root_in_no_namespace(tmp_path: Path) -> None:
    assert "A" == load(tmp_path, {"s/a.xsd": schema(element("A"), namespace="")}).root_tag()


def test_a_hint_in_a_document_is_not_followed(tmp_path: Path) -> None:
    found = load(tmp_path, {"s/a.xsd": schema(element("A"))})
    write(tmp_path, {"s/wide.xsd": schema(element("B"), "urn:b")})
    hint = (
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="urn:b {tmp_path}/s/wide.xsd"'
    )
    assert not found.compiled.validate(etree.fromstring(f'<B xmlns="urn:b" {hint}/>'))
    assert found.compiled.validate(etree.fromstring(f'<A xmlns="urn:a" {hint}/>'))
