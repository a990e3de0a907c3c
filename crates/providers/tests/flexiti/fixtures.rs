//! Every answer of the fixtures, over HTTP, read by the operation it belongs to.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use ventanilla_providers::flexiti::{
    AuthorizationDetail, AuthorizationStatus, CaptureStatus, Client, Decision, Financing,
    Identification, OnlineAuthorization, Part, Refusal, RefusalClass, Release,
};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    SESSION, Way, account, authorization_id, capture, captures_of_january, client, customer_token,
    dollars, fixtures, fixtures_dir, flow, in_store, january, moment, online, reference, refund,
    release, returning, text, value,
};
use crate::provider::{Provider, reply};

/// What the call `ask` makes of an answer.
async fn said<T>(status: u16, body: &str, ask: impl AsyncFn(&Client) -> Outcome<T>) -> Outcome<T> {
    let provider = Provider::saying(status, body).await;
    ask(&client(&provider.url)).await
}

async fn read<T>(file: &str, ask: impl AsyncFn(&Client) -> Outcome<T>) -> T {
    match said(200, &text(file), ask).await {
        Outcome::Definite(value) => value,
        outcome => panic!("{file}: {:?}", outcome.cause()),
    }
}

async fn done<T>(file: &str, ask: impl AsyncFn(&Client) -> Outcome<Decision<T>>) -> T {
    match read(file, ask).await {
        Decision::Done(value) => value,
        Decision::Refused(refusal) => panic!("{file}: {refusal:?}"),
    }
}

async fn detail(file: &str) -> AuthorizationDetail {
    let id = value(file)["authorization_id"].to_string();
    let id = authorization_id(id.trim_matches('"'));
    read(file, async |client: &Client| {
        client.authorization(flow(), &id).await
    })
    .await
    .unwrap()
}

#[test]
fn every_file_is_in_the_list_and_every_answer_in_a_test() {
    let listed = [
        "request",
        "response",
        "error",
        "browser_message",
        "scenario",
    ];
    let mut files: BTreeSet<String> = listed
        .iter()
        .flat_map(|kind| fixtures(kind))
        .map(|fixture| fixture.file)
        .collect();
    files.insert("manifest.json".to_owned());
    let found: BTreeSet<_> = std::fs::read_dir(fixtures_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, files);
    let tests = [
        include_str!("fixtures.rs"),
        include_str!("tokens.rs"),
        include_str!("find.rs"),
    ];
    for fixture in fixtures("response") {
        let is_read = tests.iter().any(|test| test.contains(&fixture.file));
        assert!(is_read, "{} is read by no test", fixture.file);
    }
}

#[tokio::test]
async fn a_widget_is_its_address_its_origin_and_its_session() {
    let who = Identification::Account(account());
    let ask = async |client: &Client| client.open_widget(flow(), &who).await;
    let session = done("widget_init_response.json", ask).await;
    let documented = value("widget_init_response.json");
    assert_eq!(documented["redirection_url"], session.address.expose());
    assert_eq!(session.address.origin(), "https://flexiti.example");
    assert_eq!(session.id.expose(), SESSION);
    assert_eq!(session.token.expose(), "TOKEN-1");
}

