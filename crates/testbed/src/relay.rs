//! A TCP wire that can be cut, held and watched.
//!
//! It stands between a client and a server and passes every byte on, until it is told otherwise. What
//! fails then fails as a network does: by a reset or by silence, never by an answer.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A wire to one server. Dropped, it cuts every connection and listens no more.
pub struct Relay {
    address: SocketAddr,
    control: Arc<Control>,
    listening: JoinHandle<()>,
}

struct Control {
    /// Every cut is one more; connections end when it changes.
    cuts: watch::Sender<u64>,
    held: watch::Sender<bool>,
    refused: AtomicBool,
    answers_to_lose: AtomicU32,
    open: AtomicUsize,
    accepted: AtomicU64,
    to_server: AtomicU64,
    to_client: AtomicU64,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Way {
    ToServer,
    ToClient,
}

impl Relay {
    /// Listens on a free port of this machine's loopback and passes on to `server`.
    ///
    /// # Errors
    ///
    /// When no port can be listened on.
    pub async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let control = Arc::new(Control {
            cuts: watch::Sender::new(0),
            held: watch::Sender::new(false),
            refused: AtomicBool::new(false),
            answers_to_lose: AtomicU32::new(0),
            open: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            to_server: AtomicU64::new(0),
            to_client: AtomicU64::new(0),
        });
        let listening = tokio::spawn(listen(listener, server, Arc::clone(&control)));
        Ok(Self {
            address,
            control,
            listening,
        })
    }

    /// Where to connect instead of to the server.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets every connection that is open now, on both sides. New ones are taken.
    pub fn cut(&self) {
        self.control.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// With `true`, passes nothing on in either direction and closes nothing: the silence of a lost
    /// route. With `false`, what was held goes on.
    pub fn hold(&self, held: bool) {
        self.control.held.send_replace(held);
    }

    /// With `true`, resets every new connection at once; those that are open stay.
    pub fn refuse(&self, refused: bool) {
        self.control.refused.store(refused, Ordering::Relaxed);
    }

    /// The next `count` times that the server answers something, the answer is thrown away and its
    /// connection is reset: the server did what it was asked, and nobody knows.
    pub fn lose_answers(&self, count: u32) {
        self.control.answers_to_lose.store(count, Ordering::Relaxed);
    }

    /// How many answers are still to be lost.
    #[must_use]
    pub fn answers_to_lose(&self) -> u32 {
        self.control.answers_to_lose.load(Ordering::Relaxed)
    }

    /// Connections that are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.control.open.load(Ordering::Relaxed)
    }

    /// Connections taken so far, the refused ones included.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.control.accepted.load(Ordering::Relaxed)
    }

    /// Bytes passed on so far: to the server, and back to its clients.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (
            self.control.to_server.load(Ordering::Relaxed),
            self.control.to_client.load(Ordering::Relaxed),
        )
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

async fn listen(listener: TcpListener, server: SocketAddr, control: Arc<Control>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // Out of descriptors, most likely: whoever holds one may let go of it meanwhile.
            tokio::task::yield_now().await;
            continue;
        };
        control.accepted.fetch_add(1, Ordering::Relaxed);
        if control.refused.load(Ordering::Relaxed) {
            let _ = client.set_zero_linger();
            continue;
        }
        tokio::spawn(carry(client, server, Arc::clone(&control)));
    }
}

async fn carry(client: TcpStream, server: SocketAddr, control: Arc<Control>) {
    let mut cuts = control.cuts.subscribe();
    cuts.mark_unchanged();
    let Ok(server) = TcpStream::connect(server).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    control.open.fetch_add(1, Ordering::Relaxed);
    let reset = {
        let up = pass(&client, &server, Way::ToServer, &control);
        let down = pass(&server, &client, Way::ToClient, &control);
        tokio::select! {
            ended = both(up, down) => ended.is_err(),
            _ = cuts.changed() => true,
        }
    };
    if reset {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
    control.open.fetch_sub(1, Ordering::Relaxed);
}

/// Ends with the first error, or when both directions have ended.
async fn both(
    up: impl Future<Output = io::Result<()>>,
    down: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    tokio::try_join!(up, down).map(|_| ())
}

async fn pass(from: &TcpStream, to: &TcpStream, way: Way, control: &Control) -> io::Result<()> {
    let mut held = control.held.subscribe();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        from.readable().await?;
        let length = match from.try_read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        if held.wait_for(|held| !held).await.is_err() {
            return Ok(());
        }
        if length == 0 {
            // One side has finished; most protocols in use here have nothing to say after that.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if way == Way::ToClient && control.takes_an_answer() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let counter = match way {
            Way::ToServer => &control.to_server,
            Way::ToClient => &control.to_client,
        };
        counter.fetch_add(length as u64, Ordering::Relaxed);
        write(to, buffer.get(..length).unwrap_or_default()).await?;
    }
}

