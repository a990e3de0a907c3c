//! A transfer out: the same bytes however often, and no answer believed but the documented one.

use ventanilla_providers::cvu::{CashOut, CashOutOrder};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{Way, asked, cash_out, cash_out_id, cash_out_order, client, pesos};
use crate::provider::{Provider, reply};
use crate::wire_server::{Act, WireServer, json};

#[tokio::test]
async fn a_repeat_is_byte_for_byte_what_was_sent_first_also_after_a_restart() {
    let provider = Provider::answering(|_, count| match count {
        0 => reply(500, "{}"),
        1 => reply(200, r#"{"status":"error","message":"saldo insuficiente"}"#),
        _ => reply(200, r#"{"status":"ok","id":700001}"#),
    })
    .await;
    let first = cash_out();
    let stored = first.body().to_vec();
    let client = client(&provider.url);
    let outcome = client.cashout(&first).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::HttpStatus(500))),
        "{outcome:?}"
    );
    let outcome = client.cashout(&first).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Refused)),
        "{outcome:?}"
    );
    // Another process knows the bytes alone.
    let again = CashOut::from_body(&stored).unwrap();
    let Outcome::Definite(done) = crate::given::client(&provider.url).cashout(&again).await else {
        panic!("the third answer is ok");
    };
    assert_eq!(done.id, cash_out_id());
    let bodies: Vec<_> = provider
        .calls()
        .into_iter()
        .map(|seen| seen.body.into_bytes())
        .collect();
    assert_eq!(bodies, [stored.clone(), stored.clone(), stored]);
}

#[test]
fn stored_bytes_are_kept_as_they_are_even_where_they_are_written_otherwise_now() {
    let written = br#"{ "alias": "Prueba.Demo.Uno","cuit":"20999000011","amount":"1500.5",
        "reference_id":"r-1","concept":"VAR","description":"Pedido \u0031" }"#;
    let stored = CashOut::from_body(written).unwrap();
    assert_eq!(stored.body(), written);
    assert_eq!(stored.reference_id(), "r-1");
    assert_eq!(stored.amount(), pesos(150_050));
}

