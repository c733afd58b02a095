"""The file: its tables, what each column holds, and how an older file becomes one of today.

A message has one row in `messages` from the moment it was put in until its retention is over; that row is never
changed. While it waits or is handled it has one in `waiting` too; once it came to its end, one in `endings` instead,
which is its link in the hash chain of its conversation (`chain.py`). Both keep most of what they say in one JSON array,
the column `about`, whose text is what the hashes are made of, without what is null at its end; generated columns,
which take no room, give names to those of its parts that somebody asks for with SQL. Each of them is worked out for
every row that is written, so there are no more. Knows SQL; opens nothing and runs nothing.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x41675376
"""`AgSv`, in the header of the file: by it the file is known to be one of this program's."""

TEXT_OF_TABLES: Final = """
-- Every message, as it was put in. Never updated.
CREATE TABLE messages (
  seq INTEGER PRIMARY KEY,       -- the order in which messages were put in; its name in all other tables
  id TEXT NOT NULL UNIQUE,       -- QueuedMessage.id: so an output that is put in twice is here once
  data BLOB NOT NULL,            -- the bytes that wait: canonical, or as they were sent ($[3])
  about TEXT NOT NULL,           -- JSON array, as `rows.about_message` writes it; most of its parts are named below:
                                 -- $[2] chain, [[name, thread_id, message_id, joint], ...], outermost first; $[3] 1
                                 -- canonical, 2 outbound, added up; $[8] sent_on, $[9] in_reply_to, $[11] key,
                                 -- $[12] first_line, $[13] feedback, $[14] revived, $[15] repairs, $[16] joint
  digest BLOB NOT NULL,          -- chain.row_digest(id, about, data): tells whether a bit of the row has flipped
  sender TEXT AS (json_extract(about, '$[0]')),
  thread_id TEXT AS (json_extract(about, '$[1]')),
  queued_at REAL AS (json_extract(about, '$[4]')),      -- seconds since the epoch, as are all times in the file
  hop INTEGER AS (coalesce(json_extract(about, '$[5]'), 0)),
  parent_id TEXT AS (json_extract(about, '$[6]')),
  to_id TEXT AS (json_extract(about, '$[7]')),
  target TEXT AS (json_extract(about, '$[10]')),
  conversation TEXT AS (coalesce(json_extract(about, '$[2][0][1]'), json_extract(about, '$[1]'), ''))
                                 -- its root thread, QueuedMessage.conversation_id; '' where only its bytes say
) STRICT;

-- The messages that are not at their end yet, whether they wait or are being handled.
CREATE TABLE waiting (
  seq INTEGER PRIMARY KEY,       -- of messages
  owner INTEGER NOT NULL,        -- of owners: the only process that may hand it out; 0 is nobody yet
  priority INTEGER NOT NULL DEFAULT 5,
  deliver_at REAL NOT NULL DEFAULT 0.0,  -- not before; 0 is at once
  attempt INTEGER NOT NULL DEFAULT 0,    -- how often it was tried before
  crashes INTEGER NOT NULL DEFAULT 0     -- how often a process died while it was handling it
) STRICT;

CREATE INDEX waiting_for_nobody ON waiting (seq) WHERE owner = 0;

-- How each message ended, until its retention is over: the history. One link of its conversation's chain each.
CREATE TABLE endings (
  seq INTEGER PRIMARY KEY,       -- of messages
  conversation INTEGER NOT NULL, -- of conversations
  place INTEGER NOT NULL,        -- the how-manieth of its conversation to end, from 1, without gaps
  about TEXT NOT NULL,           -- JSON array, as `rows.about_ending` writes it; its parts are named below
  canonical BLOB,                -- its canonical form, where that is not `messages.data`
  ended_at REAL NOT NULL,        -- when it was settled; also in `about`, as its part 3
  hash BLOB NOT NULL,            -- chain.next_hash(the hash at place - 1, about, conversations.name)
  outcome TEXT AS (json_extract(about, '$[2]')),        -- done, dead, duplicate, split
  began_at REAL AS (json_extract(about, '$[4]')),
  sender TEXT AS (json_extract(about, '$[5]')),         -- as the gate found it out, as are thread_id and to_id
  thread_id TEXT AS (json_extract(about, '$[6]')),
  to_id TEXT AS (json_extract(about, '$[7]')),
  listener TEXT AS (json_extract(about, '$[8]')),       -- key of the listener that handled it
  tag TEXT AS (json_extract(about, '$[9]')),            -- root tag of its payload
  code TEXT AS (coalesce(json_extract(about, '$[10]'), '')),  -- what it failed with, or ''
  attempt INTEGER AS (coalesce(json_extract(about, '$[11]'), 0))
                                 -- $[1] messages.digest in hexadecimal; $[12] SHA-256 of `canonical`, $[13]
                                 -- chain.letter_digest of its row of dead_letters, where it has them
) STRICT;

CREATE UNIQUE INDEX endings_by_conversation ON endings (conversation, place);
CREATE INDEX endings_by_time ON endings (ended_at);

-- One row for each root thread of which an ending is kept.
CREATE TABLE conversations (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,     -- the root thread; '' for messages of which nobody ever knew it
  length INTEGER NOT NULL,       -- endings in all: the place of the last one
  head BLOB NOT NULL,            -- the hash of the last one
  anchored INTEGER NOT NULL DEFAULT 0,  -- endings that retention removed: the first one kept has the place after it
  anchor BLOB                    -- the hash at the place `anchored`; null where nothing was removed
) STRICT;

-- What is told and done about messages that were given up on. Outlives its row of `endings`, where it is kept longer.
CREATE TABLE dead_letters (
  seq INTEGER PRIMARY KEY,       -- of messages, whose row stays as long as this one
  stage TEXT NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  path TEXT NOT NULL,            -- where in the message the fault is, or ''
  sender TEXT,
  thread_id TEXT,
  to_id TEXT,
  canonical BLOB,                -- its canonical form, where that is not `messages.data`
  exhausted INTEGER NOT NULL,
  attempt INTEGER NOT NULL,      -- QueuedMessage.attempt when it died: it was tried once more often than that
  crashes INTEGER NOT NULL,
  died_at REAL NOT NULL,
  retried_as TEXT,               -- messages.id of the message that it was put in as again; null while nobody did
  dropped_at REAL                -- when somebody decided that nothing more is to be done; null while nobody did
) STRICT;

CREATE INDEX dead_letters_by_time ON dead_letters (died_at);

-- Keys under which a message was settled, for as long as their window lasts.
CREATE TABLE keys (
  key TEXT PRIMARY KEY,
  message_id TEXT NOT NULL,
  settled_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_by_time ON keys (settled_at);

-- The processes that have the file open, and the books of each. Their sum balances at every commit:
-- sum(injected + emitted) = sum(settled + dead) + count(waiting), over the life of the file; and
-- sum(settled + dead) = sum(conversations.length) + meta.forgotten.
-- Row 0 is nobody: the books of processes that ended, and of what a program put in without opening a queue.
CREATE TABLE owners (
  number INTEGER PRIMARY KEY,    -- alive as long as somebody holds the lock on the file `<db>-owner-<number>`
  pid INTEGER NOT NULL,
  opened_at REAL NOT NULL,
  injected INTEGER NOT NULL DEFAULT 0,
  emitted INTEGER NOT NULL DEFAULT 0,
  settled INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO owners (number, pid, opened_at) VALUES (0, 0, 0.0);

-- Single values, by name.
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value ANY
) STRICT, WITHOUT ROWID;

-- Endings of conversations that retention removed wholly, with their rows of `conversations`.
INSERT INTO meta (name, value) VALUES ('forgotten', 0);
"""

MIGRATIONS: Final = (TEXT_OF_TABLES,)
"""What makes a file of version n one of version n + 1; the first makes an empty file one of version 1."""

VERSION: Final = len(MIGRATIONS)
"""What `PRAGMA user_version` says of a file of today."""
