//! Every sample of `tests/fixtures/cvu` is what the sandbox answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use ventanilla_core::qr::{Code, QrError};
use ventanilla_sandbox::{
    CvuAbsentIds, CvuBalanceForm, CvuBuyerForm, CvuCodeForm, CvuConceptsForm, CvuCredentials,
    CvuExpiresAt, CvuListAmounts, CvuListForm, CvuOptions, CvuStaticQrFrom, CvuTokenField,
    CvuVoucherForm, SandboxOptions,
};

use crate::support::{Answer, FOLDER, GUARDED, Merchant, Sample, without};

/// Holds an answer against a sample: body and HTTP status, but for the fields named.
fn hold(answer: &Answer, sample: &Sample, name: &str, but: &[&str]) {
    let (body, http) = sample.response(name);
    assert_eq!(answer.http, http, "{name}: {answer:?}");
    assert_eq!(
        without(answer.body.clone(), but),
        without(body, but),
        "{name}"
    );
}

/// Names of fields, which is what an answer with drawn values shares with its sample.
fn names(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn options(change: impl FnOnce(&mut CvuOptions)) -> CvuOptions {
    let mut options = CvuOptions::default();
    change(&mut options);
    options
}

#[tokio::test]
async fn every_guarded_operation_turns_away_as_its_samples_do() {
    let merchant = Merchant::open().await;
    let mut seen = 0;
    for file in std::fs::read_dir(FOLDER).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let sample = Sample::read(name.trim_end_matches(".json"));
        if sample.0["auth"] != true {
            continue;
        }
        let method = sample.0["method"].as_str().unwrap();
        let path = sample.0["path"].as_str().unwrap();
        let path = path
            .replace("{id}", "700001")
            .replace("{period}", "2026-11");
        let (operation, ..) = GUARDED
            .iter()
            .find(|(operation, of, at)| {
                let is_credit = *operation == "cvu_cashin" && path == "v2/payment/cashin/700001";
                *of == method && (*at == path || is_credit)
            })
            .unwrap_or_else(|| panic!("{method} {path}"));
        let body = sample.0["requests"][0]["body"].clone();
        let body = (!body.is_null()).then_some(&body).cloned();
        let expired = merchant.ask(method, &path, "VENCIDO", body.as_ref()).await;
        hold(&expired, &sample, "unauthorized", &[]);
        merchant
            .arm(json!({ "operation": operation, "kind": "status_error" }))
            .await;
        let failed = merchant
            .ask(method, &path, &merchant.token, body.as_ref())
            .await;
        hold(&failed, &sample, "error-with-http-200", &[]);
        let unnamed = merchant.ask(method, &path, "", body.as_ref()).await;
        assert_eq!((unnamed.http, unnamed.message()), (200, "no autorizado"));
        seen += 1;
    }
    assert_eq!(seen, 16);
}

#[tokio::test]
async fn tokens_come_in_every_form_of_the_sample() {
    let sample = Sample::read("auth_token");
    let request = sample.request("ok");
    let text = |name: &str| request[name].as_str().unwrap().to_owned();
    let merchant = Merchant::start(SandboxOptions {
        cvu_credentials: CvuCredentials {
            username: text("username"),
            password: text("password"),
        },
        ..SandboxOptions::default()
    })
    .await;
    let token = async || {
        merchant
            .ask("POST", "v2/auth/token", "", Some(&request))
            .await
    };
    for (name, form, change) in [
        (
            "ok-epoch-seconds",
            CvuExpiresAt::Seconds,
            CvuTokenField::Token,
        ),
        (
            "ok-epoch-milliseconds",
            CvuExpiresAt::Milliseconds,
            CvuTokenField::Token,
        ),
        ("ok-text-date", CvuExpiresAt::Text, CvuTokenField::Token),
        (
            "ok-access-token-name",
            CvuExpiresAt::Seconds,
            CvuTokenField::AccessToken,
        ),
    ] {
        let options = options(|options| {
            options.expires_at = form;
            options.token_field = change;
        });
        merchant.sandbox.set_cvu(options).unwrap();
        let answer = token().await;
        hold(
            &answer,
            &sample,
            name,
            &["token", "access_token", "expires_at"],
        );
        let body = sample.body(name);
        assert_eq!(names(&answer.body), names(&body), "{name}");
        let length = |value: &Value| value.to_string().len();
        assert_eq!(
            length(&answer.body["expires_at"]),
            length(&body["expires_at"]),
            "{name}"
        );
    }
    for (name, status) in [("bad-credentials", 200), ("bad-credentials-401", 401)] {
        let options = options(|options| options.error_status = status);
        merchant.sandbox.set_cvu(options).unwrap();
        let mut wrong = request.clone();
        wrong["password"] = json!("otra");
        let answer = merchant
            .ask("POST", "v2/auth/token", "", Some(&wrong))
            .await;
        hold(&answer, &sample, name, &[]);
    }
    // The sample's 502 is of a reverse proxy, as these are.
    merchant
        .arm(json!({ "operation": "cvu_token", "kind": "gateway_timeout_before" }))
        .await;
    let page = merchant
        .send("POST", "v2/auth/token", "", Some(&request))
        .await
        .unwrap();
    assert_eq!(page.status().as_u16(), 504);
    assert_eq!(page.headers()["content-type"], "text/html");
}