#[tokio::test]
async fn offers_are_read_to_the_cent_and_say_nothing_of_the_buyer() {
    let token = customer_token();
    let ask = async |client: &Client| {
        client
            .calculate_interest(flow(), &token, &account(), dollars(100_000))
            .await
    };
    let offers = done("calculate_interest_response.json", ask).await;
    assert_eq!((offers.amount, offers.unreadable), (dollars(100_000), 0));
    let regular = offers.regular.as_ref().unwrap();
    assert_eq!(regular.term_amount, dollars(100_000));
    assert_eq!(
        (regular.basis_points, regular.verify),
        (Some(3_099), Some(false))
    );
    let [plan] = &offers.plans[..] else { panic!() };
    assert_eq!((plan.id, plan.name.as_str()), (4, "Example plan"));
    let terms: Vec<_> = plan
        .terms
        .iter()
        .map(|term| (term.months, term.term_amount))
        .collect();
    assert_eq!(terms, [(6, dollars(17_156)), (12, dollars(8_792))]);
    let fee = &plan.terms[0].fees[0];
    assert_eq!(
        (fee.kind.as_str(), fee.amount),
        ("admin_total", dollars(5_000))
    );
    assert_eq!(fee.description.as_str(), "Administrative fees:");
    assert_eq!(
        fee.message.as_ref().unwrap().as_str(),
        "Placeholder fee message."
    );
    let rate = &plan.terms[1].rates[0];
    assert_eq!((rate.basis_points, rate.kind.as_str()), (999, "APR"));
    assert!(
        rate.message
            .as_ref()
            .unwrap()
            .as_str()
            .contains("promotional rate")
    );
    assert!(offers.has(Financing::Regular));
    assert!(offers.has(Financing::Promotional {
        plan_id: 4,
        term: 12
    }));
    assert!(!offers.has(Financing::Promotional {
        plan_id: 4,
        term: 24
    }));
    assert!(!offers.has(Financing::Promotional {
        plan_id: 5,
        term: 6
    }));
}

#[tokio::test]
async fn a_hold_is_open_and_has_taken_nothing() {
    let ask = async |client: &Client| {
        client
            .authorize_online(flow(), &customer_token(), &online())
            .await
    };
    let made = done("authorization_response_preauth.json", ask).await;
    let authorization = made.authorization;
    assert_eq!(authorization.id.as_str(), "900002");
    assert_eq!(authorization.reference, "order-0001");
    assert_eq!(authorization.status, AuthorizationStatus::Opened);
    assert_eq!(authorization.amount, dollars(500_000));
    assert_eq!(authorization.created, Some(moment(1_767_628_800)));
    assert_eq!(
        authorization.expires,
        Some(moment(1_767_628_800 + 365 * 86_400))
    );
    assert_eq!(
        (authorization.ended, authorization.auto_capture),
        (None, Some(false))
    );
    assert_eq!(authorization.financing, Some(online().financing));
    assert_eq!(authorization.merchant.location_id, Some(3));
    assert_eq!(
        authorization.message.unwrap().as_str(),
        "Placeholder message."
    );
    assert!(made.capture.is_none());
    assert!(made.address_check.unwrap().expose().contains("match"));
}

#[tokio::test]
async fn what_is_taken_at_once_is_closed_with_a_capture_of_all_of_it() {
    let file = "authorization_response_auto_capture.json";
    let order = OnlineAuthorization {
        amount: dollars(100_000),
        auto_capture: true,
        ..online()
    };
    let token = customer_token();
    let at_home = async |client: &Client| client.authorize_online(flow(), &token, &order).await;
    let in_a_shop = async |client: &Client| client.authorize_in_store(flow(), &in_store()).await;
    for made in [done(file, at_home).await, done(file, in_a_shop).await] {
        assert_eq!(made.authorization.status, AuthorizationStatus::Closed);
        assert!(made.authorization.ended.is_some());
        let capture = made.capture.unwrap();
        assert_eq!(
            (capture.id.as_str(), capture.amount),
            ("700001", dollars(100_000))
        );
        assert_eq!(
            (capture.status, capture.term_amount),
            (CaptureStatus::Active, Some(dollars(17_156)))
        );
    }
}

#[tokio::test]
async fn a_capture_says_what_is_left() {
    let ask = async |client: &Client| client.capture(flow(), &capture()).await;
    let made = done("capture_response.json", ask).await;
    assert_eq!(made.capture.id.as_str(), "700002");
    assert_eq!(
        (made.capture.amount, made.remaining),
        (dollars(200_010), Some(dollars(299_990)))
    );
    let mut second = capture();
    second.amount = dollars(149_985);
    let ask = async |client: &Client| client.capture(flow(), &second).await;
    let made = done("capture_response_second.json", ask).await;
    assert_eq!(
        (made.capture.id.as_str(), made.remaining),
        ("700003", Some(dollars(100_000)))
    );
}

