"""`agentserver test`: run the cases that stand in YAML beside an organism, and show what is not as they expect."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import click

from agentserver.cli import exit_codes
from agentserver.cli.atomic_file import write_if_changed
from agentserver.cli.config_argument import config_option, require_file
from agentserver.cli.failures import Failed, NotFound
from agentserver.cli.junit import junit_document
from agentserver.cli.loaded_organism import load_organism
from agentserver.cli.logs import LogFormat, log_options, logging_to_stderr
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.terminal import paint, printable
from agentserver.config import OrganismConfig
from agentserver.config.case_reader import read_cases
from agentserver.config.cases import Case
from agentserver.testing.case_run import CaseOutcome, run_case

EXAMPLE: Final = """\
cases:
  - name: the greeter greets back
    inject: {payload: {Greeting: {name: Ada}}, to: greeter, from: me}
    expect: {from: greeter, to: me, payload: {GreetingResponse: {message: "Hello, Ada!"}}}
"""
"""A whole file of cases, for who has never seen one."""


@click.command("test", short_help="Run the test cases of an organism.")
@click.argument("files", metavar="[CASES]...", nargs=-1, type=click.Path(path_type=Path))
@config_option
@click.option("-k", "text", metavar="TEXT", help="Run those cases alone whose names hold TEXT, in any case.")
@click.option(
    "--junit", "junit", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Write the outcomes to FILE as JUnit XML, which CI systems read.",
)  # fmt: skip
@json_option
@log_options(level="error")
def run_cases(
    files: tuple[Path, ...],
    config: Path,
    allow_env: bool,
    text: str | None,
    junit: Path | None,
    as_json: bool,
    log_level: str,
    log_format: LogFormat,
) -> None:
    """Run the cases of CASES, or of the file beside CONFIG: organism.tests.yaml for organism.yaml.

    Each case puts messages into an organism of its own, with mocks for the listeners that it names, and says what must
    be sent, or refused. The gate and the pump are the real ones; time is not: a deadline of a minute passes at once.
    Nothing is opened, and secrets are not shown.

    \b
    A file of cases:
      cases:
        - name: the greeter greets back
          inject: {payload: {Greeting: {name: Ada}}, to: greeter, from: me}
          expect:
            - {from: greeter, to: me, payload: {GreetingResponse: {message: "Hello, Ada!"}}}
        - name: what breaks the contract goes no further
          inject: {payload: <Greeting><Nmae>Ada</Nmae></Greeting>, to: greeter, from: me}
          refusal: schema       # the code of what is refused
          expect_none: true     # and nothing is sent

    A payload is XML, or {Root: {field: value}}; an expectation of the latter form looks at no other fields. Of 'from',
    'to' and 'payload' an expectation gives what matters. 'inject' and 'expect' take one or a list; further keys of a
    case are 'exactly: true' (nothing else is sent), 'any_order: true', and 'mock', by listener: what it answers, a
    list of that, or {fail: TEXT}.

    The exit code is 0 when all cases passed, 1 when one failed, 3 when there is none, and 78 when CONFIG or a file of
    cases has faults, each of which is printed as file:line:column: message.

    \b
    Examples:
      agentserver test
      agentserver test -k greeter --junit var/junit.xml
      agentserver test more.tests.yaml --config config/organism.yaml --json
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    organism = load_organism(config, allow_env=allow_env)
    cases = _cases(files or (_beside(config),), organism, text)
    with logging_to_stderr(log_level, log_format), redirect_stdout(sys.stderr):  # handlers may print
        outcomes = [run_case(organism, case) for case in cases]
    if junit is not None:
        _write(junit, junit_document(outcomes, organism.name))
    if as_json:
        emit(_document(outcomes))
    else:
        _show(outcomes)
    if not all(outcome.passed for outcome in outcomes):
        click.get_current_context().exit(exit_codes.FAILED)


def _beside(config: Path) -> Path:
    path = config.with_name(f"{config.stem}.tests.yaml")
    if not path.exists():
        raise NotFound(
            f"{path}: there is no such file; write cases there, or give the path of a file of cases; "
            f"such as\n\n{EXAMPLE}"
        )
    return path


def _cases(files: Sequence[Path], organism: OrganismConfig, text: str | None) -> list[Case]:
    names = [listener.name for listener in organism.listeners]
    cases = [case for file in files for case in read_cases(require_file(file), names)]
    told = ", ".join(map(str, files))
    if not cases:
        raise NotFound(f"{told}: there are no cases under 'cases'; write one, such as\n\n{EXAMPLE}")
    chosen = [case for case in cases if text is None or text.casefold() in case.name.casefold()]
    if not chosen:
        raise NotFound(f"{told}: no name of {len(cases)} cases holds {text!r}")
    return chosen


def _write(path: Path, text: str) -> None:
    try:
        write_if_changed(path, text)
    except OSError as exc:
        raise Failed(f"{path}: cannot be written: {exc.strerror or exc}") from exc


def _document(outcomes: Sequence[CaseOutcome]) -> dict[str, Any]:
    failed = sum(not outcome.passed for outcome in outcomes)
    return {
        "ok": not failed,
        "passed": len(outcomes) - failed,
        "failed": failed,
        "cases": [
            {
                "name": outcome.case.name,
                "file": outcome.case.file,
                "line": outcome.case.line,
                "ok": outcome.passed,
                "wrong": list(outcome.wrong),
            }
            for outcome in outcomes
        ],
    }


def _show(outcomes: Sequence[CaseOutcome]) -> None:
    for outcome in outcomes:
        word, colour = ("pass", "green") if outcome.passed else ("FAIL", "red")
        place = "" if outcome.passed else f"  ({outcome.case.file}:{outcome.case.line})"
        click.echo(f"{paint(word, colour, sys.stdout, bold=True)}  {printable(outcome.case.name + place)}")
        for line in outcome.wrong:
            click.echo(f"      {printable(line)}")
    failed = sum(not outcome.passed for outcome in outcomes)
    click.echo(f"{len(outcomes) - failed} passed, {failed} failed")
