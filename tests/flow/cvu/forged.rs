//! Codes that somebody between the proxy and its provider has rewritten, checksum and all.

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::cvu::Presentation;

use super::{ACCOUNT, Stage, options, payable};
use crate::shop::Shop;
use crate::world::{Settings, World};

/// A text in a code, and what it is replaced by.
type Change = (&'static str, &'static str);

/// Passes calls on, and changes the codes in the answers.
struct Between {
    provider: OnceLock<String>,
    change: Change,
    client: reqwest::Client,
}

impl Between {
    async fn open(change: Change) -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let between = Arc::new(Self {
            provider: OnceLock::new(),
            change,
            client: reqwest::Client::builder()
                .no_proxy()
                .tls_certs_only([])
                .build()
                .unwrap(),
        });
        let open = Arc::clone(&between);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let between = Arc::clone(&open);
                tokio::spawn(async move { between.pass_on(stream).await });
            }
        });
        (between, url)
    }

    async fn pass_on(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        let mut first = String::new();
        stream.read_line(&mut first).await.ok()?;
        let mut words = first.split_whitespace();
        let (method, path) = (words.next()?, words.next()?);
        let url = format!("{}{path}", self.provider.get()?);
        let mut request = self.client.request(method.parse().ok()?, url);
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim().split_once(": ") else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().ok()?;
            } else if ["authorization", "content-type"].contains(&name.to_lowercase().as_str()) {
                request = request.header(name, value);
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let answer = request.body(body).send().await.ok()?.text().await.ok()?;
        let answer = self.changed(answer);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            answer.len()
        );
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(answer.as_bytes()).await.ok()
    }

    fn changed(&self, answer: String) -> String {
        let Ok(mut read) = serde_json::from_str::<Value>(&answer) else {
            return answer;
        };
        let Some(code) = read["qr_code"].as_str() else {
            return answer;
        };
        let (from, to) = self.change;
        assert!(code.contains(from), "{code}");
        let changed = code.replacen(from, to, 1);
        let (text, _) = changed.split_at(changed.len() - 4);
        read["qr_code"] = format!("{text}{:04X}", crc(text)).into();
        read.to_string()
    }
}

/// CRC-16/CCITT-FALSE.
fn crc(text: &str) -> u16 {
    text.bytes().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    })
}

async fn stage_with(change: Change) -> Stage {
    let (between, url) = Between::open(change).await;
    let (shop, webhooks) = Shop::open().await;
    let settings = Settings {
        cvu: Some(ACCOUNT),
        cvu_url: Some(url),
        webhooks: Some(webhooks),
        ..Settings::default()
    };
    let world = World::open_as(options(), settings, None).await;
    between.provider.set(world.sandbox.cvu_url.clone()).unwrap();
    Stage { world, shop }
}

#[tokio::test]
async fn a_code_that_asks_for_something_else_is_not_shown() {
    assert_eq!(crc("123456789"), 0x29b1);
    for (what, change) in [
        ("dollars", ("5303032", "5303840")),
        ("no currency that there is", ("5303032", "5303000")),
        ("another country", ("5802AR", "5802BR")),
        ("a centavo more", ("540812500.50", "540812500.51")),
        ("a tenth", ("540812500.50", "540801250.05")),
        (
            "another account",
            ("0009999001234567890126", "0009003000000002718286"),
        ),
        ("another CUIT", ("30000000120", "20999000011")),
    ] {
        let stage = stage_with(change).await;
        let checkout = stage.checkout().await;
        let attempt = checkout
            .ask_for(stage.world.next_key(), Presentation::Qr)
            .await
            .unwrap();
        for view in [attempt.clone(), checkout.view().await.attempt.unwrap()] {
            assert_eq!(
                (view.state, view.next_action),
                (AttemptState::NotExecuted, NextAction::TryAgain),
                "{what}"
            );
            assert!(view.refused && view.payable.is_none(), "{what}");
        }
        let answers = stage.world.answers.lock().unwrap().join("\n");
        assert!(!answers.contains("com.ejemplo.psp"), "{what}");
        // What else there is to pay with is not concerned.
        let link = checkout.issue(Presentation::Link).await;
        stage.world.pay_for(&link).await;
        checkout.waits_for(&link.id, AttemptState::Succeeded).await;
    }
}

#[tokio::test]
async fn a_name_that_a_provider_writes_its_own_way_is_shown() {
    let stage = stage_with(("5915COMERCIO PRUEBA", "5915COMERCIO_PRUEBA")).await;
    let checkout = stage.checkout().await;
    let attempt = checkout.issue(Presentation::Qr).await;
    assert!(
        payable(&attempt)
            .code
            .as_ref()
            .unwrap()
            .contains("COMERCIO_PRUEBA")
    );
}
