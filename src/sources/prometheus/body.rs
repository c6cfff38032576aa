//! The bridge from a response that arrives in pieces to the decoder, which reads and blocks: memory is that of a few pieces.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::client::Sink;
use super::decode::{DecodeError, Remarks, decode};
use crate::sources::endpoint::causes;

/// Pieces that wait for the decoder; the server waits when it is full.
const PIECES: usize = 4;

/// Series that wait for the sink.
const ROWS: usize = 64;

/// Decodes a response while it arrives and hands each series over as soon as it is complete.
///
/// # Errors
/// As for [`decode`].
pub async fn decode_response(response: reqwest::Response, sink: Sink<'_>) -> Result<Remarks, DecodeError> {
    let decoded = streamed(response, |body, push| decode(body, push), sink).await;
    decoded.unwrap_or_else(|error| Err(DecodeError::Read(error)))
}

/// Decodes a response while it arrives and hands over whatever is pushed.
///
/// # Errors
/// When the decoder panics.
pub(super) async fn streamed<T: Send + 'static, R: Send + 'static>(
    response: reqwest::Response,
    decode: impl FnOnce(Pieces, &mut dyn FnMut(T)) -> R + Send + 'static,
    sink: &(dyn Fn(T) + Send + Sync),
) -> io::Result<R> {
    let (pieces_in, pieces_out) = mpsc::channel(PIECES);
    let (rows_in, mut rows_out) = mpsc::channel::<T>(ROWS);
    let decoding = tokio::task::spawn_blocking(move || {
        let body = Pieces {
            queue: pieces_out,
            rest: Bytes::new(),
        };
        // The receiver is gone only when nobody wants the answer any more.
        decode(body, &mut |row| _ = rows_in.blocking_send(row))
    });
    // A task of its own: what is made of the rows must not keep the next piece waiting. It ends with this future.
    let mut pump = JoinSet::new();
    pump.spawn(async move {
        let mut body = response.bytes_stream();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| {
                let kind = if error.is_timeout() {
                    io::ErrorKind::TimedOut
                } else {
                    io::ErrorKind::Other
                };
                io::Error::new(kind, causes(&error))
            });
            if pieces_in.send(piece).await.is_err() {
                break;
            }
        }
    });
    while let Some(row) = rows_out.recv().await {
        sink(row);
    }
    // A body that is read to its end leaves its connection to the next request.
    pump.join_next().await;
    decoding.await.map_err(io::Error::other)
}

/// A body that is read while its pieces arrive.
pub(super) struct Pieces {
    queue: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.queue.blocking_recv() {
                Some(piece) => self.rest = piece?,
                None => return Ok(0),
            }
        }
        let length = self.rest.len().min(buffer.len());
        self.rest.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
