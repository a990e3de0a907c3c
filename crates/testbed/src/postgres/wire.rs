//! A wire to a PostgreSQL server that breaks while a transaction is committed: the moment at which a
//! client cannot know whether it was.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Result;

/// When the wire breaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// Before the commit reaches the server: it never happens.
    Before,
    /// After the server has committed, before it can say so.
    After,
}

/// A wire. It ends when this is dropped.
pub struct Wire {
    url: String,
    plan: Arc<Mutex<Option<Plan>>>,
    accepting: tokio::task::JoinHandle<()>,
}

struct Plan {
    /// So many commits pass first.
    pass: u32,
    cut: Cut,
}

impl Wire {
    /// A wire to the database at `url`, which must name a TCP address.
    ///
    /// # Errors
    ///
    /// When it does not, or nothing can be listened on.
    pub async fn to(url: &str) -> Result<Self> {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let address = rest.split(['/', '?']).next().unwrap_or(rest);
        let server = address
            .rsplit_once('@')
            .map_or(address, |(_, server)| server)
            .to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|error| error.to_string())?;
        let here = listener.local_addr().map_err(|error| error.to_string())?;
        let url = url.replacen(&server, &here.to_string(), 1);
        let plan = Arc::new(Mutex::new(None));
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&plan)));
        Ok(Self {
            url,
            plan,
            accepting,
        })
    }

    /// The database's URL by way of this wire.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets `pass` commits through and breaks the connection of the next one. Others go on.
    pub fn cut_commit(&self, pass: u32, cut: Cut) {
        *lock(&self.plan) = Some(Plan { pass, cut });
    }

    /// Whether what [`Wire::cut_commit`] asked for is still to come.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        lock(&self.plan).is_some()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock(plan: &Mutex<Option<Plan>>) -> MutexGuard<'_, Option<Plan>> {
    plan.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, server: String, plan: Arc<Mutex<Option<Plan>>>) {
    let mut lines = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let plan = Arc::clone(&plan);
        let server = server.clone();
        lines.spawn(async move {
            if let Ok(server) = TcpStream::connect(&server).await {
                // Both ends close with it.
                let _ = carry(client, server, &plan).await;
            }
        });
    }
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    plan: &Mutex<Option<Plan>>,
) -> std::io::Result<()> {
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            count = client.read(&mut asked) => {
                let asked = match count? {
                    0 => return Ok(()),
                    count => asked.get(..count).unwrap_or_default(),
                };
                match due(asked, plan) {
                    None => server.write_all(asked).await?,
                    Some(Cut::Before) => return Ok(()),
                    Some(Cut::After) => {
                        server.write_all(asked).await?;
                        let _answer = server.read(&mut answered).await?;
                        return Ok(());
                    }
                }
            }
            count = server.read(&mut answered) => {
                match count? {
                    0 => return Ok(()),
                    count => client.write_all(answered.get(..count).unwrap_or_default()).await?,
                }
            }
        }
    }
}

/// Whether the wire breaks at what is asked now.
fn due(asked: &[u8], plan: &Mutex<Option<Plan>>) -> Option<Cut> {
    const COMMIT: &[u8] = b"COMMIT\0";
    if !asked.windows(COMMIT.len()).any(|part| part == COMMIT) {
        return None;
    }
    let mut plan = lock(plan);
    let waiting = plan.as_mut()?;
    match waiting.pass.checked_sub(1) {
        Some(left) => {
            waiting.pass = left;
            None
        }
        None => plan.take().map(|plan| plan.cut),
    }
}
