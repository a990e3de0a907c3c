-- What waits for the buyer of an attempt before anything is sent, and what it takes to read the attempt back.
-- `body` is sealed.
CREATE TABLE financing (
    attempt_id TEXT    PRIMARY KEY REFERENCES attempt (id),
    stage      TEXT    NOT NULL CHECK (stage IN ('identify', 'choose', 'chosen')),
    ends_at    INTEGER NOT NULL,
    key_name   TEXT    NOT NULL,
    body       BLOB    NOT NULL,
    offers     TEXT,
    choice     TEXT,
    CHECK ((stage = 'identify') = (offers IS NULL)),
    CHECK ((stage = 'chosen') = (choice IS NOT NULL))
) WITHOUT ROWID;

CREATE TRIGGER financing_choice_stays BEFORE UPDATE OF choice, offers ON financing
    WHEN OLD.choice IS NOT NULL AND (NEW.choice IS NULL OR NEW.choice <> OLD.choice OR NEW.offers <> OLD.offers)
BEGIN
    SELECT RAISE(ABORT, 'what a buyer picked never changes');
END;

CREATE TRIGGER financing_that_was_sent_stays BEFORE DELETE ON financing WHEN OLD.stage = 'chosen'
BEGIN
    SELECT RAISE(ABORT, 'what an attempt was sent with is never deleted');
END;

-- A hold is captured or let go, each dollar of it once; and no more comes back than was captured.
CREATE TRIGGER operation_within_hold BEFORE INSERT ON operation
    WHEN NEW.state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded')
         AND (SELECT rail FROM attempt WHERE id = NEW.attempt_id) = 'flexiti'
BEGIN
    SELECT RAISE(ABORT, 'more would be captured or let go than is held, or given back than was captured')
    WHERE NEW.amount_minor
              + (SELECT COALESCE(SUM(amount_minor), 0) FROM operation
                 WHERE attempt_id = NEW.attempt_id
                   AND (kind IN ('capture', 'release')) = (NEW.kind IN ('capture', 'release'))
                   AND state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded'))
          > CASE WHEN NEW.kind IN ('capture', 'release')
                 THEN COALESCE((SELECT confirmed_minor FROM attempt WHERE id = NEW.attempt_id), 0)
                 ELSE (SELECT COALESCE(SUM(amount_minor), 0) FROM operation
                       WHERE attempt_id = NEW.attempt_id AND kind = 'capture' AND state = 'succeeded') END;
END;

CREATE TRIGGER operation_stays_within_hold BEFORE UPDATE OF state ON operation
    WHEN NEW.state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded')
         AND (SELECT rail FROM attempt WHERE id = NEW.attempt_id) = 'flexiti'
BEGIN
    SELECT RAISE(ABORT, 'more would be captured or let go than is held, or given back than was captured')
    WHERE NEW.amount_minor
              + (SELECT COALESCE(SUM(amount_minor), 0) FROM operation
                 WHERE attempt_id = NEW.attempt_id
                   AND id <> NEW.id
                   AND (kind IN ('capture', 'release')) = (NEW.kind IN ('capture', 'release'))
                   AND state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded'))
          > CASE WHEN NEW.kind IN ('capture', 'release')
                 THEN COALESCE((SELECT confirmed_minor FROM attempt WHERE id = NEW.attempt_id), 0)
                 ELSE (SELECT COALESCE(SUM(amount_minor), 0) FROM operation
                       WHERE attempt_id = NEW.attempt_id AND kind = 'capture' AND state = 'succeeded') END;
END;
