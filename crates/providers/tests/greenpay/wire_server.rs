//! A provider that is nothing but TCP: it does to each connection what it is told, and remembers
//! every connection and every request.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is done to one connection.
#[derive(Clone)]
pub enum Act {
    /// Closed as soon as it stands.
    CloseAtOnce,
    /// The request is read, the connection reset.
    ResetAfterRequest,
    /// The request is read, these bytes are sent, the connection is reset.
    SendThenReset(Vec<u8>),
    /// The request is read, these bytes are sent, the connection is closed.
    Send(Vec<u8>),
    /// Every request is answered with these bytes; the connection stays open.
    KeepAnswering(Vec<u8>),
    /// The request is read and never answered.
    Stall,
    /// Nothing is read or sent.
    Ignore,
}

pub struct WireServer {
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

impl WireServer {
    /// Does `acts` to the first connections, in order, and the last of them to all later ones.
    pub async fn start(acts: Vec<Act>) -> Self {
        Self::listen(acts, false).await
    }

    /// Does `acts` to the first connections, in order; then nobody listens any more.
    pub async fn start_and_vanish(acts: Vec<Act>) -> Self {
        Self::listen(acts, true).await
    }

    async fn listen(acts: Vec<Act>, vanish: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn({
            let seen = seen.clone();
            async move {
                let mut acts = acts.into_iter();
                let mut act = acts.next().unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    seen.lock().unwrap().connections += 1;
                    let performed = perform(act.clone(), stream, seen.clone());
                    act = match acts.next() {
                        Some(next) => next,
                        None if vanish => {
                            drop(listener);
                            return performed.await;
                        }
                        None => act,
                    };
                    tokio::spawn(performed);
                }
            }
        });
        Self { url, seen, task }
    }

    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// Whole requests, head and body.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }
}

impl Drop for WireServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address that nobody listens on.
pub async fn deserted_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A whole HTTP answer.
pub fn http(status: u16, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub fn json(status: u16, body: &str) -> Vec<u8> {
    http(status, "application/json; charset=utf-8", body)
}

async fn perform(act: Act, mut stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    match act {
        Act::CloseAtOnce => {}
        Act::ResetAfterRequest => {
            receive(&mut stream, &seen).await;
            stream.set_zero_linger().unwrap();
        }
        Act::SendThenReset(bytes) => {
            receive(&mut stream, &seen).await;
            stream.write_all(&bytes).await.unwrap();
            // The reset must not overtake the bytes: the client acknowledges them by closing or not
            // at all, so give it the chance to read first.
            for _ in 0..64 {
                tokio::task::yield_now().await;
            }
            stream.set_zero_linger().unwrap();
        }
        Act::Send(bytes) => {
            receive(&mut stream, &seen).await;
            // A client that has read enough may be gone already.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Act::KeepAnswering(bytes) => {
            while receive(&mut stream, &seen).await {
                stream.write_all(&bytes).await.unwrap();
            }
        }
        Act::Stall => {
            receive(&mut stream, &seen).await;
            std::future::pending::<()>().await;
        }
        Act::Ignore => std::future::pending().await,
    }
}

/// Reads one request; false when there is none.
async fn receive(stream: &mut TcpStream, seen: &Mutex<Seen>) -> bool {
    let mut bytes = Vec::new();
    let mut buffer = [0_u8; 8192];
    loop {
        let read = match stream.read(&mut buffer).await {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("{error}"),
        };
        if read == 0 {
            return false;
        }
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length: usize = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        if body.len() >= length {
            seen.lock().unwrap().requests.push(text);
            return true;
        }
    }
}
