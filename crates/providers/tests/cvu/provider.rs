//! A provider that answers each request as it is told to, and remembers them all.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::given::{asks_for_a_token, token_body};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET /v2/account/balance`, without the query.
    pub line: String,
    pub query: String,
    /// In lower case.
    pub head: String,
    pub body: String,
    /// The access token, as it was written.
    pub token: Option<String>,
}

impl Seen {
    pub fn is_for_a_token(&self) -> bool {
        asks_for_a_token(&self.line)
    }

    /// A parameter of the query, where nothing is escaped.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

/// What is answered.
pub struct Reply {
    pub bytes: Vec<u8>,
    /// Not before this.
    pub held_by: Option<Arc<Notify>>,
}

pub fn reply(status: u16, body: &str) -> Reply {
    let length = body.len();
    let bytes = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    Reply {
        bytes: bytes.into_bytes(),
        held_by: None,
    }
}

/// What a [`Provider::scripted`] says.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<(u16, String)>>);

impl Script {
    pub fn say(&self, status: u16, body: &str) {
        *self.0.lock().unwrap() = (status, body.to_owned());
    }
}

pub struct Provider {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    came: Arc<Notify>,
    task: JoinHandle<()>,
}

/// The good answer to the `count`th request for an access token.
pub fn token(count: usize) -> Reply {
    reply(200, &token_body(count))
}

impl Provider {
    /// `answer` is given the request and how many of the same kind (for a token, or not) came before it.
    pub async fn start(answer: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let came = Arc::new(Notify::new());
        let answer = Arc::new(answer);
        let task = tokio::spawn({
            let (seen, came) = (seen.clone(), came.clone());
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (seen, came) = (seen.clone(), came.clone());
                    tokio::spawn(converse(stream, seen, came, answer.clone()));
                }
            }
        });
        Self {
            url,
            seen,
            came,
            task,
        }
    }

    /// Gives tokens that last, and `answer` to everything else.
    pub async fn answering(answer: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(move |seen, count| {
            if seen.is_for_a_token() {
                token(count + 1)
            } else {
                answer(seen, count)
            }
        })
        .await
    }

    /// Gives tokens that last, and always the same answer to everything else.
    pub async fn saying(status: u16, body: &str) -> Self {
        let (provider, script) = Self::scripted().await;
        script.say(status, body);
        provider
    }

    /// Gives tokens that last, and to everything else what the script says at the time. One provider and
    /// one client do for many answers: to read the trusted certificates takes longer than the rest.
    pub async fn scripted() -> (Self, Script) {
        let script = Script::default();
        let said = script.clone();
        let provider = Self::answering(move |_, _| {
            let said = said.0.lock().unwrap();
            reply(said.0, &said.1)
        })
        .await;
        (provider, script)
    }

    pub fn token_requests(&self) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.is_for_a_token()).count()
    }

    /// Everything but the requests for tokens.
    pub fn calls(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|seen| !seen.is_for_a_token())
            .cloned()
            .collect()
    }

    /// How many calls were made, requests for tokens not counted.
    pub fn count(&self) -> usize {
        self.calls().len()
    }

    /// The request for the first token.
    pub fn first_token_request(&self) -> Seen {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .find(|seen| seen.is_for_a_token())
            .unwrap()
            .clone()
    }

    /// Waits until a request has come.
    pub async fn has_been_asked(&self) {
        self.came.notified().await;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(
    mut stream: TcpStream,
    all: Arc<Mutex<Vec<Seen>>>,
    came: Arc<Notify>,
    answer: Arc<impl Fn(&Seen, usize) -> Reply>,
) {
    while let Some(seen) = receive(&mut stream).await {
        let reply = {
            let mut all = all.lock().unwrap();
            let same = |other: &&Seen| other.is_for_a_token() == seen.is_for_a_token();
            let before = all.iter().filter(same).count();
            all.push(seen.clone());
            answer(&seen, before)
        };
        came.notify_one();
        if let Some(held_by) = &reply.held_by {
            held_by.notified().await;
        }
        // A client that has given up may be gone.
        if stream.write_all(&reply.bytes).await.is_err() {
            return;
        }
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut buffer = [0_u8; 8192];
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return None;
        }
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let field = |name: &str| {
            head.lines().find_map(|line| {
                let (found, value) = line.split_once(": ")?;
                found.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        let length: usize = field("content-length").map_or(0, |text| text.parse().unwrap());
        if body.len() < length {
            continue;
        }
        let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
        let (line, query) = line.split_once('?').unwrap_or((line, ""));
        let token = field("authorization");
        return Some(Seen {
            line: line.to_owned(),
            query: query.to_owned(),
            head: head.to_lowercase(),
            body: body.to_owned(),
            token: token.map(|text| text.strip_prefix("Bearer ").unwrap().to_owned()),
        });
    }
}
