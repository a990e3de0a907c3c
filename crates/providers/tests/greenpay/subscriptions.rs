//! The answers about subscriptions, by changing one thing in a documented answer.

use serde_json::{Value, json};
use ventanilla_providers::greenpay::status::SubscriptionChange;
use ventanilla_providers::greenpay::{
    Cadence, CadenceUnit, ChargeResult, Day, ListedApproval, Moment, NewSubscription, Page,
    SubscriptionAnswer, SubscriptionApproval, SubscriptionFilter, SubscriptionId,
    SubscriptionPayment, SubscriptionStatus, status,
};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    KEY, SECRET, SUBSCRIPTION, card_token, client, crc, fixture, fixture_json, new_subscription,
    subscription,
};
use crate::wire_server::{Act, WireServer, json as answer};

fn changed(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut body = fixture_json(name)["body"].clone();
    change(&mut body);
    body.to_string()
}

#[track_caller]
fn assert_unknown<T: std::fmt::Debug>(outcome: Outcome<T>, cause: Cause, body: &str) {
    assert!(
        matches!(outcome, Outcome::Unknown(found) if found == cause),
        "{outcome:?}, not {cause:?}: {body}"
    );
}

#[test]
fn a_created_subscription_has_a_name_and_the_day_of_its_next_charge() {
    let (http_status, body) = fixture("subscription_created");
    let outcome = status::created_subscription(http_status, &body);
    let Outcome::Definite(created) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(created.id, subscription());
    assert_eq!(created.next_payment, Day::parse("2026-12-01"));
}

#[test]
fn a_subscription_is_created_only_by_the_whole_answer() {
    for (spoil, cause) in [
        (
            (|b| b["subscriptionId"] = Value::Null) as fn(&mut Value),
            Cause::Shape("subscriptionId"),
        ),
        (
            |b| b["subscriptionId"] = json!(7),
            Cause::Shape("subscriptionId"),
        ),
        (|b| b["status"] = json!(201), Cause::Shape("subscriptionId")),
        (|b| b["status"] = json!(500), Cause::UnknownError),
        (|b| b["status"] = json!("SUCCESS"), Cause::UnknownError),
        (|b| b["errors"] = json!(["?"]), Cause::Contradiction),
        (
            |b| b["result"] = json!({"success": false}),
            Cause::Contradiction,
        ),
        (|b| b["result"] = json!(["?"]), Cause::Contradiction),
    ] {
        let body = changed("subscription_created", spoil);
        assert_unknown(status::created_subscription(200, &body), cause, &body);
    }
    for http_status in [202, 301, 404, 500, 504] {
        let body = changed("subscription_created", |_| {});
        let outcome = status::created_subscription(http_status, &body);
        assert_unknown(outcome, Cause::HttpStatus(http_status), &body);
    }
}

#[test]
fn a_first_payment_that_nobody_asked_for_is_not_overlooked() {
    let (http_status, body) = fixture("subscription_created_with_first_payment");
    let outcome = status::created_subscription(http_status, &body);
    assert_unknown(outcome, Cause::Contradiction, &body);
}

#[test]
fn documented_refusals_of_a_subscription_say_what_was_refused() {
    for (name, cause) in [
        ("create_order_unknown_merchant", Cause::Credentials),
        ("create_order_unknown_terminal", Cause::Terminal),
        ("get_token_invalid", Cause::CardToken),
        ("schema_violation", Cause::Validation),
    ] {
        let (http_status, body) = fixture(name);
        let created = status::created_subscription(http_status, &body).map(drop);
        let paid = status::subscription_payment(http_status, &body, &subscription()).map(drop);
        let card = card_token();
        let change = SubscriptionChange::Card(&card);
        let changed =
            status::subscription_change(http_status, &body, &subscription(), change).map(drop);
        let listed = status::subscriptions(http_status, &body).map(drop);
        for outcome in [created, paid, changed, listed] {
            assert!(
                matches!(outcome, Outcome::Rejected(found) if found == cause),
                "{name}: {outcome:?}"
            );
        }
    }
}

