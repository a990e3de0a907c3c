//! Many payments in one call.

use serde_json::json;
use ventanilla_sandbox::{DebitState, Fault, Kind, Operation};

use crate::support::{Seen, Shop, VISA, see};

#[tokio::test]
async fn each_payment_of_a_bulk_is_a_debit_that_is_read_back_by_its_own_reference() {
    let shop = Shop::open().await;
    let good = shop.card_token("req-good", VISA).await;
    let bad = shop.card_token("req-bad", "4000000000044828").await;
    let taken = shop
        .bulk(&[("ref-1", &good), ("ref-2", &bad), ("ref-3", "nobody's")])
        .await;
    assert_eq!(taken.body["status"], 200);
    assert_eq!(shop.state("ref-1").await.as_deref(), Some("approved"));
    assert_eq!(shop.state("ref-2").await, None);
    assert_eq!(shop.state("ref-3").await, None);

    let ledger = shop.sandbox.ledger();
    let debits: Vec<_> = ledger
        .debits
        .iter()
        .map(|debit| (debit.reference.as_str(), debit.state, debit.count))
        .collect();
    assert_eq!(
        debits,
        [
            ("ref-1", DebitState::Approved, 1),
            ("ref-2", DebitState::Declined, 1)
        ]
    );
    let [bulk] = ledger.bulks.as_slice() else {
        panic!("{:?}", ledger.bulks);
    };
    assert_eq!(json!(bulk.id), taken.body["bulkId"]);
    assert_eq!(bulk.references, ["ref-1", "ref-2", "ref-3"]);
    assert_eq!(bulk.not_asked, ["ref-3"]);
    for debit in &ledger.debits {
        assert_eq!(debit.bulk_id.as_ref(), Some(&bulk.id));
        assert_eq!(debit.operation, Operation::Bulk);
    }
}

#[tokio::test]
async fn a_bulk_that_is_sent_twice_takes_everything_twice_and_the_ledger_says_so() {
    let shop = Shop::open().await;
    let token = shop.card_token("req-good", VISA).await;
    for _ in 0..2 {
        shop.bulk(&[("ref-1", &token), ("ref-2", &token)]).await;
    }
    let ledger = shop.sandbox.ledger();
    let counts: Vec<_> = ledger.debits.iter().map(|debit| debit.count).collect();
    assert_eq!(counts, [1, 1, 2, 2]);
    assert_eq!(ledger.bulks.len(), 2);
}

#[tokio::test]
async fn a_bulk_that_fits_no_schema_or_has_no_right_to_is_not_executed() {
    let shop = Shop::open().await;
    let token = shop.card_token("req-good", VISA).await;
    assert_eq!(shop.bulk(&[]).await.http, 400);
    let request = shop.with_credentials(json!({
        "terminal": "nowhere",
        "currency": "CRC",
        "payments": [{ "orderReference": "ref-1", "amount": 10, "token": [token] }],
    }));
    let refused = shop.merchant("/bulk", &request).await;
    assert_eq!(refused.error(), "Bank entity doesn't exist");
    let mut request = request;
    request["payments"][0]["token"] = json!([]);
    let violation = shop.merchant("/bulk", &request).await;
    assert_eq!(violation.http, 400);
    assert_eq!(violation.body[0]["keyword"], "minItems");
    assert_eq!(violation.body[0]["dataPath"], ".payments[0].token");
    assert!(shop.sandbox.ledger().debits.is_empty());
}

#[tokio::test]
async fn a_bulk_meets_faults_and_its_payments_may_be_seen_late() {
    let shop = Shop::open().await;
    let token = shop.card_token("req-good", VISA).await;
    shop.arm(Fault::once(Operation::Bulk, Kind::ResetAfter))
        .await;
    let url = format!("{}/bulk", shop.sandbox.merchant_url);
    let request = shop.with_credentials(json!({
        "terminal": shop.sandbox.credentials().terminal,
        "currency": "CRC",
        "payments": [{ "orderReference": "ref-lost", "amount": 10, "token": [token] }],
    }));
    assert_eq!(
        see(shop.send(&url, None, &request).await).await,
        Seen::Broken
    );
    assert_eq!(shop.state("ref-lost").await.as_deref(), Some("approved"));
    let call = shop
        .sandbox
        .ledger()
        .calls_of(Operation::Bulk)
        .next()
        .cloned();
    assert!(call.unwrap().executed);

    shop.arm(Fault::once(Operation::Bulk, Kind::DelayVisibility).for_ms(60_000))
        .await;
    shop.bulk(&[("ref-late", &token)]).await;
    assert_eq!(shop.state("ref-late").await, None);
    shop.sandbox.move_clock(std::time::Duration::from_secs(61));
    assert_eq!(shop.state("ref-late").await.as_deref(), Some("approved"));
}
