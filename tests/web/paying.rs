//! From the pay button to an answer.

use serde_json::json;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::card::SaveCardPolicy;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Element, HtmlInputElement, HtmlSelectElement};

use crate::stage::{
    Answer, Stage, attempt, card_of, checkout, document, offer, ok, problem, saved, send_event,
    window,
};

const NUMBER: &str = "Número de tarjeta";
const PAY: &str = "Pagar ₡12\u{a0}500,00";

/// With the form filled in and every timer running a hundred times as fast.
async fn ready() -> Stage {
    let stage = Stage::set("es-CR", Some(ok(&checkout(offer(), None))), 100);
    stage
        .until("the form", |stage| stage.find(".vt-pay").is_some())
        .await;
    stage.fill_card();
    stage
}

#[wasm_bindgen_test]
async fn a_card_is_sent_sealed_and_the_receipt_is_shown() {
    let stage = ready().await;
    assert_eq!(stage.told("change").last().unwrap()["complete"], true);
    stage.answer_start(ok(&attempt("att_1", AttemptState::Succeeded)));
    stage.press(PAY);
    stage.until_text("Pago recibido").await;
    let text = stage.text();
    for part in [
        "₡12 500,00",
        "Tienda Ejemplo",
        "A-1042",
        "Visa terminada en 4242",
        "480215",
        "VT-7F3K-29QX",
        "20 nov 2026",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let starts = stage.starts();
    let card = card_of(&starts[0]);
    assert!(card["sealed"]["ld"].as_str().unwrap().len() > 100);
    assert!(card["sealed"]["lk"].as_str().unwrap().len() > 300);
    assert_eq!(card["saved_card"], json!(null));
    assert!(!starts[0].body.contains("4242424242424242"));
    assert_eq!(starts[0].key.as_ref().unwrap().len(), 32);
    assert_eq!(stage.told("submit"), [json!({ "rail": "card" })]);
    assert_eq!(
        stage.told("complete"),
        [
            json!({ "sessionId": "ses_stage", "attemptId": "att_1", "rail": "card", "outcome": "captured" })
        ]
    );
    let heading = stage.find(".vt-title").unwrap();
    assert_eq!(
        document().active_element(),
        Some(heading),
        "a screen reader reads the outcome next"
    );
}

#[wasm_bindgen_test]
async fn nothing_of_the_card_stays_behind_after_it_was_sent() {
    let stage = ready().await;
    stage.answer_start(ok(&attempt("att_1", AttemptState::Declined)));
    stage.press(PAY);
    stage.until_text("El banco no aprobó el pago").await;
    for label in [NUMBER, "Vencimiento", "CVC"] {
        assert_eq!(stage.field(label).value(), "", "{label}");
    }
    let html = document().document_element().unwrap().outer_html();
    assert!(!html.contains("4242424242424242") && !html.contains("4242 4242 4242"));
    let storage = window().session_storage().unwrap().unwrap();
    assert_eq!(
        storage.length().unwrap(),
        0,
        "the key is kept no longer than the answer takes"
    );
}

#[wasm_bindgen_test]
async fn while_paying_the_button_cannot_be_pressed_and_the_key_is_kept_without_the_card() {
    let stage = ready().await;
    stage.answer_start(Answer::Silence);
    stage.press(PAY);
    stage.submit();
    stage
        .until("the start", |stage| !stage.starts().is_empty())
        .await;
    stage.submit();
    let button = stage.find(".vt-pay").unwrap();
    assert_eq!(
        button.get_attribute("aria-disabled").as_deref(),
        Some("true")
    );
    assert_eq!(button.text_content().unwrap(), "Pagando…");
    assert!(stage.field(NUMBER).read_only());
    assert_eq!(stage.starts().len(), 1);
    let storage = window().session_storage().unwrap().unwrap();
    let kept = storage.get_item("ventanilla:ses_stage").unwrap().unwrap();
    assert_eq!(kept.trim_end(), stage.starts()[0].key.as_deref().unwrap());
}

#[wasm_bindgen_test]
async fn a_page_may_keep_a_payment_from_starting() {
    let stage = ready().await;
    stage.verdict.set(false);
    stage.press(PAY);
    stage
        .until("the question", |stage| stage.told("submit").len() == 1)
        .await;
    stage
        .until("the form", |stage| stage.text().contains("Pagar ₡"))
        .await;
    assert!(stage.starts().is_empty());
    assert_eq!(stage.field(NUMBER).value(), "4242 4242 4242 4242");
}

#[wasm_bindgen_test]
async fn a_slow_bank_is_told_of_without_a_word_of_failure() {
    let stage = ready().await;
    stage.answer_start(ok(&attempt("att_1", AttemptState::Sent)));
    stage.answer_read(ok(&attempt("att_1", AttemptState::Unknown)));
    stage.press(PAY);
    stage.until_text("El banco aún no responde").await;
    let text = stage.text();
    assert!(
        text.contains("No se le cobrará dos veces") && text.contains("VT-7F3K-29QX"),
        "{text}"
    );
    assert!(!text.to_lowercase().contains("fall"), "{text}");
    assert_eq!(
        stage.told("action"),
        [json!({ "rail": "card", "action": "wait" })]
    );
    assert!(
        stage.find(".vt-pay").is_none(),
        "no second payment can be started"
    );
    stage.answer_read(ok(&attempt("att_1", AttemptState::Succeeded)));
    stage.until_text("Pago recibido").await;
    assert!(
        stage
            .seen
            .borrow()
            .iter()
            .any(|seen| seen.path == "/v1/checkout/attempts/att_1?wait=20")
    );
}

#[wasm_bindgen_test]
async fn a_start_that_got_lost_is_sent_again_under_the_same_key_with_the_same_message() {
    let stage = ready().await;
    stage.answer_start(Answer::Lost);
    stage.answer_start(Answer::Json(502, "<html>".into()));
    stage.answer_start(ok(&attempt("att_1", AttemptState::Succeeded)));
    stage.press(PAY);
    stage.until_text("Pago recibido").await;
    let starts = stage.starts();
    assert_eq!(starts.len(), 3);
    assert!(
        starts
            .iter()
            .all(|start| start.key == starts[0].key && start.body == starts[0].body)
    );
    let errors = stage.told("error");
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (&errors[0]["fault"], &errors[0]["code"]),
        (&json!("network"), &json!("network"))
    );
}

