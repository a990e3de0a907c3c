//! What core writes, the widget reads the same, and the other way round.

use js_sys::JSON;
use serde::Serialize;
use ventanilla::json::{Read, start_text, step_text};
use ventanilla_core::api::{AttemptView, CheckoutView, ItemView, StartAttempt, Step};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::card::Brand;
use ventanilla_core::money::{Currency, MAX_MINOR, Money};
use ventanilla_core::problem::{Problem, ProblemCode};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::{CardStart, DeclineAdvice, SaveCardPolicy, SealedCardMessage};
use ventanilla_core::rails::cvu::{CvuStart, Presentation};
use ventanilla_core::rails::flexiti::{
    FinancingChoice, FlexitiStart, Identification, Identified, Language, NotIdentified,
    NotIdentifiedAs, Person, PostalAddress,
};
use ventanilla_core::session::SessionState;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::stage::{attempt, checkout, offer, saved, wallet_attempt, wallet_checkout};

fn read<T: Read>(written: &impl Serialize) -> Option<T> {
    read_text(&serde_json::to_string(written).unwrap())
}

fn read_text<T: Read>(json: &str) -> Option<T> {
    T::read(&JSON::parse(json).unwrap())
}

#[wasm_bindgen_test]
fn every_state_of_an_attempt_is_read_as_it_was_written() {
    for state in AttemptState::ALL {
        let written = attempt("att_1", state);
        assert_eq!(read::<AttemptView>(&written), Some(written));
    }
}

#[wasm_bindgen_test]
fn every_advice_and_every_brand_is_read_as_it_was_written() {
    for advice in [
        DeclineAdvice::CallBank,
        DeclineAdvice::CheckNumber,
        DeclineAdvice::CheckExpiry,
        DeclineAdvice::InsufficientFunds,
        DeclineAdvice::OtherCard,
        DeclineAdvice::TryAgain,
        DeclineAdvice::TryLater,
        DeclineAdvice::AskShop,
    ] {
        let mut written = attempt("att_1", AttemptState::Declined);
        written.advice = Some(advice);
        assert_eq!(read::<AttemptView>(&written), Some(written));
    }
    for brand in Brand::ALL {
        let mut written = attempt("att_1", AttemptState::Succeeded);
        written.receipt.as_mut().unwrap().brand = Some(brand);
        assert_eq!(read::<AttemptView>(&written), Some(written));
    }
}

#[wasm_bindgen_test]
fn a_session_is_read_as_it_was_written() {
    let mut card = offer();
    card.installments = vec![2, 3, 99];
    card.save_card = SaveCardPolicy::Ask;
    card.accept_weak_key = true;
    let mut nameless = saved("sc_2", "0005", 2030);
    nameless.brand = None;
    nameless.expiry_month = None;
    nameless.expiry_year = None;
    card.saved_cards = vec![saved("sc_1", "4242", 2028), nameless];
    let mut full = checkout(card, Some(attempt("att_1", AttemptState::Declined)));
    full.items = vec![
        ItemView {
            description: "Café «Tarrazú» 340 g".into(),
            quantity: u32::MAX,
            total: Some(Money::from_minor(MAX_MINOR, Currency::ARS).unwrap()),
        },
        ItemView {
            description: String::new(),
            quantity: 1,
            total: None,
        },
    ];
    assert_eq!(read::<CheckoutView>(&full), Some(full.clone()));
    let mut bare = full;
    bare.card = None;
    bare.attempt = None;
    for state in SessionState::ALL {
        bare.state = state;
        assert_eq!(read::<CheckoutView>(&bare), Some(bare.clone()));
    }
}

#[wasm_bindgen_test]
fn every_problem_is_read_as_it_was_written() {
    for code in ProblemCode::ALL {
        let mut written = Problem::new(*code, Some("expected this, found that".into()));
        written.attempt_id = Some("att_1".into());
        assert_eq!(read::<Problem>(&written), Some(written));
        let bare = Problem::new(*code, None);
        assert_eq!(read::<Problem>(&bare), Some(bare));
    }
}

