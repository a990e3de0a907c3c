//! The buyer's pages, by the requests that a browser sends.

use std::time::Duration;

use serde_json::json;

use crate::support::{Merchant, Page, filled};

/// `/pay/…` of a link.
fn path_of(link: &serde_json::Value) -> String {
    let link = link.as_str().unwrap();
    let (_, path) = link.split_once("/pay/").unwrap();
    format!("/pay/{path}")
}

async fn opened() -> (Merchant, String, Page) {
    let merchant = Merchant::open().await;
    let path = path_of(&merchant.link().await["link"]);
    let page = merchant.page(&path, None).await;
    (merchant, path, page)
}

#[tokio::test]
async fn the_page_behind_a_link_says_who_is_paid_and_how_much_and_takes_the_payment() {
    let (merchant, path, page) = opened().await;
    assert_eq!(page.http, 200);
    for text in [
        "lang=es-AR",
        "COMERCIO PRUEBA",
        "30-00000012-0",
        "$\u{a0}1.500,50",
        "Podés",
    ] {
        assert!(page.says(text), "{text}");
    }
    let form = page.hidden("form");
    let fields = filled(&[("form", &form)]);
    let paid = merchant.page(&path, Some(&fields)).await;
    assert_eq!(
        (paid.http, paid.location.as_str()),
        (303, "/receipt/800001")
    );
    let receipt = merchant.page(&paid.location, None).await;
    for text in [
        "Pagaste",
        "$\u{a0}1.500,50",
        "PERSONA PRUEBA",
        "2420",
        "800001",
        "ya recibió",
    ] {
        assert!(receipt.says(text), "{text}");
    }
    assert!(
        !receipt.says("0009001600000004242420"),
        "no account in full"
    );
    let credit = merchant.sandbox.ledger().cvu.credits.remove(0);
    assert_eq!(
        (credit.link_id, credit.amount.as_str()),
        (Some(900_001), "1500.50")
    );
}

#[tokio::test]
async fn a_form_sent_twice_is_one_payment() {
    let (merchant, path, page) = opened().await;
    let form = page.hidden("form");
    let fields = filled(&[("form", &form)]);
    let first = merchant.page(&path, Some(&fields)).await;
    let second = merchant.page(&path, Some(&fields)).await;
    assert_eq!(first.location, second.location);
    assert_eq!(merchant.sandbox.ledger().cvu.credits.len(), 1);
}

#[tokio::test]
async fn a_buyer_pays_another_amount_as_people_write_it() {
    let (merchant, path, _) = opened().await;
    let other = filled(&[("choice", "other"), ("other", "1.234,5")]);
    let paid = merchant.page(&path, Some(&other)).await;
    assert_eq!(paid.http, 303);
    assert_eq!(merchant.sandbox.ledger().cvu.credits[0].amount, "1234.50");
}

#[tokio::test]
async fn an_amount_that_means_two_things_is_asked_for_again_with_what_was_typed() {
    let (merchant, path, _) = opened().await;
    for typed in ["1.50", "1,500", "0", "", "mil"] {
        let other = filled(&[("choice", "other"), ("other", typed)]);
        let page = merchant.page(&path, Some(&other)).await;
        assert_eq!(page.http, 422, "{typed}");
        assert!(page.says("role=alert") && page.says("aria-invalid=true"));
        assert!(page.says(&format!("value=\"{typed}\"")), "{typed}");
    }
    assert!(merchant.sandbox.ledger().cvu.credits.is_empty());
}

#[tokio::test]
async fn a_buyer_pays_twice_late_or_not_at_all() {
    let (merchant, path, _) = opened().await;
    let never = merchant
        .page(&path, Some(&filled(&[("deed", "never")])))
        .await;
    assert!(never.says("No se hizo ningún pago"));
    assert!(merchant.sandbox.ledger().cvu.credits.is_empty());
    let twice = filled(&[("times", "2"), ("when", "quarter")]);
    let paid = merchant.page(&path, Some(&twice)).await;
    assert_eq!(paid.location, "/receipt/800001,800002");
    let receipt = merchant.page(&paid.location, None).await;
    assert!(receipt.says("Pagaste dos veces") && receipt.says("Al comercio le llega el"));
    assert!(merchant.rows().await.is_empty());
    merchant.sandbox.move_clock(Duration::from_secs(900));
    assert_eq!(merchant.rows().await.len(), 2);
    let receipt = merchant.page(&paid.location, None).await;
    assert!(receipt.says("ya recibió"));
}

#[tokio::test]
async fn a_page_says_paid_or_expired_and_offers_no_form_any_more() {
    let (merchant, path, _) = opened().await;
    merchant.page(&path, Some(&filled(&[]))).await;
    let page = merchant.page(&path, None).await;
    assert!(page.says("Ya está pagado") && !page.says("<form"));

    let (merchant, path, _) = opened().await;
    merchant.sandbox.move_clock(Duration::from_secs(3 * 86_400));
    let page = merchant.page(&path, None).await;
    assert!(page.says("Venció") && !page.says("<form"));
    let refused = merchant.page(&path, Some(&filled(&[]))).await;
    assert_eq!(refused.http, 422);
    assert!(merchant.sandbox.ledger().cvu.credits.is_empty());

    let unknown = merchant.page("/pay/nada", None).await;
    assert_eq!(unknown.http, 404);
}

