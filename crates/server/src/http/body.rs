//! Reading request bodies, never more of them and never for longer than agreed.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use plenum_signal::{Problem, Slug};

/// From the end of the headers to the end of the body.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How much is read of what is too long: who is still sending when the connection is closed does not hear why.
const EXCESS: usize = 16 * 1024 * 1024;
/// How long to wait for more of that.
const EXCESS_PAUSE: Duration = Duration::from_millis(500);

/// The whole body, of at most `limit` bytes.
pub async fn read(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    match tokio::time::timeout(TIMEOUT, Limited::new(&mut body, limit).collect()).await {
        Err(_) => Err(Problem::new(Slug::RequestTimeout, "the body did not arrive within 5 seconds")),
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let _ = tokio::time::timeout(TIMEOUT, pour_away(body)).await;
            Err(Problem::body_too_large(limit))
        }
        Ok(Err(_)) => Err(Problem::new(Slug::MalformedRequest, "the body broke off")),
    }
}

/// Reads on as long as something comes, but not for ever.
async fn pour_away(mut body: Body) {
    let mut left = EXCESS;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(EXCESS_PAUSE, body.frame()).await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        if left == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::time::Instant;

    /// A body of one byte every two seconds, for ever.
    struct Drip(Pin<Box<tokio::time::Sleep>>);

    impl hyper::body::Body for Drip {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
            std::task::ready!(self.0.as_mut().poll(cx));
            self.0.as_mut().reset(Instant::now() + Duration::from_secs(2));
            Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(b"x")))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripping_body_gets_408_after_5_s() {
        let start = Instant::now();
        let drip = Body::new(Drip(Box::pin(tokio::time::sleep(Duration::ZERO))));
        assert_eq!(read(drip, 1_000).await.unwrap_err().slug(), Slug::RequestTimeout);
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test]
    async fn one_byte_too_many_is_413() {
        assert_eq!(read(Body::from(vec![b'x'; 100]), 100).await.unwrap().len(), 100);
        assert_eq!(read(Body::from(vec![b'x'; 101]), 100).await.unwrap_err().slug(), Slug::BodyTooLarge);
    }
}
