//! The places where the provider's documents contradict themselves or invite a mistake, one test for each, in the order
//! in which they were written down.

use serde_json::{Value, json};
use ventanilla_providers::flexiti::{
    AccountNumber, AuthorizationId, AuthorizationStatus, CaptureStatus, CardNumber, Client,
    Decision, Identification, InStoreAuthorization, Refusal, RefusalClass, Versions,
};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    CARD, CLERK, FLOW_ID, SESSION, Way, account, authorization_id, captures_of_january, card,
    changed, client, code, config, customer_token, deposit, dollars, fixtures, flow, in_store,
    january, moment, online, returning, text, value,
};
use crate::provider::{Provider, Script, Seen, reply};

/// A provider that says `body` to one call of `way`, the call, and what came of it.
async fn call(way: Way, status: u16, body: &str) -> (Seen, Outcome<Decision<()>>) {
    let provider = Provider::saying(status, body).await;
    let outcome = way.call(&client(&provider.url)).await;
    (provider.calls().remove(0), outcome)
}

async fn sent(way: Way) -> Seen {
    call(way, 200, "{}").await.0
}

fn body(seen: &Seen) -> Value {
    serde_json::from_str(&seen.body).unwrap()
}

async fn detail_of(
    script: &Script,
    client: &Client,
    changes: &[(&str, Value)],
) -> ventanilla_providers::flexiti::AuthorizationDetail {
    script.say(
        200,
        &changed("authorization_get_response_opened.json", changes),
    );
    match client
        .authorization(flow(), &authorization_id("900002"))
        .await
    {
        Outcome::Definite(Some(detail)) => detail,
        outcome => panic!("{outcome:?}"),
    }
}

async fn detail(changes: &[(&str, Value)]) -> ventanilla_providers::flexiti::AuthorizationDetail {
    let (provider, script) = Provider::scripted().await;
    detail_of(&script, &client(&provider.url), changes).await
}

#[tokio::test]
async fn trap_01_a_query_begins_with_a_question_mark() {
    for way in [Way::Authorization, Way::Captures, Way::Authorizations] {
        let seen = sent(way).await;
        assert!(!seen.line.contains('&'), "{}", seen.line);
        assert_eq!(seen.parameter("lang"), Some("en"), "{way:?}");
    }
}

#[tokio::test]
async fn trap_02_a_value_in_an_address_is_escaped() {
    let provider = Provider::saying(200, "{}").await;
    let mut filter = captures_of_january();
    filter.status = Some("a b&c=d#e".to_owned());
    filter.capture_employee = Some("j doe/é".into());
    let _ = client(&provider.url).captures(flow(), &filter).await;
    let seen = provider.calls().remove(0);
    assert_eq!(seen.parameter("capture_status"), Some("a+b%26c%3Dd%23e"));
    assert_eq!(
        seen.parameter("capture_employee_username"),
        Some("j+doe%2F%C3%A9")
    );
}

#[tokio::test]
async fn trap_03_comments_and_commas_of_the_samples_are_no_json_to_read_or_write() {
    for body in ["{\"a\":1,}", "{\"a\":1 // one\n}", "{\"a\":1 \"b\":2}"] {
        let (_, outcome) = call(Way::Capture, 200, body).await;
        assert!(
            matches!(outcome, Outcome::Unknown(Cause::NotJson)),
            "{body}: {outcome:?}"
        );
    }
    for way in Way::ALL.into_iter().filter(|way| !way.is_harmless()) {
        assert!(body(&sent(way).await).is_object(), "{way:?}");
    }
}