/// Each change, the fixture of its answer, and what was asked for.
fn each_change(mut look: impl FnMut(&str, SubscriptionChange<'_>)) {
    let card = card_token();
    look("subscription_cancelled", SubscriptionChange::Cancelled);
    look("subscription_card_changed", SubscriptionChange::Card(&card));
    look(
        "subscription_amount_changed",
        SubscriptionChange::Amount(crc(550_099)),
    );
}

#[test]
fn a_changed_subscription_says_what_it_is_now_and_nothing_of_the_secret() {
    each_change(|name, change| {
        let (http_status, body) = fixture(name);
        assert!(body.contains(SECRET), "{name} echoes the secret");
        let outcome = status::subscription_change(http_status, &body, &subscription(), change);
        assert!(!format!("{outcome:?}").contains(SECRET));
        let Outcome::Definite(SubscriptionAnswer::Done(state)) = outcome else {
            panic!("{name}: {outcome:?}");
        };
        let cancelled = matches!(change, SubscriptionChange::Cancelled);
        assert_eq!(
            state.status,
            if cancelled {
                SubscriptionStatus::Cancelled
            } else {
                SubscriptionStatus::Active
            }
        );
        let next = Moment::from_unix_secs(1_796_083_200);
        assert_eq!(state.next_payment, Some(next), "{name}");
    });
}

#[test]
fn a_change_is_done_only_by_its_own_words() {
    each_change(|name, change| {
        for (spoil, cause) in [
            (
                (|b| b["status"] = json!("success")) as fn(&mut Value),
                Cause::Shape("status"),
            ),
            (|b| b["status"] = json!(200), Cause::Shape("status")),
            (|b| b["code"] = json!(201), Cause::Shape("status")),
            (|b| b["status"] = json!("FAIL"), Cause::Contradiction),
            (|b| b["errors"] = json!(["?"]), Cause::Contradiction),
            (|b| b["result"] = json!({}), Cause::Shape("status")),
            (|b| b["result"] = json!([]), Cause::Shape("result")),
            (
                |b| b["result"]["status"] = Value::Null,
                Cause::Shape("status"),
            ),
            (
                |b| b["result"]["subscriptionId"] = json!("another"),
                Cause::Reference,
            ),
        ] {
            let body = changed(name, spoil);
            let outcome = status::subscription_change(200, &body, &subscription(), change);
            let Outcome::Unknown(found) = outcome else {
                panic!("{name} {outcome:?}: {body}");
            };
            let errors = body.contains(r#""errors":["?"]"#);
            assert!(found == cause || errors, "{found:?}, not {cause:?}: {body}");
        }
        for http_status in [202, 301, 404, 500, 503] {
            let body = changed(name, |_| {});
            let outcome = status::subscription_change(http_status, &body, &subscription(), change);
            assert_unknown(outcome, Cause::HttpStatus(http_status), &body);
        }
    });
}

#[test]
fn a_change_that_came_out_otherwise_than_asked_is_unknown() {
    let (id, card) = (subscription(), card_token());
    let body = changed("subscription_cancelled", |b| {
        b["result"]["status"] = json!("ACTIVE");
    });
    let outcome = status::subscription_change(200, &body, &id, SubscriptionChange::Cancelled);
    assert_unknown(outcome, Cause::NotFinal, &body);
    for tokens in [json!(["another"]), json!([]), json!("another")] {
        let body = changed("subscription_card_changed", |b| {
            b["result"]["card_tokens"] = tokens;
        });
        let outcome = status::subscription_change(200, &body, &id, SubscriptionChange::Card(&card));
        assert_unknown(outcome, Cause::Contradiction, &body);
    }
    for place in [
        "/result/amount",
        "/result/purchase_order/subscription/0/amount",
    ] {
        for amount in [json!(5500), json!("5500.98"), json!([])] {
            let body = changed("subscription_amount_changed", |b| {
                b["result"]["amount"] = json!(5500.99);
                *b.pointer_mut(place).unwrap() = amount;
            });
            let change = SubscriptionChange::Amount(crc(550_099));
            let outcome = status::subscription_change(200, &body, &id, change);
            assert_unknown(outcome, Cause::Amount, &body);
        }
    }
}

#[test]
fn a_change_survives_oddities_in_what_decides_nothing() {
    each_change(|name, change| {
        for odd in [
            (|b| b["code"] = Value::Null) as fn(&mut Value),
            |b| b["code"] = json!("200"),
            |b| b["errors"] = Value::Null,
            |b| b["result"]["subscriptionId"] = json!(SUBSCRIPTION),
            |b| b["result"]["next_payment"] = json!({}),
            |b| b["result"]["purchase_order"] = Value::Null,
            |b| b["result"]["card_tokens"] = Value::Null,
            |b| b["secret"] = json!(SECRET),
        ] {
            let body = changed(name, odd);
            let outcome = status::subscription_change(200, &body, &subscription(), change);
            assert!(
                matches!(outcome, Outcome::Definite(SubscriptionAnswer::Done(_))),
                "{outcome:?}: {body}"
            );
        }
    });
}

#[test]
fn a_refused_change_gives_the_provider_s_number_and_none_of_its_words() {
    each_change(|_, change| {
        let (http_status, body) = fixture("subscription_change_refused");
        let outcome = status::subscription_change(http_status, &body, &subscription(), change);
        let Outcome::Definite(SubscriptionAnswer::Refused { code }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(code.as_deref(), Some("404"));
        // Also under that number as HTTP status, and under no other.
        let outcome = status::subscription_change(404, &body, &subscription(), change);
        assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
        let outcome = status::subscription_change(500, &body, &subscription(), change);
        assert_unknown(outcome, Cause::HttpStatus(500), &body);
        for spoil in [
            (|b| b["result"] = json!({"status": "CANCELLED"})) as fn(&mut Value),
            |b| b["errors"] = json!([{"success": true}]),
            |b| b["subscriptionId"] = json!(SUBSCRIPTION),
        ] {
            let body = changed("subscription_change_refused", spoil);
            let outcome = status::subscription_change(200, &body, &subscription(), change);
            assert_unknown(outcome, Cause::Contradiction, &body);
        }
    });
}

fn paid(http_status: u16, body: &str) -> Outcome<SubscriptionPayment> {
    status::subscription_payment(http_status, body, &subscription())
}

#[test]
fn an_approved_charge_gives_the_reference_to_read_it_back_by() {
    let (http_status, body) = fixture("subscription_paid");
    let outcome = paid(http_status, &body);
    let Outcome::Definite(SubscriptionPayment::Approved(approval)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        approval,
        SubscriptionApproval {
            reference: format!("{SUBSCRIPTION}_2"),
            total: crc(125_050),
            authorization: "083215".to_owned(),
            status: Some(SubscriptionStatus::Active),
        }
    );
}

#[test]
fn a_charge_is_approved_only_by_the_whole_answer() {
    for (spoil, cause) in [
        (
            (|b| b["status"] = json!("FAIL")) as fn(&mut Value),
            Cause::NotFinal,
        ),
        (|b| b["status"] = json!(200), Cause::NotFinal),
        (|b| b["code"] = Value::Null, Cause::Contradiction),
        (|b| b["code"] = json!(500), Cause::Contradiction),
        (|b| b["errors"] = json!(["?"]), Cause::Contradiction),
        (
            |b| b["result"]["status"] = json!("pending"),
            Cause::NotFinal,
        ),
        (
            |b| b["result"]["status"] = Value::Null,
            Cause::Shape("status"),
        ),
        (
            |b| b["result"]["order"] = Value::Null,
            Cause::Shape("result"),
        ),
        (|b| b["result"]["order"] = json!([]), Cause::Shape("order")),
        (
            |b| b["result"]["order"]["subscriptionId"] = json!("another"),
            Cause::Reference,
        ),
        (
            |b| b["result"]["order"]["subscriptionId"] = Value::Null,
            Cause::Reference,
        ),
        (
            |b| b["result"]["order"]["order_reference"] = json!("another_2"),
            Cause::Reference,
        ),
        (
            |b| b["result"]["order"]["order_reference"] = json!(SUBSCRIPTION),
            Cause::Reference,
        ),
        (
            |b| b["result"]["order"]["amount"] = Value::Null,
            Cause::Amount,
        ),
        (
            |b| b["result"]["order"]["amount"] = json!("much"),
            Cause::Amount,
        ),
        (
            |b| b["result"]["order"]["currency"] = json!("XTS"),
            Cause::Currency,
        ),
        (
            |b| b["result"]["order"]["authorization"] = Value::Null,
            Cause::Shape("authorization"),
        ),
        (
            |b| b["result"]["order"]["errors"] = json!(["?"]),
            Cause::Contradiction,
        ),
    ] {
        let body = changed("subscription_paid", spoil);
        assert_unknown(paid(200, &body), cause, &body);
    }
    for http_status in [202, 301, 404, 500, 504] {
        let body = changed("subscription_paid", |_| {});
        let cause = Cause::HttpStatus(http_status);
        assert_unknown(paid(http_status, &body), cause, &body);
    }
}

#[test]
fn a_declined_charge_is_believed_only_without_a_word_to_the_contrary() {
    let (http_status, body) = fixture("subscription_pay_declined");
    let outcome = paid(http_status, &body);
    let Outcome::Definite(SubscriptionPayment::Declined { code }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(code.as_deref(), Some("51"));
    for (spoil, cause) in [
        (
            (|b| b["result"]["order"]["authorization"] = json!("083215")) as fn(&mut Value),
            Cause::Contradiction,
        ),
        (
            |b| b["result"]["order"]["details"]["resp_code"] = json!("00"),
            Cause::Contradiction,
        ),
        (
            |b| b["result"]["order"]["details"]["success"] = json!(true),
            Cause::Contradiction,
        ),
        (
            |b| b["result"]["order"]["details"]["resp_code"] = json!("899"),
            Cause::Reversed,
        ),
        (
            |b| b["result"]["order"]["subscriptionId"] = json!("another"),
            Cause::Reference,
        ),
        (|b| b["result"]["status"] = json!("failed"), Cause::NotFinal),
        (|b| b["status"] = json!(500), Cause::NotFinal),
    ] {
        let body = changed("subscription_pay_declined", spoil);
        assert_unknown(paid(200, &body), cause, &body);
    }
    let body = changed("subscription_pay_declined", |b| {
        b["result"]["order"]["details"] = json!("");
    });
    let outcome = paid(200, &body);
    assert!(
        matches!(
            outcome,
            Outcome::Definite(SubscriptionPayment::Declined { code: None })
        ),
        "{outcome:?}"
    );
}

#[test]
fn subscriptions_are_listed_with_what_is_known_of_them() {
    let (http_status, body) = fixture("subscriptions_listed");
    let outcome = status::subscriptions(http_status, &body);
    let Outcome::Definite(listed) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        (listed.total_entries, listed.total_pages),
        (Some(15), Some(1))
    );
    let [first, second] = listed.entries.as_slice() else {
        panic!("{:?}", listed.entries);
    };
    assert_eq!(first.id, subscription());
    assert_eq!(first.status, SubscriptionStatus::NotPaid);
    assert_eq!(first.user_id.as_deref(), Some("buyer-7"));
    assert_eq!(first.description.as_deref(), Some("Café del mes sub-2f9k"));
    assert_eq!(first.amount, Some(crc(125_050)));
    let monthly = Cadence {
        every: 1,
        unit: CadenceUnit::Month,
    };
    assert_eq!(first.cadence, Some(monthly));
    let starts = Moment::from_unix_secs(1_796_083_200);
    assert_eq!(
        (first.starts_at, first.next_payment),
        (Some(starts), Some(starts))
    );
    assert_eq!(first.ends_at, Some(Moment::from_unix_secs(1_827_619_200)));
    assert_eq!(second.amount, Some(crc(1000)));
    let fortnightly = Cadence {
        every: 15,
        unit: CadenceUnit::Day,
    };
    assert_eq!(second.cadence, Some(fortnightly));
}

#[test]
fn a_subscription_with_oddities_is_listed_without_them() {
    let body = changed("subscriptions_listed", |b| {
        let first = &mut b["result"]["entries"][0];
        first["status"] = json!("CANCELED");
        first["amount"] = json!({});
        first["cadence"] = json!("EVERY 0 MONTH");
        first["startdate"] = json!("soon");
        first["enddate"] = Value::Null;
        first["next_payment_date"] = json!("2026-12-01");
        b["result"]["entries"][1]["status"] = json!("SOMETHING <new>");
        b["result"]["totalPages"] = json!("1");
        b["result"]["totalEntries"] = json!(-1);
    });
    let Outcome::Definite(listed) = status::subscriptions(200, &body) else {
        panic!("{body}");
    };
    assert_eq!((listed.total_entries, listed.total_pages), (None, Some(1)));
    let first = &listed.entries[0];
    assert_eq!(first.status, SubscriptionStatus::Cancelled);
    assert_eq!((first.amount, first.cadence), (None, None));
    assert_eq!((first.starts_at, first.ends_at), (None, None));
    assert_eq!(
        first.next_payment,
        Some(Moment::from_unix_secs(1_796_083_200))
    );
    let odd = SubscriptionStatus::Other("SOMETHING ?new?".to_owned());
    assert_eq!(listed.entries[1].status, odd);
}

#[test]
fn a_list_with_an_entry_that_cannot_be_read_is_no_list() {
    for spoil in [
        (|b| b["result"]["entries"][1] = json!(7)) as fn(&mut Value),
        |b| b["result"]["entries"][1] = json!(["id", "ACTIVE"]),
        |b| b["result"]["entries"] = json!({}),
        |b| b["result"]["entries"] = Value::Null,
        |b| b["result"]["entries"][0]["id"] = json!("a b"),
        |b| b["result"]["entries"][0]["status"] = Value::Null,
    ] {
        let body = changed("subscriptions_listed", spoil);
        let outcome = status::subscriptions(200, &body);
        assert_unknown(outcome, Cause::Shape("entries"), &body);
    }
    for spoil in [
        (|b| b["result"]["entries"][1] = json!(7)) as fn(&mut Value),
        |b| b["result"]["entries"][0]["reference_number"] = Value::Null,
        |b| b["result"]["entries"][0]["reference_number"] = json!("a,b"),
        |b| b["result"]["entries"][0]["payment_retries"] = json!({}),
        |b| b["result"]["entries"][0]["payment_retries"] = json!([7]),
    ] {
        let body = changed("subscription_payments_listed", spoil);
        let outcome = status::subscription_payments(200, &body, &KEY);
        assert_unknown(outcome, Cause::Shape("entries"), &body);
    }
    for spoil in [
        (|b| b["status"] = json!("FAIL")) as fn(&mut Value),
        |b| b["code"] = json!(500),
        |b| b["status"] = Value::Null,
    ] {
        let body = changed("subscriptions_listed", spoil);
        assert!(
            matches!(status::subscriptions(200, &body), Outcome::Unknown(_)),
            "{body}"
        );
    }
}

#[test]
fn a_subscription_that_greenpay_does_not_know_is_told_apart_from_an_answer_that_proves_nothing() {
    let refusal = json!({
        "code": 404, "status": "FAIL", "result": {}, "errors": ["subscription not found"],
    });
    for http_status in [200, 404] {
        let outcome = status::subscription_payments(http_status, &refusal.to_string(), &KEY);
        assert!(
            matches!(outcome, Outcome::Rejected(Cause::NotFound)),
            "{outcome:?}"
        );
    }
    for (spoil, http_status) in [
        ((|b| b["code"] = json!(500)) as fn(&mut Value), 200),
        (|b| b["code"] = Value::Null, 200),
        (|b| b["status"] = json!("SUCCESS"), 200),
        (|b| b["result"] = json!({ "entries": [] }), 200),
        (|b| b["errors"] = json!([{ "success": true }]), 200),
        (|_| {}, 503),
    ] {
        let mut body = refusal.clone();
        spoil(&mut body);
        let outcome = status::subscription_payments(http_status, &body.to_string(), &KEY);
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "{body}: {outcome:?}"
        );
    }
}

/// What became of the second payment, and of the first one's retry.
fn results(body: &str) -> (ChargeResult, ChargeResult) {
    let outcome = status::subscription_payments(200, body, &KEY);
    let Outcome::Definite(listed) = outcome else {
        panic!("{outcome:?}: {body}");
    };
    (
        listed.entries[1].result.clone(),
        listed.entries[0].retries[0].result.clone(),
    )
}

fn approval() -> ListedApproval {
    ListedApproval {
        total: crc(125_050),
        authorization: Some("083215".to_owned()),
        last4: Some("1111".to_owned()),
    }
}

#[test]
fn payments_are_listed_with_what_became_of_each_try() {
    let (http_status, body) = fixture("subscription_payments_listed");
    let outcome = status::subscription_payments(http_status, &body, &KEY);
    let Outcome::Definite(listed) = outcome else {
        panic!("{outcome:?}");
    };
    let [first, second] = listed.entries.as_slice() else {
        panic!("{:?}", listed.entries);
    };
    assert_eq!(first.reference, format!("{SUBSCRIPTION}_1"));
    assert!(subscription().has_payment(&first.reference));
    assert_eq!(first.result, ChargeResult::Nothing);
    assert_eq!(first.approval(), None);
    let code = Some("51".to_owned());
    assert_eq!(first.retries[0].result, ChargeResult::Declined { code });
    assert_eq!(
        first.retries[0].tried_at,
        Some(Moment::from_unix_secs(1_793_514_752))
    );
    assert_eq!(second.approval(), Some(&approval()));
    assert!(second.retries.is_empty());
}

#[test]
fn a_listed_payment_is_approved_only_under_its_own_signature() {
    for spoil in [
        (|b| b["_signature"] = Value::Null) as fn(&mut Value),
        |b| b["_signature"] = json!(crate::given::sign("status:200,orderId:another")),
        |b| b["orderId"] = json!("another"),
        |b| b["status"] = json!(201),
        |b| b["result"]["success"] = json!(false),
        |b| b["result"]["resp_code"] = json!("51"),
        |b| b["result"] = Value::Null,
        |b| b["amount"] = Value::Null,
        |b| b["currency"] = json!("XTS"),
        |b| *b = json!([]),
        |b| *b = json!("approved"),
    ] {
        let body = changed("subscription_payments_listed", |b| {
            spoil(&mut b["result"]["entries"][1]["payment_result"]);
        });
        assert_eq!(results(&body).0, ChargeResult::Unproven, "{body}");
    }
}

#[test]
fn a_retry_that_was_approved_pays_its_payment() {
    let body = changed("subscription_payments_listed", |b| {
        let mut paid = b["result"]["entries"][1]["payment_result"].clone();
        let reference = format!("{SUBSCRIPTION}_1");
        paid["orderId"] = json!(reference);
        paid["_signature"] = json!(crate::given::sign(&format!(
            "status:200,orderId:{reference}"
        )));
        b["result"]["entries"][0]["payment_retries"][0]["attemp_result"] = paid;
    });
    let Outcome::Definite(listed) = status::subscription_payments(200, &body, &KEY) else {
        panic!("{body}");
    };
    assert_eq!(listed.entries[0].approval(), Some(&approval()));
}

#[test]
fn a_listed_decline_that_says_otherwise_elsewhere_proves_nothing() {
    for spoil in [
        (|b| b["authorization"] = json!("083215")) as fn(&mut Value),
        |b| b["result"]["resp_code"] = json!("00"),
        |b| b["result"]["resp_code"] = json!("899"),
        |b| b["result"]["success"] = json!(true),
        |b| b["orderId"] = json!("another"),
        |b| b["status"] = Value::Null,
    ] {
        let body = changed("subscription_payments_listed", |b| {
            spoil(&mut b["result"]["entries"][0]["payment_retries"][0]["attemp_result"]);
        });
        assert_eq!(results(&body).1, ChargeResult::Unproven, "{body}");
    }
}

#[test]
fn the_reference_of_a_subscription_s_payment_is_told_from_any_other() {
    let id = subscription();
    for reference in ["_0", "_1", "_999999999"] {
        assert!(id.has_payment(&format!("{SUBSCRIPTION}{reference}")));
    }
    for reference in ["", "_", "1", "_1a", "_-1", "_1_1", "_1234567890"] {
        assert!(!id.has_payment(&format!("{SUBSCRIPTION}{reference}")));
    }
    assert!(!id.has_payment("another_1"));
    for text in ["", "a b", "a,b", "ñ", &"a".repeat(65)] {
        assert!(SubscriptionId::parse(text).is_none(), "{text:?}");
    }
}

#[tokio::test]
async fn what_no_subscription_can_have_is_not_sent() {
    let server = WireServer::start(vec![Act::Send(answer(200, "{}"))]).await;
    let client = client(&server.url);
    let odd = |change: fn(&mut NewSubscription)| {
        let mut subscription = new_subscription();
        change(&mut subscription);
        subscription
    };
    for (subscription, field) in [
        (odd(|s| s.user_id.clear()), "user_id"),
        (odd(|s| s.user_id = "x".repeat(101)), "user_id"),
        (odd(|s| s.user_id.push('\n')), "user_id"),
        (odd(|s| s.description.clear()), "description"),
        (odd(|s| s.description = "x".repeat(256)), "description"),
        (odd(|s| s.amount = crc(0)), "amount"),
        (odd(|s| s.every_months = 0), "every_months"),
        (odd(|s| s.ends_at = s.starts_at), "ends_at"),
    ] {
        let outcome = client.create_subscription(&subscription).await;
        assert!(
            matches!(outcome, Outcome::NotSent(Cause::Request(found)) if found == field),
            "{field}: {outcome:?}"
        );
    }
    let id = subscription();
    for (outcome, field) in [
        (client.cancel_subscription(&id, "", "why").await, "user"),
        (client.cancel_subscription(&id, "who", "").await, "reason"),
        (
            client
                .change_subscription_card(&id, "", &card_token())
                .await,
            "user",
        ),
        (
            client.change_subscription_amount(&id, "who", crc(0)).await,
            "amount",
        ),
    ] {
        assert!(
            matches!(outcome, Outcome::NotSent(Cause::Request(found)) if found == field),
            "{field}: {outcome:?}"
        );
    }
    let other = SubscriptionFilter {
        statuses: vec![SubscriptionStatus::Other("ODD".to_owned())],
        ..SubscriptionFilter::default()
    };
    let first = Page { number: 1, size: 1 };
    let listed = client.subscriptions(&other, first).await;
    assert!(
        matches!(listed, Outcome::NotSent(Cause::Request("status"))),
        "{listed:?}"
    );
    for (number, size) in [(0, 1), (1, 0), (1, 101)] {
        let page = Page { number, size };
        let listed = client.subscription_payments(&id, page).await;
        assert!(
            matches!(listed, Outcome::NotSent(Cause::Request("page"))),
            "{listed:?}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_may_be_done_twice_is_tried_again_after_a_broken_connection() {
    for name in ["subscription_cancelled", "subscriptions_listed"] {
        let (status, body) = fixture(name);
        let server = WireServer::start(vec![
            Act::ResetAfterRequest,
            Act::Send(answer(status, &body)),
        ])
        .await;
        let client = client(&server.url);
        let (id, everything) = (subscription(), SubscriptionFilter::default());
        let done = if name == "subscription_cancelled" {
            let outcome = client.cancel_subscription(&id, "who", "why").await;
            matches!(outcome, Outcome::Definite(_))
        } else {
            let page = Page { number: 1, size: 9 };
            let outcome = client.subscriptions(&everything, page).await;
            matches!(outcome, Outcome::Definite(_))
        };
        assert!(done, "{name}");
        assert_eq!(server.requests().len(), 2);
    }
}
