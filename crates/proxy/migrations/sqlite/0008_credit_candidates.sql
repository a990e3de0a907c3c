-- Which credits in review may be whose, to be found by the attempt: what a buyer waits for must not take longer the
-- more credits somebody at the merchant has yet to look at. The list in the credit stays what is said of it.
CREATE TABLE credit_candidate (
    attempt_id TEXT NOT NULL REFERENCES attempt (id),
    credit_id  TEXT NOT NULL REFERENCES credit (id),

    PRIMARY KEY (attempt_id, credit_id)
) STRICT, WITHOUT ROWID;

INSERT INTO credit_candidate (attempt_id, credit_id)
    SELECT DISTINCT candidate.value, credit.id FROM credit, json_each(credit.candidates) AS candidate
    WHERE credit.candidates IS NOT NULL;