#[tokio::test]
async fn a_release_is_of_a_part_or_of_all_that_is_left() {
    let ask = async |client: &Client| client.release(flow(), &release()).await;
    let made = done("release_response_partial.json", ask).await;
    assert_eq!(
        (made.release.id.as_str(), made.release.amount),
        ("800001", dollars(50_005))
    );
    assert_eq!(made.remaining, Some(dollars(249_985)));
    let all = Release {
        part: Part::All,
        ..release()
    };
    let ask = async |client: &Client| client.release(flow(), &all).await;
    let made = done("release_response_full.json", ask).await;
    assert_eq!(
        (made.release.amount, made.remaining),
        (dollars(100_000), Some(dollars(0)))
    );
}

#[tokio::test]
async fn a_return_says_what_is_left_of_the_capture_and_of_the_hold() {
    let ask = async |client: &Client| client.return_capture(flow(), &returning()).await;
    let made = done("return_response.json", ask).await;
    assert_eq!(
        (made.returned.id.as_str(), made.returned.amount),
        ("600001", dollars(100_000))
    );
    assert_eq!(made.remaining_of_capture, Some(dollars(100_010)));
    assert_eq!(made.remaining, Some(dollars(249_985)));
}

#[tokio::test]
async fn a_refund_and_a_deposit_are_done_by_their_status() {
    for (way, file) in [
        (Way::Refund, "refund_response.json"),
        (Way::Deposit, "deposit_response_undocumented.json"),
    ] {
        done(file, async |client: &Client| way.call(client).await).await;
    }
}

#[tokio::test]
async fn an_authorization_is_read_with_all_that_was_done_with_it() {
    for (file, captures, returns, releases) in [
        (
            "authorization_get_response_auto_capture.json",
            vec![100_000],
            vec![],
            vec![],
        ),
        (
            "authorization_get_response_opened.json",
            vec![200_010],
            vec![100_000],
            vec![50_005],
        ),
        (
            "authorization_get_response_closed.json",
            vec![200_010, 149_985],
            vec![100_000],
            vec![50_005, 100_000],
        ),
        ("quirk_strings_nulls_unknown.json", vec![], vec![], vec![]),
    ] {
        let found = detail(file).await;
        let of = reference();
        let amounts: Vec<_> = found
            .captures_of(&of)
            .map(|seen| seen.amount.minor())
            .collect();
        assert_eq!(amounts, captures, "{file}");
        let amounts: Vec<_> = found
            .returns_of(&of)
            .map(|seen| seen.amount.minor())
            .collect();
        assert_eq!(amounts, returns, "{file}");
        let amounts: Vec<_> = found
            .releases_of(&of)
            .map(|seen| seen.amount.minor())
            .collect();
        assert_eq!(amounts, releases, "{file}");
        let consistent = file != "quirk_strings_nulls_unknown.json";
        assert_eq!(found.adds_up(), Some(consistent), "{file}");
        assert_eq!(found.authorization.reference, "order-0001");
    }
}

