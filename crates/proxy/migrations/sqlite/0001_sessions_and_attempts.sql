-- Instants are milliseconds since 1970-01-01T00:00:00Z; amounts are minor units of their currency.

CREATE TABLE session (
    id           TEXT    NOT NULL PRIMARY KEY,
    merchant_key TEXT    NOT NULL UNIQUE,
    fingerprint  TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('open', 'succeeded', 'expired')),
    buyer_id     TEXT,
    request      TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;

CREATE INDEX session_open ON session (expires_at) WHERE state = 'open';

CREATE TABLE attempt (
    id                 TEXT    NOT NULL PRIMARY KEY,
    session_id         TEXT    NOT NULL REFERENCES session (id),
    idempotency_key    TEXT    NOT NULL,
    fingerprint        TEXT    NOT NULL,
    rail               TEXT    NOT NULL,
    state              TEXT    NOT NULL CHECK (state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded',
                                                         'declined', 'not_executed', 'review', 'duplicate')),
    version            INTEGER NOT NULL,
    reference          TEXT    NOT NULL UNIQUE,
    amount_minor       INTEGER NOT NULL CHECK (amount_minor > 0),
    currency           TEXT    NOT NULL,
    installments       INTEGER,
    save_card          INTEGER NOT NULL,
    saved_card_id      TEXT,
    owner              TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,

    -- The right to send. It is out at most once; it comes back at most twice, with proof that
    -- nothing was sent.
    sends              INTEGER NOT NULL DEFAULT 0,
    returns            INTEGER NOT NULL DEFAULT 0 CHECK (returns BETWEEN 0 AND 2),
    sent_at            INTEGER,
    deadline_at        INTEGER,

    -- Reading back.
    unknown_at         INTEGER,
    not_found          INTEGER NOT NULL DEFAULT 0,
    second_looks       INTEGER NOT NULL DEFAULT 0,
    last_read_at       INTEGER,
    next_check_at      INTEGER,
    leased_until       INTEGER,

    -- The outcome.
    reason             TEXT,
    provider_code      TEXT,
    confirmed_minor    INTEGER,
    confirmed_currency TEXT,
    authorization_code TEXT,
    brand              TEXT,
    last4              TEXT,
    bin                TEXT,
    card_saved         INTEGER NOT NULL DEFAULT 0,
    settled_at         INTEGER,

    UNIQUE (session_id, idempotency_key),
    CHECK (sends - returns BETWEEN 0 AND 1),
    -- Before the right is taken, and after it came back, there is none out; whatever an answer or
    -- a read may settle was sent.
    CHECK (CASE
               WHEN state IN ('new', 'prepared') THEN sends = returns
               WHEN state = 'not_executed' THEN 1
               ELSE sends = returns + 1 AND sent_at IS NOT NULL
           END),
    -- Nobody is told that money arrived unless a provider confirmed exactly what was asked for.
    CHECK (state NOT IN ('succeeded', 'duplicate')
           OR (confirmed_minor IS NOT NULL AND confirmed_minor = amount_minor
               AND confirmed_currency IS NOT NULL AND confirmed_currency = currency))
) STRICT;

-- No double payment: while money has moved or may have, there is no second attempt beside it.
CREATE UNIQUE INDEX attempt_live ON attempt (session_id)
    WHERE state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded', 'review');

CREATE INDEX attempt_due ON attempt (next_check_at) WHERE next_check_at IS NOT NULL;

CREATE INDEX attempt_unsettled ON attempt (state) WHERE state IN ('new', 'prepared', 'sent', 'unknown', 'review');

CREATE TRIGGER attempt_with_money_stays BEFORE UPDATE OF state ON attempt
    WHEN OLD.state IN ('succeeded', 'duplicate') AND NEW.state <> OLD.state
BEGIN
    SELECT RAISE(ABORT, 'an attempt that took money never changes its state');
END;

CREATE TRIGGER attempt_stays BEFORE DELETE ON attempt
BEGIN
    SELECT RAISE(ABORT, 'attempts are never deleted');
END;

-- Every transition and every piece of evidence, in order. Never changed.
CREATE TABLE event (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    session_id TEXT    NOT NULL REFERENCES session (id),
    attempt_id TEXT REFERENCES attempt (id),
    kind       TEXT    NOT NULL,
    from_state TEXT,
    to_state   TEXT,
    evidence   TEXT    NOT NULL
) STRICT;

CREATE INDEX event_of_attempt ON event (attempt_id, id);

CREATE TRIGGER event_stays_as_written BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TRIGGER event_stays BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

-- What the merchant is to be told, written in the commit that made it true.
CREATE TABLE outbox (
    id           TEXT    NOT NULL PRIMARY KEY,
    kind         TEXT    NOT NULL,
    session_id   TEXT    NOT NULL REFERENCES session (id),
    attempt_id   TEXT REFERENCES attempt (id),
    created_at   INTEGER NOT NULL,
    delivered_at INTEGER
) STRICT;

CREATE INDEX outbox_waiting ON outbox (created_at) WHERE delivered_at IS NULL;

-- Card tokens that the provider gave, sealed under the merchant's own key.
CREATE TABLE saved_card (
    id           TEXT    NOT NULL PRIMARY KEY,
    buyer_id     TEXT    NOT NULL,
    attempt_id   TEXT    NOT NULL UNIQUE REFERENCES attempt (id),
    key_name     TEXT    NOT NULL,
    token        BLOB    NOT NULL,
    brand        TEXT,
    last4        TEXT    NOT NULL,
    bin          TEXT,
    expiry_month INTEGER,
    expiry_year  INTEGER,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX saved_card_of_buyer ON saved_card (buyer_id, created_at);
