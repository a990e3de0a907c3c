//! A connection that nobody can hold open by doing nothing.
//!
//! hyper limits the time for a request's head and for idling together. Here the head alone is
//! limited: [`HEAD_LIMIT`] from the first byte (and for the first byte of a connection), while a
//! connection may idle longer between requests. So is a reader that takes nothing: hyper would wait
//! for it for ever.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a request's head may take from its first byte, and the first byte of a connection.
pub const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// How long a client may take nothing of an answer that is waiting for it.
pub const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// What a connection is doing, as the stream and the service over it know together.
#[derive(Debug)]
pub struct Phase(AtomicU8);

const HEAD: u8 = 0;
const SERVING: u8 = 1;
const IDLE: u8 = 2;

impl Phase {
    /// A new connection: its first head is awaited.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU8::new(HEAD))
    }

    /// A whole head has arrived.
    pub fn serving(&self) {
        self.0.store(SERVING, Ordering::Relaxed);
    }

    /// The request was answered.
    pub fn idle(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream with time limits.
pub struct GuardedStream<S> {
    stream: S,
    phase: Arc<Phase>,
    head_timer: Pin<Box<Sleep>>,
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<S> GuardedStream<S> {
    /// Guards `stream` from now on.
    pub fn new(stream: S, phase: Arc<Phase>) -> Self {
        Self {
            stream,
            phase,
            head_timer: Box::pin(tokio::time::sleep(HEAD_LIMIT)),
            write_timer: None,
        }
    }

    /// Passes on what a write came to, unless it has been pending for too long.
    fn limit_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let timer = self
            .write_timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_LIMIT)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let phase = this.phase.get();
        if phase == HEAD && this.head_timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if phase == IDLE && buffer.filled().len() > before {
            this.phase.0.store(HEAD, Ordering::Relaxed);
            this.head_timer.as_mut().reset(Instant::now() + HEAD_LIMIT);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.limit_write(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.limit_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.limit_write(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.limit_write(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn guarded() -> (
        tokio::io::DuplexStream,
        GuardedStream<tokio::io::DuplexStream>,
        Arc<Phase>,
    ) {
        let (client, server) = tokio::io::duplex(64);
        let phase = Arc::new(Phase::new());
        (client, GuardedStream::new(server, phase.clone()), phase)
    }

    /// Reads until the stream fails; how long that took and with what.
    async fn read_out(
        stream: &mut GuardedStream<tokio::io::DuplexStream>,
    ) -> (Duration, io::ErrorKind) {
        let started = Instant::now();
        loop {
            if let Err(error) = stream.read_u8().await {
                return (started.elapsed(), error.kind());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_is_cut_off_after_the_limit() {
        let (mut client, mut stream, _phase) = guarded();
        let trickle = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let (after, kind) = read_out(&mut stream).await;
        assert_eq!((after, kind), (HEAD_LIMIT, io::ErrorKind::TimedOut));
        trickle.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_idle_between_requests_but_not_within_a_head() {
        let (mut client, mut stream, phase) = guarded();
        client.write_all(b"x").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'x');
        phase.serving();
        phase.idle();
        let idle = tokio::time::timeout(Duration::from_secs(20), stream.read_u8());
        assert!(
            idle.await.is_err(),
            "an idle connection is not the stream's to close"
        );
        client.write_all(b"y").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'y');
        let (after, kind) = read_out(&mut stream).await;
        assert_eq!((after, kind), (HEAD_LIMIT, io::ErrorKind::TimedOut));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_cut_off_and_one_that_reads_slowly_is_not() {
        let (mut client, mut stream, _phase) = guarded();
        let writer = tokio::spawn(async move {
            let started = Instant::now();
            let error = stream.write_all(&[0; 256]).await.unwrap_err();
            (started.elapsed(), error.kind())
        });
        // Takes 64 bytes after 20 s and nothing more.
        tokio::time::sleep(Duration::from_secs(20)).await;
        client.read_exact(&mut [0; 64]).await.unwrap();
        let (after, kind) = writer.await.unwrap();
        assert_eq!(kind, io::ErrorKind::TimedOut);
        assert_eq!(after, Duration::from_secs(20) + WRITE_LIMIT);
    }
}
