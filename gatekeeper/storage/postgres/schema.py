"""The tables in PostgreSQL: made and brought up to date by their owner, used by a role that may only read and write.

gatekeeper storage prepare --config gatekeeper.toml            does it, with a role that may create tables
gatekeeper storage prepare --config gatekeeper.toml --print    prints it, for an operator who runs it by hand
"""

from __future__ import annotations

import re
from typing import Final

import psycopg

from gatekeeper.errors import ConfigError
from gatekeeper.storage.postgres.connecting import LONG, Connection, close, connect, run, what

OLDEST: Final = 13  # of the server
SLOTS: Final = 9  # tables of seen keys, one a day: seven days and a part, and one that is emptied
_BOOKS: Final = ("accepted", "delivered", "dead", "expired", "cancelled", "retried")
_SEEN: Final = "\n".join(
    f"CREATE TABLE seen_{n} PARTITION OF seen FOR VALUES IN ({n}) WITH (fillfactor = 90);" for n in range(SLOTS)
)
_BUSY: Final = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0"

# Every entry brings the version from its index to the next. Never change one that was released.
MIGRATIONS: Final = (
    f"""
CREATE TABLE generation(one int PRIMARY KEY CHECK(one = 1), n bigint NOT NULL, oldest bigint NOT NULL,
    timeline text NOT NULL DEFAULT '', since timestamptz NOT NULL DEFAULT '-infinity') WITH (fillfactor = 50);
INSERT INTO generation(one, n, oldest, timeline) VALUES (1, 1, 0, left(pg_walfile_name(pg_current_wal_lsn()), 8));
CREATE TABLE change(n bigint NOT NULL, people bigint[] NOT NULL, reasons text, at double precision NOT NULL,
    suppresses boolean NOT NULL, names text NOT NULL);
CREATE INDEX change_n ON change(n);
CREATE TABLE process(no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, node text NOT NULL, log text NOT NULL,
    host text NOT NULL, version text NOT NULL, lease timestamptz NOT NULL, applied bigint NOT NULL,
    keys_check text NOT NULL,
    began timestamptz NOT NULL DEFAULT clock_timestamp()) WITH (fillfactor = 50, {_BUSY});
CREATE TABLE machine(log text PRIMARY KEY, host text NOT NULL, version text NOT NULL,
    began timestamptz NOT NULL DEFAULT clock_timestamp(), last timestamptz NOT NULL DEFAULT clock_timestamp(),
    gone text);
CREATE TABLE outbox(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, destination text NOT NULL, head text NOT NULL,
    n int NOT NULL, at double precision NOT NULL, record bigint, attempt int NOT NULL DEFAULT 0,
    due double precision, why text, node text, flight bigint, subjects bigint[] NOT NULL, frame bytea NOT NULL)
    WITH (fillfactor = 80, {_BUSY},
    toast.autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_vacuum_cost_delay = 0);
ALTER TABLE outbox ALTER COLUMN frame SET STORAGE EXTERNAL;
CREATE INDEX outbox_ready ON outbox(destination, id) WHERE flight IS NULL AND due IS NULL;
CREATE INDEX outbox_waiting ON outbox(destination, due) WHERE due IS NOT NULL;
CREATE INDEX outbox_flying ON outbox(flight) WHERE flight IS NOT NULL;
CREATE INDEX outbox_subjects ON outbox USING gin(subjects) WITH (fastupdate = on, gin_pending_list_limit = 256);
CREATE TABLE flight(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, epoch int NOT NULL DEFAULT 0,
    destination text NOT NULL, attempt int NOT NULL, node text NOT NULL) WITH (fillfactor = 50, {_BUSY});
CREATE TABLE stop(id bigint PRIMARY KEY, destination text NOT NULL, why text);
CREATE SEQUENCE record;
CREATE SEQUENCE job INCREMENT 1000;
CREATE TABLE lines(id bigint PRIMARY KEY, owner bigint NOT NULL, at double precision NOT NULL,
    packets bigint[] NOT NULL, lines bytea NOT NULL) WITH ({_BUSY});
CREATE TABLE seen(slot int NOT NULL, key bytea NOT NULL, request_id text NOT NULL, destinations text[] NOT NULL,
    at double precision NOT NULL, record bigint NOT NULL, PRIMARY KEY(slot, key)) PARTITION BY LIST(slot);
{_SEEN}
CREATE TABLE book(writer bigint NOT NULL, destination text NOT NULL,
    {", ".join(f"{name} bigint NOT NULL DEFAULT 0" for name in _BOOKS)},
    PRIMARY KEY(writer, destination)) WITH (fillfactor = 50, {_BUSY});
CREATE TABLE dead(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, destination text NOT NULL,
    request_id text NOT NULL, event_time double precision NOT NULL, subjects bigint[] NOT NULL, payload text NOT NULL,
    attempts int NOT NULL, why text NOT NULL, at double precision NOT NULL);
CREATE INDEX dead_subjects ON dead USING gin(subjects);
CREATE INDEX dead_at ON dead(destination, at);
CREATE TABLE trouble(node text NOT NULL, destination text NOT NULL, since double precision NOT NULL, why text NOT NULL,
    PRIMARY KEY(node, destination));
CREATE TABLE head(stream text PRIMARY KEY, n bigint NOT NULL, hash bytea NOT NULL, log text NOT NULL);
CREATE TABLE notice(hash text PRIMARY KEY, version text NOT NULL, language text NOT NULL, text text NOT NULL,
    first_at double precision NOT NULL);
CREATE TABLE name(pseudonym text PRIMARY KEY, kind text NOT NULL, person bigint NOT NULL);
CREATE INDEX name_person ON name(person);
CREATE TABLE choice(seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE, person bigint,
    account bigint, at bigint NOT NULL, analytics int, marketing int, method text NOT NULL, surface text NOT NULL,
    scope text NOT NULL, trusted int NOT NULL, notice text, display text, translated int NOT NULL, laws text NOT NULL,
    country text, region text, policy text NOT NULL, gpc int NOT NULL, conflict text NOT NULL, evidence text,
    CHECK(coalesce(person, account) IS NOT NULL));
CREATE INDEX choice_person ON choice(person, at) WHERE person IS NOT NULL;
CREATE INDEX choice_account ON choice(account, at) WHERE account IS NOT NULL;
CREATE TABLE link(device bigint PRIMARY KEY, account bigint NOT NULL);
CREATE TABLE evidence(id text PRIMARY KEY, text text NOT NULL);
CREATE TABLE suppression(hash bytea NOT NULL, why text NOT NULL, key text NOT NULL, kind text NOT NULL,
    since double precision NOT NULL, erasure text NOT NULL, purposes int NOT NULL, until double precision,
    lifted int NOT NULL, generation bigint NOT NULL, PRIMARY KEY(hash, why));
CREATE INDEX suppression_generation ON suppression(generation);
CREATE TABLE erasure(id text PRIMARY KEY, version int NOT NULL, state text NOT NULL, due double precision NOT NULL,
    next double precision, changed double precision NOT NULL, record text NOT NULL, sealed bytea,
    marks bytea[] NOT NULL);
CREATE INDEX erasure_next ON erasure(next) WHERE next IS NOT NULL;
CREATE TABLE alias(name bytea NOT NULL, destination text NOT NULL, sealed bytea NOT NULL, until bigint NOT NULL,
    PRIMARY KEY(name, destination, sealed));
CREATE INDEX alias_until ON alias(until);
CREATE FUNCTION rows_are_only_added() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'rows are only added'; END$$;
CREATE TRIGGER only_added BEFORE UPDATE ON choice FOR EACH ROW EXECUTE FUNCTION rows_are_only_added();
CREATE FUNCTION a_person_needs_it() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN IF EXISTS (SELECT 1 FROM name WHERE person IN (old.person, old.account)) THEN
    RAISE EXCEPTION 'rows of a person are not deleted'; END IF; RETURN old; END$$;
CREATE TRIGGER of_nobody BEFORE DELETE ON choice FOR EACH ROW EXECUTE FUNCTION a_person_needs_it();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON choice EXECUTE FUNCTION rows_are_only_added();
CREATE TRIGGER only_added BEFORE UPDATE ON notice FOR EACH ROW EXECUTE FUNCTION rows_are_only_added();
CREATE FUNCTION a_row_needs_it() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN IF EXISTS (SELECT 1 FROM choice WHERE notice = old.hash) THEN RAISE EXCEPTION 'a row needs it'; END IF;
    RETURN old; END$$;
CREATE TRIGGER needed BEFORE DELETE ON notice FOR EACH ROW EXECUTE FUNCTION a_row_needs_it();
""",
    # The log over machines: `trail` has lines that a log has and the archive lacks.
    f"""
ALTER TABLE machine ADD COLUMN keys text NOT NULL DEFAULT '';
ALTER TABLE head ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE TABLE trail(id bigint PRIMARY KEY, log text NOT NULL, at double precision NOT NULL, stream text NOT NULL,
    n bigint NOT NULL, lines bytea NOT NULL) WITH ({_BUSY});
ALTER TABLE trail ALTER COLUMN lines SET STORAGE EXTERNAL;
CREATE INDEX trail_stream ON trail(stream, n);
CREATE TABLE forget(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, names text[] NOT NULL, erasure text NOT NULL,
    at double precision NOT NULL);
CREATE TABLE forgotten(wish bigint NOT NULL, log text NOT NULL, lines bigint NOT NULL, PRIMARY KEY(wish, log));
""",
)
VERSION: Final = len(MIGRATIONS)


