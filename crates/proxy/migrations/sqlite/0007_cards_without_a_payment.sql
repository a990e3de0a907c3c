-- A card may be saved without a payment that it came with. The text of the schema is changed, as 0003 does it;
-- the rows are not touched.
PRAGMA writable_schema = ON;

UPDATE sqlite_schema
SET sql = replace(sql, 'attempt_id   TEXT    NOT NULL UNIQUE REFERENCES attempt (id)',
                       'attempt_id   TEXT    UNIQUE REFERENCES attempt (id)')
WHERE type = 'table' AND name = 'saved_card';

PRAGMA writable_schema = RESET;

-- Nothing but the text that was meant was changed, or this fails.
CREATE TABLE written (tables INTEGER NOT NULL CHECK (tables = 1)) STRICT;
INSERT INTO written SELECT COUNT(*) FROM sqlite_schema
    WHERE name = 'saved_card' AND sql LIKE '%attempt_id   TEXT    UNIQUE REFERENCES attempt (id)%';
DROP TABLE written;
