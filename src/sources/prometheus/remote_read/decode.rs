//! A streamed answer to remote read, decoded chunk by chunk as it arrives, and each series' samples folded into steps: memory is
//! that of a frame and of one series' steps.

use std::io::{self, Read};

use prost::Message;

use super::chunk::{ChunkError, Encoding, samples};
use super::frames::{FrameError, Frames};
use super::steps::{Fold, LeftEdge, Steps};
use super::wire::{ChunkedReadResponse, Label};
use crate::model::time::Grid;
use crate::sources::prometheus::decode::SeriesRow;

/// What becomes of the samples.
#[derive(Debug, Clone)]
pub struct Folding {
    /// The steps.
    pub grid: Grid,
    /// What becomes of the samples in one, query by query.
    pub folds: Vec<Fold>,
    /// Which step has a sample at its beginning.
    pub left: LeftEdge,
}

/// Why an answer is none. Series that were handed over before the error must be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum RemoteReadError {
    /// The body ended early, or the connection broke.
    #[error("the answer could not be read to its end: {0}")]
    Read(#[source] io::Error),
    /// The body is not of the protocol, or broken.
    #[error("the answer is broken: {0}")]
    Malformed(String),
    /// Its chunks are written in a way that is not known here.
    #[error("chunks of type {0}, which this gpuwise does not know")]
    Encoding(i32),
}

impl From<FrameError> for RemoteReadError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(cause) => Self::Read(cause),
            FrameError::Truncated => Self::Read(io::Error::new(io::ErrorKind::UnexpectedEof, error.to_string())),
            FrameError::TooLong(_) | FrameError::Checksum => Self::Malformed(error.to_string()),
        }
    }
}

impl From<ChunkError> for RemoteReadError {
    fn from(error: ChunkError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Decodes one answer and hands each series to `sink` as soon as it is complete: the number of the query that it answers, its
/// labels and one sample a step. How many samples there were.
///
/// # Errors
/// As [`RemoteReadError`] says.
pub fn decode(
    body: impl Read,
    folding: &Folding,
    mut sink: impl FnMut(usize, SeriesRow),
) -> Result<u64, RemoteReadError> {
    let mut frames = Frames::new(body);
    let mut series = OneSeries::new(folding);
    let mut count = 0;
    while let Some(frame) = frames.next()? {
        let response =
            ChunkedReadResponse::decode(frame).map_err(|error| RemoteReadError::Malformed(error.to_string()))?;
        let stranger = || RemoteReadError::Malformed("an answer to no query".to_owned());
        let query = usize::try_from(response.query_index).map_err(|_| stranger())?;
        let fold = *folding.folds.get(query).ok_or_else(stranger)?;
        for part in response.chunked_series {
            if !series.is(query, &part.labels) {
                series.hand_over(&mut sink);
                series.begin(query, part.labels, fold);
            }
            for chunk in part.chunks {
                let encoding = match chunk.r#type {
                    1 => Encoding::Xor,
                    4 => Encoding::Xor2,
                    // Native histograms, as integers or floats, with start timestamps or without.
                    2 | 3 | 5 | 6 => {
                        series.has_histograms = true;
                        continue;
                    }
                    other => return Err(RemoteReadError::Encoding(other)),
                };
                count += series.take(encoding, &chunk.data)?;
            }
        }
    }
    series.hand_over(&mut sink);
    Ok(count)
}

/// The series that is read just now.
struct OneSeries {
    /// The query that it answers, and its labels; none before the first.
    who: Option<(usize, Vec<Label>)>,
    has_histograms: bool,
    steps: Steps,
    /// Those of one chunk.
    samples: Vec<(i64, f64)>,
}

impl OneSeries {
    fn new(folding: &Folding) -> Self {
        Self {
            who: None,
            has_histograms: false,
            steps: Steps::new(folding.grid, folding.left),
            samples: Vec::new(),
        }
    }

    fn is(&self, query: usize, labels: &[Label]) -> bool {
        self.who
            .as_ref()
            .is_some_and(|(known, own)| *known == query && own == labels)
    }

    fn begin(&mut self, query: usize, labels: Vec<Label>, fold: Fold) {
        self.steps.begin(fold);
        self.who = Some((query, labels));
        self.has_histograms = false;
    }

    fn take(&mut self, encoding: Encoding, data: &[u8]) -> Result<u64, RemoteReadError> {
        self.samples.clear();
        samples(encoding, data, |time, value| self.samples.push((time, value)))?;
        let taken = self.steps.take(&self.samples);
        taken.map_err(|_| RemoteReadError::Malformed("samples that are not in time order".to_owned()))?;
        Ok(self.samples.len() as u64)
    }

