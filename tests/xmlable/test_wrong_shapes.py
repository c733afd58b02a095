"""Whatever stands where a contract holds a secret, at the place or below it: no error, copy or repr tells it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import BindingError
from agentserver.wire import violations_of
from agentserver.xmlable import contract_of, from_json, to_json
from agentserver.xmlable.found_values import path_without_secrets, without_secrets
from agentserver.xmlable.scrubbing import Scrubber
from agentserver.xmlable.secrets import masked, secret_texts
from agentserver.xmlable.strange_names import strange_names
from tests.secret_ears import MARK, heard, whole
from tests.xmlable.secret_strategies import (
    WRONG_VALUES,
    instances,
    value_places,
    wrong_json,
    wrong_xml,
)

QUICK, THOROUGH = settings(max_examples=100), settings(max_examples=2_000)


def refusal(do: Callable[[], Any]) -> str:
    """Return all that is told when something is refused; nothing when it is not."""
    try:
        do()
    except BindingError as error:
        return all_said(error)
    return ""


def all_said(error: BindingError) -> str:
    return "\n".join([str(error), *whole(error.with_traceback(None))])


def json_is_told_without_it(instance: Any, data: st.DataObject) -> None:
    wrong = data.draw(wrong_json(instance, to_json(instance)))
    assert "" == heard(refusal(lambda: from_json(type(instance), wrong)))


def xml_is_told_without_it(instance: Any, data: st.DataObject) -> None:
    contract = contract_of(type(instance))
    root = contract.outline
    element = data.draw(wrong_xml(root, instance.xml_value("Thing")))
    assert "" == heard(refusal(lambda: contract.read(element)))
    assert "" == heard(etree.tostring(masked(root, element), encoding="unicode"))
    scrubber = Scrubber(secret_texts(root, element), strange_names(root, element))
    for violation in violations_of(contract.schema, element):
        assert "" == heard(path_without_secrets(violation.path, scrubber))
        assert "" == heard(without_secrets(violation.found, scrubber))
        assert "" == heard(violation.expected)


def values_are_told_without_it(instance: Any, data: st.DataObject) -> None:
    places = list(value_places(instance, contract_of(type(instance)).outline.content))
    holder, name = data.draw(st.sampled_from(places))
    setattr(holder, name, copy.deepcopy(data.draw(st.sampled_from(WRONG_VALUES))))
    assert "" == heard(repr(instance))
    assert "" == heard(refusal(lambda: instance.xml_value("Thing")))


CHECKS = [json_is_told_without_it, xml_is_told_without_it, values_are_told_without_it]


@pytest.mark.parametrize("check", CHECKS)
def test_a_wrong_shape_tells_no_secret(check: Any) -> None:
    QUICK(given(instances(), st.data())(check))()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("check", CHECKS)
def test_two_thousand_wrong_shapes_tell_no_secret(check: Any) -> None:
    THOROUGH(given(instances(), st.data())(check))()


def test_the_marker_is_heard_where_nothing_hides_it() -> None:
    assert MARK in heard(all_said(BindingError("Thing", f"str {MARK!r}", "int")))
