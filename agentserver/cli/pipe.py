"""`agentserver pipe`: envelopes in, replies out, until the input ends and everything is handled.

What one run is made of is in `pipe_session.py`; here are the options, and what becomes of the ending.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import IO, Any, BinaryIO

import click

from agentserver import bootstrap
from agentserver.cli import exit_codes
from agentserver.cli.config_argument import config_argument
from agentserver.cli.failures import Failed
from agentserver.cli.forced_exit import ForcedExit
from agentserver.cli.input_file import open_input
from agentserver.cli.logs import LogFormat, log_options, logging_to_stderr
from agentserver.cli.machine_output import json_option
from agentserver.cli.pipe_session import PipeOptions, PipeSession
from agentserver.cli.queue_address_option import queue_address_option
from agentserver.cli.serving import run_to_end
from agentserver.cli.terminal import is_terminal


@click.command(short_help="Pump envelopes from standard input, replies to standard output.")
@config_argument
@click.option(
    "--input", "input_path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Read a file instead of standard input.",
)  # fmt: skip
@click.option(
    "--output", "output_path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Write replies to a file instead of standard output.",
)  # fmt: skip
@click.option(
    "--from", "from_id", metavar="NAME",
    help="The input is bare payloads: send each under this name, on a thread of its own.",
)  # fmt: skip
@click.option(
    "--timeout", "timeout_s", metavar="S", type=click.FloatRange(min=0, min_open=True),
    help="Give up after this many seconds, with exit code 124.",
)  # fmt: skip
@click.option(
    "--refusals", is_flag=True,
    help="Also write what the sender of a failed message is told: an envelope from system.",
)  # fmt: skip
@queue_address_option("queue of CONFIG, or memory://")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no summary; failures are still told.")
@json_option
@log_options(level="error")
def pipe(
    config: Path,
    allow_env: bool,
    input_path: Path | None,
    output_path: Path | None,
    from_id: str | None,
    timeout_s: float | None,
    refusals: bool,
    queue: str | None,
    quiet: bool,
    as_json: bool,
    log_level: str,
    log_format: LogFormat,
) -> None:
    """Pump a file or an endless stream of envelopes through the organism of CONFIG.

    Each reply is one line of canonical XML (line breaks in texts are written as &#xA;), in the order in which replies
    are ready. Each failure is one line on standard error, with the number of the message in the input, and the line of
    the input; its neighbours go through, and the exit code is 1. Ctrl-C finishes what is in flight, and exits with 130.

    With --json, standard output is one JSON document: the replies under replies_xml, then the counts, the failures
    (the first 1,000), and the books. With --output too, the replies are in that file instead, as lines.

    \b
    Examples:
      agentserver pipe < config/examples/greetings.xml > replies.xml
      tail -f orders.xml | agentserver pipe config/organism.yaml
      echo '<Greeting><Name>Ada</Name></Greeting>' | agentserver pipe --from me
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    forced_exit = ForcedExit()
    if sys.stdout is None and output_path is None:
        raise Failed("standard output is closed; use --output FILE")
    with ExitStack() as stack:
        options = PipeOptions(
            input=stack.enter_context(open_input(input_path)) if input_path else _standard_input(),
            stdout=sys.stdout,
            output_path=output_path,
            from_id=from_id,
            timeout_s=timeout_s,
            quiet=quiet,
            as_json=as_json,
            refusals=refusals,
        )
        if input_path and output_path and output_path.exists() and output_path.samefile(input_path):
            raise click.UsageError("--output is the --input file: it would be emptied before it is read")
        stack.enter_context(logging_to_stderr(log_level, log_format))
        stack.enter_context(redirect_stdout(sys.stderr))  # the user's handlers may print
        code = run_to_end(_pump(config, options, queue, forced_exit, allow_env=allow_env), forced_exit)
    click.get_current_context().exit(code)


async def _pump(
    config: Path, options: PipeOptions, queue: str | None, forced_exit: ForcedExit, *, allow_env: bool
) -> int:
    pump = await bootstrap(config, allow_env=allow_env, queue=queue)
    with ExitStack() as stack:
        output = stack.enter_context(_created(options.output_path)) if options.output_path else None
        try:
            return await PipeSession(pump, options, output, forced_exit).run()
        except BrokenPipeError:
            return exit_codes.BROKEN_PIPE
        except OSError as exc:
            raise Failed(f"cannot go on: {exc.strerror or exc}") from exc


def _standard_input() -> IO[Any]:
    if sys.stdin is None:
        raise Failed("standard input is closed; redirect a file into it, or use --input FILE")
    if is_terminal(sys.stdin):
        click.echo("Reading envelopes from the terminal; Ctrl-D ends the input.", err=True)
    return sys.stdin


def _created(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as exc:
        raise Failed(f"{path}: {exc.strerror}") from exc
