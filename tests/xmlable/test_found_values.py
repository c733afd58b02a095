"""What was found, without secrets: values in their frames, names that may be secrets, and paths."""

from __future__ import annotations

import pytest

from agentserver.xmlable.found_values import is_valueless, path_without_secrets, without_secrets
from agentserver.xmlable.scrubbing import Scrubber

SCRUBBER = Scrubber(["hunter22"], ["s3cr3t", "ab"])


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ("<User>", "<User>"),
        ("<s3cr3t>", "<***>"),
        ("<ab>", "<***>"),
        ("the element <s3cr3t>", "the element <***>"),
        ("the attribute s3cr3t", "the attribute ***"),
        ("<s3cr3t> in no namespace", "<***> in no namespace"),
        ("<s3cr3t> in namespace 'urn:x'", "<***> in namespace 'urn:x'"),
        ("<User> in namespace 'hunter22'", "<User> in namespace '***'"),
        ("unknown element 's3cr3t'", "unknown element '***'"),
        ("unknown element '{urn:x}ab'", "unknown element '***'"),
        ("unknown element 'abc'", "unknown element 'abc'"),
        ("unknown key 'ab'", "unknown key '***'"),
        ("attribute 'ab'", "attribute '***'"),
        ("str 'ab'", "str 'ab'"),
        ("str 'my hunter22'", "str '***'"),
        ("'hunter22', of length 8", "'***'"),
        ("int 5", "int 5"),
        ("an object with 3 members", "an object with 3 members"),
        ("somebody said hunter22", "somebody said ***"),
    ],
)
def test_values_and_names(found: str, told: str) -> None:
    assert told == without_secrets(found, SCRUBBER)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("Login/User", "Login/User"),
        ("Login/s3cr3t[2]/User", "Login/***[2]/User"),
        ("Login/@s3cr3t", "Login/@***"),
        ("Login/…/ab", "Login/…/***"),
        ("Login/s3c…", "Login/***"),
        ("Login/xyz…", "Login/xyz…"),
    ],
)
def test_paths(path: str, told: str) -> None:
    assert told == path_without_secrets(path, SCRUBBER)


@pytest.mark.parametrize("kind", ["a text", "a number", "an array of 2 items", "null", "3 keys"])
def test_a_kind_says_nothing_that_a_document_said(kind: str) -> None:
    assert is_valueless(kind)