#[tokio::test]
async fn trap_04_amounts_are_sent_as_numbers_and_read_as_numbers_or_text() {
    let asked = body(&sent(Way::Deposit).await);
    assert!(asked["amount"].is_number() && asked["account_number"].is_number());
    let asked = body(&sent(Way::Capture).await);
    assert_eq!(asked["amount"], json!(2000.1));
    for amount in [json!(5000), json!("5000"), json!("5000.00")] {
        let body = changed("authorization_response_preauth.json", &[("amount", amount)]);
        let (_, outcome) = call(Way::AuthorizeOnline, 200, &body).await;
        assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn trap_05_amounts_are_read_from_their_text_and_never_rounded() {
    // 0.1 + 0.2 and 1.005 are what a float makes of them; the fourth is another amount by less than a float can tell.
    for (amount, is_read) in [
        ("2000.1", true),
        ("2000.10", true),
        ("2000.1000", true),
        ("2000.100000000000000000000000000001", false),
        ("2000.10000000000002", false),
        ("2000.095", false),
    ] {
        let body = text("capture_response.json").replace("2000.1,", &format!("{amount},"));
        assert_ne!(body, "");
        let (_, outcome) = call(Way::Capture, 200, &body).await;
        assert_eq!(
            matches!(outcome, Outcome::Definite(_)),
            is_read,
            "{amount}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn trap_06_numbers_that_javascript_cannot_hold_are_kept_as_text() {
    let id = AuthorizationId::parse("9007199254740993").unwrap();
    let (provider, script) = Provider::scripted().await;
    for written in ["9007199254740993", "\"9007199254740993\""] {
        let body = text("authorization_get_response_opened.json").replacen("900002", written, 1);
        script.say(200, &body);
        let outcome = client(&provider.url).authorization(flow(), &id).await;
        let Outcome::Definite(Some(detail)) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(detail.authorization.id.as_str(), "9007199254740993");
    }
    let client = client(&provider.url);
    let _ = client
        .open_widget(flow(), &Identification::Card(card()))
        .await;
    let seen = provider.calls().pop().unwrap();
    assert_eq!(body(&seen)["customer_identification"]["vcc_number"], CARD);
}

#[tokio::test]
async fn trap_07_the_next_page_has_two_names_and_three_ways_not_to_be() {
    for (link, pages) in [
        (json!({"next_url": "x"}), 2),
        (json!({"next_page_url": "x"}), 2),
        (json!({"next_url": null, "next_page_url": "x"}), 2),
        (json!({"next_url": "x", "next_page_url": "x"}), 2),
        (json!({"next_url": null}), 1),
        (json!({"next_page_url": ""}), 1),
        (json!({}), 1),
    ] {
        let row = value("authorizations_list_page2.json")["authorizations"][0].clone();
        let shown = link.clone();
        let provider = Provider::answering(move |_, count| {
            let mut page = if count == 0 { link.clone() } else { json!({}) };
            page["authorizations"] = json!([row]);
            reply(200, &page.to_string())
        })
        .await;
        let outcome = client(&provider.url)
            .authorizations(flow(), &january())
            .await;
        assert!(
            matches!(outcome, Outcome::Definite(_)),
            "{shown}: {outcome:?}"
        );
        assert_eq!(provider.count(), pages, "{shown}");
    }
}

#[tokio::test]
async fn trap_08_captures_come_flat_or_wrapped_and_under_other_names() {
    let flat = value("captures_list_flat.json")["captures"][1].clone();
    let wrapped = value("captures_list_wrapped.json")["captures"][0].clone();
    let mut one_return = flat.clone();
    one_return["return"] = json!([{"return": {"return_id": 600_001, "return_date": "2026-01-08T10:00:00Z", "amount": "1000"}}]);
    one_return.as_object_mut().unwrap().remove("returns");
    let shapes = [
        json!([flat]),
        json!([wrapped]),
        json!([one_return]),
        json!(wrapped),
        json!({"capture": [flat]}),
    ];
    for captures in shapes {
        let page = json!({ "captures": captures }).to_string();
        let provider = Provider::saying(200, &page).await;
        let outcome = client(&provider.url)
            .captures(flow(), &captures_of_january())
            .await;
        let Outcome::Definite(list) = outcome else {
            panic!("{page}: {outcome:?}")
        };
        let [row] = &list.rows[..] else {
            panic!("{page}")
        };
        assert_eq!(row.capture.at, Some(moment(1_767_693_600)), "{page}");
        assert_eq!(row.capture.status, CaptureStatus::Active, "{page}");
        assert_eq!(row.returns[0].at, Some(moment(1_767_866_400)), "{page}");
        assert_eq!(row.returns[0].amount, dollars(100_000), "{page}");
    }
}

#[tokio::test]
async fn trap_09_a_status_that_nobody_wrote_down_is_kept() {
    let mut row = value("captures_list_flat.json")["captures"][0].clone();
    for (status, expected) in [
        (json!("ACTIVE"), CaptureStatus::Active),
        (json!("opened"), CaptureStatus::Other("opened".to_owned())),
        (json!(null), CaptureStatus::Other(String::new())),
        (
            json!("a sentence, of sorts"),
            CaptureStatus::Other(String::new()),
        ),
    ] {
        row["status"] = status;
        let provider = Provider::saying(200, &json!({ "captures": [row] }).to_string()).await;
        let outcome = client(&provider.url)
            .captures(flow(), &captures_of_january())
            .await;
        let Outcome::Definite(list) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(list.rows[0].capture.status, expected);
    }
}

#[tokio::test]
async fn trap_10_a_status_has_any_case_and_no_status_says_that_time_is_over() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for (status, expected) in [
        ("opened", AuthorizationStatus::Opened),
        ("Opened", AuthorizationStatus::Opened),
        ("CLOSED", AuthorizationStatus::Closed),
        (
            "unauthorized",
            AuthorizationStatus::Other("unauthorized".to_owned()),
        ),
    ] {
        let found = detail_of(&script, &client, &[("status", json!(status))]).await;
        assert_eq!(found.authorization.status, expected);
    }
    let found = detail_of(&script, &client, &[]).await.authorization;
    let end = found.expires.unwrap().unix_secs();
    assert_eq!(found.is_expired(moment(end - 1)), Some(false));
    assert_eq!(found.is_expired(moment(end)), Some(true));
    let found = detail_of(&script, &client, &[("expiration_date", json!(null))]).await;
    assert_eq!(found.authorization.is_expired(moment(end)), None);
}

#[tokio::test]
async fn trap_11_one_capture_when_it_is_made_and_a_list_when_it_is_read() {
    let (_, outcome) = call(Way::AuthorizeInStore, 200, &Way::AuthorizeInStore.done()).await;
    assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
    let one = value("authorization_response_auto_capture.json")["capture"].clone();
    let list = changed(
        "authorization_response_auto_capture.json",
        &[("capture", json!([one]))],
    );
    let (_, outcome) = call(Way::AuthorizeInStore, 200, &list).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Shape("capture"))),
        "{outcome:?}"
    );
    let single = changed(
        "authorization_get_response_opened.json",
        &[("captures", one)],
    );
    let (_, outcome) = call(Way::Authorization, 200, &single).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Shape("captures"))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn trap_12_fields_of_no_table_are_dropped_and_the_card_is_never_shown() {
    let extra = [
        ("VCC", json!(CARD)),
        ("customer_validated", json!("?")),
        ("vcc_number", json!(CARD)),
    ];
    let found = detail(&extra).await;
    assert_eq!(found, detail(&[]).await);
    assert!(!format!("{found:?}").contains(CARD));
}