#[tokio::test]
async fn the_balance_is_as_in_its_samples() {
    let sample = Sample::read("account_balance");
    for (name, start, form) in [
        ("ok", 12_500_000, CvuBalanceForm::Pesos),
        ("ok-zero", 0, CvuBalanceForm::Pesos),
        ("ok-decimal-text", 12_500_050, CvuBalanceForm::DecimalText),
    ] {
        let merchant = Merchant::open_with(options(|options| {
            options.initial_balance_minor = start;
            options.balance = form;
        }))
        .await;
        hold(
            &merchant.get("v2/account/balance").await,
            &sample,
            name,
            &[],
        );
        let unnamed = merchant.ask("GET", "v2/account/balance", "", None).await;
        assert_eq!(unnamed.message(), "no autorizado");
    }
}

#[tokio::test]
async fn concepts_are_as_in_their_samples() {
    let sample = Sample::read("payment_concepts");
    let merchant = Merchant::open().await;
    let concepts = async || merchant.get("v2/payment/concepts").await;
    hold(&concepts().await, &sample, "ok-strings", &[]);
    let objects = options(|options| options.concepts = CvuConceptsForm::Objects);
    merchant.sandbox.set_cvu(objects).unwrap();
    let answer = concepts().await;
    for (index, concept) in sample.body("ok-objects")["concepts"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        assert_eq!(answer.body["concepts"][index], *concept);
    }
    let empty = options(|options| options.concepts = CvuConceptsForm::Empty);
    merchant.sandbox.set_cvu(empty).unwrap();
    hold(&concepts().await, &sample, "ok-empty", &[]);
    let unnamed = merchant.ask("GET", "v2/payment/concepts", "", None).await;
    hold(&unnamed, &sample, "error", &[]);
}

#[tokio::test]
async fn a_cash_out_is_as_in_its_samples() {
    let sample = Sample::read("payment_cashout");
    let path = "v2/payment/cashout";
    let merchant = Merchant::open().await;
    let sent = merchant.post(path, &sample.request("by-cvu")).await;
    hold(&sent, &sample, "ok", &[]);
    let again = merchant
        .post(path, &sample.request("retry-same-data"))
        .await;
    hold(&again, &sample, "retry-same-result", &[]);
    let other = merchant
        .post(path, &sample.request("invalid-reused-reference"))
        .await;
    hold(&other, &sample, "error-reference-reused", &[]);
    let as_text = options(|options| options.ids_as_text = true);
    merchant.sandbox.set_cvu(as_text).unwrap();
    let again = merchant.post(path, &sample.request("by-cvu")).await;
    hold(&again, &sample, "ok-id-text", &[]);

    let merchant = Merchant::open().await;
    let by_alias = merchant.post(path, &sample.request("by-alias")).await;
    hold(&by_alias, &sample, "ok", &[]);
    for name in ["invalid-both", "invalid-neither"] {
        let mut request = sample.request(name);
        request["reference_id"] = json!(name);
        let answer = merchant.post(path, &request).await;
        assert_eq!(answer.message(), "indicar cvu o alias", "{name}");
    }
    let poor = options(|options| options.initial_balance_minor = 0);
    let merchant = Merchant::open_with(poor).await;
    let refused = merchant.post(path, &sample.request("by-cvu")).await;
    hold(&refused, &sample, "error-insufficient-funds", &[]);
    // The sample without an answer.
    let merchant = Merchant::open().await;
    merchant
        .arm(json!({ "operation": "cvu_cashout", "kind": "reset_after" }))
        .await;
    let request = sample.request("by-cvu");
    let lost = merchant.send("POST", path, &merchant.token, Some(&request));
    assert!(lost.await.is_err());
    hold(&merchant.post(path, &request).await, &sample, "ok", &[]);
}

