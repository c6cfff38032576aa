//! The answer to `query`, `query_range` and `series`, decoded series by series as it streams: memory is that of one series.
//!
//! Shape: `{"status", "data": {"resultType", "result": [{"metric", "values" | "value" | "histograms"}]}, "errorType",
//! "error", "warnings", "infos"}`; a sample is `[unix seconds, "value"]` (Prometheus HTTP API, v3). Members come in any
//! order, members that are not known are skipped.

use std::collections::BTreeMap;
use std::io::Read;

use super::native::{Native, histogram, histograms};
use super::scan::{ScanError, Scanner};

/// Bytes of the labels of one series, and of all that a server remarks, at most.
const LABELS: usize = 16 << 20;

/// What an answer may take of memory besides samples, at most: some millions of series. Tests need not wait for so many.
const SERIES: usize = if cfg!(test) { 4 << 20 } else { 2 << 30 };

/// What a series takes besides the text of its labels, about.
const ROW: usize = 256;

const TOO_MANY: &str = "more series than any cluster has";

/// One series of an answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesRow {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Unix seconds and value, in the server's order. A value may be NaN or infinite: the server said so.
    pub samples: Vec<(f64, f64)>,
    /// Whether it carries native histograms, which are not among the samples.
    pub has_histograms: bool,
    /// Unix seconds and native histogram, in the server's order.
    pub histograms: Vec<(f64, Native)>,
}

/// What an answer says besides its series. A server that lost part of the world (a Thanos store that is down, a result
/// cut at a limit) still answers with success, and says so only here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remarks {
    /// Something is missing or wrong.
    pub warnings: Vec<String>,
    /// Something is odd.
    pub infos: Vec<String>,
}

/// Why an answer is none. Series that were handed over before the error must be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A login page or a proxy's error page, often with status 200.
    #[error(
        "an HTML page came instead of a Prometheus answer; check the URL, and whether a login or proxy stands before it"
    )]
    Html,
    /// The body ended early.
    #[error("the answer was cut short; ask for less time at once, or check the proxy's time-out")]
    Truncated,
    /// The body is JSON of another kind, or none.
    #[error("the answer is not of the Prometheus API: {0}; check the URL's path")]
    Malformed(String),
    /// The connection broke.
    #[error("the answer could not be read to its end: {0}")]
    Read(#[source] std::io::Error),
    /// The server refused, in its own words. The type is `bad_data`, `execution`, `timeout`, ... or, from
    /// VictoriaMetrics, an HTTP code.
    #[error("the server refused the query ({error_type}): {message}")]
    Refused {
        /// `errorType`.
        error_type: String,
        /// `error`.
        message: String,
    },
}

