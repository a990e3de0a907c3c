-- What waits for the buyer of an attempt before anything is sent, and what it takes to read the attempt back.
-- `body` is sealed.
CREATE TABLE financing (
    attempt_id TEXT   PRIMARY KEY REFERENCES attempt (id),
    stage      TEXT   NOT NULL CHECK (stage IN ('identify', 'choose', 'chosen')),
    ends_at    BIGINT NOT NULL,
    key_name   TEXT   NOT NULL,
    body       BYTEA  NOT NULL,
    offers     TEXT,
    choice     TEXT,
    CHECK ((stage = 'identify') = (offers IS NULL)),
    CHECK ((stage = 'chosen') = (choice IS NOT NULL))
);

CREATE TRIGGER financing_choice_stays BEFORE UPDATE OF choice, offers ON financing
    FOR EACH ROW WHEN (OLD.choice IS NOT NULL
                       AND (NEW.choice IS DISTINCT FROM OLD.choice OR NEW.offers IS DISTINCT FROM OLD.offers))
    EXECUTE FUNCTION refuse_to_rewrite('what a buyer picked never changes');

CREATE TRIGGER financing_that_was_sent_stays BEFORE DELETE ON financing
    FOR EACH ROW WHEN (OLD.stage = 'chosen')
    EXECUTE FUNCTION refuse_to_rewrite('what an attempt was sent with is never deleted');

-- A hold is captured or let go, each dollar of it once; and no more comes back than was captured. The
-- attempt's row is taken first, so that two at once see each other.
CREATE FUNCTION operation_within_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held BIGINT;
    used NUMERIC;
BEGIN
    IF NEW.state NOT IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded') THEN
        RETURN NEW;
    END IF;
    SELECT confirmed_minor INTO held FROM attempt WHERE id = NEW.attempt_id AND rail = 'flexiti' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NEW;
    END IF;
    IF NEW.kind NOT IN ('capture', 'release') THEN
        SELECT COALESCE(SUM(amount_minor), 0) INTO held FROM operation
            WHERE attempt_id = NEW.attempt_id AND kind = 'capture' AND state = 'succeeded';
    END IF;
    SELECT COALESCE(SUM(amount_minor), 0) INTO used FROM operation
        WHERE attempt_id = NEW.attempt_id
          AND id <> NEW.id
          AND (kind IN ('capture', 'release')) = (NEW.kind IN ('capture', 'release'))
          AND state IN ('new', 'prepared', 'sent', 'unknown', 'review', 'succeeded');
    IF used + NEW.amount_minor > COALESCE(held, 0) THEN
        RAISE EXCEPTION 'more would be captured or let go than is held, or given back than was captured'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER operation_within_hold BEFORE INSERT OR UPDATE OF state ON operation
    FOR EACH ROW EXECUTE FUNCTION operation_within_hold();
