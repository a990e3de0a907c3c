-- Payments that buyers make by themselves: what is payable, and the credits that came in.

ALTER TABLE attempt DROP CONSTRAINT attempt_state_check;

ALTER TABLE attempt ADD CONSTRAINT attempt_state_check
    CHECK (state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded', 'declined', 'not_executed', 'review',
                     'duplicate', 'issued', 'expired', 'superseded'));

DROP INDEX attempt_live;

-- What is before a buyer may be paid at any moment.
CREATE UNIQUE INDEX attempt_live ON attempt (session_id)
    WHERE state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded', 'review', 'issued');

-- Recorded before anybody sees it. content is what is put before the buyer.
CREATE TABLE payable (
    attempt_id   TEXT   NOT NULL PRIMARY KEY REFERENCES attempt (id),
    session_id   TEXT   NOT NULL REFERENCES session (id),
    presentation TEXT   NOT NULL CHECK (presentation IN ('link', 'qr', 'transfer')),
    provider_id  TEXT,
    content      TEXT   NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency     TEXT   NOT NULL,
    issued_at    BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    watch_until  BIGINT NOT NULL,

    UNIQUE (presentation, provider_id)
);

CREATE INDEX payable_of_session ON payable (session_id);

CREATE INDEX payable_watched ON payable (watch_until);

CREATE TRIGGER payable_stays_as_written BEFORE UPDATE OR DELETE OR TRUNCATE ON payable
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite('what was shown to be paid never changes');

-- Money that came by itself. A credit is known by its row in the provider's list, by its notification,
-- or by both.
CREATE TABLE credit (
    rowid        BIGINT GENERATED ALWAYS AS IDENTITY,
    id           TEXT   NOT NULL PRIMARY KEY,
    fingerprint  TEXT   NOT NULL UNIQUE,
    cashin_id    TEXT UNIQUE,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency     TEXT   NOT NULL,
    credited_at  BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('matched', 'review', 'dismissed')),
    attempt_id   TEXT REFERENCES attempt (id),
    why          TEXT,
    -- A JSON list of attempts whose money it may be.
    candidates   TEXT,
    -- Who paid, sealed under the merchant's own key.
    key_name     TEXT,
    payer        BYTEA,
    settled_note TEXT,
    settled_at   BIGINT,

    CHECK (CASE WHEN state = 'matched' THEN attempt_id IS NOT NULL ELSE why IS NOT NULL END),
    CHECK ((key_name IS NULL) = (payer IS NULL))
);

-- An attempt is paid once.
CREATE UNIQUE INDEX credit_matched ON credit (attempt_id) WHERE state = 'matched';

CREATE INDEX credit_of_attempt ON credit (attempt_id);

CREATE INDEX credit_seen ON credit (seen_at);

CREATE INDEX credit_review ON credit (state, seen_at) WHERE state = 'review';

CREATE FUNCTION credit_of_the_amount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM attempt
                   WHERE id = NEW.attempt_id AND amount_minor = NEW.amount_minor AND currency = NEW.currency) THEN
        RAISE EXCEPTION 'a credit of another amount is not matched' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER credit_of_the_amount BEFORE INSERT OR UPDATE OF state ON credit
    FOR EACH ROW WHEN (NEW.state = 'matched')
    EXECUTE FUNCTION credit_of_the_amount();

CREATE TRIGGER credit_stays_as_seen BEFORE UPDATE OF id, amount_minor, currency, credited_at, seen_at ON credit
    FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite('what was credited never changes');

CREATE TRIGGER credit_stays_as_judged BEFORE UPDATE OF state, attempt_id, why, candidates ON credit
    FOR EACH ROW WHEN (OLD.state <> 'review')
    EXECUTE FUNCTION refuse_to_rewrite('what a credit was taken for changes while it is in review only');

-- A fingerprint of the provider's list is hex digits; one with a colon only holds its place.
CREATE TRIGGER credit_stays_known BEFORE UPDATE OF fingerprint, cashin_id ON credit
    FOR EACH ROW WHEN ((OLD.cashin_id IS NOT NULL AND NEW.cashin_id IS DISTINCT FROM OLD.cashin_id)
                       OR (OLD.fingerprint NOT LIKE '%:%' AND NEW.fingerprint <> OLD.fingerprint))
    EXECUTE FUNCTION refuse_to_rewrite('what a credit is known by never changes');

CREATE TRIGGER credit_stays BEFORE DELETE OR TRUNCATE ON credit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite('credits are never deleted');

-- Rounds that one process at a time makes. What was hurried while it was made is due after it.
CREATE TABLE watch (
    name         TEXT   NOT NULL PRIMARY KEY,
    due_at       BIGINT NOT NULL,
    leased_until BIGINT,
    hurried_to   BIGINT
);

-- A message is about a session, or about a credit that may be nobody's.
ALTER TABLE outbox ALTER COLUMN session_id DROP NOT NULL;

ALTER TABLE outbox ADD COLUMN credit_id TEXT REFERENCES credit (id);

ALTER TABLE outbox ADD CONSTRAINT outbox_about_something CHECK (session_id IS NOT NULL OR credit_id IS NOT NULL);

-- What a transfer out was asked for with, to the byte: the provider knows a repeated one by it. Sealed
-- under the merchant's own key.
CREATE TABLE operation_request (
    operation_id TEXT  NOT NULL PRIMARY KEY REFERENCES operation (id),
    key_name     TEXT  NOT NULL,
    body         BYTEA NOT NULL
);

CREATE TRIGGER operation_request_stays_as_written BEFORE UPDATE ON operation_request
    FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite('what was asked for never changes');

CREATE TRIGGER operation_request_stays BEFORE DELETE OR TRUNCATE ON operation_request
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite('what was asked for is never deleted');
