//! The two lists and their pages.

use std::time::Duration;

use serde_json::{Value, json};
use ventanilla_sandbox::{
    FlexitiCapturesForm, FlexitiCount, FlexitiLinkNames, FlexitiNoLink, FlexitiRatesForm,
};

use crate::support::{Call, Merchant, NEW};

fn ids(answer: &Value, list: &str, name: &str) -> Vec<u64> {
    let rows = answer[list].as_array().unwrap();
    rows.iter().map(|row| row[name].as_u64().unwrap()).collect()
}

async fn with_holds(count: u32) -> Merchant {
    let merchant = Merchant::open().await;
    for _ in 0..count {
        merchant.held(10).await;
    }
    merchant
}

#[tokio::test]
async fn all_pages_together_have_every_row_once_and_the_newest_first() {
    let merchant = with_holds(7).await;
    for size in [1_usize, 2, 3, 7, 50] {
        let mut seen = Vec::new();
        for number in 1.. {
            let query = format!("page_number={number}&page_size={size}");
            let page = merchant.list(&query).await.done();
            let on_page = ids(&page, "authorizations", "authorization_id");
            assert!(on_page.len() <= size);
            assert_eq!(page["count"], on_page.len());
            assert_eq!(page["previous_url"].is_null(), number == 1);
            seen.extend(on_page);
            if page["next_url"].is_null() {
                break;
            }
        }
        let expected: Vec<u64> = (900_001..=900_007).rev().collect();
        assert_eq!(seen, expected, "{size}");
    }
    let beyond = merchant.list("page_number=9").await.done();
    assert_eq!(beyond["authorizations"], json!([]));
}

#[tokio::test]
async fn a_row_that_comes_while_pages_are_read_moves_others_and_loses_none() {
    let merchant = with_holds(4).await;
    let mut seen = ids(
        &merchant.list("page_number=1&page_size=2").await.done(),
        "authorizations",
        "authorization_id",
    );
    merchant.held(10).await;
    for number in 2..=3 {
        let query = format!("page_number={number}&page_size=2");
        let page = merchant.list(&query).await.done();
        seen.extend(ids(&page, "authorizations", "authorization_id"));
    }
    assert_eq!(seen, [900_004, 900_003, 900_003, 900_002, 900_001]);
}

#[tokio::test]
async fn a_list_is_narrowed_by_account_type_state_and_day() {
    let merchant = with_holds(2).await;
    merchant
        .change_account(10_000_002, json!({ "status": "NNOR" }))
        .await;
    merchant
        .authorize(json!({
            "account_number": 10_000_002, "amount": 10, "auto_capture": true,
            "financing_option": { "transaction_type": "regular_purchase" },
        }))
        .await
        .done();
    merchant.sandbox.move_clock(Duration::from_secs(3 * 86_400));
    let token = merchant.fresh_token("merchant").await;
    let merchant = Merchant { token, ..merchant };
    merchant.held(10).await;
    let found = async |query: &str| {
        let query = format!("page_number=1&{query}");
        let answer = merchant.list(&query).await.done();
        ids(&answer, "authorizations", "authorization_id")
    };
    assert_eq!(found("account_number=10000002").await, [900_003]);
    assert_eq!(found("account_number=77").await, Vec::<u64>::new());
    assert_eq!(found("transaction_type=regular_purchase").await, [900_003]);
    assert_eq!(found("authorization_status=CLOSED").await, [900_003]);
    assert_eq!(
        found("authorization_status=opened").await,
        [900_004, 900_002, 900_001]
    );
    let ledger = merchant.sandbox.ledger().flexiti.authorizations;
    let day = |index: usize| ledger[index].at.get(..10).unwrap();
    let (first, last) = (day(0), day(3));
    assert_eq!(
        found(&format!("creation_date_from={last}")).await,
        [900_004]
    );
    let early = [900_003, 900_002, 900_001];
    assert_eq!(found(&format!("creation_date_to={first}")).await, early);
    merchant.set(|it| it.exclusive_date_to = true);
    assert_eq!(
        found(&format!("creation_date_to={first}")).await,
        Vec::<u64>::new()
    );
    for query in [
        "",
        "page_number=0",
        "page_number=x",
        "page_number=1&page_size=0",
        "page_number=1&creation_date_to=31/01/2026",
        "page_number=1&transaction_type=gift",
    ] {
        let answer = merchant.list(query).await;
        assert_eq!(answer.refusal(), (409, "wrong_input"), "{query}");
    }
}

