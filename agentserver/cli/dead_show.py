"""`agentserver dead show`: everything about one dead letter, its message without what only a handler may see."""

from __future__ import annotations

import base64
import sys
from sqlite3 import Connection
from typing import Any

import click

from agentserver.cli.failures import NotFound, Unusable
from agentserver.cli.letter_document import full_document, told_reason
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.moments import shown_time
from agentserver.cli.queue_option import QueueFile, queue_options
from agentserver.cli.terminal import paint, printable
from agentserver.message_bus.gate import parse_limits
from agentserver.message_bus.letter_view import shown_document
from agentserver.queues.sqlite.reading import Entry, entry, letters_like, tries
from agentserver.queues.sqlite.visits import reading
from agentserver.wire import StrictParser
from agentserver.xmlable.secrets import masked_bytes


@click.command(short_help="Show one dead letter.")
@click.argument("message_id", metavar="ID")
@click.option(
    "--raw", is_flag=True, help="Write its bytes as they were sent, secrets included, and nothing else."
)
@queue_options
@json_option
def show(message_id: str, raw: bool, file: QueueFile, as_json: bool) -> None:
    """Show the dead letter ID: what went wrong and where, its times, its lineage, and the message.

    ID may be how the id begins, as long as one dead letter alone begins so.

    Secrets of the contracts of CONFIG are masked. Of a message that nobody can tell the secrets of, or without CONFIG,
    the size and the digest are shown. With --raw --json, the bytes are added in base64.
    """
    with reading(file.existing()) as connection:
        found = _the_message(connection, message_id, file)
        if found.letter is None:
            raise Unusable(f"{printable(found.message.id)} is no dead letter: it is {found.standing}")
        lineage = _lineage(connection, found)
    if raw and not as_json:
        sys.stdout.buffer.write(found.message.data)
        return
    texts = _texts(found, file)
    if file.organism is None and not as_json:
        click.echo("without --config nobody can tell what is secret in it; --raw writes all of it", err=True)
    if as_json:
        extra = {"original_base64": base64.b64encode(found.message.data).decode()} if raw else {}
        emit({"ok": True, **full_document(found), "tries": lineage, **texts, **extra})
    else:
        _show(found, lineage, texts)


def _the_message(connection: Connection, message_id: str, file: QueueFile) -> Entry:
    """Return the message of an id, or the one dead letter whose id begins so."""
    found = entry(connection, message_id, with_bytes=True)
    if found is not None:
        return found
    ids = letters_like(connection, message_id)
    if len(ids) > 1:
        told = f"{', '.join(map(printable, ids))}; give more of it"
        raise Unusable(f"{printable(message_id)!r} may mean several dead letters: {told}")
    found = entry(connection, ids[0], with_bytes=True) if ids else None
    if found is None:
        raise NotFound(
            f"{file.path}: no message is {printable(message_id)!r}, and no dead letter begins so; "
            "`dead list` shows the ids"
        )
    return found


def _lineage(connection: Connection, found: Entry) -> list[dict[str, str]]:
    """Return all the tries of the message, first to last."""
    return [
        {"id": each.message.id, "standing": each.standing, "code": each.code}
        for each in tries(connection, found.message.id)
    ]


def _texts(found: Entry, file: QueueFile) -> dict[str, str | None]:
    """Return the message as it was sent, and in canonical form where that is another, as they may be shown."""
    canonical = found.canonical
    return {
        "original": _text(found, found.message.data, file),
        "canonical": None if canonical is None else _text(found, canonical, file),
    }


def _text(found: Entry, data: bytes, file: QueueFile) -> str:
    organism, letter = file.organism, found.letter
    if organism is None or letter is None:
        return masked_bytes(data)
    parser = StrictParser(parse_limits(organism.config.limits))
    return shown_document(letter, data, organism.routing_table, parser)


def _show(found: Entry, lineage: list[dict[str, str]], texts: dict[str, str | None]) -> None:
    document = full_document(found)
    click.echo(paint(printable(f"dead letter {found.message.id}"), "cyan", sys.stdout, bold=True))
    for name, value in _lines(found, document, lineage):
        click.echo(f"  {name:<13}{printable(value)}")
    for name, text in texts.items():
        if text is not None:
            click.echo(paint(f"{name}:", "cyan", sys.stdout))
            click.echo(printable(text, keep="\n\t"))


def _lines(found: Entry, document: dict[str, Any], lineage: list[dict[str, str]]) -> list[tuple[str, str]]:
    message = found.message
    lines = [
        ("standing", _standing(found)),
        ("died", document["died_at"]),
        ("code", document["code"]),
        ("stage", document["stage"]),
        ("reason", told_reason(found)),
        ("path", document["path"]),
        ("from", document["from"]),
        ("to", document["to"]),
        ("listener", document["listener"]),
        ("payload", document["tag"]),
        ("thread", document["thread"]),
        ("conversation", document["conversation"]),
        ("chain", " > ".join(frame.name for frame in message.chain)),
        ("came of", message.parent_id),
        (
            "tries",
            f"{document['attempts']}, and {message.crashes} crashes"
            if message.crashes
            else str(document["attempts"]),
        ),
        (
            "lineage",
            ", ".join(f"{each['id']} ({each['standing']})" for each in lineage) if len(lineage) > 1 else None,
        ),
        ("queued", shown_time(message.queued_at)),
        ("began", shown_time(found.began_at)),
        ("repairs", ", ".join(message.repairs)),
        ("told", "not to its listener, which had been told too often" if document["exhausted"] else None),
        ("bytes", f"{document['bytes']}, sha256 {document['sha256']}"),
    ]
    return [(name, value) for name, value in lines if value]


def _standing(found: Entry) -> str:
    if found.retried_as is not None:
        return f"put in again, as {found.retried_as}"
    if found.dropped_at:
        return f"dropped, {shown_time(found.dropped_at)}"
    return "nobody has dealt with it"
