//! What must not be found anywhere but where it belongs: in the store, in an answer, in the log.

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_sandbox::{Kind, Operation};

use super::{ACCOUNT, MINUTE, Stage, target};
use crate::shop::Shop;
use crate::world::{API_KEY, HOOK_PATH, Settings, World, Written};

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn who_paid_and_what_opens_the_account_are_in_no_store_no_answer_no_log_and_no_webhook() {
    let mut options = super::options();
    options.cvu_credentials.password = String::from("a-password-that-is-nowhere-else");
    options.seed = 20_261_120;
    let (shop, url) = Shop::open().await;
    let settings = Settings {
        cvu: Some(ACCOUNT),
        webhooks: Some(url),
        ..Settings::default()
    };
    let log = Written::default();
    let world = World::open_as(options, settings, Some(log.clone())).await;
    let stage = Stage { world, shop };
    let world = &stage.world;

    // Paid by link, by code and by transfer; too much, twice; with and without a notification.
    let payers = ["prueba.demo.uno", "prueba.demo.dos", "prueba.demo.tres"];
    let mut shown = Vec::new();
    for (number, payer) in (0..).zip(payers) {
        let checkout = stage.checkout_of(1_000_000 + number).await;
        let attempt = checkout.issue(Presentation::Link).await;
        let paid = world
            .pay_more(&target(&attempt), json!({ "payer": payer, "times": 2 }))
            .await;
        if number == 1 {
            world.notify_of(&paid[1]).await;
        }
        checkout
            .waits_for(&attempt.id, AttemptState::Succeeded)
            .await;
        shown.push(attempt);
    }
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    let payment = json!({ "payer": "empresa.prueba", "amount": "99999" });
    let paid = world.pay_more(&target(&attempt), payment).await.remove(0);
    world.notify_of(&paid).await;
    checkout.waits_for(&attempt.id, AttemptState::Review).await;
    world.transfer("1.00", "empresa.prueba").await;
    for kind in [Kind::BrokenJson, Kind::Error500, Kind::StatusError] {
        world.arm(Operation::CvuTransactions, kind).await;
        world.arm(Operation::CvuCashin, kind).await;
        world.arm(Operation::CvuToken, kind).await;
    }
    world.move_clock(70 * MINUTE);
    checkout.is_looked_for_with(6 * MINUTE).await;
    world.shop("GET", "/v1/review", None).await;

    let ledger = world.ledger();
    let mut never = vec![
        (
            "the password",
            world.sandbox.cvu_credentials().password.clone(),
        ),
        ("the API key", API_KEY.to_owned()),
        ("the hooks' address", HOOK_PATH.to_owned()),
    ];
    for credit in &ledger.cvu.credits {
        never.push(("a payer's name", credit.payer.holder.clone()));
        never.push(("a payer's CUIT", credit.payer.cuit.clone()));
        never.push(("a payer's CVU", credit.payer.cvu.clone()));
        never.push(("a payer's alias", credit.payer.alias.clone()));
    }
    // The first token of a sandbox with this seed, and whatever else a bearer shows.
    let again = Stage::open_as(
        {
            let mut options = super::options();
            options.seed = 20_261_120;
            options
        },
        ACCOUNT,
    )
    .await;
    let login = json!({ "username": "sandbox-user", "password": "sandbox-password" });
    let opened = again
        .world
        .provider("v2/auth/token", "", &login.to_string())
        .await;
    never.push((
        "the access token",
        opened["token"].as_str().unwrap().to_owned(),
    ));

    let store = world.store_bytes();
    let answers = world.answers.lock().unwrap().join("\n").into_bytes();
    let written = log.lock().unwrap().clone();
    let told = json!(stage.shop.told()).to_string().into_bytes();
    // The places that are searched do hold what they should.
    for place in [&store, &answers, &written, &told] {
        assert!(contains(place, &attempt.id));
    }
    assert!(contains(&written, "TRACE"));
    for (what, text) in &never {
        for (place, bytes) in [
            ("store", &store),
            ("answers", &answers),
            ("log", &written),
            ("webhooks", &told),
        ] {
            assert!(!contains(bytes, text), "{what} is in the {place}");
        }
    }
    // Whoever has a link or a code can see the payment: buyers are shown it, logs and webhooks are not.
    for attempt in &shown {
        let link = super::payable(attempt).link.clone().unwrap();
        let slug = link.rsplit('/').next().unwrap();
        assert!(contains(&answers, slug));
        assert!(!contains(&told, slug), "a link is in the webhooks");
        assert!(!contains(&written, slug), "a link is in the log");
    }
}
