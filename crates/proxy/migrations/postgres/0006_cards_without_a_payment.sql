-- A card may be saved without a payment that it came with.
ALTER TABLE saved_card ALTER COLUMN attempt_id DROP NOT NULL;
