//! The transaction list: pages, a list that moves while it is read, and what tells rows apart.

use std::collections::BTreeSet;
use std::fmt::Write;

use ventanilla_providers::cvu::{Credit, Filter, Transactions};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{Way, answered, client, pesos, today};
use crate::provider::{Provider, Reply, Seen, reply};

/// A row that differs from others in its second.
fn row(second: usize) -> String {
    format!(
        r#"{{"income":1,"date":"2026-11-20 15:04:{second:02}","amount":"1500.50","operation":"Cobro QR","holder":"PERSONA PRUEBA","cuit":"20999000011","cvu_cbu":"0009001600000004242420","status":"Aprobada","sale_point_name":"Caja 1"}}"#
    )
}

/// The page of `rows` that was asked for, ten to a page.
fn page_of(rows: &[String], seen: &Seen) -> Reply {
    let page: usize = seen.parameter("page").unwrap().parse().unwrap();
    let pages = rows.len().div_ceil(10);
    let shown = rows.iter().skip((page - 1) * 10).take(10);
    let shown = shown.cloned().collect::<Vec<_>>().join(",");
    reply(
        200,
        &format!(
            r#"{{"status":"ok","transactions":[{shown}],"number_of_results":{},"page":{page},"pages":{pages},"pagination":10}}"#,
            rows.len()
        ),
    )
}

fn rows(seconds: impl Iterator<Item = usize>) -> Vec<String> {
    seconds.map(row).collect()
}

async fn list(provider: &Provider, filter: &Filter) -> Transactions {
    match client(&provider.url).transactions(filter).await {
        Outcome::Definite(list) => list,
        outcome => panic!("{outcome:?}"),
    }
}

fn dates(list: &Transactions) -> Vec<&str> {
    list.credits
        .iter()
        .map(|credit| credit.date.as_str())
        .collect()
}

fn fingerprints(list: &Transactions) -> BTreeSet<String> {
    list.credits.iter().map(Credit::fingerprint).collect()
}

async fn read(body: &str) -> Transactions {
    let provider = Provider::saying(200, body).await;
    list(&provider, &today()).await
}

async fn read_rows(rows: &[&str]) -> Transactions {
    read(&format!(
        r#"{{"status":"ok","transactions":[{}]}}"#,
        rows.join(",")
    ))
    .await
}

#[tokio::test]
async fn all_pages_are_read_in_order_and_the_first_once_more() {
    let provider = Provider::answering(|seen, _| page_of(&rows(0..25), seen)).await;
    let found = list(&provider, &today()).await;
    let expected: Vec<_> = (0..25)
        .map(|second| format!("2026-11-20 15:04:{second:02}"))
        .collect();
    assert_eq!(dates(&found), expected);
    assert_eq!((found.unreadable, found.is_whole), (0, true));
    let asked: Vec<_> = provider
        .calls()
        .iter()
        .map(|seen| seen.parameter("page").unwrap().to_owned())
        .collect();
    assert_eq!(asked, ["1", "2", "3", "1"]);
}

#[tokio::test]
async fn one_page_is_read_once() {
    for rows_in_all in [0, 1, 10] {
        let provider =
            Provider::answering(move |seen, _| page_of(&rows(0..rows_in_all), seen)).await;
        let found = list(&provider, &today()).await;
        assert_eq!((found.credits.len(), found.is_whole), (rows_in_all, true));
        assert_eq!(provider.calls().len(), 1);
    }
}

#[tokio::test]
async fn more_pages_than_wanted_are_not_read_and_the_list_says_that_it_is_not_whole() {
    for (max_pages, found_rows, calls) in
        [(0, 10, 1), (1, 10, 1), (2, 20, 3), (3, 25, 4), (9, 25, 4)]
    {
        let provider = Provider::answering(|seen, _| page_of(&rows(0..25), seen)).await;
        let found = list(
            &provider,
            &Filter {
                max_pages,
                ..today()
            },
        )
        .await;
        assert_eq!(found.credits.len(), found_rows, "{max_pages}");
        assert_eq!(found.is_whole, max_pages >= 3, "{max_pages}");
        assert_eq!(provider.calls().len(), calls, "{max_pages}");
    }
}