#[tokio::test]
async fn a_voucher_is_as_in_its_samples() {
    let sample = Sample::read("payment_cashout_voucher");
    let merchant = Merchant::open().await;
    let request = Sample::read("payment_cashout").request("by-cvu");
    let path = "v2/payment/cashout/700001";
    hold(&merchant.get(path).await, &sample, "error-unknown-id", &[]);
    merchant.post("v2/payment/cashout", &request).await;
    hold(&merchant.get(path).await, &sample, "ok-base64-pdf", &[]);
    let link = options(|options| options.voucher = CvuVoucherForm::Link);
    merchant.sandbox.set_cvu(link).unwrap();
    hold(&merchant.get(path).await, &sample, "ok-link", &[]);
}

#[tokio::test]
async fn a_payment_link_is_as_in_its_samples() {
    let sample = Sample::read("cashin_link_generate");
    let path = "v2/payment/cashin/link/generate";
    let merchant = Merchant::open().await;
    let tomorrow = merchant.tomorrow().await;
    let dated = |name: &str| {
        let mut request = sample.request(name);
        request["expiration_date"] = json!(tomorrow);
        request
    };
    let made = merchant.post(path, &dated("single-use")).await;
    hold(&made, &sample, "ok", &["link"]);
    for name in ["multiple-use", "with-distribution"] {
        let made = merchant.post(path, &dated(name)).await;
        hold(&made, &sample, "ok", &["link", "link_id"]);
    }
    let links = merchant.sandbox.ledger().cvu.links;
    assert!(links[1].multiple_use && !links[0].multiple_use);
    assert_eq!(links[2].distribution[0].amount, "500.25");
    let too_much = merchant
        .post(path, &dated("invalid-distribution-sum"))
        .await;
    assert_eq!(too_much.message(), "distribution invalida");
    let past = sample.request("invalid-past-expiration");
    hold(
        &merchant.post(path, &past).await,
        &sample,
        "error-date",
        &[],
    );
    let mut nothing = dated("single-use");
    nothing["amount"] = json!(0);
    hold(
        &merchant.post(path, &nothing).await,
        &sample,
        "error-amount",
        &[],
    );
    merchant
        .arm(json!({ "operation": "cvu_link", "kind": "hostile_link" }))
        .await;
    let hostile = merchant.post(path, &dated("single-use")).await;
    hold(&hostile, &sample, "hostile-scheme", &["link_id"]);
    let as_text = options(|options| options.ids_as_text = true);
    merchant.sandbox.set_cvu(as_text).unwrap();
    let made = merchant.post(path, &dated("single-use")).await;
    assert_eq!(made.body["link_id"], "900005");
    assert_eq!(names(&made.body), names(&sample.body("ok-id-text")));
}

