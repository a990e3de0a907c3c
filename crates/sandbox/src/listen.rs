//! Listening, with the means to be rude: a connection can be reset or closed unanswered, and a host can go
//! away.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::http::Request;
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// A connection, as a handler sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Arc<End>);

/// How a connection is to end before its time.
#[derive(Debug, Default)]
struct End {
    wanted: Notify,
    with_reset: AtomicBool,
}

impl Connection {
    /// Resets the connection; the handler that calls this does not come back.
    pub(crate) async fn reset(&self) -> std::convert::Infallible {
        self.0.with_reset.store(true, Ordering::Release);
        self.close().await
    }

    /// Closes the connection in good order, without an answer; the handler that calls this does not
    /// come back.
    pub(crate) async fn close(&self) -> std::convert::Infallible {
        self.0.wanted.notify_one();
        std::future::pending().await
    }
}

/// Looks at who comes, before the request is read.
pub(crate) trait Door: Send + Sync + 'static {
    /// Whether anybody might be turned away now.
    fn is_watched(&self) -> bool {
        false
    }

    /// Whether to reset the connection of a request to `path`.
    fn turns_away(&self, _method: &str, _path: &str) -> bool {
        false
    }
}

/// Lets everybody in.
pub(crate) struct OpenDoor;

impl Door for OpenDoor {}

/// A host that listens.
#[derive(Debug)]
pub(crate) struct Listening {
    address: SocketAddr,
    orders: mpsc::Sender<Order>,
}

#[derive(Debug)]
enum Order {
    GoAway(oneshot::Sender<()>),
    ComeBack(oneshot::Sender<()>),
}

impl Listening {
    /// Serves `router` until `stop` says so or its sender is gone. `door` is asked at each new
    /// connection whether to reset it unread.
    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        router: Router,
        door: Arc<dyn Door>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let (orders, inbox) = mpsc::channel(1);
        tokio::spawn(accept(listener, address, router, door, inbox, stop));
        Self { address, orders }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and cuts every connection; returns when a new one would be refused.
    pub(crate) async fn go_away(&self) {
        self.order(Order::GoAway).await;
    }

    /// Listens again, if it does not.
    pub(crate) async fn come_back(&self) {
        self.order(Order::ComeBack).await;
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (done, when_done) = oneshot::channel();
        if self.orders.send(order(done)).await.is_ok() {
            // An error here means that the sandbox is being stopped.
            let _ = when_done.await;
        }
    }
}

async fn accept(
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    door: Arc<dyn Door>,
    mut inbox: mpsc::Receiver<Order>,
    mut stop: watch::Receiver<bool>,
) {
    let mut listener = Some(listener);
    // Its sender is dropped to cut every connection made so far.
    let (mut cut, mut when_cut) = watch::channel(());
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            order = inbox.recv() => match order {
                None => break,
                Some(Order::GoAway(done)) => {
                    listener = None;
                    (cut, when_cut) = watch::channel(());
                    let _ = done.send(());
                }
                Some(Order::ComeBack(done)) => {
                    if listener.is_none() {
                        match TcpListener::bind(address).await {
                            Ok(bound) => listener = Some(bound),
                            Err(error) => tracing::error!("{address} cannot be listened on again: {error}"),
                        }
                    }
                    let _ = done.send(());
                }
            },
            accepted = next_connection(listener.as_ref()) => match accepted {
                Ok(stream) => {
                    let door = door.is_watched().then(|| Arc::clone(&door));
                    tokio::spawn(serve(stream, router.clone(), door, when_cut.clone(), stop.clone()));
                }
                // Out of file handles, or the other side was faster: both pass.
                Err(error) => {
                    tracing::warn!("a connection was not accepted: {error}");
                    tokio::task::yield_now().await;
                }
            },
        }
    }
    drop(cut);
}

async fn next_connection(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// Method and path of the request that arrives, without reading it. Waiting for it has a reason of its own: a
/// connection reset sooner is gone before the client has made it, and the client then knows that nothing
/// was sent.
async fn peek_request(stream: &TcpStream) -> Option<(String, String)> {
    let mut buffer = [0; 512];
    loop {
        let seen = stream
            .peek(&mut buffer)
            .await
            .ok()
            .filter(|seen| *seen > 0)?;
        let seen = buffer.get(..seen)?;
        if let Some(end) = seen.windows(2).position(|pair| pair == b"\r\n") {
            let line = std::str::from_utf8(seen.get(..end)?).ok()?;
            let mut parts = line.split(' ').map(str::to_owned);
            return Some((parts.next()?, parts.next()?));
        }
        if seen.len() == buffer.len() {
            return None;
        }
        // The rest of the line is on its way.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// Waits until the sandbox is to stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sandbox was dropped, which comes to the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn serve(
    stream: TcpStream,
    router: Router,
    door: Option<Arc<dyn Door>>,
    mut when_cut: watch::Receiver<()>,
    mut stop: watch::Receiver<bool>,
) {
    let connection = Connection::default();
    let end = Arc::clone(&connection.0);
    let wire = Wire {
        stream,
        end: Arc::clone(&end),
    };
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: Request<_>| {
        request.extensions_mut().insert(connection.clone());
        router.call(request)
    });
    let serve = async {
        if let Some(door) = door
            && let Some((method, path)) = peek_request(&wire.stream).await
            && door.turns_away(&method, &path)
        {
            end.with_reset.store(true, Ordering::Release);
            return;
        }
        // How a client leaves is its own business.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(wire), service)
            .await;
    };
    tokio::select! {
        () = serve => {}
        () = end.wanted.notified() => {}
        _ = when_cut.changed() => {}
        () = stopped(&mut stop) => {}
    }
}

/// A TCP stream that, when dropped, resets the connection if that is wanted and closes it otherwise.
struct Wire {
    stream: TcpStream,
    end: Arc<End>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.end.with_reset.load(Ordering::Acquire) {
            // A connection that is gone already needs no reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
