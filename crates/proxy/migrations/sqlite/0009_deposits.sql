-- Money that a customer brings to a shop, put into their account. The text of the schema is changed, as 0003 does
-- it; the rows are not touched.
PRAGMA writable_schema = ON;

UPDATE sqlite_schema
SET sql = replace(sql, '''subscription'', ''subscription_payment''', '''subscription'', ''subscription_payment'', ''deposit''')
WHERE type = 'table' AND name = 'errand';

PRAGMA writable_schema = RESET;

-- Nothing but the text that was meant was changed, or this fails.
CREATE TABLE written (tables INTEGER NOT NULL CHECK (tables = 1)) STRICT;
INSERT INTO written SELECT COUNT(*) FROM sqlite_schema
    WHERE name = 'errand' AND sql LIKE '%''subscription'', ''subscription\_payment'', ''deposit''))%' ESCAPE '\';
DROP TABLE written;