#[tokio::test]
async fn trap_13_rates_are_an_object_a_list_or_missing() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let rate = value("authorization_get_response_opened.json")["annual_rates"].clone();
    for (rates, expected) in [
        (rate.clone(), vec![999]),
        (json!([rate]), vec![999]),
        (json!([]), vec![]),
        (json!(null), vec![]),
        (json!("9.99%"), vec![]),
    ] {
        let found = detail_of(
            &script,
            &client,
            &[("annual_rates", rates), ("apr", json!(0.5))],
        )
        .await;
        let points: Vec<_> = found
            .authorization
            .rates
            .iter()
            .map(|rate| rate.basis_points)
            .collect();
        assert_eq!(points, expected);
    }
}

#[tokio::test]
async fn trap_14_a_merchant_of_number_zero_is_not_known() {
    let found = detail(&[(
        "merchant_information",
        json!({"corporation_id": "1", "merchant_id": 0, "location_id": 3}),
    )])
    .await;
    let merchant = found.authorization.merchant;
    assert_eq!(
        (
            merchant.corporation_id,
            merchant.merchant_id,
            merchant.location_id
        ),
        (Some(1), None, Some(3))
    );
}

#[tokio::test]
async fn trap_15_sums_of_goods_are_sent_as_they_are_and_compared_with_nothing() {
    let provider = Provider::saying(200, &Way::Return.done()).await;
    let mut order = returning();
    // Goods of 1017.00 on a return of 1000.00.
    order.sku_data = Some(crate::given::goods_back());
    let outcome = client(&provider.url).return_capture(flow(), &order).await;
    assert!(
        matches!(outcome, Outcome::Definite(Decision::Done(_))),
        "{outcome:?}"
    );
    assert_eq!(
        body(&provider.calls()[0])["sku_data"]["transaction_total"],
        json!(-1017)
    );
}

