"""What the log is as tables, in SQL. Pure: texts, for `columns.py` to execute.

LINE          the columns that are read of a line of JSON
OUTCOMES      of `lines`: one row for each request and destination that something became of
DELIVERIES    of `lines`: one row for each event and destination, as it was decided
JOINED        the deliveries with their outcomes
LATE          outcomes of several segments, made one
PEOPLE        which pseudonym is in which request
"""

from __future__ import annotations

from typing import Final

from gatekeeper.audit.vocabulary import GONE, MARK

LINE: Final = """{kind: 'VARCHAR', timestamp: 'VARCHAR', request_id: 'VARCHAR', event_type: 'VARCHAR',
    consent_state: 'STRUCT(necessary BOOLEAN, analytics BOOLEAN, marketing BOOLEAN)',
    deliveries: 'STRUCT(destination VARCHAR, status VARCHAR, reason VARCHAR, consent_basis VARCHAR,
        legal_basis VARCHAR, fields_sent VARCHAR[], fields_stripped VARCHAR[])[]',
    jurisdiction: 'STRUCT(country VARCHAR, region VARCHAR, laws VARCHAR[])', gpc: 'STRUCT(detected BOOLEAN)',
    policy: 'STRUCT(version VARCHAR)', subjects: 'VARCHAR[]', names: 'VARCHAR[]', "count": 'INTEGER',
    request_ids: 'VARCHAR[]', destination: 'VARCHAR', status: 'VARCHAR', reason: 'VARCHAR', attempts: 'INTEGER'}"""
# Outcomes name several events; the last one of an event and destination counts, as in `audit.read.join`.
OUTCOMES: Final = """
    SELECT request_id, destination, last(status ORDER BY n) AS status, last(reason ORDER BY n) AS reason,
           last(attempts ORDER BY n) AS attempts
    FROM (SELECT unnest(request_ids) AS request_id, destination, status, reason, attempts, n
          FROM lines WHERE kind = 'outcome')
    GROUP BY request_id, destination"""
# Of those in several segments, which may be several machines', one that ended a delivery counts before one of a retry.
LATE: Final = """CREATE TEMP TABLE late AS
    SELECT request_id, destination, arg_max(status, place) AS status, last(reason ORDER BY place) AS reason,
           arg_max(attempts, place) AS attempts
    FROM (SELECT *, (status <> 'pending')::INTEGER * 1000000 + coalesce(attempts, 0) AS place FROM ({outcomes}))
    GROUP BY request_id, destination"""
# What stands for a name that is in the line's tail, and the name (`audit/vocabulary.py`).
_NAME: Final = f"""CASE WHEN starts_with({{0}}, '{MARK}') AND regexp_full_match({{0}}, '{MARK}[0-9]+')
    THEN coalesce(names[substr({{0}}, 2)::INTEGER + 1], '{GONE}') ELSE {{0}} END"""
_NAMES: Final = f"[{_NAME.format('one')} FOR one IN {{0}}]"
# A line that stands for several events is as many rows, as if it had been as many lines.
DELIVERIES: Final = f"""
    SELECT timestamp::TIMESTAMP AS decided_at,
           request_id || CASE WHEN "count" IS NULL THEN '' ELSE '.' || element END AS request_id,
           {_NAME.format("event_type")} AS event, {_NAME.format("delivery.destination")} AS destination,
           delivery.status AS status, delivery.reason AS reason, NULL::INTEGER AS attempts,
           delivery.consent_basis AS basis, delivery.legal_basis AS legal_basis,
           coalesce(delivery.fields_sent, []) AS sent,
           coalesce({_NAMES.format("delivery.fields_stripped")}, []) AS stripped,
           jurisdiction.country AS country, jurisdiction.region AS region, jurisdiction.laws AS laws,
           consent_state.analytics AS analytics, consent_state.marketing AS marketing, gpc.detected AS gpc,
           policy.version AS policy, coalesce(subjects, []) AS subjects, place = 1 AS once
    FROM (SELECT *, unnest(CASE WHEN len(deliveries) = 0 THEN [NULL] ELSE deliveries END) AS delivery,
                 unnest(range(1, greatest(len(deliveries), 1) + 1)) AS place
          FROM (SELECT *, unnest(range(greatest(coalesce("count", 1), 1))) AS element
                FROM lines WHERE kind = 'decision'))"""
# Sorted by pseudonym, so that a look-up reads a few blocks of it and not the whole log. `file` is where the rows are.
PEOPLE: Final = "SELECT DISTINCT unnest(subjects) AS subject, request_id FROM {deliveries} WHERE once"
JOINED: Final = """
    SELECT d.* REPLACE (coalesce(o.status, d.status) AS status,
                        CASE WHEN o.status IS NULL THEN d.reason ELSE o.reason END AS reason,
                        coalesce(o.attempts, d.attempts) AS attempts)
    FROM {deliveries} d LEFT JOIN {outcomes} o
      ON d.request_id = o.request_id AND d.destination = o.destination AND d.status = 'pending'"""
