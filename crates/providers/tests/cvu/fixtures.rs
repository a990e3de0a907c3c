//! Every answer of the fixtures, over HTTP, read by the operation it belongs to.

use std::collections::BTreeSet;

use ventanilla_providers::cvu::{CashIn, Client, ConfigError, Link, TokenField, Voucher};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    CUIT, CVU, Way, account, answered, cash_in_id, cash_out, cash_out_id, client, config, cuit,
    fixtures_dir, link_order, operation, period, pesos, qr_order, sale_point, static_order, today,
    transfer_order,
};
use crate::provider::{Provider, reply};
use crate::wire_server::{Act, WireServer, http};

#[derive(Debug, Eq, PartialEq)]
enum Expected {
    Definite,
    Rejected(Cause),
    Unknown(Cause),
}

/// What is to come of an answer. Whatever is not listed is definite.
fn expected(way: Way, name: &str) -> Expected {
    use Expected::{Definite, Rejected, Unknown};
    match name {
        "unauthorized" => Rejected(Cause::Credentials),
        "hostile-scheme" if way == Way::Link => Unknown(Cause::Shape("link")),
        "hostile-scheme" => Unknown(Cause::Shape("payment_link")),
        // An error text proves nothing about a transfer out.
        _ if name.starts_with("error") && way == Way::CashOut => Unknown(Cause::Refused),
        _ if name.starts_with("error") => Rejected(Cause::Refused),
        _ => Definite,
    }
}

#[tokio::test]
async fn every_answer_of_every_operation_is_what_its_fixture_says() {
    let mut read = 0;
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    for way in Way::ALL {
        for answered in operation(way.file()).responses {
            let (Some(status), Some(body)) = (answered.http_status, answered.body) else {
                assert_eq!(answered.name, "timeout", "{way:?}");
                continue;
            };
            script.say(status, body.get());
            let outcome = way.call(&client).await;
            let found = match outcome {
                Outcome::Definite(()) => Expected::Definite,
                Outcome::Rejected(cause) => Expected::Rejected(cause),
                Outcome::Unknown(cause) => Expected::Unknown(cause),
                Outcome::NotSent(cause) => panic!("{way:?} {}: {cause}", answered.name),
            };
            let name = &answered.name;
            // A list that says it has three pages and gives the first again is no list.
            let expected = if name == "ok-paged" {
                Expected::Unknown(Cause::Shape("page"))
            } else {
                expected(way, name)
            };
            assert_eq!(found, expected, "{way:?} {name}");
            read += 1;
        }
    }
    assert_eq!(read, 96);
}

#[test]
fn every_file_of_fixtures_belongs_to_an_operation() {
    let mut files: BTreeSet<_> = Way::ALL
        .iter()
        .map(|way| format!("{}.json", way.file()))
        .collect();
    files.insert("auth_token.json".to_owned());
    let found: BTreeSet<_> = std::fs::read_dir(fixtures_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, files);
}

/// What the call `ask` makes of the answer `name`.
async fn read<T>(way: Way, name: &str, ask: impl AsyncFn(&Client) -> Outcome<T>) -> T {
    let (status, body) = answered(way.file(), name);
    let provider = Provider::saying(status, &body).await;
    match ask(&client(&provider.url)).await {
        Outcome::Definite(value) => value,
        outcome => panic!("{way:?} {name}: {:?}", outcome.cause()),
    }
}

#[tokio::test]
async fn a_balance_is_read_from_an_integer_and_from_a_decimal_text() {
    for (name, minor) in [
        ("ok", 12_500_000),
        ("ok-zero", 0),
        ("ok-decimal-text", 12_500_050),
    ] {
        let balance = read(Way::Balance, name, async |client: &Client| {
            client.balance().await
        })
        .await;
        assert_eq!(balance.as_pesos, pesos(minor), "{name}");
    }
}

async fn cash_in(name: &str) -> CashIn {
    read(Way::CashIn, name, async |client: &Client| {
        client.cashin(&cash_in_id()).await
    })
    .await
}

