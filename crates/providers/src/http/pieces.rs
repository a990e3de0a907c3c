//! A request body in two pieces, so that a test can make the process fail between them.
//!
//! Debug builds only, and there only with a hook installed: what is not made to fail goes out as in a
//! release build. The length is known beforehand, so the head is the same.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::{RequestBuilder, Response};
use tokio::sync::oneshot::{self, error::RecvError};

use crate::failpoint;

/// The connection writes the last piece in the turn in which it takes it; nothing tells when that
/// turn is over.
const ON_THE_WIRE: Duration = Duration::from_millis(20);

/// Sends `body`, its first byte apart from the rest, and comes by `send.first_byte` and
/// `send.full_request`. Both are hit in the caller's task: a panic there is one of the payment's task,
/// not of the connection's.
pub(super) async fn send(request: RequestBuilder, body: Bytes) -> reqwest::Result<Response> {
    let (tell_first, first) = oneshot::channel();
    let (tell_rest, rest) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let middle = body.len().min(1);
    let pieces = Pieces {
        first: Some(body.slice(..middle)),
        first_is_flushed: false,
        tell_first: Some(tell_first),
        may_go_on,
        rest: Some(body.slice(middle..)),
        tell_rest: Some(tell_rest),
    };
    drop(body);
    let mut sending = pin!(request.body(reqwest::Body::wrap(pieces)).send());

    tokio::select! {
        biased;
        ended = &mut sending => return ended,
        Ok(()) = first => failpoint::hit("send.first_byte"),
    }
    // Refused when the connection is gone already; then `sending` says so.
    let _ = go_on.send(());
    tokio::select! {
        biased;
        Ok(()) = rest => {}
        ended = &mut sending => return ended,
    }
    let ended = tokio::time::timeout(ON_THE_WIRE, &mut sending).await;
    failpoint::hit("send.full_request");
    match ended {
        Ok(ended) => ended,
        Err(_) => sending.await,
    }
}

struct Pieces {
    first: Option<Bytes>,
    first_is_flushed: bool,
    tell_first: Option<oneshot::Sender<()>>,
    may_go_on: oneshot::Receiver<()>,
    rest: Option<Bytes>,
    tell_rest: Option<oneshot::Sender<()>>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = RecvError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RecvError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if self.rest.is_none() {
            return Poll::Ready(None);
        }
        // A connection that has nothing more to take writes what it has, and only then asks again.
        if !self.first_is_flushed {
            self.first_is_flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(tell) = self.tell_first.take() {
            let _ = tell.send(());
        }
        // Whoever gave the call up in between must not see it completed.
        if let Err(gone) = ready!(Pin::new(&mut self.may_go_on).poll(cx)) {
            return Poll::Ready(Some(Err(gone)));
        }
        if let Some(tell) = self.tell_rest.take() {
            let _ = tell.send(());
        }
        Poll::Ready(self.rest.take().map(|rest| Ok(Frame::data(rest))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = |piece: &Option<Bytes>| piece.as_ref().map_or(0, |piece| piece.len() as u64);
        SizeHint::with_exact(length(&self.first) + length(&self.rest))
    }
}