#[tokio::test]
async fn a_dynamic_code_is_as_in_its_samples() {
    let sample = Sample::read("cashin_qr_generate");
    let path = "v2/payment/cashin/qr/generate";
    let request = sample.request("ok");
    let merchant = Merchant::open().await;
    let text = |body: &Value| body["qr_code"].as_str().unwrap().to_owned();
    let amount = |body: &Value| {
        let code = Code::read(&text(body)).unwrap();
        code.amount().map(str::to_owned)
    };
    let made = merchant.post(path, &request).await;
    hold(&made, &sample, "ok", &["qr_code"]);
    assert_eq!(amount(&made.body).as_deref(), Some("12345.67"));
    assert_eq!(amount(&made.body), amount(&sample.body("ok")));
    for (name, kind) in [("bad-crc", "bad_crc"), ("other-amount", "wrong_amount")] {
        merchant
            .arm(json!({ "operation": "cvu_qr", "kind": kind }))
            .await;
        let made = merchant.post(path, &request).await;
        hold(&made, &sample, name, &["qr_code", "qr_order_id"]);
        let is_broken = |body: &Value| matches!(Code::read(&text(body)), Err(QrError::Crc));
        assert_eq!(is_broken(&made.body), is_broken(&sample.body(name)));
        if kind == "wrong_amount" {
            assert_eq!(amount(&made.body).as_deref(), Some("12346.67"));
        }
    }
    for (name, form) in [
        ("ok-amount-at-acceptor", CvuCodeForm::AtAcceptor),
        ("image-instead-of-text", CvuCodeForm::Picture),
    ] {
        let form = options(|options| options.code = form);
        merchant.sandbox.set_cvu(form).unwrap();
        let made = merchant.post(path, &request).await;
        hold(&made, &sample, name, &["qr_code", "qr_order_id"]);
        if name == "ok-amount-at-acceptor" {
            assert_eq!(amount(&made.body), None);
        } else {
            assert_eq!(text(&made.body), text(&sample.body(name)));
        }
    }
    let mut nothing = request.clone();
    nothing["amount"] = json!(-1);
    hold(&merchant.post(path, &nothing).await, &sample, "error", &[]);
}

#[tokio::test]
async fn a_transfer_link_is_as_in_its_samples() {
    let sample = Sample::read("cashin_transfer_generate");
    let path = "v2/payment/cashin/transfer/generate";
    let request = sample.request("ok");
    let merchant = Merchant::open().await;
    let made = merchant.post(path, &request).await;
    hold(&made, &sample, "ok", &["payment_link"]);
    assert!(made.body["payment_link"].is_string());
    merchant
        .arm(json!({ "operation": "cvu_transfer", "kind": "hostile_link" }))
        .await;
    hold(
        &merchant.post(path, &request).await,
        &sample,
        "hostile-scheme",
        &[],
    );
    let mut wrong = request.clone();
    wrong["cvu"] = json!("0009099303141592653587");
    hold(&merchant.post(path, &wrong).await, &sample, "error", &[]);
}

#[tokio::test]
async fn a_cash_in_is_as_in_its_samples() {
    let sample = Sample::read("payment_cashin_detail");
    let of_link = async |change: CvuOptions, amount: Value| {
        let merchant = Merchant::open_with(change).await;
        let link = merchant.link().await;
        let id = link["link"].clone();
        merchant.pay(&json!({ "link": id, "amount": amount })).await;
        merchant.cashin(800_001).await
    };
    // A link has no description that a credit could have.
    let but = ["description"];
    let default = CvuOptions::default();
    let answer = of_link(default.clone(), json!(1500.5)).await;
    hold(&answer, &sample, "ok-from-link", &but);
    let underpaid = of_link(default.clone(), json!(1500)).await;
    hold(
        &underpaid,
        &sample,
        "ok-underpaid",
        &["description", "amount", "qr_order_id"],
    );
    assert_eq!(underpaid.body["amount"], 1500);
    for (name, change) in [
        (
            "ok-buyer-list",
            options(|options| {
                options.buyer = CvuBuyerForm::List;
                options.absent_ids = CvuAbsentIds::Zero;
            }),
        ),
        (
            "ok-buyer-list-of-pairs",
            options(|options| {
                options.buyer = CvuBuyerForm::Pairs;
                options.absent_ids = CvuAbsentIds::LeftOut;
            }),
        ),
    ] {
        hold(&of_link(change, json!(1500.5)).await, &sample, name, &but);
    }
    let as_text = options(|options| {
        options.cashin_amount_as_text = true;
        options.ids_as_text = true;
        options.absent_ids = CvuAbsentIds::LeftOut;
    });
    let answer = of_link(as_text, json!(1500.5)).await;
    hold(
        &answer,
        &sample,
        "ok-amount-text",
        &["description", "transaction_id"],
    );

    let merchant = Merchant::open().await;
    let code = merchant.code().await;
    merchant.pay(&json!({ "code": code["qr_code"] })).await;
    hold(&merchant.cashin(800_001).await, &sample, "ok-from-qr", &[]);

    let left_out = options(|options| options.absent_ids = CvuAbsentIds::LeftOut);
    let merchant = Merchant::open_with(left_out).await;
    let request = json!({
        "cvu": "0009099303141592653586", "cuit": "30000000120", "amount": 1500.5,
        "concept": "VAR", "description": "Pedido 0001",
    });
    let path = "v2/payment/cashin/transfer/generate";
    let made = merchant.post(path, &request).await;
    merchant
        .pay(&json!({ "link": made.body["payment_link"] }))
        .await;
    hold(
        &merchant.cashin(800_001).await,
        &sample,
        "ok-plain-transfer",
        &[],
    );
    hold(
        &merchant.cashin(800_002).await,
        &sample,
        "error-unknown-id",
        &[],
    );
}