#[tokio::test]
async fn a_credited_payment_names_what_was_paid_and_who_paid_in_every_shape() {
    for (name, minor, link, qr_order) in [
        ("ok-from-link", 150_050, Some("900001"), None),
        ("ok-from-qr", 150_050, None, Some("910001")),
        ("ok-buyer-list", 150_050, Some("900001"), None),
        ("ok-buyer-list-of-pairs", 150_050, Some("900001"), None),
        ("ok-plain-transfer", 150_050, None, None),
        ("ok-amount-text", 150_050, Some("900001"), None),
        ("ok-underpaid", 150_000, Some("900001"), None),
    ] {
        let found = cash_in(name).await;
        assert_eq!(found.amount, pesos(minor), "{name}");
        assert_eq!(found.link.as_ref().map(|id| id.as_str()), link, "{name}");
        assert_eq!(
            found.qr_order.as_ref().map(|id| id.as_str()),
            qr_order,
            "{name}"
        );
        assert_eq!(found.transaction, Some(cash_in_id()), "{name}");
        assert_eq!(found.buyer_cuit, Some(cuit(CUIT)), "{name}");
        assert_eq!(found.buyer_account, Some(account(CVU)), "{name}");
        assert_eq!(
            (found.concept.as_str(), found.description.as_str()),
            ("VAR", "Pedido 0001")
        );
    }
}

