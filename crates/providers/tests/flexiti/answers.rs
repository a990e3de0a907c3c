//! What proves that something was done, or refused, and what does not.

use serde_json::{Value, json};
use ventanilla_providers::flexiti::{
    Client, Decision, OnlineAuthorization, Part, Refusal, RefusalClass, Release, Return,
};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    Way, authorization_id, changed, client, customer_token, dollars, flow, online, release,
    returning, text,
};
use crate::provider::Provider;

/// What comes of the good answer to `way` with these changes.
async fn with(
    client: &Client,
    script: &crate::provider::Script,
    way: Way,
    changes: &[(&str, Value)],
) -> Outcome<Decision<()>> {
    script.say(200, &changed(way.done_file(), changes));
    way.call(client).await
}

#[tokio::test]
async fn money_is_moved_only_by_an_answer_about_our_reference_and_amount() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let holds = Way::AuthorizeOnline;
    for (way, field, to, cause) in [
        (holds, "reference", json!("order-0002"), Cause::Reference),
        (holds, "reference", Value::Null, Cause::Reference),
        (holds, "amount", json!(4999.99), Cause::Amount),
        (holds, "amount", json!("5000.001"), Cause::Amount),
        (holds, "amount", Value::Null, Cause::Amount),
        (
            holds,
            "authorization_id",
            json!(0),
            Cause::Shape("authorization_id"),
        ),
        (
            holds,
            "authorization_id",
            Value::Null,
            Cause::Shape("authorization_id"),
        ),
        (holds, "status", json!("closed"), Cause::Shape("status")),
        (
            holds,
            "status",
            json!("unauthorized"),
            Cause::Shape("status"),
        ),
        (holds, "status", Value::Null, Cause::Shape("status")),
        (holds, "auto_capture", json!(true), Cause::Contradiction),
        (
            holds,
            "capture",
            json!({"capture_id": 1, "amount": 5000, "status": "active"}),
            Cause::Contradiction,
        ),
        (holds, "capture", json!([]), Cause::Shape("capture")),
        (
            holds,
            "financing_option",
            json!({"transaction_type": "regular_purchase"}),
            Cause::Contradiction,
        ),
        (
            holds,
            "financing_option",
            json!({"transaction_type": "promotional_purchase", "plan_id": 4, "term": 12}),
            Cause::Contradiction,
        ),
        (holds, "error", json!("general_error"), Cause::Contradiction),
        (
            Way::AuthorizeInStore,
            "capture",
            Value::Null,
            Cause::Shape("capture"),
        ),
        (
            Way::AuthorizeInStore,
            "capture",
            json!({"capture_id": 1, "amount": 999.99, "status": "active"}),
            Cause::Amount,
        ),
        (
            Way::AuthorizeInStore,
            "status",
            json!("opened"),
            Cause::Shape("status"),
        ),
        (
            Way::Capture,
            "reference",
            json!("order-0002"),
            Cause::Reference,
        ),
        (
            Way::Capture,
            "authorization_id",
            json!(900_003),
            Cause::Shape("authorization_id"),
        ),
        (
            Way::Capture,
            "capture_id",
            Value::Null,
            Cause::Shape("capture_id"),
        ),
        (Way::Capture, "amount", json!(2000.11), Cause::Amount),
        (
            Way::Capture,
            "status",
            json!("pending"),
            Cause::Shape("status"),
        ),
        (Way::Release, "reference", Value::Null, Cause::Reference),
        (
            Way::Release,
            "authorization_id",
            Value::Null,
            Cause::Shape("authorization_id"),
        ),
        (
            Way::Release,
            "release_id",
            json!("x"),
            Cause::Shape("release_id"),
        ),
        (Way::Release, "amount", json!(500), Cause::Amount),
        (
            Way::Release,
            "full_release",
            json!(true),
            Cause::Contradiction,
        ),
        (Way::Return, "reference", json!(7), Cause::Reference),
        (
            Way::Return,
            "capture_id",
            json!(700_003),
            Cause::Shape("capture_id"),
        ),
        (
            Way::Return,
            "return_id",
            Value::Null,
            Cause::Shape("return_id"),
        ),
        (Way::Return, "amount", json!(1000.01), Cause::Amount),
        (
            Way::Return,
            "full_return",
            json!(true),
            Cause::Contradiction,
        ),
    ] {
        let outcome = with(&client, &script, way, &[(field, to.clone())]).await;
        assert!(
            matches!(&outcome, Outcome::Unknown(found) if *found == cause),
            "{way:?} {field} {to}: {outcome:?}"
        );
        let outcome = with(&client, &script, way, &[]).await;
        assert!(
            matches!(outcome, Outcome::Definite(Decision::Done(()))),
            "{way:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn what_decides_nothing_spoils_nothing() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for way in [
        Way::AuthorizeOnline,
        Way::Capture,
        Way::Release,
        Way::Return,
    ] {
        for (field, to) in [
            ("date", json!("soon")),
            ("message", json!(7)),
            ("username", json!([])),
            ("fees", json!("none")),
            ("annual_rates", json!([{"rate": "much"}])),
            ("merchant_information", json!(1)),
            ("customer", json!(null)),
            ("term_amount", json!("x")),
            ("remaining_authorization_amount", json!(null)),
            ("expiration_date", json!(0)),
            ("added_later", json!({"a": [1]})),
        ] {
            let outcome = with(&client, &script, way, &[(field, to)]).await;
            assert!(
                matches!(outcome, Outcome::Definite(_)),
                "{way:?} {field}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn all_of_it_means_that_nothing_is_left() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let order = Release {
        part: Part::All,
        ..release()
    };
    for (left, is_done) in [(json!(0), true), (Value::Null, true), (json!(0.01), false)] {
        script.say(
            200,
            &changed(
                "release_response_full.json",
                &[("remaining_authorization_amount", left)],
            ),
        );
        let outcome = client.release(flow(), &order).await;
        assert_eq!(
            matches!(outcome, Outcome::Definite(Decision::Done(_))),
            is_done,
            "{outcome:?}"
        );
    }
    let order = Return {
        part: Part::All,
        ..returning()
    };
    for (left, is_done) in [(json!(0), true), (json!(1000.1), false)] {
        let changes = [
            ("full_return", json!(true)),
            ("remaining_capture_amount", left),
        ];
        script.say(200, &changed("return_response.json", &changes));
        let outcome = client.return_capture(flow(), &order).await;
        assert_eq!(
            matches!(outcome, Outcome::Definite(Decision::Done(_))),
            is_done,
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_code_decides_and_not_the_status_beside_it() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for status in [400, 404, 409, 422] {
        for way in Way::ALL.into_iter().filter(|way| !way.is_harmless()) {
            script.say(status, &text("error_credit_exceeded.json"));
            let outcome = way.call(&client).await;
            let refusal = Refusal {
                class: RefusalClass::Credit,
                code: "credit_exceeded",
            };
            assert!(
                matches!(&outcome, Outcome::Definite(Decision::Refused(found)) if *found == refusal),
                "{way:?} {status}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_set_up_that_does_not_allow_it_is_no_decline() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for code in ["invalid_role", "external_location_id_not_found"] {
        for way in Way::ALL {
            script.say(409, &json!({ "message": "x", "error": code }).to_string());
            let outcome = way.call(&client).await;
            assert!(
                matches!(outcome, Outcome::Rejected(Cause::Setup)),
                "{way:?}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_error_that_proves_nothing_leaves_money_unknown_and_a_read_undone() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for (status, body, cause) in [
        (409, r#"{"error":"brand_new_code"}"#, Cause::UnknownError),
        (409, r#"{"error":"generic_error"}"#, Cause::Refused),
        (404, r#"{"error":""}"#, Cause::UnknownError),
    ] {
        for way in Way::ALL {
            script.say(status, body);
            let outcome = way.call(&client).await;
            let is_expected = match &outcome {
                Outcome::Rejected(found) => way.is_harmless() && *found == cause,
                Outcome::Unknown(found) => !way.is_harmless() && *found == cause,
                _ => false,
            };
            assert!(is_expected, "{way:?} {body}: {outcome:?}");
        }
    }
    for (status, body) in [
        (409, "{}"),
        (404, r#"{"error":7}"#),
        (409, r#"{"message":"credit_exceeded"}"#),
        (409, r#"["credit_exceeded"]"#),
        (500, r#"{"error":"credit_exceeded"}"#),
        (501, r#"{"error":"not_found"}"#),
        (429, r#"{"error":"not_permitted"}"#),
        (302, r#"{"error":"not_permitted"}"#),
    ] {
        for way in Way::ALL {
            script.say(status, body);
            let outcome = way.call(&client).await;
            let cause = Cause::HttpStatus(status);
            assert!(
                matches!(&outcome, Outcome::Unknown(found) if *found == cause),
                "{way:?} {status} {body}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_firewall_turns_away_as_the_door_does() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for status in [403, 465, 466, 467] {
        for way in Way::ALL {
            script.say(status, "<html>");
            let outcome = way.call(&client).await;
            assert!(
                matches!(outcome, Outcome::Rejected(Cause::Forbidden)),
                "{way:?} {status}: {outcome:?}"
            );
        }
    }
    script.say(464, "<html>");
    let outcome = Way::Capture.call(&client).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::HttpStatus(464))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_detail_with_a_piece_that_cannot_be_read_is_none_at_all() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let id = authorization_id("900002");
    for (list, piece) in [
        ("captures", json!([{"capture_id": 1, "amount": "x"}])),
        ("captures", json!([7])),
        ("captures", json!("none")),
        ("returns", json!([{"amount": 1}])),
        ("releases", json!([null])),
    ] {
        script.say(
            200,
            &changed("authorization_get_response_opened.json", &[(list, piece)]),
        );
        let outcome = client.authorization(flow(), &id).await;
        assert!(
            matches!(&outcome, Outcome::Unknown(Cause::Shape(found)) if *found == list),
            "{outcome:?}"
        );
    }
    script.say(
        200,
        &changed(
            "authorization_get_response_opened.json",
            &[("authorization_id", json!(900_003))],
        ),
    );
    let outcome = client.authorization(flow(), &id).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Shape("authorization_id"))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_detail_says_when_its_lists_and_totals_differ() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for (field, to, expected) in [
        ("captures", json!([]), Some(false)),
        ("returns", json!(null), Some(false)),
        ("releases", json!([]), Some(false)),
        ("remaining_amount", json!(2499.86), Some(false)),
        ("amount", json!(5000.01), Some(false)),
        ("captured_amount", json!(null), None),
        ("returned_amount", json!("x"), None),
    ] {
        script.say(
            200,
            &changed("authorization_get_response_opened.json", &[(field, to)]),
        );
        let outcome = client
            .authorization(flow(), &authorization_id("900002"))
            .await;
        let Outcome::Definite(Some(found)) = outcome else {
            panic!("{field}")
        };
        assert_eq!(found.adds_up(), expected, "{field}");
    }
}

#[tokio::test]
async fn offers_are_for_what_was_asked_and_those_in_doubt_are_left_out_and_counted() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let token = customer_token();
    let file = "calculate_interest_response.json";
    let ask = async || {
        client
            .calculate_interest(flow(), &token, &crate::given::account(), dollars(100_000))
            .await
    };
    for (field, to, cause) in [
        ("amount", json!(999.99), Cause::Amount),
        ("amount", Value::Null, Cause::Amount),
        ("account_number", json!(10_000_002), Cause::Contradiction),
        (
            "promotional_purchase",
            json!({}),
            Cause::Shape("promotional_purchase"),
        ),
    ] {
        script.say(200, &changed(file, &[(field, to)]));
        let outcome = ask().await;
        assert!(
            matches!(&outcome, Outcome::Unknown(found) if *found == cause),
            "{field}: {outcome:?}"
        );
    }
    let term = |change: (&str, Value)| {
        let mut term = json!({"term": 6, "term_amount": 1, "fees": [], "annual_rates": null});
        term[change.0] = change.1;
        json!([{"plan_id": 4, "plan_name": null, "terms": [term]}])
    };
    for (plans, readable) in [
        (term(("term", json!("6"))), true),
        (term(("term", json!(0))), false),
        (term(("term_amount", json!(171.561))), false),
        (term(("fees", json!([{"type": "admin_total"}]))), false),
        (term(("annual_rates", json!({"rate": 0.09999}))), false),
        (json!([{"plan_id": 0, "terms": []}]), false),
        (json!([null]), false),
    ] {
        let shown = plans.to_string();
        script.say(200, &changed(file, &[("promotional_purchase", plans)]));
        let Outcome::Definite(Decision::Done(offers)) = ask().await else {
            panic!("{shown}")
        };
        assert_eq!(
            (offers.plans.len(), offers.unreadable),
            (usize::from(readable), usize::from(!readable)),
            "{shown}"
        );
    }
    script.say(200, &changed(file, &[("regular_purchase", Value::Null)]));
    let Outcome::Definite(Decision::Done(offers)) = ask().await else {
        panic!()
    };
    assert_eq!((offers.regular, offers.unreadable), (None, 0));
}

#[tokio::test]
async fn a_hold_may_be_answered_without_a_word_on_what_is_not_documented() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let bare = json!({"authorization_id": "900002", "reference": "order-0001", "status": "OPENED", "amount": "5000", "capture": {}});
    script.say(200, &bare.to_string());
    let order = OnlineAuthorization { ..online() };
    let outcome = client
        .authorize_online(flow(), &customer_token(), &order)
        .await;
    let Outcome::Definite(Decision::Done(made)) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(made.capture.is_none() && made.address_check.is_none());
    assert_eq!(made.authorization.is_expired(crate::given::moment(0)), None);
}