#[wasm_bindgen_test]
fn an_amount_that_is_not_whole_or_too_large_is_no_amount() {
    for amount in [
        "1250.5",
        "-1",
        "10000000000000",
        "1e300",
        "\"1250\"",
        "null",
        "true",
    ] {
        let json = format!(r#"{{"amount_minor":{amount},"currency":"CRC"}}"#);
        assert_eq!(read_text::<Money>(&json), None, "{amount}");
    }
    assert_eq!(
        read_text::<Money>(r#"{"amount_minor":100,"currency":"XXX"}"#),
        None
    );
}

#[wasm_bindgen_test]
fn what_a_newer_proxy_says_is_read_with_care() {
    let json = serde_json::to_string(&attempt("att_1", AttemptState::Declined)).unwrap();
    let odd = json
        .replace("\"declined\"", "\"frozen\"")
        .replace("\"try_again\"", "\"knit\"");
    let view = read_text::<AttemptView>(&odd).unwrap();
    assert_eq!(
        view.state,
        AttemptState::Unknown,
        "an unknown state is not an end"
    );
    let json = serde_json::to_string(&checkout(offer(), None)).unwrap();
    let view =
        read_text::<CheckoutView>(&json.replace("[\"card\"]", "[\"shells\",\"card\"]")).unwrap();
    assert_eq!(view.rails, [Rail::Card]);
}

#[wasm_bindgen_test]
fn a_start_is_written_as_core_reads_it() {
    let sealed = SealedCardMessage {
        ld: "00ff".into(),
        lk: "a+/=".into(),
    };
    for card in [
        CardStart {
            sealed: Some(sealed),
            saved_card: None,
            installments: Some(3),
            save_card: true,
        },
        CardStart {
            sealed: None,
            saved_card: Some("sc_\"1\"".into()),
            installments: None,
            save_card: false,
        },
    ] {
        let start = StartAttempt {
            rail: Rail::Card,
            card: Some(card),
            cvu: None,
            flux: None,
            flexiti: None,
        };
        is_written_as_core_reads_it(&start);
    }
    for presentation in Presentation::ALL {
        is_written_as_core_reads_it(&StartAttempt {
            rail: Rail::Cvu,
            card: None,
            cvu: Some(CvuStart { presentation }),
            flux: None,
            flexiti: None,
        });
    }
}

#[wasm_bindgen_test]
fn who_a_buyer_is_is_written_as_core_reads_it() {
    let billing = PostalAddress {
        first_name: "Test".into(),
        last_name: "O'Shopper \"é\"".into(),
        line1: "1 Example Street".into(),
        line2: String::new(),
        city: "Toronto".into(),
        province: "ON".into(),
        postal_code: "M5V 3L9".into(),
    };
    let person = Person {
        first_name: "Test".into(),
        last_name: "Shopper".into(),
        birth_date: "1990-01-01".into(),
        postal_code: "M5V 3L9".into(),
    };
    let account = Identification::Account {
        account_number: "10000001".into(),
    };
    for (identification, shipping, language) in [
        (account, None, Language::En),
        (
            Identification::Person(person),
            Some(billing.clone()),
            Language::Fr,
        ),
    ] {
        is_written_as_core_reads_it(&StartAttempt {
            rail: Rail::Flexiti,
            card: None,
            cvu: None,
            flux: None,
            flexiti: Some(FlexitiStart {
                identification,
                billing: billing.clone(),
                shipping,
                language,
            }),
        });
    }
}

fn is_written_as_core_reads_it(start: &StartAttempt) {
    let text = start_text(start).unwrap();
    let read: StartAttempt = serde_json::from_str(&text).unwrap();
    assert_eq!(
        serde_json::to_value(&read).unwrap(),
        serde_json::to_value(start).unwrap()
    );
}

#[wasm_bindgen_test]
fn a_step_is_written_as_core_reads_it() {
    let identified = Identified::new("11111111-2222-4333-8444-555555555555", "10000001");
    let ends = NotIdentifiedAs::ALL.map(|end| Step::NotIdentified(NotIdentified { end }));
    let steps = [
        Step::Supersede,
        Step::Check,
        Step::Identified(identified.unwrap()),
        Step::Finance(FinancingChoice::Regular {}),
        Step::Finance(FinancingChoice::Plan {
            plan: "4".into(),
            months: 6,
        }),
    ];
    for step in steps.into_iter().chain(ends) {
        let read: Step = serde_json::from_str(&step_text(&step).unwrap()).unwrap();
        assert_eq!(read, step);
    }
}

#[wasm_bindgen_test]
fn whatever_is_payable_is_read_as_it_was_written() {
    for presentation in Presentation::ALL {
        let mut written = wallet_attempt("att_1", AttemptState::Issued, presentation);
        assert_eq!(read::<AttemptView>(&written), Some(written.clone()));
        written.refused = true;
        let payable = written.payable.as_mut().unwrap();
        payable.seen = true;
        payable.expires_in_ms = 0;
        if let Some(transfer) = &mut payable.transfer {
            transfer.alias = None;
            transfer.link = Some("https://pagos.example/t/1".into());
        }
        assert_eq!(read::<AttemptView>(&written), Some(written));
    }
    let full = wallet_checkout(None);
    assert_eq!(read::<CheckoutView>(&full), Some(full));
}

#[wasm_bindgen_test]
fn a_presentation_of_a_newer_proxy_is_left_out() {
    let json = serde_json::to_string(&wallet_checkout(None)).unwrap();
    let view = read_text::<CheckoutView>(&json.replace("\"link\",", "\"drone\",")).unwrap();
    assert_eq!(
        view.cvu.unwrap().presentations,
        [Presentation::Qr, Presentation::Transfer]
    );
    let issued = wallet_attempt("att_1", AttemptState::Issued, Presentation::Qr);
    let json = serde_json::to_string(&issued).unwrap();
    let view = read_text::<AttemptView>(&json.replace("\"qr\"", "\"drone\"")).unwrap();
    assert_eq!(view.payable, None);
}
