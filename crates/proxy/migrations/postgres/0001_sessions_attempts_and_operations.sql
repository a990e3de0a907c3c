-- Instants are milliseconds since 1970-01-01T00:00:00Z; amounts are minor units of their currency.
-- rowid is the order in which rows were recorded.

CREATE TABLE session (
    rowid        BIGINT GENERATED ALWAYS AS IDENTITY,
    id           TEXT   NOT NULL PRIMARY KEY,
    merchant_key TEXT   NOT NULL UNIQUE,
    fingerprint  TEXT   NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('open', 'succeeded', 'expired')),
    buyer_id     TEXT,
    request      TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ended_at     BIGINT
);

CREATE INDEX session_open ON session (expires_at) WHERE state = 'open';

CREATE TABLE attempt (
    rowid              BIGINT  GENERATED ALWAYS AS IDENTITY,
    id                 TEXT    NOT NULL PRIMARY KEY,
    session_id         TEXT    NOT NULL REFERENCES session (id),
    idempotency_key    TEXT    NOT NULL,
    fingerprint        TEXT    NOT NULL,
    rail               TEXT    NOT NULL,
    state              TEXT    NOT NULL CHECK (state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded',
                                                         'declined', 'not_executed', 'review', 'duplicate')),
    version            BIGINT  NOT NULL,
    reference          TEXT    NOT NULL UNIQUE,
    amount_minor       BIGINT  NOT NULL CHECK (amount_minor > 0),
    currency           TEXT    NOT NULL,
    installments       BIGINT,
    save_card          BOOLEAN NOT NULL,
    saved_card_id      TEXT,
    owner              TEXT    NOT NULL,
    created_at         BIGINT  NOT NULL,

    -- The right to send. It is out at most once; it comes back at most twice, with proof that
    -- nothing was sent.
    sends              BIGINT  NOT NULL DEFAULT 0,
    returns            BIGINT  NOT NULL DEFAULT 0 CHECK (returns BETWEEN 0 AND 2),
    sent_at            BIGINT,
    deadline_at        BIGINT,

    -- Reading back.
    unknown_at         BIGINT,
    not_found          BIGINT  NOT NULL DEFAULT 0,
    second_looks       BIGINT  NOT NULL DEFAULT 0,
    last_read_at       BIGINT,
    next_check_at      BIGINT,
    leased_until       BIGINT,

    -- The outcome.
    reason             TEXT,
    provider_code      TEXT,
    confirmed_minor    BIGINT,
    confirmed_currency TEXT,
    authorization_code TEXT,
    brand              TEXT,
    last4              TEXT,
    bin                TEXT,
    card_saved         BOOLEAN NOT NULL DEFAULT FALSE,
    settled_at         BIGINT,

    UNIQUE (session_id, idempotency_key),
    CHECK (sends - returns BETWEEN 0 AND 1),
    -- Before the right is taken, and after it came back, there is none out; whatever an answer or
    -- a read may settle was sent.
    CHECK (CASE
               WHEN state IN ('new', 'prepared') THEN sends = returns
               WHEN state = 'not_executed' THEN TRUE
               ELSE sends = returns + 1 AND sent_at IS NOT NULL
           END),
    -- Nobody is told that money arrived unless a provider confirmed exactly what was asked for.
    CHECK (state NOT IN ('succeeded', 'duplicate')
           OR (confirmed_minor IS NOT NULL AND confirmed_minor = amount_minor
               AND confirmed_currency IS NOT NULL AND confirmed_currency = currency))
);

-- No double payment: while money has moved or may have, there is no second attempt beside it.
CREATE UNIQUE INDEX attempt_live ON attempt (session_id)
    WHERE state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded', 'review');

CREATE INDEX attempt_due ON attempt (next_check_at) WHERE next_check_at IS NOT NULL;

CREATE INDEX attempt_unsettled ON attempt (state)
    WHERE state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'duplicate');

-- Operations on paid attempts: the same states as attempts, but for duplicate.
CREATE TABLE operation (
    rowid           BIGINT GENERATED ALWAYS AS IDENTITY,
    id              TEXT   NOT NULL PRIMARY KEY,
    attempt_id      TEXT   NOT NULL REFERENCES attempt (id),
    session_id      TEXT   NOT NULL REFERENCES session (id),
    kind            TEXT   NOT NULL CHECK (kind IN ('capture', 'void', 'release', 'refund', 'return', 'cash_out')),
    idempotency_key TEXT   NOT NULL,
    fingerprint     TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded',
                                                     'declined', 'not_executed', 'review')),
    version         BIGINT NOT NULL,
    reference       TEXT   NOT NULL UNIQUE,
    amount_minor    BIGINT NOT NULL CHECK (amount_minor > 0),
    currency        TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,

    -- The right to send, as an attempt's.
    sends           BIGINT NOT NULL DEFAULT 0,
    returns         BIGINT NOT NULL DEFAULT 0 CHECK (returns BETWEEN 0 AND 2),
    sent_at         BIGINT,
    deadline_at     BIGINT,

    -- Driving and reading back.
    unknown_at      BIGINT,
    not_done        BIGINT NOT NULL DEFAULT 0,
    last_read_at    BIGINT,
    next_check_at   BIGINT,
    leased_until    BIGINT,

    -- The outcome.
    reason          TEXT,
    provider_code   TEXT,
    settled_at      BIGINT,

    UNIQUE (attempt_id, idempotency_key),
    CHECK (sends - returns BETWEEN 0 AND 1),
    CHECK (CASE
               WHEN state IN ('new', 'prepared') THEN sends = returns
               WHEN state = 'not_executed' THEN TRUE
               ELSE sends = returns + 1 AND sent_at IS NOT NULL
           END)
);