#[wasm_bindgen_test]
async fn a_connection_that_stays_away_is_called_that() {
    let stage = ready().await;
    stage.answer_start(Answer::Lost);
    stage.press(PAY);
    stage.until_text("Se perdió la conexión").await;
    assert!(stage.text().contains("No se le cobrará dos veces"));
}

#[wasm_bindgen_test]
async fn another_try_after_a_decline_is_another_payment_with_its_own_key() {
    let stage = ready().await;
    stage.answer_start(ok(&attempt("att_1", AttemptState::Declined)));
    stage.answer_start(ok(&attempt("att_2", AttemptState::Succeeded)));
    stage.press(PAY);
    stage.until_text("Usar otra tarjeta").await;
    assert!(
        stage.told("complete").is_empty(),
        "a decline that can be tried again is no end"
    );
    stage.press("Usar otra tarjeta");
    stage
        .until("the form", |stage| stage.find(".vt-pay").is_some())
        .await;
    let number: Element = stage.field(NUMBER).unchecked_into();
    assert_eq!(document().active_element(), Some(number));
    stage.type_into(NUMBER, "5555555555554444");
    stage.type_into("Vencimiento", "1229");
    stage.type_into("CVC", "123");
    stage.press(PAY);
    stage.until_text("Pago recibido").await;
    let starts = stage.starts();
    assert_ne!(starts[0].key, starts[1].key);
}

