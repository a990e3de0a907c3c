//! What must not be found anywhere but where it belongs: in the store, in an answer, in the log, with the shop.

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::flexiti::{Identification, Person};
use ventanilla_sandbox::{Kind, Operation};

use super::{Stage, options, plan, session_of, settings};
use crate::shop::Shop;
use crate::world::{World, Written};

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn who_a_buyer_is_and_what_opens_their_page_is_nowhere_but_in_their_frame() {
    let mut options = options();
    options.flexiti_credentials.client_secret = String::from("a-client-secret-nowhere-else");
    let (shop, url) = Shop::open().await;
    let log = Written::default();
    let world = World::open_as(options, settings("", url), Some(log.clone())).await;
    let stage = Stage { world, shop };
    let world = &stage.world;
    world
        .manage(
            "/flexiti/accounts/10000001",
            &json!({ "first_name": "Zéphirine", "last_name": "Quatrefages", "dob": "1957-03-29",
                     "postal_code": "X0X0X0" }),
        )
        .await;
    let person = || {
        Identification::Person(Person {
            first_name: "Zéphirine".into(),
            last_name: "Quatrefages".into(),
            birth_date: "1957-03-29".into(),
            postal_code: "X0X 0X0".into(),
        })
    };
    let mut tokens = Vec::new();
    let mut sessions = Vec::new();
    // Paid, in doubt, declined, left.
    let mut paid = None;
    for fault in [
        None,
        Some(Kind::GatewayTimeoutAfter),
        Some(Kind::BrokenJson),
    ] {
        let checkout = stage.checkout().await;
        let attempt = checkout.try_to_begin_as(world.next_key(), person()).await;
        let attempt = attempt.unwrap();
        let address = attempt.hosted_page.as_ref().unwrap().address.clone();
        let token = address.split("/demo-merchant/").nth(1).map_or_else(
            || address.split('/').next_back().unwrap().to_owned(),
            str::to_owned,
        );
        tokens.push(token.split('?').next().unwrap().to_owned());
        sessions.push(session_of(&attempt));
        if let Some(kind) = fault {
            world.arm(Operation::FlexitiAuthorize, kind).await;
        }
        checkout.page_ends(&attempt, "verified").await.unwrap();
        let attempt = checkout.finance(&attempt.id, plan(6)).await.unwrap();
        let attempt = checkout.until(&attempt.id, AttemptState::Succeeded).await;
        stage.assert_captured_once(&checkout, &attempt).await;
        paid = Some(attempt);
    }
    let checkout = stage.checkout().await;
    let attempt = checkout.begin().await;
    checkout.page_ends(&attempt, "cancel").await.unwrap();

    let store = world.store_bytes();
    let told = json!(stage.shop.told()).to_string().into_bytes();
    let answers = world.answers.lock().unwrap().clone();
    let log = log.lock().unwrap().clone();
    let id = &paid.unwrap().id;
    for place in [&store, &told, &log] {
        assert!(contains(place, id));
    }
    assert!(contains(&log, "TRACE"), "everything is logged");
    let secret = world.sandbox.flexiti_credentials().client_secret.clone();
    let account = &world.ledger().flexiti.authorizations[0];
    let account = account.account_number.to_string();
    let mut never = vec![
        ("a name", String::from("Quatrefages")),
        ("a date of birth", String::from("1957-03-29")),
        ("a postal code", String::from("X0X0X0")),
        ("a postal code", String::from("X0X 0X0")),
        ("an account", account),
        ("the client secret", secret),
        ("available credit", String::from("13276")),
        ("somebody at the merchant", String::from("demo-user")),
    ];
    never.extend(tokens.iter().map(|token| ("a token", token.clone())));
    never.extend(sessions.iter().map(|id| ("a session", id.clone())));
    for (what, text) in &never {
        for (place, bytes) in [("store", &store), ("webhooks", &told), ("log", &log)] {
            assert!(!contains(bytes, text), "{what} is in the {place}");
        }
    }
    // The buyer's frame gets the address, and nothing else of all that.
    for answer in &answers {
        let opens = answer.contains("hosted_page\":{");
        for (what, text) in &never {
            let belongs = opens && matches!(*what, "a token" | "a session");
            assert!(
                belongs || !answer.contains(text.as_str()),
                "{what}: {answer}"
            );
        }
    }
}