-- One at a time: while one may be moving the money of an attempt, there is no second one beside it.
CREATE UNIQUE INDEX operation_open ON operation (attempt_id)
    WHERE state IN ('new', 'prepared', 'sent', 'unknown', 'review');

CREATE INDEX operation_of_session ON operation (session_id);

CREATE INDEX operation_due ON operation (next_check_at) WHERE next_check_at IS NOT NULL;

CREATE INDEX operation_unsettled ON operation (state) WHERE state IN ('sent', 'review');

-- Every transition and every piece of evidence, in order. Never changed.
CREATE TABLE event (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           BIGINT NOT NULL,
    session_id   TEXT   NOT NULL REFERENCES session (id),
    attempt_id   TEXT REFERENCES attempt (id),
    operation_id TEXT REFERENCES operation (id),
    kind         TEXT   NOT NULL,
    from_state   TEXT,
    to_state     TEXT,
    evidence     TEXT   NOT NULL
);

CREATE INDEX event_of_session ON event (session_id, id);

-- What the merchant is to be told, written in the commit that made it true.
CREATE TABLE outbox (
    rowid        BIGINT GENERATED ALWAYS AS IDENTITY,
    id           TEXT   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,
    session_id   TEXT   NOT NULL REFERENCES session (id),
    attempt_id   TEXT REFERENCES attempt (id),
    operation_id TEXT REFERENCES operation (id),
    payload      TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    tries        BIGINT NOT NULL DEFAULT 0,
    -- Neither delivered nor given up, and only then.
    next_try_at  BIGINT,
    leased_until BIGINT,
    delivered_at BIGINT,
    given_up_at  BIGINT,
    last_error   TEXT
);

CREATE INDEX outbox_waiting ON outbox (created_at) WHERE delivered_at IS NULL;

CREATE INDEX outbox_due ON outbox (next_try_at) WHERE next_try_at IS NOT NULL;

-- Receivers that asked for no more.
CREATE TABLE disabled_receiver (
    url    TEXT   NOT NULL PRIMARY KEY,
    since  BIGINT NOT NULL,
    reason TEXT   NOT NULL
);

-- Card tokens that the provider gave, sealed under the merchant's own key.
CREATE TABLE saved_card (
    id           TEXT   NOT NULL PRIMARY KEY,
    buyer_id     TEXT   NOT NULL,
    attempt_id   TEXT   NOT NULL UNIQUE REFERENCES attempt (id),
    key_name     TEXT   NOT NULL,
    token        BYTEA  NOT NULL,
    brand        TEXT,
    last4        TEXT   NOT NULL,
    bin          TEXT,
    expiry_month BIGINT,
    expiry_year  BIGINT,
    created_at   BIGINT NOT NULL
);

CREATE INDEX saved_card_of_buyer ON saved_card (buyer_id, created_at);

-- No more is given back, and no more captured, than the provider confirmed. What may have been done
-- counts as done. The attempt's row is taken first, so that two at once see each other.
CREATE FUNCTION operation_within_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paid BIGINT;
    used NUMERIC;
BEGIN
    IF NEW.state NOT IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded') THEN
        RETURN NEW;
    END IF;
    SELECT confirmed_minor INTO paid FROM attempt
        WHERE id = NEW.attempt_id
          AND state IN ('succeeded', 'duplicate')
          AND confirmed_currency = NEW.currency
        FOR UPDATE;
    SELECT COALESCE(SUM(amount_minor), 0) INTO used FROM operation
        WHERE attempt_id = NEW.attempt_id
          AND id <> NEW.id
          AND (kind = 'capture') = (NEW.kind = 'capture')
          AND state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded');
    IF used + NEW.amount_minor > COALESCE(paid, 0) THEN
        RAISE EXCEPTION 'more would be captured or given back than was paid' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER operation_within_payment BEFORE INSERT OR UPDATE OF state ON operation
    FOR EACH ROW EXECUTE FUNCTION operation_within_payment();

CREATE FUNCTION refuse_to_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER attempt_with_money_stays BEFORE UPDATE OF state ON attempt
    FOR EACH ROW WHEN (OLD.state IN ('succeeded', 'duplicate') AND NEW.state <> OLD.state)
    EXECUTE FUNCTION refuse_to_rewrite('an attempt that took money never changes its state');

CREATE TRIGGER attempt_stays BEFORE DELETE OR TRUNCATE ON attempt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite('attempts are never deleted');

CREATE TRIGGER operation_stays_as_asked
    BEFORE UPDATE OF id, attempt_id, session_id, kind, reference, amount_minor, currency ON operation
    FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite('what an operation was asked for never changes');

CREATE TRIGGER operation_done_stays BEFORE UPDATE OF state ON operation
    FOR EACH ROW WHEN (OLD.state = 'succeeded' AND NEW.state <> OLD.state)
    EXECUTE FUNCTION refuse_to_rewrite('an operation that was done never changes its state');

CREATE TRIGGER operation_stays BEFORE DELETE OR TRUNCATE ON operation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite('operations are never deleted');

CREATE TRIGGER event_stays_as_written BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite('events are append-only');