#[tokio::test]
async fn trap_16_an_authorization_names_the_account_whatever_else_it_names() {
    for way in [Way::AuthorizeOnline, Way::AuthorizeInStore] {
        assert_eq!(
            body(&sent(way).await)["account_number"],
            json!(10_000_001),
            "{way:?}"
        );
    }
    assert!(body(&sent(Way::AuthorizeInStore).await)["vcc_number"].is_string());
}

#[tokio::test]
async fn trap_17_the_name_of_a_flow_and_a_long_token_fit_their_headers() {
    for (hyphenated, length) in [(true, 36), (false, 32)] {
        let token = "T".repeat(1000);
        let body = format!(r#"{{"access_token":"{token}","expires_in":1200}}"#);
        let provider = Provider::start(move |_, _| reply(200, &body)).await;
        let mut config = config(&provider.url);
        config.hyphenated_flow_id = hyphenated;
        let _ = Way::Release.call(&Client::new(config).unwrap()).await;
        let seen = provider.calls().remove(0);
        assert_eq!(seen.token.map(|token| token.len()), Some(1000));
        let start = seen.head.find("x-reference-id: ").unwrap() + 16;
        let found = seen.head[start..].lines().next().unwrap().to_owned();
        assert_eq!(found.len(), length);
        assert_eq!(found, flow().id.text(hyphenated));
        assert_eq!(flow().id.text(true), FLOW_ID);
    }
}

#[tokio::test]
async fn trap_18_when_a_return_is_too_late_is_for_the_provider_to_say() {
    let (seen, outcome) = call(Way::Return, 409, &text("error_return_date_exceeded.json")).await;
    assert!(
        seen.line
            .ends_with("/authorization/900002/capture/700002/return")
    );
    let too_late = Refusal {
        class: RefusalClass::TooLate,
        code: "return_date_exceeded",
    };
    assert!(
        matches!(&outcome, Outcome::Definite(Decision::Refused(found)) if *found == too_late),
        "{outcome:?}"
    );

    // A warning at most.
    let made = &detail(&[]).await.captures[0];
    let window = made.at.unwrap().unix_secs() + 465 * 86_400;
    assert_eq!(made.is_late_to_return(moment(window)), Some(false));
    assert_eq!(made.is_late_to_return(moment(window + 1)), Some(true));
}

// What the widget says is the page's to read, and nobody's proof: the authorization is asked for with the session alone.
#[tokio::test]
async fn trap_19_nothing_that_the_widget_says_is_sent_as_a_proof() {
    let body = body(&sent(Way::AuthorizeOnline).await);
    for claim in [
        "verified",
        "action",
        "mfaOptionSelected",
        "accountType",
        "customerId",
    ] {
        assert!(body.get(claim).is_none(), "{claim}");
    }
    assert_eq!(body["widget_session_id"], SESSION);
    let (_, outcome) = call(Way::AuthorizeOnline, 409, &text("error_not_verified.json")).await;
    assert!(
        matches!(&outcome, Outcome::Definite(Decision::Refused(found)) if found.class == RefusalClass::Unverified)
    );
}

#[tokio::test]
async fn trap_20_the_session_stands_in_the_query_of_the_fragment() {
    let provider = Provider::saying(200, &Way::OpenWidget.done()).await;
    let who = Identification::Account(account());
    let outcome = client(&provider.url).open_widget(flow(), &who).await;
    let Outcome::Definite(Decision::Done(session)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(session.id.expose(), SESSION);
    assert!(
        reqwest::Url::parse(session.address.expose())
            .unwrap()
            .query()
            .is_none()
    );
}

#[tokio::test]
async fn trap_21_paths_are_singular_and_plural_as_they_are() {
    for (way, path) in [
        (
            Way::AuthorizeOnline,
            "v2.5.1/client-id/demo-merchant/authorization",
        ),
        (
            Way::Authorizations,
            "v2.5.1/client-id/demo-merchant/authorizations",
        ),
        (Way::OpenWidget, "v2.5/client-id/demo-merchant/widget/init"),
        (
            Way::CalculateInterest,
            "v2.5.1/client-id/demo-merchant/accounts/10000001/calculate-interest",
        ),
        (
            Way::Refund,
            "v2.5/client-id/demo-merchant/accounts/10000001/refund",
        ),
    ] {
        let line = sent(way).await.line;
        let (_, found) = line.split_once(" /flexiti/pos-api/").unwrap();
        assert_eq!(found, path, "{way:?}");
    }
}

#[tokio::test]
async fn trap_22_a_token_is_asked_for_by_a_form_and_never_by_query_or_json() {
    let provider = Provider::saying(200, "{}").await;
    let _ = Way::Capture.call(&client(&provider.url)).await;
    let seen = provider.first_token_request();
    assert_eq!(seen.query, "");
    assert!(
        seen.body
            .starts_with("grant_type=client_credentials&client_id="),
        "not the body"
    );
    assert!(
        seen.head
            .contains("content-type: application/x-www-form-urlencoded")
    );
}

#[tokio::test]
async fn trap_23_what_is_not_found_is_told_by_the_code_and_then_by_what_was_asked() {
    let not_found = text("error_not_found.json");
    let (_, outcome) = call(
        Way::AuthorizeOnline,
        404,
        &text("error_customer_identity_not_found.json"),
    )
    .await;
    assert!(
        matches!(&outcome, Outcome::Definite(Decision::Refused(found)) if found.class == RefusalClass::Unverified)
    );
    for way in [
        Way::AuthorizeOnline,
        Way::Capture,
        Way::Release,
        Way::Return,
        Way::Refund,
        Way::OpenWidget,
    ] {
        let (_, outcome) = call(way, 404, &not_found).await;
        assert!(
            matches!(&outcome, Outcome::Definite(Decision::Refused(found)) if found.class == RefusalClass::NotFound),
            "{way:?}"
        );
    }
    let provider = Provider::saying(404, &not_found).await;
    let outcome = client(&provider.url)
        .authorization(flow(), &authorization_id("1"))
        .await;
    assert!(matches!(outcome, Outcome::Definite(None)), "{outcome:?}");
    // That a list is not there says nothing about what would be in it.
    let (_, outcome) = call(Way::Authorizations, 404, &not_found).await;
    assert!(
        matches!(outcome, Outcome::Rejected(Cause::Refused)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn trap_24_an_employee_is_a_person() {
    assert!(!format!("{:?}", in_store()).contains(CLERK));
    let found = detail(&[("username", json!(CLERK))]).await;
    assert!(!format!("{found:?}").contains(CLERK));
}

#[tokio::test]
async fn trap_25_a_verification_code_keeps_its_leading_zero() {
    let provider = Provider::saying(200, "{}").await;
    let client = client(&provider.url);
    for (text, written) in [
        ("0123", json!("0123")),
        ("0", json!(0)),
        ("9999", json!(9999)),
    ] {
        let mut order = deposit();
        order.verification_code = code(text);
        let _ = client.deposit(flow(), &order).await;
        assert_eq!(
            body(&provider.calls().pop().unwrap())["verification_code"],
            written
        );
        let order = InStoreAuthorization {
            verification_code: code(text),
            ..in_store()
        };
        let _ = client.authorize_in_store(flow(), &order).await;
        assert_eq!(
            body(&provider.calls().pop().unwrap())["verification_code"],
            written
        );
    }
    let _ = client
        .authorize_online(flow(), &customer_token(), &online())
        .await;
    assert!(
        body(&provider.calls().pop().unwrap())
            .get("verification_code")
            .is_none()
    );
}

#[tokio::test]
async fn trap_26_what_one_place_leaves_out_is_missed_nowhere() {
    let found = detail(&[("fees", json!([{"type": "admin_total", "amount": 50}]))]).await;
    assert!(found.authorization.fees[0].message.is_none());
    let mut page = value("authorizations_list_page2.json");
    page["page_number"] = json!(1);
    page["authorizations"][0]
        .as_object_mut()
        .unwrap()
        .remove("customer");
    let (_, outcome) = call(Way::Authorizations, 200, &page.to_string()).await;
    assert!(matches!(outcome, Outcome::Definite(_)), "{outcome:?}");
}

#[tokio::test]
async fn trap_27_two_versions_are_in_use_at_once() {
    let versions = Versions::default();
    assert_eq!(versions.authorization.to_string(), "2.5.1");
    assert_eq!(versions.capture.to_string(), "2.5");
    for fixture in fixtures("request") {
        let Some(path) = fixture.path else { continue };
        let expected = match fixture.operation.as_str() {
            "oauth_token" => versions.token.clone(),
            "widget_init" => versions.widget_init.clone(),
            "calculate_interest" => versions.calculate_interest.clone(),
            "deposit" => versions.deposit.clone(),
            "authorization" => versions.authorization.clone(),
            "release" => versions.release.clone(),
            "capture" => versions.capture.clone(),
            "return" => versions.returning.clone(),
            "refund" => versions.refund.clone(),
            other => panic!("{other}"),
        };
        assert!(path.contains(&format!("/v{expected}/")), "{path}");
    }
}

#[tokio::test]
async fn trap_28_nothing_at_all_is_an_answer_to_a_refund_and_a_deposit_only() {
    for way in Way::ALL.into_iter().filter(|way| !way.is_harmless()) {
        for body in ["", "{}", r#"{"refund_id":7}"#] {
            let (_, outcome) = call(way, 200, body).await;
            let is_enough = matches!(way, Way::Refund | Way::Deposit);
            assert_eq!(
                matches!(outcome, Outcome::Definite(_)),
                is_enough,
                "{way:?} {body}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn trap_29_fields_and_codes_that_come_later_break_nothing() {
    for way in Way::ALL {
        let done = way
            .done()
            .replacen('{', r#"{"added_later":{"x":[1]},"#, 1)
            .replace(",}", "}");
        let (_, outcome) = call(way, 200, &done).await;
        assert!(
            matches!(outcome, Outcome::Definite(_)),
            "{way:?}: {outcome:?}"
        );
    }
    // A code that nobody knows may say "not so" as well as "done before": about money it is no decline but a doubt.
    let (_, outcome) = call(
        Way::Capture,
        409,
        r#"{"error":"duplicate_reference","message":"x"}"#,
    )
    .await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::UnknownError)),
        "{outcome:?}"
    );
    let (_, outcome) = call(Way::CalculateInterest, 409, r#"{"error":"new_rule"}"#).await;
    assert!(
        matches!(outcome, Outcome::Rejected(Cause::UnknownError)),
        "{outcome:?}"
    );
    assert!(AccountNumber::parse("1").is_some() && CardNumber::parse("1").is_none());
}
