-- Operations on paid attempts: the same states as attempts, but for duplicate.
CREATE TABLE operation (
    id              TEXT    NOT NULL PRIMARY KEY,
    attempt_id      TEXT    NOT NULL REFERENCES attempt (id),
    session_id      TEXT    NOT NULL REFERENCES session (id),
    kind            TEXT    NOT NULL CHECK (kind IN ('capture', 'void', 'release', 'refund', 'return', 'cash_out')),
    idempotency_key TEXT    NOT NULL,
    fingerprint     TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded',
                                                      'declined', 'not_executed', 'review')),
    version         INTEGER NOT NULL,
    reference       TEXT    NOT NULL UNIQUE,
    amount_minor    INTEGER NOT NULL CHECK (amount_minor > 0),
    currency        TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,

    -- The right to send, as an attempt's.
    sends           INTEGER NOT NULL DEFAULT 0,
    returns         INTEGER NOT NULL DEFAULT 0 CHECK (returns BETWEEN 0 AND 2),
    sent_at         INTEGER,
    deadline_at     INTEGER,

    -- Driving and reading back.
    unknown_at      INTEGER,
    not_done        INTEGER NOT NULL DEFAULT 0,
    last_read_at    INTEGER,
    next_check_at   INTEGER,
    leased_until    INTEGER,

    -- The outcome.
    reason          TEXT,
    provider_code   TEXT,
    settled_at      INTEGER,

    UNIQUE (attempt_id, idempotency_key),
    CHECK (sends - returns BETWEEN 0 AND 1),
    CHECK (CASE
               WHEN state IN ('new', 'prepared') THEN sends = returns
               WHEN state = 'not_executed' THEN 1
               ELSE sends = returns + 1 AND sent_at IS NOT NULL
           END)
) STRICT;

-- One at a time: while one may be moving the money of an attempt, there is no second one beside it.
CREATE UNIQUE INDEX operation_open ON operation (attempt_id)
    WHERE state IN ('new', 'prepared', 'sent', 'unknown', 'review');

CREATE INDEX operation_of_session ON operation (session_id);

CREATE INDEX operation_due ON operation (next_check_at) WHERE next_check_at IS NOT NULL;

CREATE INDEX operation_of_state ON operation (state);

-- No more is given back, and no more captured, than the provider confirmed. What may have been done
-- counts as done.
CREATE TRIGGER operation_within_payment BEFORE INSERT ON operation
    WHEN NEW.state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded')
BEGIN
    SELECT RAISE(ABORT, 'more would be captured or given back than was paid')
    WHERE NEW.amount_minor
              + (SELECT COALESCE(SUM(amount_minor), 0) FROM operation
                 WHERE attempt_id = NEW.attempt_id
                   AND (kind = 'capture') = (NEW.kind = 'capture')
                   AND state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded'))
          > COALESCE((SELECT confirmed_minor FROM attempt
                      WHERE id = NEW.attempt_id
                        AND state IN ('succeeded', 'duplicate')
                        AND confirmed_currency = NEW.currency), 0);
END;

CREATE TRIGGER operation_stays_within_payment BEFORE UPDATE OF state ON operation
    WHEN NEW.state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded')
BEGIN
    SELECT RAISE(ABORT, 'more would be captured or given back than was paid')
    WHERE NEW.amount_minor
              + (SELECT COALESCE(SUM(amount_minor), 0) FROM operation
                 WHERE attempt_id = NEW.attempt_id
                   AND id <> NEW.id
                   AND (kind = 'capture') = (NEW.kind = 'capture')
                   AND state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded'))
          > COALESCE((SELECT confirmed_minor FROM attempt
                      WHERE id = NEW.attempt_id
                        AND state IN ('succeeded', 'duplicate')
                        AND confirmed_currency = NEW.currency), 0);
END;

CREATE TRIGGER operation_stays_as_asked
    BEFORE UPDATE OF id, attempt_id, session_id, kind, reference, amount_minor, currency ON operation
BEGIN
    SELECT RAISE(ABORT, 'what an operation was asked for never changes');
END;

CREATE TRIGGER operation_done_stays BEFORE UPDATE OF state ON operation
    WHEN OLD.state = 'succeeded' AND NEW.state <> OLD.state
BEGIN
    SELECT RAISE(ABORT, 'an operation that was done never changes its state');
END;

CREATE TRIGGER operation_stays BEFORE DELETE ON operation
BEGIN
    SELECT RAISE(ABORT, 'operations are never deleted');
END;

ALTER TABLE event ADD COLUMN operation_id TEXT REFERENCES operation (id);

-- A message from before this release has no payload; it is made of the records when it is delivered.
ALTER TABLE outbox ADD COLUMN operation_id TEXT REFERENCES operation (id);
ALTER TABLE outbox ADD COLUMN payload TEXT;
ALTER TABLE outbox ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
-- Neither delivered nor given up, and only then.
ALTER TABLE outbox ADD COLUMN next_try_at INTEGER;
ALTER TABLE outbox ADD COLUMN leased_until INTEGER;
ALTER TABLE outbox ADD COLUMN given_up_at INTEGER;
ALTER TABLE outbox ADD COLUMN last_error TEXT;
UPDATE outbox SET next_try_at = created_at WHERE delivered_at IS NULL;

CREATE INDEX outbox_due ON outbox (next_try_at) WHERE next_try_at IS NOT NULL;

-- Receivers that asked for no more.
CREATE TABLE disabled_receiver (
    url    TEXT    NOT NULL PRIMARY KEY,
    since  INTEGER NOT NULL,
    reason TEXT    NOT NULL
) STRICT;

-- A partial index over several states is not used for a query about one of them.
DROP INDEX attempt_unsettled;

CREATE INDEX attempt_of_state ON attempt (state);

-- Events are read by session.
DROP INDEX event_of_attempt;

CREATE INDEX event_of_session ON event (session_id, id);
