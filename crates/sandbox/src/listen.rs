//! Listening, with the means to be rude: a connection can be reset, and a host can go away.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// A connection, as a handler sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Arc<Reset>);

#[derive(Debug, Default)]
struct Reset {
    wanted: AtomicBool,
    called: Notify,
}

impl Connection {
    /// Resets the connection; the handler that calls this does not come back.
    pub(crate) async fn reset(&self) -> std::convert::Infallible {
        self.0.wanted.store(true, Ordering::Release);
        self.0.called.notify_one();
        std::future::pending().await
    }
}

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
    /// Serves `router` until `stop` says so or its sender is gone. `refuse` is asked at each new
    /// connection whether to reset it unread.
    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        router: Router,
        refuse: impl Fn() -> bool + Send + 'static,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let (orders, inbox) = mpsc::channel(1);
        tokio::spawn(accept(listener, address, router, refuse, inbox, stop));
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
    refuse: impl Fn() -> bool,
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
                Ok(stream) if refuse() => {
                    tokio::spawn(reset_unread(stream, stop.clone()));
                }
                Ok(stream) => {
                    tokio::spawn(serve(stream, router.clone(), when_cut.clone(), stop.clone()));
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

/// Resets a connection once its request is there, without reading it. Sooner, the client might find the
/// connection gone before it had made it, and then know that nothing was sent.
async fn reset_unread(stream: TcpStream, mut stop: watch::Receiver<bool>) {
    let mut first_byte = [0];
    tokio::select! {
        _ = stream.peek(&mut first_byte) => {}
        () = stopped(&mut stop) => {}
    }
    let _ = stream.set_zero_linger();
}

/// Waits until the sandbox is to stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sandbox was dropped, which comes to the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn serve(
    stream: TcpStream,
    router: Router,
    mut when_cut: watch::Receiver<()>,
    mut stop: watch::Receiver<bool>,
) {
    let connection = Connection::default();
    let reset = Arc::clone(&connection.0);
    let wire = Wire {
        stream,
        reset: Arc::clone(&reset),
    };
    let service = TowerToHyperService::new(router.layer(Extension(connection)));
    tokio::select! {
        // How a client leaves is its own business.
        _ = http1::Builder::new().serve_connection(TokioIo::new(wire), service) => {}
        () = reset.called.notified() => {}
        _ = when_cut.changed() => {}
        () = stopped(&mut stop) => {}
    }
}

/// A TCP stream that, when dropped, resets the connection if that is wanted and closes it otherwise.
struct Wire {
    stream: TcpStream,
    reset: Arc<Reset>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.wanted.load(Ordering::Acquire) {
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