def script(version: int = 0) -> str:
    """What brings a database from a version to this one's, as one transaction."""
    steps = [
        "BEGIN;",
        "CREATE TABLE IF NOT EXISTS gatekeeper_schema(version int NOT NULL);",
        *MIGRATIONS[version:],
        "DELETE FROM gatekeeper_schema;",
        f"INSERT INTO gatekeeper_schema VALUES ({VERSION});",
        "COMMIT;",
    ]
    return "\n".join(step.strip() for step in steps) + "\n"


def names() -> list[str]:
    """The tables of the gate."""
    return ["gatekeeper_schema", *re.findall(r"CREATE TABLE (\w+)", "".join(MIGRATIONS))]


def grants(role: str) -> list[str]:
    """What a role that runs the gate needs: to read and write, to add to the ledger, to empty the tables of keys.

    Raises ConfigError for what is not a role's name.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", role):
        raise ConfigError(f'--role: "{role}" is not a role; write letters, digits and _')
    changed = [name for name in names() if name not in ("gatekeeper_schema", "choice", "notice")]
    seen = ", ".join(f"seen_{n}" for n in range(SLOTS))
    return [
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(changed)} TO {role}",
        f"GRANT SELECT, INSERT, DELETE ON choice TO {role}",
        f"GRANT SELECT, INSERT, DELETE ON notice TO {role}",
        f"GRANT SELECT ON gatekeeper_schema TO {role}",
        f"GRANT TRUNCATE ON {seen} TO {role}",
        f"GRANT USAGE ON SEQUENCE record, job TO {role}",
    ]


def prepare(url: str, role: str | None = None) -> int:
    """Make the tables or bring them up to date, with rights for a role; the version that was there.

    Raises ConfigError with a remedy.
    """
    try:
        link = connect(url, patience=LONG)
    except psycopg.Error as error:
        raise ConfigError(f"storage.url: PostgreSQL cannot be used ({what(error)}); {remedy(error)}") from None
    try:
        run(link, "SELECT pg_advisory_lock(7236970)")  # two that prepare at once
        there = version(link)
        if there < VERSION:
            link.pgconn.exec_(script(there).encode())  # several statements
            if version(link) != VERSION:
                raise ConfigError(
                    "storage.url: the tables could not be made; run it with a role that may create tables"
                )
        for statement in grants(role) if role else ():
            run(link, statement)
        return there
    except psycopg.Error as error:
        raise ConfigError(f"storage.url: the tables could not be made ({what(error)}); {remedy(error)}") from None
    finally:
        close(link)


def version(link: Connection) -> int:
    """The version of the tables, 0 where there are none. Raises ConfigError for a newer one, psycopg.Error."""
    if run(link, "SELECT to_regclass('gatekeeper_schema') IS NULL") == [(True,)]:
        return 0
    found = run(link, "SELECT version FROM gatekeeper_schema")
    there = int(found[0][0]) if found else 0
    if there > VERSION:
        raise ConfigError("storage.url: the tables were made by a newer Gatekeeper; install that version")
    return there


def remedy(error: Exception) -> str:
    """What an operator does about an error."""
    state = getattr(error, "sqlstate", None) or ""
    match state[:2]:
        case "42":
            return "run `gatekeeper storage prepare` with a role that may create tables, and grant rights to the gate's"
        case "28" | "3D":
            return "see that role, password and database are right"
        case "53":
            return "see that it has room and connections left"
    return "see that the server runs, can be reached from here, and takes writes"