// Newest first: a payment that comes in between pushes the last row of page 1 to page 2, where it would be
// read again as if it had been paid twice.
#[tokio::test]
async fn a_payment_that_comes_in_while_pages_are_read_counts_no_row_twice() {
    let provider = Provider::answering(|seen, count| {
        let newest = if count == 0 { 24 } else { 25 };
        page_of(&rows((0..=newest).rev()), seen)
    })
    .await;
    let found = list(&provider, &today()).await;
    assert!(found.is_whole);
    assert_eq!(found.credits.len(), 26);
    assert_eq!(dates(&found).into_iter().collect::<BTreeSet<_>>().len(), 26);
    assert_eq!(
        provider.calls().len(),
        8,
        "twice three pages and twice the first again"
    );
}

#[tokio::test]
async fn a_list_that_never_rests_is_its_first_page_alone() {
    let provider =
        Provider::answering(|seen, count| page_of(&rows((0..25 + count).rev()), seen)).await;
    let found = list(&provider, &today()).await;
    assert!(!found.is_whole);
    assert_eq!(found.credits.len(), 10);
    assert_eq!(dates(&found).into_iter().collect::<BTreeSet<_>>().len(), 10);
    assert_eq!(provider.calls().len(), 12, "three times, then no more");
}

#[tokio::test]
async fn a_list_that_gets_another_page_while_it_is_read_is_read_again() {
    let provider = Provider::answering(|seen, count| {
        let last = if count == 0 { 20 } else { 21 };
        page_of(&rows(0..last), seen)
    })
    .await;
    let found = list(&provider, &today()).await;
    assert_eq!((found.credits.len(), found.is_whole), (21, true));
}

