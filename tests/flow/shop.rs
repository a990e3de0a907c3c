//! The shop's server, as far as it is told things: it takes webhooks and remembers them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// So long, in real time, news may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Default)]
pub struct Shop {
    told: Arc<(Mutex<Vec<Value>>, Notify)>,
    /// What it has heard, by the number of the message: a proxy that was killed may tell it again.
    heard: Arc<Mutex<HashSet<String>>>,
}

impl Shop {
    /// Opens, and gives its address.
    pub async fn open() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let shop = Self::default();
        let open = shop.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shop = open.clone();
                tokio::spawn(async move { shop.listen(stream).await });
            }
        });
        (shop, url)
    }

    async fn listen(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        let mut id = String::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim().split_once(':') else {
                if line.trim().is_empty() {
                    break;
                }
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            } else if name.eq_ignore_ascii_case("webhook-id") {
                value.trim().clone_into(&mut id);
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let told = serde_json::from_slice(&body).ok()?;
        if self.heard.lock().unwrap().insert(id) {
            self.told.0.lock().unwrap().push(told);
            self.told.1.notify_waiters();
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.ok()
    }

    /// What it was told so far.
    pub fn told(&self) -> Vec<Value> {
        self.told.0.lock().unwrap().clone()
    }

    /// How often it was told of attempts and credits.
    pub fn count(&self) -> usize {
        let told = self.told();
        let of_sessions = |news: &&Value| {
            let kind = news["type"].as_str().unwrap_or_default();
            kind.starts_with("session.")
        };
        told.len() - told.iter().filter(of_sessions).count()
    }

    /// Waits for news that `wanted` likes.
    pub async fn hears(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let heard = async {
            loop {
                let news = self.told.1.notified();
                tokio::pin!(news);
                news.as_mut().enable();
                if let Some(found) = self.told().into_iter().find(&wanted) {
                    return found;
                }
                news.await;
            }
        };
        let Ok(found) = tokio::time::timeout(PATIENCE, heard).await else {
            panic!("the shop was told only {:?}", self.told());
        };
        found
    }

    /// Waits for news of this kind about this attempt.
    pub async fn hears_of(&self, kind: &str, attempt: &str) -> Value {
        self.hears(|news| news["type"] == kind && names(news, attempt))
            .await
    }

    /// The kinds of the news about an attempt, in the order in which they came.
    pub fn told_of(&self, attempt: &str) -> Vec<String> {
        let told = self.told();
        let of_it = told.iter().filter(|news| names(news, attempt));
        of_it
            .filter_map(|news| news["type"].as_str().map(str::to_owned))
            .collect()
    }
}

fn names(news: &Value, attempt: &str) -> bool {
    news["data"]["attempt"]["id"] == attempt
        || news["data"]["credit"]["attempts"]
            .as_array()
            .is_some_and(|attempts| attempts.iter().any(|id| id == attempt))
}
