-- A tip that the buyer adds to the session's total, and the reference of an earlier attempt under which a
-- later one goes out.

ALTER TABLE attempt ADD COLUMN tip_minor BIGINT NOT NULL DEFAULT 0
    CHECK (tip_minor >= 0 AND tip_minor <= amount_minor - tip_minor AND (tip_minor = 0 OR rail = 'flux'));

ALTER TABLE attempt ADD COLUMN carried_reference TEXT;

CREATE INDEX attempt_carried ON attempt (carried_reference) WHERE carried_reference IS NOT NULL;

-- Two attempts under one reference are one payment at the provider: of the same session, and the earlier one
-- was never executed.
CREATE FUNCTION attempt_carries_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM attempt
                   WHERE COALESCE(carried_reference, reference) = NEW.carried_reference
                     AND session_id = NEW.session_id
                     AND rail = NEW.rail
                     AND state = 'not_executed') THEN
        RAISE EXCEPTION 'a reference is carried on in its own session and rail, from an attempt that was not executed'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER attempt_carries_on BEFORE INSERT ON attempt
    FOR EACH ROW WHEN (NEW.carried_reference IS NOT NULL)
    EXECUTE FUNCTION attempt_carries_on();

CREATE TRIGGER attempt_stays_as_asked
    BEFORE UPDATE OF id, session_id, rail, reference, carried_reference, amount_minor, tip_minor, currency ON attempt
    FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite('what an attempt was asked for never changes');
