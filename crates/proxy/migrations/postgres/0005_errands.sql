-- Money that the merchant moves without a checkout: the same states as operations, and no attempt.
CREATE TABLE errand (
    rowid           BIGINT GENERATED ALWAYS AS IDENTITY,
    id              TEXT   NOT NULL PRIMARY KEY,
    kind            TEXT   NOT NULL CHECK (kind IN ('cash_out', 'bulk', 'subscription', 'subscription_payment')),
    idempotency_key TEXT   NOT NULL,
    -- What one at a time is done to.
    subject         TEXT,
    state           TEXT   NOT NULL CHECK (state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded',
                                                     'declined', 'not_executed', 'review')),
    version         BIGINT NOT NULL,
    reference       TEXT   NOT NULL UNIQUE,
    amount_minor    BIGINT NOT NULL CHECK (amount_minor > 0),
    currency        TEXT   NOT NULL,
    -- What the merchant is shown of what was asked for: a JSON object.
    details         TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,

    -- What was asked for, and the bytes that are sent where every sending has the same. Sealed under the
    -- merchant's own key.
    key_name        TEXT   NOT NULL,
    request         BYTEA  NOT NULL,

    -- What there was already before it was sent, where a read shows everything there is: a JSON list.
    known_before    TEXT,

    -- The right to send, as an attempt's.
    sends           BIGINT NOT NULL DEFAULT 0,
    returns         BIGINT NOT NULL DEFAULT 0 CHECK (returns BETWEEN 0 AND 2),
    sent_at         BIGINT,
    deadline_at     BIGINT,

    -- Driving and reading back.
    unknown_at      BIGINT,
    last_read_at    BIGINT,
    next_check_at   BIGINT,
    leased_until    BIGINT,

    -- The outcome; result is a JSON object of what the provider calls it.
    reason          TEXT,
    provider_code   TEXT,
    result          TEXT,
    settled_at      BIGINT,

    UNIQUE (kind, idempotency_key),
    CHECK (sends - returns BETWEEN 0 AND 1),
    CHECK (CASE
               WHEN state IN ('new', 'prepared') THEN sends = returns
               WHEN state = 'not_executed' THEN TRUE
               ELSE sends = returns + 1 AND sent_at IS NOT NULL
           END)
);

CREATE UNIQUE INDEX errand_open ON errand (kind, subject)
    WHERE subject IS NOT NULL AND state IN ('new', 'prepared', 'sent', 'unknown', 'review');

CREATE INDEX errand_due ON errand (next_check_at) WHERE next_check_at IS NOT NULL;

CREATE INDEX errand_unsettled ON errand (state) WHERE state IN ('sent', 'review');

CREATE TRIGGER errand_stays_as_asked
    BEFORE UPDATE OF id, kind, idempotency_key, subject, reference, amount_minor, currency, details, created_at,
                     key_name, request ON errand
    FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite('what an errand was asked for never changes');

CREATE TRIGGER errand_knows_what_was_before BEFORE UPDATE OF known_before ON errand
    FOR EACH ROW WHEN (OLD.sends > OLD.returns AND NEW.known_before IS DISTINCT FROM OLD.known_before)
    EXECUTE FUNCTION refuse_to_rewrite('what there was before an errand is looked up before it is sent');

CREATE TRIGGER errand_done_stays BEFORE UPDATE OF state ON errand
    FOR EACH ROW WHEN (OLD.state = 'succeeded' AND NEW.state <> OLD.state)
    EXECUTE FUNCTION refuse_to_rewrite('an errand that was done never changes its state');

CREATE TRIGGER errand_stays BEFORE DELETE OR TRUNCATE ON errand
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite('errands are never deleted');

-- The payments of an errand that makes several. Each has a reference of its own, by which it is read back.
CREATE TABLE errand_item (
    errand_id          TEXT   NOT NULL REFERENCES errand (id),
    position           BIGINT NOT NULL,
    order_reference    TEXT   NOT NULL,
    reference          TEXT   NOT NULL UNIQUE,
    amount_minor       BIGINT NOT NULL CHECK (amount_minor > 0),
    currency           TEXT   NOT NULL,
    state              TEXT   NOT NULL CHECK (state IN ('unknown', 'succeeded', 'not_executed')),
    not_found          BIGINT NOT NULL DEFAULT 0,
    last_read_at       BIGINT,
    confirmed_minor    BIGINT,
    confirmed_currency TEXT,
    authorization_code TEXT,
    last4              TEXT,
    settled_at         BIGINT,

    PRIMARY KEY (errand_id, position),
    CHECK ((state = 'unknown') = (settled_at IS NULL)),
    CHECK (state <> 'succeeded'
           OR (confirmed_minor IS NOT NULL AND confirmed_minor = amount_minor
               AND confirmed_currency IS NOT NULL AND confirmed_currency = currency))
);

CREATE TRIGGER errand_item_stays_as_asked
    BEFORE UPDATE OF errand_id, position, order_reference, reference, amount_minor, currency ON errand_item
    FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite('what a payment of an errand was asked for never changes');

CREATE TRIGGER errand_item_paid_stays BEFORE UPDATE OF state ON errand_item
    FOR EACH ROW WHEN (OLD.state = 'succeeded' AND NEW.state <> OLD.state)
    EXECUTE FUNCTION refuse_to_rewrite('a payment that was made never changes its state');

CREATE TRIGGER errand_item_stays BEFORE DELETE OR TRUNCATE ON errand_item
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite('payments of errands are never deleted');

-- As event, for what belongs to no session.
CREATE TABLE errand_event (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         BIGINT NOT NULL,
    errand_id  TEXT   NOT NULL REFERENCES errand (id),
    kind       TEXT   NOT NULL,
    from_state TEXT,
    to_state   TEXT,
    evidence   TEXT   NOT NULL
);

CREATE INDEX errand_event_of_errand ON errand_event (errand_id, id);

CREATE TRIGGER errand_event_stays_as_written BEFORE UPDATE OR DELETE OR TRUNCATE ON errand_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite('events are append-only');

-- A message is about a session, about a credit that may be nobody's, or about an errand.
ALTER TABLE outbox ADD COLUMN errand_id TEXT REFERENCES errand (id);

ALTER TABLE outbox DROP CONSTRAINT outbox_about_something;

ALTER TABLE outbox ADD CONSTRAINT outbox_about_something
    CHECK (session_id IS NOT NULL OR credit_id IS NOT NULL OR errand_id IS NOT NULL);