#[wasm_bindgen_test]
async fn a_start_that_was_refused_says_why_and_keeps_what_was_typed() {
    let stage = ready().await;
    stage.answer_start(problem(ProblemCode::ProviderUnavailable, None));
    stage.press(PAY);
    stage.until_text("No se le cobró nada").await;
    assert_eq!(stage.field(NUMBER).value(), "4242 4242 4242 4242");
    assert_eq!(stage.told("error")[0]["code"], "provider-unavailable");
    assert!(
        stage
            .find("[role=alert]")
            .unwrap()
            .text_content()
            .unwrap()
            .contains("servicio de tarjetas")
    );
}

#[wasm_bindgen_test]
async fn a_payment_of_another_tab_is_shown_instead_of_a_second_one() {
    let stage = ready().await;
    stage.answer_start(problem(ProblemCode::AttemptRunning, Some("att_9")));
    stage.answer_read(ok(&attempt("att_9", AttemptState::Succeeded)));
    stage.press(PAY);
    stage.until_text("Pago recibido").await;
    assert_eq!(stage.told("complete")[0]["attemptId"], "att_9");
}

#[wasm_bindgen_test]
async fn a_client_token_that_ran_out_is_replaced_once_and_the_call_repeated() {
    let stage = ready().await;
    stage.answer_start(problem(ProblemCode::ClientTokenInvalid, None));
    stage.answer_start(ok(&attempt("att_1", AttemptState::Succeeded)));
    stage.press(PAY);
    stage.until_text("Pago recibido").await;
    assert_eq!(*stage.tokens.borrow(), [false, true]);
    let starts = stage.starts();
    assert_eq!(
        starts[0].authorization.as_deref(),
        Some("Bearer client.token.1")
    );
    assert_eq!(
        starts[1].authorization.as_deref(),
        Some("Bearer client.token.2")
    );
    assert_eq!(starts[0].key, starts[1].key);
}

#[wasm_bindgen_test]
async fn a_saved_card_is_sent_by_its_name_with_the_installments_chosen() {
    let mut card = offer();
    card.saved_cards = vec![saved("sc_1", "4242", 2028)];
    card.installments = vec![3];
    let stage = Stage::open(checkout(card, None)).await;
    let select: HtmlSelectElement = stage.field("Cuotas").unchecked_into();
    select.set_value("3");
    send_event(&select, "change");
    stage.answer_start(ok(&attempt("att_1", AttemptState::Succeeded)));
    stage.press(PAY);
    stage.until_text("Pago recibido").await;
    assert_eq!(
        card_of(&stage.starts()[0]),
        json!({ "saved_card": "sc_1", "installments": 3, "save_card": false })
    );
}

#[wasm_bindgen_test]
async fn a_card_is_saved_only_when_the_buyer_ticked_the_box() {
    for ticked in [false, true] {
        let mut card = offer();
        card.save_card = SaveCardPolicy::Ask;
        let stage = Stage::open(checkout(card, None)).await;
        stage.fill_card();
        let box_: HtmlInputElement = stage.field("Guardar esta tarjeta para la próxima compra");
        if ticked {
            box_.click();
        }
        stage.answer_start(ok(&attempt("att_1", AttemptState::Succeeded)));
        stage.press(PAY);
        stage.until_text("Pago recibido").await;
        assert_eq!(card_of(&stage.starts()[0])["save_card"], json!(ticked));
    }
}

#[wasm_bindgen_test]
async fn a_key_that_is_not_pinned_is_never_sealed_to() {
    let mut card = offer();
    card.key_pins = vec!["0".repeat(64)];
    let stage = Stage::open(checkout(card, None)).await;
    assert!(stage.text().contains("key-refused"), "{}", stage.text());
    assert!(stage.find("input").is_none());
    assert_eq!(stage.told("error")[0]["code"], "key-refused");
}