async fn write(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Control {
    fn takes_an_answer(&self) -> bool {
        self.answers_to_lose
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every message with itself in reverse, and counts messages.
    async fn echo() -> (SocketAddr, Arc<AtomicU32>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    while let Ok(mut message) = read(&stream).await {
                        count.fetch_add(1, Ordering::Relaxed);
                        message.reverse();
                        if write(&stream, &message).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        (address, heard)
    }

    async fn read(stream: &TcpStream) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; 64];
        loop {
            stream.readable().await?;
            match stream.try_read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => return Ok(buffer[..length].to_vec()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn ask(stream: &TcpStream, message: &[u8]) -> io::Result<Vec<u8>> {
        write(stream, message).await?;
        read(stream).await
    }

    #[tokio::test]
    async fn bytes_pass_both_ways_and_are_counted() {
        let (server, _) = echo().await;
        let relay = Relay::start(server).await.unwrap();
        let stream = TcpStream::connect(relay.address()).await.unwrap();
        assert_eq!(ask(&stream, b"abc").await.unwrap(), b"cba");
        assert_eq!(ask(&stream, b"de").await.unwrap(), b"ed");
        assert_eq!(
            (relay.bytes(), relay.open(), relay.accepted()),
            ((5, 5), 1, 1)
        );
    }

    #[tokio::test]
    async fn a_cut_resets_what_is_open_and_takes_new_connections() {
        let (server, _) = echo().await;
        let relay = Relay::start(server).await.unwrap();
        let stream = TcpStream::connect(relay.address()).await.unwrap();
        ask(&stream, b"abc").await.unwrap();
        relay.cut();
        let error = read(&stream).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let stream = TcpStream::connect(relay.address()).await.unwrap();
        assert_eq!(ask(&stream, b"abc").await.unwrap(), b"cba");
    }

    #[tokio::test]
    async fn a_lost_answer_was_asked_for_and_carried_out() {
        let (server, heard) = echo().await;
        let relay = Relay::start(server).await.unwrap();
        relay.lose_answers(1);
        let stream = TcpStream::connect(relay.address()).await.unwrap();
        assert!(ask(&stream, b"abc").await.is_err());
        assert_eq!(heard.load(Ordering::Relaxed), 1);
        assert_eq!(relay.answers_to_lose(), 0);
        let stream = TcpStream::connect(relay.address()).await.unwrap();
        assert_eq!(ask(&stream, b"abc").await.unwrap(), b"cba");
    }

    #[tokio::test]
    async fn what_was_held_arrives_once_the_wire_is_let_go() {
        let (server, heard) = echo().await;
        let relay = Relay::start(server).await.unwrap();
        let stream = TcpStream::connect(relay.address()).await.unwrap();
        ask(&stream, b"abc").await.unwrap();
        relay.hold(true);
        write(&stream, b"held").await.unwrap();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(heard.load(Ordering::Relaxed), 1);
        relay.hold(false);
        assert_eq!(read(&stream).await.unwrap(), b"dleh");
    }

    #[tokio::test]
    async fn refused_connections_never_reach_the_server() {
        let (server, heard) = echo().await;
        let relay = Relay::start(server).await.unwrap();
        relay.refuse(true);
        let stream = TcpStream::connect(relay.address()).await.unwrap();
        assert!(ask(&stream, b"abc").await.is_err());
        assert_eq!((heard.load(Ordering::Relaxed), relay.accepted()), (0, 1));
        relay.refuse(false);
        let stream = TcpStream::connect(relay.address()).await.unwrap();
        assert_eq!(ask(&stream, b"abc").await.unwrap(), b"cba");
    }
}
