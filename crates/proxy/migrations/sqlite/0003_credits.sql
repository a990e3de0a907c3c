-- Payments that buyers make by themselves: what is payable, and the credits that came in.
--
-- A CHECK and a NOT NULL are taken back here, which SQLite does by writing the text of its schema; the
-- rows are not touched (https://www.sqlite.org/lang_altertable.html, section 7). A table made anew
-- would not do: the tables that point at it hold their rows. All of this is one transaction.

PRAGMA writable_schema = ON;

UPDATE sqlite_schema
SET sql = replace(sql, '''declined'', ''not_executed'', ''review'', ''duplicate'')),',
                       '''declined'', ''not_executed'', ''review'', ''duplicate'',
                                                         ''issued'', ''expired'', ''superseded'')),')
WHERE type = 'table' AND name = 'attempt';

UPDATE sqlite_schema
SET sql = replace(sql, 'session_id   TEXT    NOT NULL REFERENCES session (id),',
                       'session_id   TEXT REFERENCES session (id),')
WHERE type = 'table' AND name = 'outbox';

PRAGMA writable_schema = RESET;

-- Nothing but the two texts that were meant was changed, or this fails.
CREATE TABLE written (tables INTEGER NOT NULL CHECK (tables = 2)) STRICT;
INSERT INTO written SELECT COUNT(*) FROM sqlite_schema
    WHERE (name = 'attempt' AND sql LIKE '%''superseded'')),%')
       OR (name = 'outbox' AND sql NOT LIKE '%NOT NULL REFERENCES session%');
DROP TABLE written;

DROP INDEX attempt_live;

-- What is before a buyer may be paid at any moment.
CREATE UNIQUE INDEX attempt_live ON attempt (session_id)
    WHERE state IN ('new', 'prepared', 'sent', 'unknown', 'succeeded', 'review', 'issued');

-- Recorded before anybody sees it. content is what is put before the buyer.
CREATE TABLE payable (
    attempt_id   TEXT    NOT NULL PRIMARY KEY REFERENCES attempt (id),
    session_id   TEXT    NOT NULL REFERENCES session (id),
    presentation TEXT    NOT NULL CHECK (presentation IN ('link', 'qr', 'transfer')),
    provider_id  TEXT,
    content      TEXT    NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency     TEXT    NOT NULL,
    issued_at    INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    watch_until  INTEGER NOT NULL,

    UNIQUE (presentation, provider_id)
) STRICT;

CREATE INDEX payable_of_session ON payable (session_id);

CREATE INDEX payable_watched ON payable (watch_until);

CREATE TRIGGER payable_stays_as_written BEFORE UPDATE ON payable
BEGIN
    SELECT RAISE(ABORT, 'what was shown to be paid never changes');
END;

CREATE TRIGGER payable_stays BEFORE DELETE ON payable
BEGIN
    SELECT RAISE(ABORT, 'what was shown to be paid is never deleted');
END;

-- Money that came by itself. A credit is known by its row in the provider's list, by its notification,
-- or by both.
CREATE TABLE credit (
    id           TEXT    NOT NULL PRIMARY KEY,
    fingerprint  TEXT    NOT NULL UNIQUE,
    cashin_id    TEXT UNIQUE,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency     TEXT    NOT NULL,
    credited_at  INTEGER NOT NULL,
    seen_at      INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('matched', 'review', 'dismissed')),
    attempt_id   TEXT REFERENCES attempt (id),
    why          TEXT,
    -- A JSON list of attempts whose money it may be.
    candidates   TEXT,
    -- Who paid, sealed under the merchant's own key.
    key_name     TEXT,
    payer        BLOB,
    settled_note TEXT,
    settled_at   INTEGER,

    CHECK (CASE WHEN state = 'matched' THEN attempt_id IS NOT NULL ELSE why IS NOT NULL END),
    CHECK ((key_name IS NULL) = (payer IS NULL))
) STRICT;

-- An attempt is paid once.
CREATE UNIQUE INDEX credit_matched ON credit (attempt_id) WHERE state = 'matched';

CREATE INDEX credit_of_attempt ON credit (attempt_id);

CREATE INDEX credit_seen ON credit (seen_at);

CREATE INDEX credit_review ON credit (state, seen_at) WHERE state = 'review';

CREATE TRIGGER credit_of_the_amount BEFORE INSERT ON credit WHEN NEW.state = 'matched'
BEGIN
    SELECT RAISE(ABORT, 'a credit of another amount is not matched')
    WHERE NOT EXISTS (SELECT 1 FROM attempt
                      WHERE id = NEW.attempt_id AND amount_minor = NEW.amount_minor AND currency = NEW.currency);
END;

CREATE TRIGGER credit_stays_of_the_amount BEFORE UPDATE OF state ON credit WHEN NEW.state = 'matched'
BEGIN
    SELECT RAISE(ABORT, 'a credit of another amount is not matched')
    WHERE NOT EXISTS (SELECT 1 FROM attempt
                      WHERE id = NEW.attempt_id AND amount_minor = NEW.amount_minor AND currency = NEW.currency);
END;

CREATE TRIGGER credit_stays_as_seen BEFORE UPDATE OF id, amount_minor, currency, credited_at, seen_at ON credit
BEGIN
    SELECT RAISE(ABORT, 'what was credited never changes');
END;

CREATE TRIGGER credit_stays_as_judged BEFORE UPDATE OF state, attempt_id, why, candidates ON credit
    WHEN OLD.state <> 'review'
BEGIN
    SELECT RAISE(ABORT, 'what a credit was taken for changes while it is in review only');
END;

-- A fingerprint of the provider's list is hex digits; one with a colon only holds its place.
CREATE TRIGGER credit_stays_known BEFORE UPDATE OF fingerprint, cashin_id ON credit
    WHEN (OLD.cashin_id IS NOT NULL AND NEW.cashin_id IS NOT OLD.cashin_id)
      OR (OLD.fingerprint NOT LIKE '%:%' AND NEW.fingerprint <> OLD.fingerprint)
BEGIN
    SELECT RAISE(ABORT, 'what a credit is known by never changes');
END;

CREATE TRIGGER credit_stays BEFORE DELETE ON credit
BEGIN
    SELECT RAISE(ABORT, 'credits are never deleted');
END;

-- Rounds that one process at a time makes. What was hurried while it was made is due after it.
CREATE TABLE watch (
    name         TEXT    NOT NULL PRIMARY KEY,
    due_at       INTEGER NOT NULL,
    leased_until INTEGER,
    hurried_to   INTEGER
) STRICT;

-- A message is about a session, or about a credit that may be nobody's.
ALTER TABLE outbox ADD COLUMN credit_id TEXT REFERENCES credit (id)
    CHECK (session_id IS NOT NULL OR credit_id IS NOT NULL);

-- What a transfer out was asked for with, to the byte: the provider knows a repeated one by it. Sealed
-- under the merchant's own key.
CREATE TABLE operation_request (
    operation_id TEXT NOT NULL PRIMARY KEY REFERENCES operation (id),
    key_name     TEXT NOT NULL,
    body         BLOB NOT NULL
) STRICT;

CREATE TRIGGER operation_request_stays_as_written BEFORE UPDATE ON operation_request
BEGIN
    SELECT RAISE(ABORT, 'what was asked for never changes');
END;

CREATE TRIGGER operation_request_stays BEFORE DELETE ON operation_request
BEGIN
    SELECT RAISE(ABORT, 'what was asked for is never deleted');
END;
