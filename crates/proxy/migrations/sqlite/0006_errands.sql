-- Money that the merchant moves without a checkout: the same states as operations, and no attempt.
CREATE TABLE errand (
    id              TEXT    NOT NULL PRIMARY KEY,
    kind            TEXT    NOT NULL CHECK (kind IN ('cash_out', 'bulk', 'subscription', 'subscription_payment')),
    idempotency_key TEXT    NOT NULL,
    -- What one at a time is done to.
    subject         TEXT,
    state           TEXT    NOT NULL CHECK (state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded',
                                                      'declined', 'not_executed', 'review')),
    version         INTEGER NOT NULL,
    reference       TEXT    NOT NULL UNIQUE,
    amount_minor    INTEGER NOT NULL CHECK (amount_minor > 0),
    currency        TEXT    NOT NULL,
    -- What the merchant is shown of what was asked for: a JSON object.
    details         TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,

    -- What was asked for, and the bytes that are sent where every sending has the same. Sealed under the
    -- merchant's own key.
    key_name        TEXT    NOT NULL,
    request         BLOB    NOT NULL,

    -- What there was already before it was sent, where a read shows everything there is: a JSON list.
    known_before    TEXT,

    -- The right to send, as an attempt's.
    sends           INTEGER NOT NULL DEFAULT 0,
    returns         INTEGER NOT NULL DEFAULT 0 CHECK (returns BETWEEN 0 AND 2),
    sent_at         INTEGER,
    deadline_at     INTEGER,

    -- Driving and reading back.
    unknown_at      INTEGER,
    last_read_at    INTEGER,
    next_check_at   INTEGER,
    leased_until    INTEGER,

    -- The outcome; result is a JSON object of what the provider calls it.
    reason          TEXT,
    provider_code   TEXT,
    result          TEXT,
    settled_at      INTEGER,

    UNIQUE (kind, idempotency_key),
    CHECK (sends - returns BETWEEN 0 AND 1),
    CHECK (CASE
               WHEN state IN ('new', 'prepared') THEN sends = returns
               WHEN state = 'not_executed' THEN 1
               ELSE sends = returns + 1 AND sent_at IS NOT NULL
           END)
) STRICT;

CREATE UNIQUE INDEX errand_open ON errand (kind, subject)
    WHERE subject IS NOT NULL AND state IN ('new', 'prepared', 'sent', 'unknown', 'review');

CREATE INDEX errand_due ON errand (next_check_at) WHERE next_check_at IS NOT NULL;

CREATE INDEX errand_of_state ON errand (state);

CREATE TRIGGER errand_stays_as_asked
    BEFORE UPDATE OF id, kind, idempotency_key, subject, reference, amount_minor, currency, details, created_at,
                     key_name, request ON errand
BEGIN
    SELECT RAISE(ABORT, 'what an errand was asked for never changes');
END;

CREATE TRIGGER errand_knows_what_was_before BEFORE UPDATE OF known_before ON errand
    WHEN OLD.sends > OLD.returns AND NEW.known_before IS NOT OLD.known_before
BEGIN
    SELECT RAISE(ABORT, 'what there was before an errand is looked up before it is sent');
END;

CREATE TRIGGER errand_done_stays BEFORE UPDATE OF state ON errand
    WHEN OLD.state = 'succeeded' AND NEW.state <> OLD.state
BEGIN
    SELECT RAISE(ABORT, 'an errand that was done never changes its state');
END;

CREATE TRIGGER errand_stays BEFORE DELETE ON errand
BEGIN
    SELECT RAISE(ABORT, 'errands are never deleted');
END;

-- The payments of an errand that makes several. Each has a reference of its own, by which it is read back.
CREATE TABLE errand_item (
    errand_id          TEXT    NOT NULL REFERENCES errand (id),
    position           INTEGER NOT NULL,
    order_reference    TEXT    NOT NULL,
    reference          TEXT    NOT NULL UNIQUE,
    amount_minor       INTEGER NOT NULL CHECK (amount_minor > 0),
    currency           TEXT    NOT NULL,
    state              TEXT    NOT NULL CHECK (state IN ('unknown', 'succeeded', 'not_executed')),
    not_found          INTEGER NOT NULL DEFAULT 0,
    last_read_at       INTEGER,
    confirmed_minor    INTEGER,
    confirmed_currency TEXT,
    authorization_code TEXT,
    last4              TEXT,
    settled_at         INTEGER,

    PRIMARY KEY (errand_id, position),
    CHECK ((state = 'unknown') = (settled_at IS NULL)),
    CHECK (state <> 'succeeded'
           OR (confirmed_minor IS NOT NULL AND confirmed_minor = amount_minor
               AND confirmed_currency IS NOT NULL AND confirmed_currency = currency))
) STRICT;

CREATE TRIGGER errand_item_stays_as_asked
    BEFORE UPDATE OF errand_id, position, order_reference, reference, amount_minor, currency ON errand_item
BEGIN
    SELECT RAISE(ABORT, 'what a payment of an errand was asked for never changes');
END;

CREATE TRIGGER errand_item_paid_stays BEFORE UPDATE OF state ON errand_item
    WHEN OLD.state = 'succeeded' AND NEW.state <> OLD.state
BEGIN
    SELECT RAISE(ABORT, 'a payment that was made never changes its state');
END;

CREATE TRIGGER errand_item_stays BEFORE DELETE ON errand_item
BEGIN
    SELECT RAISE(ABORT, 'payments of errands are never deleted');
END;

-- As event, for what belongs to no session.
CREATE TABLE errand_event (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    errand_id  TEXT    NOT NULL REFERENCES errand (id),
    kind       TEXT    NOT NULL,
    from_state TEXT,
    to_state   TEXT,
    evidence   TEXT    NOT NULL
) STRICT;

CREATE INDEX errand_event_of_errand ON errand_event (errand_id, id);

CREATE TRIGGER errand_event_stays_as_written BEFORE UPDATE ON errand_event
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TRIGGER errand_event_stays BEFORE DELETE ON errand_event
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

-- A message is about a session, about a credit that may be nobody's, or about an errand. The CHECK is widened
-- in the text of the schema, as 0003 does it; the rows are not touched.
ALTER TABLE outbox ADD COLUMN errand_id TEXT REFERENCES errand (id);

PRAGMA writable_schema = ON;

UPDATE sqlite_schema
SET sql = replace(sql, 'CHECK (session_id IS NOT NULL OR credit_id IS NOT NULL)',
                       'CHECK (session_id IS NOT NULL OR credit_id IS NOT NULL OR errand_id IS NOT NULL)')
WHERE type = 'table' AND name = 'outbox';

PRAGMA writable_schema = RESET;

-- Nothing but the text that was meant was changed, or this fails.
CREATE TABLE written (tables INTEGER NOT NULL CHECK (tables = 1)) STRICT;
INSERT INTO written SELECT COUNT(*) FROM sqlite_schema
    WHERE name = 'outbox' AND sql LIKE '%OR credit_id IS NOT NULL OR errand_id IS NOT NULL)%';
DROP TABLE written;