/// Decodes one answer and hands each series to `sink` as soon as it is complete.
///
/// # Errors
/// As [`DecodeError`] says; never for a warning, which is in the remarks.
pub fn decode(body: impl Read, mut sink: impl FnMut(SeriesRow)) -> Result<Remarks, DecodeError> {
    let mut scanner = Scanner::new(body);
    if scanner.peek()? == b'<' {
        return Err(DecodeError::Html);
    }
    let mut envelope = Envelope::default();
    scanner.object(|scanner, member| {
        match member.as_str() {
            "status" => envelope.status = maybe(scanner)?,
            "data" => envelope.has_data = data(scanner, &mut sink)?,
            "errorType" => envelope.error_type = maybe(scanner)?,
            "error" => envelope.error = maybe(scanner)?,
            "warnings" => envelope.remarks.warnings.extend(strings(scanner)?),
            // VictoriaMetrics: a node of the cluster was not there.
            "isPartial" => {
                let is_partial = scanner.peek()? == b't';
                scanner.skip()?;
                let warning = is_partial.then(|| "the answer is partial (isPartial)".to_owned());
                envelope.remarks.warnings.extend(warning);
            }
            "infos" => envelope.remarks.infos = strings(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    if !scanner.at_end()? {
        return Err(scanner.wrong("more than one answer").into());
    }
    match envelope.status.as_deref() {
        Some("success") if envelope.has_data => Ok(envelope.remarks),
        Some("success") => Err(DecodeError::Malformed("success without data".to_owned())),
        Some("error") => Err(DecodeError::Refused {
            error_type: one_line(envelope.error_type.as_deref().unwrap_or("no type")),
            message: one_line(envelope.error.as_deref().unwrap_or("no message")),
        }),
        other => Err(DecodeError::Malformed(format!("status is {other:?}"))),
    }
}

impl From<ScanError> for DecodeError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Eof => Self::Truncated,
            ScanError::Io(cause) => Self::Read(cause),
            ScanError::Syntax { .. } => Self::Malformed(error.to_string()),
        }
    }
}

#[derive(Default)]
struct Envelope {
    status: Option<String>,
    has_data: bool,
    error_type: Option<String>,
    error: Option<String>,
    remarks: Remarks,
}

/// The server's words, which must not pass for lines of ours.
fn one_line(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn maybe<R: Read>(scanner: &mut Scanner<R>) -> Result<Option<String>, ScanError> {
    Ok(if scanner.null()? { None } else { Some(scanner.string()?) })
}

fn strings<R: Read>(scanner: &mut Scanner<R>) -> Result<Vec<String>, ScanError> {
    let mut found = Vec::new();
    if !scanner.null()? {
        let mut bytes = 0;
        scanner.list(|scanner| {
            let text = scanner.string()?;
            bytes += text.len() + ROW;
            found.push(text);
            within(scanner, bytes, LABELS, "remarks without end")
        })?;
    }
    Ok(found)
}

/// An answer that grows without end must not fill the memory of whoever reads it.
fn within<R: Read>(scanner: &Scanner<R>, bytes: usize, most: usize, what: &str) -> Result<(), ScanError> {
    if bytes > most { Err(scanner.wrong(what)) } else { Ok(()) }
}

/// Whether there was a result to read; `data` may be null beside an error.
fn data<R: Read>(scanner: &mut Scanner<R>, sink: &mut impl FnMut(SeriesRow)) -> Result<bool, ScanError> {
    if scanner.null()? {
        return Ok(false);
    }
    // What `series` answers is a list of labels.
    if scanner.peek()? == b'[' {
        let mut bytes = 0;
        scanner.list(|scanner| {
            let labels = labels(scanner)?;
            bytes += weight(&labels);
            sink(SeriesRow {
                labels,
                ..SeriesRow::default()
            });
            within(scanner, bytes, SERIES, TOO_MANY)
        })?;
        return Ok(true);
    }
    let mut found = false;
    scanner.object(|scanner, member| {
        match member.as_str() {
            "resultType" => {
                let kind = scanner.string()?;
                if kind != "matrix" && kind != "vector" {
                    return Err(scanner.wrong(format!("a {kind} came where series were asked for")));
                }
            }
            "result" => {
                let mut bytes = 0;
                scanner.list(|scanner| {
                    let row = series(scanner)?;
                    bytes += weight(&row.labels);
                    sink(row);
                    within(scanner, bytes, SERIES, TOO_MANY)
                })?;
                found = true;
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(found)
}

fn labels<R: Read>(scanner: &mut Scanner<R>) -> Result<BTreeMap<String, String>, ScanError> {
    let mut labels = BTreeMap::new();
    let mut bytes = 0;
    scanner.object(|scanner, name| {
        let value = scanner.string()?;
        bytes += name.len() + value.len() + ROW;
        labels.insert(name, value);
        within(scanner, bytes, LABELS, "labels without end")
    })?;
    Ok(labels)
}

/// What a series takes of memory, samples left out.
fn weight(labels: &BTreeMap<String, String>) -> usize {
    labels
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum::<usize>()
        + ROW
}

fn series<R: Read>(scanner: &mut Scanner<R>) -> Result<SeriesRow, ScanError> {
    let mut row = SeriesRow::default();
    let mut labelled = false;
    scanner.object(|scanner, member| {
        match member.as_str() {
            "metric" => {
                labelled = true;
                row.labels = labels(scanner)?;
            }
            "values" => scanner.samples(&mut row.samples)?,
            "value" => row.samples.push(scanner.sample()?),
            "histograms" => {
                row.has_histograms = true;
                histograms(scanner, &mut row.histograms)?;
            }
            "histogram" => {
                row.has_histograms = true;
                row.histograms.push(histogram(scanner)?);
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    if labelled {
        Ok(row)
    } else {
        Err(scanner.wrong("a series without labels"))
    }
}

#[cfg(test)]
mod tests;
