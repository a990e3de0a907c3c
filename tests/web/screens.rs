//! What is read when there is nothing to type.

use ventanilla_core::attempt::AttemptState;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::card::DeclineAdvice;
use ventanilla_core::session::SessionState;
use wasm_bindgen_test::wasm_bindgen_test;

use ventanilla::locale::LANGUAGES;

use crate::stage::{Answer, Stage, attempt, checkout, offer, ok, problem};

/// A page that is loaded while an attempt stands there.
async fn at(locale: &str, state: AttemptState) -> Stage {
    let mut view = checkout(offer(), Some(attempt("att_1", state)));
    if state == AttemptState::Succeeded {
        view.state = SessionState::Succeeded;
    }
    Stage::open_in(locale, Some(ok(&view))).await
}

#[wasm_bindgen_test]
async fn every_language_has_its_own_words_for_every_screen() {
    for texts in LANGUAGES {
        for (state, title) in [
            (AttemptState::Sent, texts.bank_title),
            (AttemptState::Unknown, texts.bank_title),
            (AttemptState::Succeeded, texts.paid_title),
            (AttemptState::Review, texts.review_title),
            (AttemptState::Duplicate, texts.twice_title),
        ] {
            let stage = at(texts.tag, state).await;
            let text = stage.text();
            assert!(text.contains(title), "{title} is missing in {text}");
            assert!(
                text.contains(texts.reference) && text.contains("VT-7F3K-29QX"),
                "{text}"
            );
            assert_eq!(
                stage.find(".vt").unwrap().get_attribute("lang").as_deref(),
                Some(texts.tag)
            );
        }
    }
}

#[wasm_bindgen_test]
async fn every_language_says_what_to_do_after_every_kind_of_decline() {
    for texts in LANGUAGES {
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
            let stage = Stage::open_in(texts.tag, Some(ok(&checkout(offer(), None)))).await;
            let mut declined = attempt("att_1", AttemptState::Declined);
            declined.advice = Some(advice);
            stage.answer_start(ok(&declined));
            stage.paste(texts.number, "4242424242424242");
            stage.paste(texts.expiry, "12/29");
            stage.paste(texts.cvc, "123");
            stage.paste(texts.holder, "Ana Rojas");
            stage.submit();
            stage.until_text(texts.declined_title).await;
            let text = stage.text();
            assert!(text.contains(texts.advice(advice)), "{text}");
            assert!(text.contains(texts.declined_money), "{text}");
            assert!(
                text.contains(texts.try_again) || text.contains(texts.use_other_card),
                "{text}"
            );
        }
    }
}

#[wasm_bindgen_test]
async fn a_session_that_ran_out_says_so_and_offers_nothing_to_fill_in() {
    let mut view = checkout(offer(), None);
    view.state = SessionState::Expired;
    let stage = Stage::open(view).await;
    assert!(stage.text().contains("Se acabó el tiempo para pagar"));
    assert!(stage.find("input").is_none());
    assert_eq!(stage.told("error")[0]["code"], "session-expired");
}

#[wasm_bindgen_test]
async fn a_session_that_cannot_be_read_can_be_tried_again() {
    let stage = Stage::open_in("es-CR", Some(Answer::Lost)).await;
    assert!(stage.text().contains("No hay conexión con la tienda"));
    stage.script.borrow_mut().checkout = [ok(&checkout(offer(), None))].into();
    stage.press("Intentar de nuevo");
    stage
        .until("the form", |stage| stage.find(".vt-pay").is_some())
        .await;
}

#[wasm_bindgen_test]
async fn a_token_that_the_proxy_never_takes_is_the_shops_fault_and_asked_for_once_more() {
    let stage = Stage::open_in(
        "es-CR",
        Some(problem(ProblemCode::ClientTokenInvalid, None)),
    )
    .await;
    assert!(
        stage
            .text()
            .contains("Código para la tienda: client-token-invalid")
    );
    assert_eq!(*stage.tokens.borrow(), [false, true]);
    assert_eq!(stage.told("error")[0]["fault"], "integration");
}

#[wasm_bindgen_test]
async fn a_buyer_who_waits_long_can_ask_now() {
    let mut old = attempt("att_1", AttemptState::Unknown);
    old.age_ms = 600_000;
    let stage = Stage::set(
        "es-CR",
        Some(ok(&checkout(offer(), Some(old.clone())))),
        100,
    );
    stage.answer_read(ok(&old));
    stage.until_text("Seguimos confirmando con el banco").await;
    let asked = stage.seen.borrow().len();
    stage
        .until("a question by itself", |stage| {
            stage.seen.borrow().len() > asked
        })
        .await;
    stage.answer_read(ok(&attempt("att_1", AttemptState::Succeeded)));
    stage.until_text("Pago recibido").await;
}