#[tokio::test]
async fn a_page_that_is_not_the_one_asked_for_is_never_counted() {
    let ok_paged = answered(Way::Transactions.file(), "ok-paged").1;
    let row = row(1);
    let without_page = format!(r#"{{"status":"ok","transactions":[{row}],"pages":3}}"#);
    let second = format!(r#"{{"status":"ok","transactions":[{row}],"page":2,"pages":3}}"#);
    let odd = format!(r#"{{"status":"ok","transactions":[{row}],"page":1,"pages":"many"}}"#);
    for (body, field) in [
        (ok_paged, "page"),
        (without_page, "page"),
        (second, "page"),
        (odd, "pages"),
    ] {
        let provider = Provider::saying(200, &body).await;
        let outcome = client(&provider.url).transactions(&today()).await;
        assert!(
            matches!(&outcome, Outcome::Unknown(Cause::Shape(found)) if *found == field),
            "{body}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_page_that_fails_fails_the_list() {
    for (status, body) in [
        (500, "{}"),
        (200, r#"{"status":"error","message":"x"}"#),
        (200, r#"{"status":"ok"}"#),
        (200, r#"{"status":"ok","transactions":{}}"#),
    ] {
        let provider = Provider::answering(move |seen, _| match seen.parameter("page") {
            Some("2") => reply(status, body),
            _ => page_of(&rows(0..25), seen),
        })
        .await;
        let outcome = client(&provider.url).transactions(&today()).await;
        assert!(
            !matches!(outcome, Outcome::Definite(_)),
            "{body}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_row_gives_its_moment_in_buenos_aires_and_its_direction() {
    let list = read(&answered(Way::Transactions.file(), "ok-plain").1).await;
    let [income, outgoing] = &list.credits[..] else {
        panic!()
    };
    assert_eq!(income.date, "2026-11-20 15:04:05");
    assert_eq!(income.at.unwrap().unix_secs(), 1_795_197_845);
    assert_eq!(
        income.within(),
        Some((income.at.unwrap(), income.at.unwrap()))
    );
    assert!(income.income);
    assert_eq!((outgoing.income, outgoing.amount), (false, pesos(20_000)));
    assert_eq!(outgoing.sale_point_name, None);
}

// Who formats by `Y-m-d H:m:s` prints the month in the minute's place.
#[tokio::test]
async fn a_minute_that_is_the_month_may_be_any_minute_of_the_hour() {
    let list = read_rows(&[&row(5).replace("15:04:", "15:11:")]).await;
    let (from, to) = list.credits[0].within().unwrap();
    assert_eq!(
        (from.unix_secs(), to.unix_secs()),
        (1_795_197_600, 1_795_201_199)
    );
}

#[tokio::test]
async fn a_row_without_a_date_or_an_amount_that_has_one_meaning_is_counted_and_not_guessed() {
    let good = row(5);
    let list = read_rows(&[
        &good,
        &good.replace("1500.50", "1.500"),
        &good.replace("1500.50", "1e3"),
        &good.replace("\"1500.50\"", "null"),
        &good.replace("2026-11-20 15:04:05", " "),
        "7",
        "null",
        r#"[1,"2026-11-20 15:04:05","1500.50"]"#,
    ])
    .await;
    assert_eq!(
        (list.credits.len(), list.unreadable, list.is_whole),
        (1, 7, true)
    );
}

#[tokio::test]
async fn an_odd_value_that_decides_nothing_does_not_hide_a_row() {
    let good = row(5);
    let list = read_rows(&[
        &good.replace("20999000011", "x"),
        &good.replace("\"0009001600000004242420\"", "[]"),
        &good.replace("2026-11-20 15:04:05", "hoy"),
        &good.replace("\"PERSONA PRUEBA\"", "7"),
    ])
    .await;
    assert_eq!(list.unreadable, 0);
    let [cuit, account, date, holder] = &list.credits[..] else {
        panic!()
    };
    assert_eq!(cuit.cuit, None);
    assert_eq!(account.account, None);
    assert_eq!(
        (date.at, date.date.as_str(), date.within()),
        (None, "hoy", None)
    );
    assert_eq!(holder.holder.expose(), "7");
}

#[tokio::test]
async fn only_what_is_said_to_come_in_is_income() {
    let good = row(5);
    for (direction, amount, is_income) in [
        ("1", "1500.50", true),
        ("\"1\"", "1500.50", true),
        ("true", "1500.50", true),
        ("1", "-1500.50", false),
        ("0", "1500.50", false),
        ("-1", "1500.50", false),
        ("2", "1500.50", false),
        ("null", "1500.50", false),
    ] {
        let row = good
            .replace("\"income\":1", &format!("\"income\":{direction}"))
            .replace("1500.50", amount);
        let list = read_rows(&[&row]).await;
        assert_eq!(list.credits[0].income, is_income, "{direction} {amount}");
    }
}

#[tokio::test]
async fn a_row_keeps_its_fingerprint_and_shares_it_with_no_other() {
    let good = row(5);
    // One thing differs in each; the last two are equal to the first.
    let all = [
        good.clone(),
        good.replace("15:04:05", "15:04:06"),
        good.replace("1500.50", "1500.51"),
        good.replace("1500.50", "-1500.50"),
        good.replace("20999000011", "30000000120"),
        good.replace("0009001600000004242420", "0009099303141592653586"),
        good.replace("Cobro QR", "Link"),
        good.replace("Caja 1", "Caja 2"),
        good.clone(),
        good.clone(),
    ];
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let list = read_rows(&all).await;
    let whole = fingerprints(&list);
    assert_eq!(whole.len(), all.len());
    assert!(
        whole
            .iter()
            .all(|text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()))
    );
    // In another order, and with the state and the name changed since.
    let mut later: Vec<_> = all
        .iter()
        .map(|row| {
            row.replace("Aprobada", "Devuelta")
                .replace("PERSONA", "OTRA")
        })
        .collect();
    later.reverse();
    let later: Vec<_> = later.iter().map(String::as_str).collect();
    assert_eq!(fingerprints(&read_rows(&later).await), whole);
    // Written otherwise, the same.
    let otherwise = good
        .replace("\"1500.50\"", "1500.5")
        .replace("20999000011", "20-99900001-1");
    let first = list.credits[0].fingerprint();
    assert_eq!(
        read_rows(&[&otherwise]).await.credits[0].fingerprint(),
        first
    );
}

#[tokio::test]
async fn what_stands_in_one_field_is_not_what_stands_in_the_next() {
    let good = row(5);
    let other = good
        .replace("Cobro QR", "Cobro QRC")
        .replace("Caja 1", "aja 1");
    // Each alone: in one list their positions would tell them apart.
    assert_ne!(
        fingerprints(&read_rows(&[&good]).await),
        fingerprints(&read_rows(&[&other]).await)
    );
}

// Whatever the fingerprint is over, a stored one must be found again by a later release.
#[tokio::test]
async fn the_fingerprint_of_a_known_row_does_not_change() {
    let found = read_rows(&[&row(5), &row(5)]).await;
    let mut text = String::new();
    for credit in &found.credits {
        writeln!(text, "{}", credit.fingerprint()).unwrap();
    }
    assert_eq!(text, KNOWN);
}

// Computed apart from this code.
const KNOWN: &str = "\
acc36c187895dc63fb9657486f9ebc9951c226226d009b674390f1081f846771
547f185145ed7b5042372f0048b0cb268bba405ffb44e18248249c1c95531c67
";