#[tokio::test]
async fn the_wallet_reads_a_code_shows_what_it_is_for_and_pays_it() {
    let merchant = Merchant::open().await;
    let code = merchant.code().await["qr_code"]
        .as_str()
        .unwrap()
        .to_owned();
    let scanner = merchant.page("/wallet", None).await;
    assert!(scanner.says("Pegá") && scanner.says("<label for=code>"));
    let pasted = format!("  {code}\n");
    let shown = merchant.page("/wallet", Some(&[("code", &pasted)])).await;
    for text in [
        "$\u{a0}1.500,50",
        "COMERCIO PRUEBA",
        "Pedido 0001",
        "Otro importe",
    ] {
        assert!(shown.says(text), "{text}");
    }
    assert_eq!(shown.hidden("code"), code);
    let fields = filled(&[("code", &code), ("payer", "prueba.demo.dos")]);
    let paid = merchant.page("/wallet/pay", Some(&fields)).await;
    assert_eq!(paid.location, "/receipt/800001");
    let credit = merchant.sandbox.ledger().cvu.credits.remove(0);
    assert_eq!(credit.qr_order_id, Some(910_001));
    assert_eq!(credit.payer.holder, "OTRA PERSONA PRUEBA");
    let again = merchant.page("/wallet", Some(&[("code", &code)])).await;
    assert!(again.says("Ya está pagado"));
}

#[tokio::test]
async fn at_an_open_sale_point_the_buyer_types_the_amount() {
    let merchant = Merchant::open().await;
    let sale_point = merchant.sale_point("Caja <1>").await;
    let code = merchant.fixed_code(sale_point, "open").await;
    let shown = merchant.page("/wallet", Some(&[("code", &code)])).await;
    assert!(shown.says("Elegís vos cuánto") && shown.says("Caja &lt;1&gt;"));
    let choice = shown.hidden("choice");
    let fields = filled(&[("code", &code), ("choice", &choice), ("other", "99,99")]);
    merchant.page("/wallet/pay", Some(&fields)).await;
    assert_eq!(merchant.sandbox.ledger().cvu.credits[0].amount, "99.99");
    assert_eq!(merchant.rows().await[0]["sale_point_name"], "Caja <1>");
}

#[tokio::test]
async fn a_code_that_leads_nowhere_is_refused_with_what_to_do() {
    let merchant = Merchant::open().await;
    let sale_point = merchant.sale_point("Caja 1").await;
    let closed = merchant.fixed_code(sale_point, "closed").await;
    for (code, text) in [
        ("cualquier cosa", "Copialo entero"),
        (closed.as_str(), "Todavía no hay un importe"),
    ] {
        let page = merchant.page("/wallet", Some(&[("code", code)])).await;
        assert_eq!(page.http, 422);
        assert!(page.says("role=alert") && page.says(text), "{text}");
        assert!(page.says(code), "what was pasted stays");
    }
    merchant.order_at(sale_point).await;
    let page = merchant.page("/wallet", Some(&[("code", &closed)])).await;
    assert!(page.says("Pedido 0004"));
}

#[tokio::test]
async fn the_page_behind_a_transfer_link_pays_too() {
    let merchant = Merchant::open().await;
    let request = json!({
        "cvu": "0009099303141592653586", "cuit": "30000000120", "amount": 1500.5,
        "concept": "VAR", "description": "Pedido 0003",
    });
    let path = "v2/payment/cashin/transfer/generate";
    let made = merchant.post(path, &request).await;
    let link = made.body["payment_link"].as_str().unwrap();
    let path = link.strip_prefix(&merchant.sandbox.cvu_url).unwrap();
    assert!(merchant.page(path, None).await.says("Pedido 0003"));
    merchant.page(path, Some(&filled(&[]))).await;
    assert_eq!(
        merchant.rows().await[0]["operation"],
        "Transferencia recibida"
    );
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere_and_run_nothing_but_their_own() {
    let (merchant, path, page) = opened().await;
    for page in [page, merchant.page("/wallet", None).await] {
        assert!(
            page.policy
                .starts_with("default-src 'none'; style-src 'sha256-")
        );
        assert!(!page.policy.contains("unsafe") && !page.policy.contains("http"));
        assert!(!page.says("src=") && !page.says("//cdn") && !page.says(" style="));
        assert_eq!(page.html.matches("http").count(), 0, "{}", page.html);
    }
    assert_eq!(merchant.page("/", None).await.location, "/wallet");
    let _ = path;
}

#[tokio::test]
async fn a_page_of_another_site_cannot_pay() {
    let (merchant, path, _) = opened().await;
    let answer = merchant
        .client
        .post(format!("{}{path}", merchant.sandbox.cvu_url))
        .header("origin", "https://shop.example")
        .body("form=1&choice=exact&payer=prueba.demo.uno&when=now&times=1&deed=pay")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 403);
    assert!(merchant.sandbox.ledger().cvu.credits.is_empty());
}
