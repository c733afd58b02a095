"""Outcomes of test cases as JUnit XML, the form that CI systems read: one suite for each file of cases.

Takes outcomes; gives a document as text. What XML cannot hold is written as escapes. Knows no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from agentserver.cli.terminal import printable
from agentserver.testing.case_run import CaseOutcome


def junit_document(outcomes: Sequence[CaseOutcome], organism: str) -> str:
    """Write the document.

    Args:
        outcomes: What became of the cases, those of one file behind each other.
        organism: Name of the organism.
    """
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {_counts(organism, outcomes)}>"]
    for file, of_file in groupby(outcomes, lambda outcome: outcome.case.file):
        suite = list(of_file)
        lines.append(f"  <testsuite {_counts(file, suite)}>")
        lines += [line for outcome in suite for line in _case(outcome)]
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _counts(name: str, outcomes: Sequence[CaseOutcome]) -> str:
    failed = sum(not outcome.passed for outcome in outcomes)
    return f'name={_attribute(name)} tests="{len(outcomes)}" failures="{failed}" errors="0" skipped="0"'


def _case(outcome: CaseOutcome) -> list[str]:
    case = outcome.case
    place = f'file={_attribute(case.file)} line="{case.line}"'
    opened = f"    <testcase classname={_attribute(case.file)} name={_attribute(case.name)} {place}"
    if outcome.passed:
        return [f"{opened}/>"]
    text = escape(printable("\n".join(outcome.wrong), keep="\n"))
    return [
        f"{opened}>",
        f"      <failure message={_attribute(outcome.wrong[0])}>{text}</failure>",
        "    </testcase>",
    ]


def _attribute(text: str) -> str:
    return quoteattr(printable(text))