#[tokio::test]
async fn lists_are_read_in_every_shape() {
    let authorizations = async |client: &Client| client.authorizations(flow(), &january()).await;
    let empty = read("authorizations_list_empty.json", authorizations).await;
    assert_eq!(
        (empty.rows.len(), empty.unreadable, empty.is_whole),
        (0, 0, true)
    );
    for file in [
        "authorizations_list_page1.json",
        "authorizations_list_table_names.json",
    ] {
        let pages = [text(file), text("authorizations_list_page2.json")];
        let provider = Provider::answering(move |_, count| reply(200, &pages[count])).await;
        let Outcome::Definite(list) = authorizations(&client(&provider.url)).await else {
            panic!("{file}")
        };
        let ids: Vec<_> = list
            .rows
            .iter()
            .map(|row| row.authorization.id.as_str())
            .collect();
        assert_eq!(ids, ["900003", "900002", "900001"], "{file}");
        assert_eq!((list.unreadable, list.is_whole), (0, true), "{file}");
        let closed = &list.rows[1];
        assert_eq!(closed.authorization.status, AuthorizationStatus::Closed);
        assert_eq!(closed.totals.captured, Some(dollars(349_995)));
        assert_eq!(closed.totals.released, Some(dollars(150_005)));
        assert_eq!(closed.totals.returned, Some(dollars(100_000)));
        assert_eq!(closed.totals.remaining, Some(dollars(0)));
    }
    let captures = async |client: &Client| client.captures(flow(), &captures_of_january()).await;
    for (file, rows) in [
        ("captures_list_flat.json", 2),
        ("captures_list_wrapped.json", 1),
    ] {
        let list = read(file, captures).await;
        assert_eq!(
            (list.rows.len(), list.unreadable, list.is_whole),
            (rows, 0, true),
            "{file}"
        );
        let row = list.rows.last().unwrap();
        assert_eq!(row.capture.id.as_str(), "700002", "{file}");
        assert_eq!(
            (row.capture.amount, &row.capture.status),
            (dollars(200_010), &CaptureStatus::Active)
        );
        assert_eq!(row.capture.at, Some(moment(1_767_693_600)), "{file}");
        assert_eq!(row.authorization.id.as_str(), "900002");
        assert_eq!(row.authorization.financing, Some(online().financing));
        let [returned] = &row.returns[..] else {
            panic!("{file}")
        };
        assert_eq!(
            (returned.id.as_str(), returned.amount),
            ("600001", dollars(100_000))
        );
        assert_eq!(returned.at, Some(moment(1_767_866_400)), "{file}");
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Expected {
    Refused(RefusalClass),
    Rejected(Cause),
    Unknown(Cause),
}

/// What is to come of an error.
fn expected(file: &str, way: Way) -> Expected {
    use Expected::{Refused, Rejected, Unknown};
    match file {
        "error_wrong_inputs.json" | "error_wrong_inputs_alt.json" => Rejected(Cause::Validation),
        "error_invalid_token.json" if way.is_merchants() => Rejected(Cause::Credentials),
        // That of one buyer.
        "error_invalid_token.json" => Rejected(Cause::Session),
        "error_insufficient_scope.json" => Rejected(Cause::Forbidden),
        "error_code_description_shape.json" => Rejected(Cause::Credentials),
        "error_general_error.json" if way.is_harmless() => Rejected(Cause::Refused),
        // An error in general proves nothing about money.
        "error_general_error.json" => Unknown(Cause::Refused),
        "error_credit_exceeded.json" => Refused(RefusalClass::Credit),
        "error_not_verified.json" | "error_customer_identity_not_found.json" => {
            Refused(RefusalClass::Unverified)
        }
        "error_plan_term_not_available.json" => Refused(RefusalClass::Plan),
        "error_user_not_able_to_purchase.json" => Refused(RefusalClass::Account),
        "error_authorization_ended.json" => Refused(RefusalClass::Ended),
        "error_auth_amount_exceeded.json"
        | "error_capture_amount_exceeded.json"
        | "error_refunds_limit_exceeded_amount.json" => Refused(RefusalClass::TooMuch),
        "error_return_date_exceeded.json" => Refused(RefusalClass::TooLate),
        "error_wrong_transaction_type.json" => Refused(RefusalClass::Kind),
        other => panic!("{other}"),
    }
}

fn ways(operation: &str) -> Vec<Way> {
    match operation {
        "any" => Way::ALL.to_vec(),
        "authorization" => vec![Way::AuthorizeOnline, Way::AuthorizeInStore],
        "capture" => vec![Way::Capture, Way::Release],
        "return" => vec![Way::Return],
        "refund" => vec![Way::Refund],
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_documented_error_is_what_its_fixture_says() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let mut read = 0;
    for fixture in fixtures("error") {
        let file = fixture.file.as_str();
        // Those two have tests of their own: what is not there, and what is said of a token.
        if matches!(file, "error_not_found.json" | "error_invalid_client.json") {
            continue;
        }
        script.say(fixture.status.unwrap(), &text(file));
        for way in ways(&fixture.operation) {
            let found = match way.call(&client).await {
                Outcome::Definite(Decision::Refused(Refusal { class, code })) => {
                    assert_eq!(value(file)["error"], code);
                    Expected::Refused(class)
                }
                Outcome::Rejected(cause) => Expected::Rejected(cause),
                Outcome::Unknown(cause) => Expected::Unknown(cause),
                outcome => panic!("{file} {way:?}: {outcome:?}"),
            };
            assert_eq!(found, expected(file, way), "{file} {way:?}");
            read += 1;
        }
    }
    assert_eq!(
        read,
        6 * Way::ALL.len() + 4 * 2 + 2 + 2 + 2 * 2 + 3 + 1 - 4 + 2
    );
}

#[tokio::test]
async fn an_authorization_that_is_not_there_is_none_and_one_to_capture_is_a_refusal() {
    let body = text("error_not_found.json");
    let id = authorization_id("900009");
    let ask = async |client: &Client| client.authorization(flow(), &id).await;
    let outcome = said(404, &body, ask).await;
    assert!(matches!(outcome, Outcome::Definite(None)), "{outcome:?}");
    let outcome = said(404, &body, async |client: &Client| {
        Way::Capture.call(client).await
    })
    .await;
    let class = RefusalClass::NotFound;
    assert!(
        matches!(&outcome, Outcome::Definite(Decision::Refused(found)) if found.class == class),
        "{outcome:?}"
    );
}

/// One step of the scenario done to the authorization as the provider shows it.
fn step(shown: &mut Value, step: &Value, number: usize) {
    let minor = |value: &Value| value.as_u64().unwrap();
    let money = |minor: u64| {
        let text = format!("{}.{:02}", minor / 100, minor % 100);
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let before = shown["remaining_amount"].clone();
    let amount = step
        .get("amount")
        .map_or(before, |amount| money(minor(amount)));
    let piece = |id: &str| json!({ id: 500_001 + number, "reference": format!("step-{number}"), "amount": amount, "status": "active" });
    let add = |shown: &mut Value, list: &str, piece: Value| {
        shown[list].as_array_mut().unwrap().push(piece);
    };
    match step["op"].as_str().unwrap() {
        "authorize" => {}
        "capture" => add(shown, "captures", piece("capture_id")),
        "release" => add(shown, "releases", piece("release_id")),
        "return" => add(shown, "returns", piece("return_id")),
        other => panic!("{other}"),
    }
    let expect = &step["expect"];
    shown["status"] = expect["status"].clone();
    for total in ["remaining", "captured", "released", "returned"] {
        shown[format!("{total}_amount")] = money(minor(&expect[total]));
    }
}

#[tokio::test]
async fn a_whole_life_adds_up_at_every_step() {
    let scenario = value("scenario_lifecycle.json");
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let mut shown = value("authorization_get_response_opened.json");
    for list in ["captures", "returns", "releases"] {
        shown[list] = json!([]);
    }
    let steps = scenario["steps"].as_array().unwrap();
    for (number, done) in steps.iter().enumerate() {
        if done.get("expect_error").is_some() {
            continue;
        }
        step(&mut shown, done, number);
        script.say(200, &shown.to_string());
        let outcome = client
            .authorization(flow(), &authorization_id("900002"))
            .await;
        let Outcome::Definite(Some(found)) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(found.adds_up(), Some(true), "step {number}");
        let is_closed = found.authorization.status == AuthorizationStatus::Closed;
        assert_eq!(
            is_closed,
            found.totals.remaining == Some(dollars(0)),
            "step {number}"
        );
    }
}

#[tokio::test]
async fn a_refund_is_asked_with_its_own_reference() {
    let provider = Provider::saying(200, "{}").await;
    let outcome = client(&provider.url).refund(flow(), &refund()).await;
    assert!(matches!(outcome, Outcome::Definite(Decision::Done(()))));
    assert!(
        provider.calls()[0]
            .body
            .contains(r#""reference":"order-0001""#)
    );
}
