//! Accepts connections and hands their requests to a router.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use super::stream::{GuardedStream, Phase};
use crate::limits::PeerAddr;

/// How long a connection may stay open between two requests.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Largest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long requests under way may take to end when the listener stops.
const GRACE: Duration = Duration::from_secs(20);
/// Pause when the operating system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How many connections a listener takes at a time.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// All together. Further ones wait in the operating system's queue.
    pub total: usize,
    /// From one address; further ones are closed at once. `None` does not count, as behind a reverse
    /// proxy, where all come from one address.
    pub per_ip: Option<usize>,
}

/// Serves until `stop` becomes true, then lets requests under way end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    caps: Caps,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(caps.total));
    let addresses = Arc::new(Addresses::default());
    let graceful = GracefulShutdown::new();
    let http = http();
    loop {
        let accepted = tokio::select! {
            biased;
            () = super::stopped(&mut stop) => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, peer, slot)) = accepted else {
            break;
        };
        // Answers are small and complete: waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        let Some(place) = addresses.enter(peer.0.ip(), caps.per_ip) else {
            metrics::counter!("ventanilla_connections_refused_total").increment(1);
            continue;
        };
        let connection = drive(
            http.clone(),
            stream,
            peer,
            router.clone(),
            graceful.watcher(),
        );
        metrics::gauge!("ventanilla_connections").increment(1);
        tokio::spawn(async move {
            connection.await;
            metrics::gauge!("ventanilla_connections").decrement(1);
            drop((slot, place));
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            "requests still under way {} s after the stop",
            GRACE.as_secs()
        );
    }
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(KEEP_ALIVE)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(true);
    http
}

/// The next connection, once there is a slot for it; `None` when there never will be.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, PeerAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Some((stream, PeerAddr(peer), slot)),
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection to its end. How it ends is its client's business.
async fn drive<S>(http: http1::Builder, stream: S, peer: PeerAddr, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let phase = Arc::new(Phase::new());
    let io = TokioIo::new(GuardedStream::new(stream, phase.clone()));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        phase.serving();
        let phase = phase.clone();
        let router = router.clone();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        async move {
            let answer: Result<Response, Infallible> = router.oneshot(request).await;
            phase.idle();
            answer
        }
    });
    let _ = watcher.watch(http.serve_connection(io, service)).await;
}

/// How many connections each address has.
#[derive(Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

impl Addresses {
    fn enter(self: &Arc<Self>, address: IpAddr, limit: Option<usize>) -> Option<Place> {
        let address = address.to_canonical();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if limit.is_some_and(|limit| *count >= limit) {
            return None;
        }
        *count += 1;
        Some(Place {
            addresses: self.clone(),
            address,
        })
    }
}

/// One connection of an address.
struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self
            .addresses
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio::time::Instant;

    /// A client's end, and what keeps the connection from being shut down.
    fn connect() -> (DuplexStream, GracefulShutdown) {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let peer = PeerAddr(([127, 0, 0, 1], 4000).into());
        let router = Router::new().route("/", get(async || "here"));
        let graceful = GracefulShutdown::new();
        tokio::spawn(drive(http(), server, peer, router, graceful.watcher()));
        (client, graceful)
    }

    /// Everything that the server still says, and how long it took to hang up.
    async fn read_to_end(client: &mut DuplexStream) -> (String, Duration) {
        let started = Instant::now();
        let mut text = String::new();
        // A reset is as good as an end.
        let _ = client.read_to_string(&mut text).await;
        (text, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_or_half_a_head_is_hung_up_on() {
        for said in ["", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
            let (mut client, _graceful) = connect();
            client.write_all(said.as_bytes()).await.unwrap();
            let (text, after) = read_to_end(&mut client).await;
            assert_eq!(
                (text.as_str(), after),
                ("", super::super::stream::HEAD_LIMIT),
                "{said:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_kept_for_half_a_minute_between_requests() {
        let (mut client, _graceful) = connect();
        for _ in 0..2 {
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                .await
                .unwrap();
            let mut answer = vec![0; 512];
            let length = client.read(&mut answer).await.unwrap();
            let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
            assert!(
                answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"),
                "{answer}"
            );
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        let (_, after) = read_to_end(&mut client).await;
        assert_eq!(after, KEEP_ALIVE - Duration::from_secs(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_head_has_as_little_time_as_the_first() {
        let (mut client, _graceful) = connect();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        assert_ne!(client.read(&mut [0; 512]).await.unwrap(), 0);
        tokio::time::sleep(Duration::from_secs(10)).await;
        client
            .write_all(b"GET / HTTP/1.1\r\nX-Slow: ")
            .await
            .unwrap();
        let (_, after) = read_to_end(&mut client).await;
        assert_eq!(after, super::super::stream::HEAD_LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_when_the_listener_stops() {
        let (mut client, graceful) = connect();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        assert_ne!(client.read(&mut [0; 512]).await.unwrap(), 0);
        graceful.shutdown().await;
        assert_eq!(
            read_to_end(&mut client).await,
            (String::new(), Duration::ZERO)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_with_too_much_in_it_is_refused() {
        let many = "X-H: 1\r\n".repeat(MAX_HEADERS + 1);
        let large = format!("X-H: {}\r\n", "x".repeat(MAX_HEAD_BYTES));
        let fits = "X-H: 1\r\n".repeat(MAX_HEADERS - 2);
        for (headers, status) in [(many, "431"), (large, "431"), (fits, "200")] {
            let (mut client, _graceful) = connect();
            let head = format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
            client.write_all(head.as_bytes()).await.unwrap();
            let (text, _) = read_to_end(&mut client).await;
            assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        }
    }

    #[test]
    fn an_address_has_its_places_back_when_its_connections_end() {
        let addresses = Arc::new(Addresses::default());
        let one: IpAddr = "203.0.113.7".parse().unwrap();
        let other: IpAddr = "203.0.113.8".parse().unwrap();
        let first = addresses.enter(one, Some(2)).unwrap();
        let _second = addresses.enter(one, Some(2)).unwrap();
        assert!(addresses.enter(one, Some(2)).is_none());
        assert!(
            addresses
                .enter("::ffff:203.0.113.7".parse().unwrap(), Some(2))
                .is_none()
        );
        assert!(addresses.enter(other, Some(2)).is_some());
        drop(first);
        assert!(addresses.enter(one, Some(2)).is_some());
        assert_eq!(addresses.0.lock().unwrap().len(), 1);
    }
}