#[tokio::test]
async fn a_credited_payment_without_a_readable_amount_or_with_an_odd_link_is_unknown() {
    for (body, cause) in [
        (r#"{"status":"ok","link_id":900001}"#, Cause::Amount),
        (
            r#"{"status":"ok","amount":"1.500","link_id":900001}"#,
            Cause::Amount,
        ),
        (
            r#"{"status":"ok","amount":1.5e3,"link_id":900001}"#,
            Cause::Amount,
        ),
        (r#"{"status":"ok","amount":-1500.50}"#, Cause::Amount),
        (r#"{"status":"ok","amount":1500.505}"#, Cause::Amount),
        (r#"{"status":"ok","amount":"NaN"}"#, Cause::Amount),
        (
            r#"{"status":"ok","amount":1500.50,"link_id":"x"}"#,
            Cause::Shape("link_id"),
        ),
        (
            r#"{"status":"ok","amount":1500.50,"link_id":[1]}"#,
            Cause::Shape("link_id"),
        ),
        (
            r#"{"status":"ok","amount":1500.50,"amount":1}"#,
            Cause::Shape("body"),
        ),
    ] {
        let provider = Provider::saying(200, body).await;
        let outcome = client(&provider.url).cashin(&cash_in_id()).await;
        assert!(
            matches!(outcome, Outcome::Unknown(found) if found == cause),
            "{body}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_buyer_that_cannot_be_read_does_not_hide_the_payment() {
    for buyer in [
        r#""x""#,
        "7",
        "[]",
        "{}",
        r#"{"cuit":1,"cvu":"1"}"#,
        "[[[[[{}]]]]]",
    ] {
        let body = format!(r#"{{"status":"ok","amount":1500.50,"buyer":{buyer}}}"#);
        let provider = Provider::saying(200, &body).await;
        let Outcome::Definite(found) = client(&provider.url).cashin(&cash_in_id()).await else {
            panic!("{buyer}");
        };
        assert_eq!(
            (found.buyer_cuit, found.buyer_account),
            (None, None),
            "{buyer}"
        );
    }
}

#[tokio::test]
async fn a_dynamic_qr_is_its_text_as_it_came_and_its_order() {
    // Whether the text may be drawn is for core::qr to say, so all of them arrive.
    for (name, order) in [
        ("ok", "910001"),
        ("ok-amount-at-acceptor", "910002"),
        ("bad-crc", "910003"),
        ("other-amount", "910004"),
        ("image-instead-of-text", "910005"),
    ] {
        let code = read(Way::Qr, name, async |client: &Client| {
            client.qr(&qr_order()).await
        })
        .await;
        assert_eq!(code.order.as_str(), order);
        let body: serde_json::Value =
            serde_json::from_str(&answered(Way::Qr.file(), name).1).unwrap();
        assert_eq!(body["qr_code"], code.text.as_str());
    }
}

#[tokio::test]
async fn a_link_is_its_address_and_its_number() {
    for name in ["ok", "ok-id-text"] {
        let Link { address, id } = read(Way::Link, name, async |client: &Client| {
            client.link(&link_order()).await
        })
        .await;
        assert_eq!(
            address.as_str(),
            "https://ejemplo.test/pagar/xyz789",
            "{name}"
        );
        assert_eq!(id.as_str(), "900001", "{name}");
    }
    let address = read(Way::TransferLink, "ok", async |client: &Client| {
        client.transfer_link(&transfer_order()).await
    })
    .await;
    assert_eq!(address.as_str(), "https://ejemplo.test/transferir/abc123");
}

#[tokio::test]
async fn a_transfer_out_is_its_number_whether_it_comes_as_number_or_text_or_again() {
    for name in ["ok", "ok-id-text", "retry-same-result"] {
        let done = read(Way::CashOut, name, async |client: &Client| {
            client.cashout(&cash_out()).await
        })
        .await;
        assert_eq!(done.id, cash_out_id(), "{name}");
    }
}

#[tokio::test]
async fn a_receipt_is_a_document_or_an_address_to_follow() {
    let ask = async |client: &Client| client.voucher(&cash_out_id()).await;
    let Voucher::Document(text) = read(Way::Voucher, "ok-base64-pdf", ask).await else {
        panic!("a document");
    };
    assert_eq!(text, "JVBERi0xLjQKJSBwcnVlYmEK");
    let Voucher::Address(address) = read(Way::Voucher, "ok-link", ask).await else {
        panic!("an address");
    };
    assert_eq!(address.as_str(), "https://ejemplo.test/comprobante/700001");
    let provider =
        Provider::saying(200, r#"{"status":"ok","voucher":"javascript:alert(1)"}"#).await;
    let outcome = client(&provider.url).voucher(&cash_out_id()).await;
    assert!(
        matches!(outcome, Outcome::Unknown(Cause::Shape("voucher"))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn concepts_are_read_from_texts_and_from_objects() {
    let ask = async |client: &Client| client.concepts().await;
    let texts = read(Way::Concepts, "ok-strings", ask).await;
    let codes: Vec<_> = texts.iter().map(|concept| concept.code.as_str()).collect();
    assert_eq!(codes, ["VAR", "FAC", "ALQ"]);
    let objects = read(Way::Concepts, "ok-objects", ask).await;
    assert_eq!(objects[1].code, "FAC");
    assert_eq!(objects[1].name.as_deref(), Some("Factura"));
    assert!(read(Way::Concepts, "ok-empty", ask).await.is_empty());
}

#[tokio::test]
async fn sale_points_and_their_codes_are_read() {
    let points = read(Way::SalePoints, "ok", async |client: &Client| {
        client.sale_points().await
    })
    .await;
    let read_points: Vec<_> = points
        .iter()
        .map(|point| {
            (
                point.id.as_str(),
                point.name.as_str(),
                point.status.as_str(),
            )
        })
        .collect();
    assert_eq!(
        read_points,
        [("1", "Caja 1", "active"), ("2", "Caja 2", "inactive")]
    );
    let created = read(Way::CreateSalePoint, "ok", async |client: &Client| {
        client.create_sale_point("Caja 1").await
    })
    .await;
    assert_eq!(created, sale_point());
    let order = read(Way::StaticOrder, "ok", async |client: &Client| {
        client.static_order(&static_order()).await
    })
    .await;
    assert_eq!(order.as_str(), "910010");
}

#[tokio::test]
async fn statistics_are_read_with_and_without_values() {
    let ask = async |client: &Client| client.statistics(&period()).await;
    let empty = read(Way::Statistics, "ok-empty", ask).await;
    assert_eq!(
        (empty.open_cvus, empty.total_cash_out, empty.total_cash_in),
        (Some(0), None, None)
    );
    let full = read(Way::Statistics, "ok-values", ask).await;
    assert_eq!(full.open_cvus, Some(12));
    assert_eq!(full.total_cash_out, Some(pesos(100_000)));
    assert_eq!(full.total_cash_in, Some(pesos(250_050)));
    assert_eq!((full.service_payments, full.sent_sms), (Some(3), Some(40)));
}

#[tokio::test]
async fn kinds_of_transactions_are_read() {
    let kinds = read(Way::TransactionFilters, "ok", async |client: &Client| {
        client.transaction_filters().await
    })
    .await;
    assert_eq!(kinds.len(), 3);
    let first = (
        kinds[0].id.as_str(),
        kinds[0].name.as_str(),
        kinds[0].kind.as_str(),
    );
    assert_eq!(first, ("QR", "Cobro con QR", "cashin"));
}

#[tokio::test]
async fn transactions_are_read_in_both_shapes_and_as_a_bare_list() {
    for (name, rows) in [
        ("ok-plain", 2),
        ("ok-empty", 0),
        ("ok-two-equal-amounts", 2),
        ("ok-amount-es-ar", 1),
        ("ok-bare-list", 1),
        ("ok-null-sale-point", 1),
    ] {
        let list = read(Way::Transactions, name, async |client: &Client| {
            client.transactions(&today()).await
        })
        .await;
        assert_eq!(
            (list.credits.len(), list.unreadable, list.is_whole),
            (rows, 0, true),
            "{name}"
        );
        for credit in list.credits.iter().filter(|credit| credit.income) {
            assert_eq!(credit.amount, pesos(150_050), "{name}");
            assert_eq!(credit.operation, "Cobro QR");
            assert!(credit.holder.expose().ends_with("PERSONA PRUEBA"));
            assert_eq!(credit.cuit, Some(cuit(CUIT)));
            assert_eq!(credit.account, Some(account(CVU)));
            assert_eq!(credit.status, "Aprobada");
            let has_sale_point = name != "ok-null-sale-point";
            assert_eq!(credit.sale_point_name.is_some(), has_sale_point, "{name}");
        }
    }
}

#[tokio::test]
async fn an_access_token_is_taken_in_every_form_and_a_refusal_stops_the_call() {
    for answered in operation("auth_token").responses {
        let name = answered.name.as_str();
        let body = answered
            .body
            .map_or_else(|| answered.raw_body.unwrap(), |body| body.get().to_owned());
        let status = answered.http_status.unwrap();
        let kind = answered
            .content_type
            .as_deref()
            .unwrap_or("application/json");
        let answer = http(status, kind, &body);
        let balance = crate::wire_server::json(200, &Way::Balance.done());
        // The token is asked for twice when the provider is not there.
        let again = if name == "not-json" {
            answer.clone()
        } else {
            balance
        };
        let server = WireServer::start(vec![Act::Send(answer), Act::Send(again)]).await;
        let mut config = config(&server.url);
        if name == "ok-access-token-name" {
            config.token_field = TokenField::AccessToken;
        }
        let outcome = Client::new(config).unwrap().balance().await;
        let (expected, requests) = match name {
            "bad-credentials" | "bad-credentials-401" => {
                (matches!(outcome, Outcome::Rejected(Cause::Credentials)), 1)
            }
            "not-json" => (
                matches!(outcome, Outcome::NotSent(Cause::HttpStatus(502))),
                2,
            ),
            _ => (matches!(outcome, Outcome::Definite(_)), 2),
        };
        assert!(expected, "{name}: {outcome:?}");
        let requests_seen = server.requests();
        assert_eq!(requests_seen.len(), requests, "{name}");
        if matches!(outcome, Outcome::Definite(_)) {
            let number = name_of_token(name);
            let head = requests_seen[1].to_lowercase();
            assert!(
                head.contains(&format!(
                    "authorization: bearer token-de-prueba-{number}\r\n"
                )),
                "{head}"
            );
        }
    }
}

fn name_of_token(name: &str) -> u8 {
    match name {
        "ok-epoch-seconds" => 1,
        "ok-text-date" => 2,
        "ok-epoch-milliseconds" => 3,
        "ok-access-token-name" => 4,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_token_under_the_other_name_or_one_that_breaks_a_header_is_none() {
    for token in [
        r#""access_token":"a""#,
        r#""token":"""#,
        r#""token":"a b""#,
        r#""token":"a\r\nb: c""#,
        r#""token":7"#,
    ] {
        let body = format!(r#"{{"status":"ok",{token},"expires_at":1795219200}}"#);
        let provider = Provider::start(move |_, _| reply(200, &body)).await;
        let outcome = client(&provider.url).balance().await;
        assert!(
            matches!(outcome, Outcome::NotSent(Cause::Shape("token"))),
            "{token}: {outcome:?}"
        );
        assert!(provider.calls().is_empty());
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused_by_name() {
    let refusal = |change: fn(&mut ventanilla_providers::cvu::Config)| {
        let mut config = config("https://api.ejemplo.test");
        change(&mut config);
        Client::new(config).err()
    };
    assert_eq!(refusal(|_| {}), None);
    assert_eq!(refusal(|c| c.username.clear()), Some(ConfigError::Username));
    assert_eq!(
        refusal(|c| c.password = "".into()),
        Some(ConfigError::Password)
    );
    assert_eq!(
        refusal(|c| c.base_url = "x".into()),
        Some(ConfigError::Url("base_url"))
    );
    assert_eq!(
        refusal(|c| c.base_url = "http://api.ejemplo.test".into()),
        Some(ConfigError::Plaintext("base_url"))
    );
    assert!(
        ConfigError::Plaintext("base_url")
            .to_string()
            .contains("base_url")
    );
}