    fn hand_over(&mut self, sink: &mut impl FnMut(usize, SeriesRow)) {
        let samples = self.steps.finish();
        if let Some((query, labels)) = self.who.take() {
            let labels = labels.into_iter().map(|label| (label.name, label.value));
            let row = SeriesRow {
                labels: labels.collect(),
                samples,
                has_histograms: self.has_histograms,
                ..SeriesRow::default()
            };
            sink(query, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Window;
    use crate::sources::prometheus::remote_read::frames::framed;
    use crate::sources::prometheus::remote_read::wire::{Chunk, ChunkedSeries};
    use jiff::Timestamp;

    /// Ten minutes from the first sample of the recorded chunks.
    fn folding() -> Folding {
        let at = |second: i64| Timestamp::from_second(1_760_000_000 + second).unwrap();
        Folding {
            grid: Grid {
                window: Window {
                    start: at(-60),
                    end: at(540),
                },
                step_seconds: 60,
            },
            folds: vec![Fold::Max; 2],
            left: LeftEdge::Open,
        }
    }

    /// Two samples, 0 and 1, fifteen seconds apart, as Prometheus writes them.
    fn two(encoding: i32) -> Chunk {
        let line = include_str!("vectors.jsonl")
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .find(|one| one["case"] == "two" && one["encoding"] == encoding)
            .unwrap();
        let hex = line["data"].as_str().unwrap();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let data: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        chunk(encoding, data)
    }

    fn chunk(encoding: i32, data: Vec<u8>) -> Chunk {
        Chunk {
            min_time_ms: 0,
            max_time_ms: 0,
            r#type: encoding,
            data: data.into(),
        }
    }

    /// One sample of 42.5 at a time, as Prometheus writes it.
    fn single(millisecond: i64) -> Chunk {
        let mut data = vec![0, 1];
        let zigzag = (millisecond << 1) ^ (millisecond >> 63);
        prost::encoding::encode_varint(zigzag as u64, &mut data);
        data.extend(42.5_f64.to_bits().to_be_bytes());
        chunk(1, data)
    }

    fn frame(query: i64, uuid: &str, chunks: Vec<Chunk>) -> Vec<u8> {
        let label = |name: &str, value: &str| Label {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let labels = vec![label("UUID", uuid), label("__name__", "DCGM_FI_DEV_GPU_UTIL")];
        let response = ChunkedReadResponse {
            chunked_series: vec![ChunkedSeries { labels, chunks }],
            query_index: query,
        };
        framed(&response.encode_to_vec())
    }

    fn decoded(body: &[u8]) -> (Vec<(usize, SeriesRow)>, Result<u64, RemoteReadError>) {
        let mut rows = Vec::new();
        let outcome = decode(body, &folding(), |query, row| rows.push((query, row)));
        (rows, outcome)
    }

    #[test]
    fn a_series_in_several_frames_is_one_and_another_query_has_its_own() {
        let later = single(1_760_000_120_000);
        let body = [
            frame(0, "GPU-1", vec![two(1)]),
            frame(0, "GPU-1", vec![later.clone()]),
            frame(0, "GPU-2", vec![two(4)]),
            frame(1, "GPU-2", vec![later]),
        ]
        .concat();
        let (rows, outcome) = decoded(&body);
        assert_eq!(outcome.unwrap(), 6);
        let told: Vec<String> = rows
            .iter()
            .map(|(query, row)| format!("{query} {} {:?}", row.labels["UUID"], row.samples))
            .collect();
        let (first, second, third) = (1_760_000_000.0, 1_760_000_060.0, 1_760_000_120.0);
        let (both, all) = (
            [(first, 0.0), (second, 1.0)],
            [(first, 0.0), (second, 1.0), (third, 42.5)],
        );
        let expected = [
            format!("0 GPU-1 {all:?}"),
            format!("0 GPU-2 {both:?}"),
            format!("1 GPU-2 {:?}", [(third, 42.5)]),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn histograms_are_no_samples_and_what_is_not_known_is_an_error() {
        let (rows, outcome) = decoded(&frame(0, "GPU-1", vec![chunk(2, vec![1, 2, 3]), two(1)]));
        assert_eq!(outcome.unwrap(), 2);
        assert!(rows[0].1.has_histograms && rows[0].1.samples.len() == 2);
        for unknown in [0, 7, 99, -1] {
            let (_, outcome) = decoded(&frame(0, "GPU-1", vec![chunk(unknown, Vec::new())]));
            assert!(matches!(outcome, Err(RemoteReadError::Encoding(number)) if number == unknown));
        }
    }

    #[test]
    fn an_answer_that_is_cut_or_broken_is_never_taken_for_whole() {
        let body = frame(0, "GPU-1", vec![two(1), single(1_760_000_120_000)]);
        for end in 1..body.len() {
            assert!(
                matches!(decoded(&body[..end]).1, Err(RemoteReadError::Read(_))),
                "cut at {end}"
            );
        }
        for at in 0..body.len() {
            let mut broken = body.clone();
            broken[at] ^= 0x10;
            assert!(decoded(&broken).1.is_err(), "byte {at} turned");
        }
        let backwards = frame(0, "GPU-1", vec![single(1_760_000_120_000), two(1)]);
        assert!(matches!(decoded(&backwards).1, Err(RemoteReadError::Malformed(_))));
        for stranger in [-1, 2] {
            let of_no_query = frame(stranger, "GPU-1", vec![two(1)]);
            assert!(matches!(decoded(&of_no_query).1, Err(RemoteReadError::Malformed(_))));
        }
        assert_eq!(decoded(b"").1.unwrap(), 0, "no series is an answer, too");
    }
}