#[test]
fn bytes_that_are_no_transfer_are_refused_by_field() {
    let file = Way::CashOut.file();
    let fixture = |name| asked(file, name).body.unwrap().to_string();
    let good = fixture("by-cvu");
    assert!(CashOut::from_body(good.as_bytes()).is_ok());
    assert!(CashOut::from_body(fixture("retry-same-data").as_bytes()).is_ok());
    for (bytes, field) in [
        (fixture("invalid-both"), "cvu"),
        (fixture("invalid-neither"), "cvu"),
        (
            good.replace("0009001600000004242420", "0009001600000004242421"),
            "cvu",
        ),
        (good.replace("20999000011", "20999000012"), "cuit"),
        (good.replace("1500.5", "0"), "amount"),
        (good.replace("1500.5", "-1500.5"), "amount"),
        (good.replace("1500.5", "1.5005e3"), "amount"),
        (good.replace("pedido-0001-intento-1", "a b"), "reference_id"),
        (good.replace("pedido-0001-intento-1", ""), "reference_id"),
        (good.replace("VAR", ""), "concept"),
        (good.replace("Pedido 0001", ""), "description"),
        (good.replace("\"concept\"", "\"other\""), "body"),
        (good.replace('{', r#"{"more":1,"#), "body"),
        (format!("[{good}]"), "body"),
        (String::new(), "body"),
    ] {
        let refused = CashOut::from_body(bytes.as_bytes()).err();
        assert_eq!(refused, Some(Cause::Request(field)), "{bytes}");
    }
    assert_eq!(
        CashOut::from_body(&[0xff]).err(),
        Some(Cause::Request("body"))
    );
}

#[test]
fn an_order_that_cannot_be_sent_is_not_written() {
    let refusal = |change: fn(&mut CashOutOrder)| {
        let mut order = cash_out_order();
        change(&mut order);
        CashOut::prepare(&order, false).err()
    };
    assert_eq!(refusal(|_| {}), None);
    assert_eq!(
        refusal(|order| order.amount = pesos(0)),
        Some(Cause::Request("amount"))
    );
    assert_eq!(
        refusal(|order| order.reference_id = "a/b".into()),
        Some(Cause::Request("reference_id"))
    );
    assert_eq!(
        refusal(|order| order.reference_id = "a".repeat(65)),
        Some(Cause::Request("reference_id"))
    );
    assert_eq!(
        refusal(|order| order.concept.clear()),
        Some(Cause::Request("concept"))
    );
    assert_eq!(
        refusal(|order| order.description = "a\u{0}".into()),
        Some(Cause::Request("description"))
    );
}

// The fixture `invalid-reused-reference`: whoever keeps the bytes by their reference sees the difference.
#[test]
fn other_data_under_the_same_reference_are_other_bytes() {
    let other = CashOutOrder {
        amount: pesos(99_999),
        ..cash_out_order()
    };
    let other = CashOut::prepare(&other, false).unwrap();
    assert_eq!(other.reference_id(), cash_out().reference_id());
    assert_ne!(other.body(), cash_out().body());
}

#[tokio::test]
async fn no_answer_but_ok_with_a_number_proves_a_transfer() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let mut calls = 0;
    for (status, body, cause) in [
        (200, r#"{"status":"ok"}"#, Cause::Shape("id")),
        (200, r#"{"status":"ok","id":null}"#, Cause::Shape("id")),
        (200, r#"{"status":"ok","id":0}"#, Cause::Shape("id")),
        (200, r#"{"status":"ok","id":7.0}"#, Cause::Shape("id")),
        (200, r#"{"status":"OK","id":7}"#, Cause::Shape("status")),
        (
            200,
            r#"{"status":"pending","id":7}"#,
            Cause::Shape("status"),
        ),
        (200, r#"{"status":true,"id":7}"#, Cause::Shape("status")),
        (200, r#"{"id":7}"#, Cause::Shape("status")),
        (200, r#"[{"status":"ok","id":7}]"#, Cause::Shape("body")),
        (200, r#"["ok",7]"#, Cause::Shape("body")),
        (200, "", Cause::NotJson),
        (200, r#"{"status":"ok","id":7"#, Cause::NotJson),
        (400, r#"{"status":"error","message":"x"}"#, Cause::Refused),
        (422, r#"{"message":"x"}"#, Cause::HttpStatus(422)),
        (404, "", Cause::HttpStatus(404)),
        (
            500,
            r#"{"status":"error","message":"x"}"#,
            Cause::HttpStatus(500),
        ),
        (500, r#"{"status":"ok","id":7}"#, Cause::Contradiction),
        (401, r#"{"status":"ok","id":7}"#, Cause::Contradiction),
        (429, r#"{"status":"ok","id":7}"#, Cause::HttpStatus(429)),
        (503, r#"{"status":"ok","id":7}"#, Cause::HttpStatus(503)),
    ] {
        script.say(status, body);
        let outcome = client.cashout(&cash_out()).await;
        assert!(
            matches!(&outcome, Outcome::Unknown(found) if *found == cause),
            "{status} {body}: {outcome:?}"
        );
        calls += 1;
        assert_eq!(provider.count(), calls, "{status} {body}");
    }
}

#[tokio::test]
async fn a_transfer_that_is_turned_away_at_the_door_is_sent_once_and_the_next_has_a_fresh_token() {
    for status in [401, 403] {
        let provider = Provider::answering(move |_, count| match count {
            0 => reply(status, r#"{"status":"error","message":"token vencido"}"#),
            _ => reply(200, r#"{"status":"ok","id":700001}"#),
        })
        .await;
        let client = client(&provider.url);
        let outcome = client.cashout(&cash_out()).await;
        assert!(
            matches!(outcome, Outcome::Rejected(Cause::Credentials)),
            "{outcome:?}"
        );
        assert_eq!(provider.calls().len(), 1);
        let outcome = client.cashout(&cash_out()).await;
        assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
        let tokens: Vec<_> = provider
            .calls()
            .into_iter()
            .filter_map(|seen| seen.token)
            .collect();
        assert_eq!(tokens, ["TOKEN-1", "TOKEN-2"]);
    }
}

// The fixture `timeout`.
#[tokio::test]
async fn a_transfer_that_nobody_answers_is_unknown_and_was_sent_once() {
    let token = json(
        200,
        r#"{"status":"ok","token":"T","expires_at":1795219200}"#,
    );
    let server = WireServer::start(vec![Act::Send(token), Act::Stall]).await;
    let mut config = crate::given::config(&server.url);
    config.timeouts.money = std::time::Duration::from_millis(150);
    let client = ventanilla_providers::cvu::Client::new(config).unwrap();
    let outcome = client.cashout(&cash_out()).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Timeout)),
        "{outcome:?}"
    );
    assert_eq!(server.requests().len(), 2);
}
