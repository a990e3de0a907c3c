//! What must not be found anywhere but where it belongs: in the store, in an answer, in the log.

use serde_json::{Value, json};
use ventanilla_sandbox::{Kind, Operation, Sandbox, SandboxOptions};

use crate::checkout::Choice;
use crate::world::{API_KEY, World, Written};

const NUMBER: &str = "5105105105105100";

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn beginning(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

/// `session` and `token` of the first order that a sandbox with this seed opens.
async fn first_order(seed: u64, client: &reqwest::Client) -> [String; 2] {
    let sandbox = Sandbox::start(SandboxOptions {
        seed,
        ..SandboxOptions::default()
    })
    .await
    .unwrap();
    let credentials = sandbox.credentials();
    let order = json!({
        "merchantId": credentials.merchant_id,
        "secret": credentials.secret,
        "terminal": credentials.terminal,
        "amount": 1,
        "currency": "CRC",
        "description": "-",
        "orderReference": "-",
    });
    let opened = client
        .post(&sandbox.merchant_url)
        .header("content-type", "application/json")
        .body(order.to_string())
        .send()
        .await
        .unwrap();
    let opened: Value = serde_json::from_str(&opened.text().await.unwrap()).unwrap();
    ["session", "token"].map(|name| opened[name].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn card_data_and_secrets_are_in_no_store_no_answer_and_no_log() {
    let options = SandboxOptions {
        seed: 20_261_120,
        ..SandboxOptions::default()
    };
    let log = Written::default();
    let world = World::open_with(options.clone(), Some(log.clone())).await;
    let provider_session = first_order(options.seed, &world.client).await;

    // A payment that saves its card, one by the saved card, one in doubt, and requests gone wrong.
    let checkout = world.checkout_of_buyer("ana").await;
    let choice = Choice {
        installments: None,
        save: true,
    };
    let start = checkout.sealed_start(NUMBER, choice).await;
    let sealed = start.card.as_ref().unwrap().sealed.clone().unwrap();
    let attempt = checkout
        .start(world.next_key(), start.clone())
        .await
        .unwrap();
    let mut damaged = serde_json::to_value(&start).unwrap();
    damaged["card"]["cardNumber"] = json!(NUMBER);
    checkout.post(&damaged).await;
    let again = world.checkout_of_buyer("ana").await;
    let card = again.offer().await.saved_cards.remove(0);
    again.pay_with_saved(&card.id).await.unwrap();
    world.arm(Operation::Pay, Kind::BrokenJson).await;
    world.checkout().await.pay(NUMBER).await;

    let card_token = world.ledger().card_tokens[0].token.clone();
    let key_bytes =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &sealed.lk).unwrap();
    let never = [
        ("the card number", NUMBER.to_owned()),
        ("most of the card number", beginning(NUMBER, 12)),
        ("the CVC", "\"937\"".to_owned()),
        ("ld", sealed.ld.clone()),
        ("the beginning of ld", beginning(&sealed.ld, 40)),
        ("lk", sealed.lk.clone()),
        ("the beginning of lk", beginning(&sealed.lk, 40)),
        ("lk in hex", beginning(&hex::encode(&key_bytes), 40)),
        ("the card token", card_token),
        ("the provider's session", provider_session[0].clone()),
        ("the provider's token", provider_session[1].clone()),
        (
            "the provider's secret",
            world.sandbox.credentials().secret.clone(),
        ),
        ("the API key", API_KEY.to_owned()),
    ];
    let only_answered = [("the client token", checkout.token.clone())];

    let store = world.store_bytes();
    let answers = world.answers.lock().unwrap().join("\n").into_bytes();
    let log = log.lock().unwrap().clone();
    // The places that are searched do hold what they should.
    assert!(contains(&store, &attempt.id));
    assert!(contains(&answers, &attempt.id));
    assert!(contains(&log, &attempt.id));
    assert!(
        contains(&log, "TRACE"),
        "everything is logged, from whatever crate"
    );
    for (what, text) in &never {
        for (place, bytes) in [("store", &store), ("answers", &answers), ("log", &log)] {
            assert!(!contains(bytes, text), "{what} is in the {place}");
        }
    }
    for (what, text) in &only_answered {
        for (place, bytes) in [("store", &store), ("log", &log)] {
            assert!(!contains(bytes, text), "{what} is in the {place}");
        }
    }
}