#[tokio::test]
async fn sale_points_are_as_in_their_samples() {
    let path = "v2/payment/cashin/qr/sale-point";
    let merchant = Merchant::open().await;
    let list = Sample::read("sale_point_list");
    hold(&merchant.get(path).await, &list, "ok-empty", &[]);
    let create = Sample::read("sale_point_create");
    let made = merchant.post(path, &create.request("ok")).await;
    hold(&made, &create, "ok", &[]);
    let again = merchant.post(path, &create.request("ok")).await;
    hold(&again, &create, "error-duplicate", &[]);
    merchant.sale_point("Caja 2").await;
    // All of them are active here; which words there are is not documented.
    hold(&merchant.get(path).await, &list, "ok", &["status"]);
    let unnamed = merchant.ask("GET", path, "", None).await;
    hold(&unnamed, &list, "error", &[]);

    let fixed = Sample::read("sale_point_static_qr");
    let at = "v2/payment/cashin/qr/sale-point/static";
    for (request, name) in [("closed", "ok-closed"), ("open", "ok-open")] {
        let body = fixed.request(request);
        let answer = merchant.ask("GET", at, &merchant.token, Some(&body)).await;
        hold(&answer, &fixed, name, &["qr_code"]);
        let read = |body: &Value| Code::read(body["qr_code"].as_str().unwrap()).unwrap();
        let (ours, theirs) = (read(&answer.body), read(&fixed.body(name)));
        assert_eq!(ours.kind(), theirs.kind());
        assert_eq!(ours.tax_id(), theirs.tax_id());
        let acceptors = |code: &Code| -> Vec<String> { code.acceptors().map(Into::into).collect() };
        assert_eq!(acceptors(&ours), acceptors(&theirs));
        assert_eq!(ours.amount(), theirs.amount());
    }
    let body = fixed.request("invalid-type");
    let answer = merchant.ask("GET", at, &merchant.token, Some(&body)).await;
    assert_eq!(answer.message(), "type_amount invalido");
    let body = json!({ "type_amount": "open", "sale_point_id": 9 });
    let answer = merchant.ask("GET", at, &merchant.token, Some(&body)).await;
    hold(&answer, &fixed, "error", &[]);
    let by_query = options(|options| options.static_qr_from = CvuStaticQrFrom::Query);
    merchant.sandbox.set_cvu(by_query).unwrap();
    let body = fixed.request("open");
    let ignored = merchant.ask("GET", at, &merchant.token, Some(&body)).await;
    assert_eq!(ignored.message(), "type_amount invalido");
    let query = format!("{at}?type_amount=open&sale_point_id=1");
    hold(&merchant.get(&query).await, &fixed, "ok-open", &["qr_code"]);

    let order = Sample::read("sale_point_static_order");
    let at = "v2/payment/cashin/qr/static/order";
    let request = order.request("ok");
    let made = merchant.post(at, &request).await;
    hold(&made, &order, "ok", &["qr_order_id"]);
    assert_eq!(made.body["qr_order_id"], 910_001);
    hold(
        &merchant.post(at, &request).await,
        &order,
        "error-busy",
        &[],
    );
    let mut nothing = request.clone();
    nothing["amount"] = json!("1500.50");
    hold(&merchant.post(at, &nothing).await, &order, "error", &[]);

    let delete = Sample::read("sale_point_delete");
    let body = delete.request("ok");
    let gone = merchant.ask("DELETE", path, &merchant.token, Some(&body));
    hold(&gone.await, &delete, "ok", &[]);
    let gone = merchant.ask("DELETE", path, &merchant.token, Some(&body));
    hold(&gone.await, &delete, "error-unknown", &[]);
}