#[tokio::test]
async fn captures_of_one_authorization_sum_to_what_it_says() {
    let merchant = with_holds(2).await;
    for (id, amount) in [(900_001, 1.25), (900_002, 2.5), (900_001, 3.05)] {
        merchant.capture(id, json!(amount)).await.done();
    }
    let path = format!("{NEW}/captures?page_number=1");
    let list = merchant.get(&path).await.done();
    assert_eq!(
        ids(&list, "captures", "capture_id"),
        [700_003, 700_002, 700_001]
    );
    for id in [900_001, 900_002] {
        let rows = list["captures"].as_array().unwrap().iter();
        let of = rows.filter(|row| row["authorization"]["authorization_id"] == id);
        let cents: f64 = of.map(|row| row["amount"].as_f64().unwrap() * 100.0).sum();
        let told = merchant.read(id).await.done()["captured_amount"].as_f64();
        assert_eq!(Some(cents.round()), told.map(|it| (it * 100.0).round()));
    }
    for (query, found) in [
        ("capture_id=700002", vec![700_002]),
        (
            "capture_status=active&authorization_merchant_id=2",
            vec![700_003, 700_002, 700_001],
        ),
        ("capture_status=opened", vec![]),
        ("authorization_corporation_id=9", vec![]),
        ("capture_employee_username=nobody", vec![]),
    ] {
        let list = merchant.get(&format!("{path}&{query}")).await.done();
        assert_eq!(ids(&list, "captures", "capture_id"), found, "{query}");
    }
}

#[tokio::test]
async fn lists_have_the_quirks_that_were_told() {
    let merchant = with_holds(3).await;
    merchant.capture(900_001, json!(1)).await.done();
    merchant
        .give_back(900_001, 700_001, Some(json!(0.5)))
        .await
        .done();
    let query = "page_number=2&page_size=1";
    merchant.set(|it| {
        it.link_names = FlexitiLinkNames::PageUrl;
        it.count = FlexitiCount::Whole;
        it.merchant_zero = true;
        it.capital_status = true;
        it.numbers_as_text = true;
        it.rates = FlexitiRatesForm::List;
    });
    let page = merchant.list(query).await.done();
    let next = page["next_page_url"].as_str().unwrap();
    assert!(
        next.ends_with("/authorizations?lang=en&page_size=1&page_number=3"),
        "{next}"
    );
    assert!(next.starts_with(&merchant.sandbox.flexiti_url));
    assert_eq!(page["count"], 3);
    let row = &page["authorizations"][0];
    assert_eq!(row["merchant_information"]["merchant_id"], 0);
    assert_eq!(row["status"], "Opened");
    assert_eq!(row["authorization_id"], "900002");
    assert_eq!(row["remaining_amount"], "10.00");
    assert_eq!(row["annual_rates"][0]["rate"], 0.0999);
    assert!(page.get("next_url").is_none());
    for (form, expected) in [
        (FlexitiNoLink::Empty, Some(json!(""))),
        (FlexitiNoLink::LeftOut, None),
    ] {
        merchant.set(|it| it.no_link = form);
        let page = merchant.list("page_number=1").await.done();
        assert_eq!(page.get("next_url"), expected.as_ref());
    }
    merchant.set(|it| it.ignore_page_size = true);
    let page = merchant.list("page_number=1&page_size=1").await.done();
    assert_eq!(
        (&page["page_size"], &page["count"]),
        (&json!(100), &json!(3))
    );
    merchant.set(|it| it.captures = FlexitiCapturesForm::Wrapped);
    let path = format!("{NEW}/captures?page_number=1");
    let list = merchant.ask(Call::get(&path, &merchant.token)).await.done();
    let capture = &list["captures"][0]["capture"];
    assert_eq!(capture["capture_status"], "active");
    assert!(capture["returns"][0]["return_date"].is_string());
    assert_eq!(
        capture["authorization"]["customer"]["customer_category_type"],
        "preferred"
    );
}
