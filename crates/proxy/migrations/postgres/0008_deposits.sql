-- Money that a customer brings to a shop, put into their account.
ALTER TABLE errand DROP CONSTRAINT errand_kind_check;

ALTER TABLE errand ADD CONSTRAINT errand_kind_check
    CHECK (kind IN ('cash_out', 'bulk', 'subscription', 'subscription_payment', 'deposit'));