#[tokio::test]
async fn the_list_of_transactions_is_as_in_its_samples() {
    let sample = Sample::read("account_transactions");
    let merchant = Merchant::open().await;
    hold(&merchant.transactions("").await, &sample, "ok-empty", &[]);
    let sale_point = merchant.sale_point("Caja 1").await;
    let open = merchant.fixed_code(sale_point, "open").await;
    let scan = json!({ "code": open, "amount": 1500.5 });
    merchant.pay(&scan).await;
    let row = merchant.rows().await.remove(0);
    let sent = json!({
        "cvu": "0009001600000004242420", "cuit": "20999000011", "amount": 200,
        "reference_id": "ref-1", "concept": "VAR", "description": "",
    });
    merchant.post("v2/payment/cashout", &sent).await;
    hold(
        &merchant.transactions("").await,
        &sample,
        "ok-plain",
        &["date"],
    );
    let form = sample.body("ok-plain")["transactions"][0]["date"].clone();
    assert_eq!(
        row["date"].as_str().unwrap().len(),
        form.as_str().unwrap().len()
    );

    for (name, change) in [
        (
            "ok-amount-es-ar",
            options(|options| options.list_amounts = CvuListAmounts::EsAr),
        ),
        (
            "ok-bare-list",
            options(|options| options.list = CvuListForm::Bare),
        ),
    ] {
        merchant.sandbox.set_cvu(change).unwrap();
        let answer = merchant.transactions("&operation=QR").await;
        hold(&answer, &sample, name, &["date"]);
    }
    merchant.sandbox.set_cvu(CvuOptions::default()).unwrap();
    let other = json!({ "code": open, "amount": 1500.5, "payer": "prueba.demo.dos" });
    merchant.pay(&other).await;
    let two = merchant.transactions("&operation=QR").await;
    // In the sample two people have one account.
    hold(
        &two,
        &sample,
        "ok-two-equal-amounts",
        &["date", "cuit", "cvu_cbu"],
    );

    for _ in 0..39 {
        merchant.pay(&scan).await;
    }
    let paged = merchant
        .transactions("&paginate=1&page=1&operation=QR")
        .await;
    hold(&paged, &sample, "ok-paged", &["transactions"]);
    let first = &paged.body["transactions"][0];
    assert_eq!(
        without(first.clone(), &["date"]),
        without(
            sample.body("ok-paged")["transactions"][0].clone(),
            &["date"]
        )
    );
    let last = merchant.transactions("&paginate=1&page=3").await;
    assert_eq!(last.body["transactions"].as_array().unwrap().len(), 2);

    let merchant = Merchant::open_with(options(|options| options.null_sale_point = true)).await;
    merchant
        .pay(&json!({ "code": merchant.code().await["qr_code"] }))
        .await;
    hold(
        &merchant.transactions("").await,
        &sample,
        "ok-null-sale-point",
        &["date"],
    );
    let range = "v2/account/transactions?date_from=2026-11-21&date_to=2026-11-20";
    hold(&merchant.get(range).await, &sample, "error-range", &[]);
}

