"""Texts without the secrets in them, however they are written and cut."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentserver.xmlable.scrubbing import LEFT_OUT, MAX_SCRUBBED, PIECE, Scrubber

SECRET = "hünter\n2 & <sons>"


def test_each_secret_becomes_three_stars() -> None:
    assert "*** and *** are out" == Scrubber(["abc", "xyz"]).scrub("abc and xyz are out")


def test_case_and_blanks_around_do_not_matter() -> None:
    assert "found '***'" == Scrubber(["\n Hunter2\t"]).scrub("found 'HUNTER2'")


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        repr(SECRET),
        ascii(SECRET),
        repr(SECRET.encode()),
        json.dumps(SECRET),
        SECRET.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
        " ".join(SECRET.split()),
    ],
)
def test_a_secret_is_found_however_it_is_written(written: str) -> None:
    scrubbed = Scrubber([SECRET]).scrub(f"bad value {written}!")

    assert "ter" not in scrubbed
    assert "sons" not in scrubbed
    assert scrubbed.startswith("bad value ")


def test_a_piece_of_a_secret_is_found_where_somebody_cut_it() -> None:
    secret = "0123456789abcdefghij"

    assert "'***…' ***" == Scrubber([secret]).scrub(f"'{secret[:12]}…' {secret[-PIECE:]}")


def test_lines_of_a_secret_are_found_by_themselves() -> None:
    assert "  | ***\n  | ***" == Scrubber(["first\nsecond"]).scrub("  | first\n  | second")


@pytest.mark.parametrize("secret", ["7", "ab", "true", "None"])
def test_of_a_text_with_a_secret_too_short_to_be_told_from_other_words_nothing_is_left(secret: str) -> None:
    scrubber = Scrubber([secret, "uvwxyz"])

    assert LEFT_OUT == scrubber.scrub(f"17 uvwxyz {secret.upper()}s")
    assert "5 ***" == scrubber.scrub("5 uvwxyz")


def test_where_values_are_quoted_whole_a_short_secret_is_masked_in_its_quotes() -> None:
    scrubber = Scrubber(["7", "abc"])

    assert "found '***' in <***>, expected 7 to 77 or *** words" == scrubber.scrub_quotes(
        "found '7' in <7>, expected 7 to 77 or abc words"
    )
    assert "***" == scrubber.scrub_quotes("7")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("AB12", False), ("4111", True), ("my 41112222 here", True), ("11", False), ("7", True), ("pin 7", True),
        ("AB7", False), (" TEXT ", True), ("EUR", False), ("x1112222y", False), ("", False),
    ],
)  # fmt: skip
def test_a_secret_is_found_in_a_value_that_holds_it_or_is_a_part_of_it(value: str, found: bool) -> None:
    assert found is Scrubber(["41112222", "7", "text"]).finds_in(value)


def test_a_secret_whose_end_is_cut_off_is_found_in_a_value() -> None:
    assert [False, True] == [Scrubber(["41112222"]).finds_in("number 4111", cut=cut) for cut in (False, True)]


def test_blank_secrets_leave_a_text_as_it_is() -> None:
    assert not Scrubber(["", " \n"])
    assert "as it is" == Scrubber([" "]).scrub("as it is")


def test_secrets_without_bounds_leave_nothing_of_a_text_and_take_no_time() -> None:
    started = time.monotonic()
    many, long = [f"secret {n}" for n in range(10_000)], ["ab" * 1_000_000]

    assert [LEFT_OUT, LEFT_OUT] == [Scrubber(secrets).scrub("a" * 10_000_000) for secrets in (many, long)]
    assert time.monotonic() - started < 5


def test_a_text_without_bounds_is_cut_in_the_middle() -> None:
    scrubbed = Scrubber(["abc"]).scrub(f"abc{'-' * 10_000_000}xyz")

    assert len(scrubbed) <= MAX_SCRUBBED + 10
    assert scrubbed.startswith("***-")
    assert scrubbed.endswith("-xyz")


def test_letters_that_are_longer_in_lower_case_hide_nothing() -> None:
    assert "abc" not in Scrubber(["abc"]).scrub("İİİİ abc")


@given(
    st.text(min_size=3, max_size=40).filter(lambda text: len(text.strip()) >= 3),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_no_secret_is_left_in_any_text(secret: str, before: str, behind: str) -> None:
    for written in (secret, repr(secret), ascii(secret), json.dumps(secret)):
        scrubbed = Scrubber([secret]).scrub(f"{before}{written}{behind}")
        assert secret.strip().lower() not in scrubbed.replace("***", "\0").lower()


@given(st.text(max_size=60))
def test_a_text_that_holds_no_secret_stays(text: str) -> None:
    secret = "s3cr3t-marker"
    if secret[:PIECE] not in text.lower():
        assert text == Scrubber([secret]).scrub(text)