#[tokio::test]
async fn filters_and_statistics_are_as_in_their_samples() {
    let merchant = Merchant::open().await;
    let filters = Sample::read("account_transactions_filters");
    let path = "v2/account/transactions_filters";
    hold(&merchant.get(path).await, &filters, "ok", &[]);
    let unnamed = merchant.ask("GET", path, "", None).await;
    hold(&unnamed, &filters, "error", &[]);

    let statics = Sample::read("whitelabel_statics");
    let now = merchant.now().await;
    let path = format!(
        "v2/whitelabel/statics/{}-{:02}",
        now.year(),
        u8::from(now.month())
    );
    hold(&merchant.get(&path).await, &statics, "ok-empty", &[]);
    let code = merchant.code().await["qr_code"].clone();
    merchant
        .pay(&json!({ "code": code, "amount": 2500.5 }))
        .await;
    let sent = json!({
        "cvu": "0009001600000004242420", "cuit": "20999000011", "amount": 1000,
        "reference_id": "ref-1", "concept": "VAR", "description": "",
    });
    merchant.post("v2/payment/cashout", &sent).await;
    // The counts are of other products.
    let but = [
        "count_open_cvu",
        "count_payments_services",
        "count_sent_sms",
    ];
    hold(&merchant.get(&path).await, &statics, "ok-values", &but);
    let forbidden = options(|options| options.statistics_allowed = false);
    merchant.sandbox.set_cvu(forbidden).unwrap();
    hold(
        &merchant.get(&path).await,
        &statics,
        "error-not-allowed",
        &[],
    );
}

/// The answers of the samples that the tests above hold; `unauthorized` and `error-with-http-200` of
/// every guarded operation are held together.
const HELD: [(&str, &[&str]); 17] = [
    (
        "account_balance",
        &["ok", "ok-zero", "ok-decimal-text", "error"],
    ),
    (
        "account_transactions",
        &[
            "ok-plain",
            "ok-paged",
            "ok-empty",
            "ok-two-equal-amounts",
            "ok-amount-es-ar",
            "ok-bare-list",
            "ok-null-sale-point",
            "error-range",
        ],
    ),
    ("account_transactions_filters", &["ok", "error"]),
    (
        "auth_token",
        &[
            "ok-epoch-seconds",
            "ok-text-date",
            "ok-epoch-milliseconds",
            "ok-access-token-name",
            "bad-credentials",
            "bad-credentials-401",
            "not-json",
        ],
    ),
    (
        "cashin_link_generate",
        &[
            "ok",
            "ok-id-text",
            "hostile-scheme",
            "error-date",
            "error-amount",
        ],
    ),
    (
        "cashin_qr_generate",
        &[
            "ok",
            "ok-amount-at-acceptor",
            "bad-crc",
            "other-amount",
            "image-instead-of-text",
            "error",
        ],
    ),
    (
        "cashin_transfer_generate",
        &["ok", "hostile-scheme", "error"],
    ),
    (
        "payment_cashin_detail",
        &[
            "ok-from-link",
            "ok-from-qr",
            "ok-buyer-list",
            "ok-buyer-list-of-pairs",
            "ok-plain-transfer",
            "ok-amount-text",
            "ok-underpaid",
            "error-unknown-id",
        ],
    ),
    (
        "payment_cashout",
        &[
            "ok",
            "ok-id-text",
            "retry-same-result",
            "error-insufficient-funds",
            "error-reference-reused",
            "timeout",
        ],
    ),
    (
        "payment_cashout_voucher",
        &["ok-base64-pdf", "ok-link", "error-unknown-id"],
    ),
    (
        "payment_concepts",
        &["ok-strings", "ok-objects", "ok-empty", "error"],
    ),
    ("sale_point_create", &["ok", "error-duplicate"]),
    ("sale_point_delete", &["ok", "error-unknown"]),
    ("sale_point_list", &["ok", "ok-empty", "error"]),
    ("sale_point_static_order", &["ok", "error-busy", "error"]),
    ("sale_point_static_qr", &["ok-closed", "ok-open", "error"]),
    (
        "whitelabel_statics",
        &["ok-empty", "ok-values", "error-not-allowed"],
    ),
];

#[test]
fn no_sample_is_left_out() {
    let files = std::fs::read_dir(FOLDER).unwrap();
    let files: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    assert_eq!(files.len(), HELD.len());
    for (file, held) in HELD {
        assert!(files.contains(&format!("{file}.json")), "{file}");
        let sample = Sample::read(file);
        let names: BTreeSet<&str> = sample.0["responses"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|response| response["name"].as_str())
            .filter(|name| !["unauthorized", "error-with-http-200"].contains(name))
            .collect();
        assert_eq!(names, held.iter().copied().collect(), "{file}");
    }
}
