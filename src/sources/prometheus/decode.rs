//! The answer to `query`, `query_range` and `series`, decoded series by series as it streams: memory is that of one series.
//!
//! Shape: `{"status", "data": {"resultType", "result": [{"metric", "values" | "value" | "histograms"}]}, "errorType",
//! "error", "warnings", "infos"}`; a sample is `[unix seconds, "value"]` (Prometheus HTTP API, v3). Members come in any
//! order, members that are not known are skipped.

use std::collections::BTreeMap;
use std::io::Read;

use super::native::{Native, histogram, histograms};
use super::scan::{ScanError, Scanner};

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
            error_type: envelope.error_type.unwrap_or_else(|| "no type".to_owned()),
            message: envelope.error.unwrap_or_else(|| "no message".to_owned()),
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

fn maybe<R: Read>(scanner: &mut Scanner<R>) -> Result<Option<String>, ScanError> {
    Ok(if scanner.null()? { None } else { Some(scanner.string()?) })
}

fn strings<R: Read>(scanner: &mut Scanner<R>) -> Result<Vec<String>, ScanError> {
    let mut found = Vec::new();
    if !scanner.null()? {
        scanner.list(|scanner| {
            found.push(scanner.string()?);
            Ok(())
        })?;
    }
    Ok(found)
}

/// Whether there was a result to read; `data` may be null beside an error.
fn data<R: Read>(scanner: &mut Scanner<R>, sink: &mut impl FnMut(SeriesRow)) -> Result<bool, ScanError> {
    if scanner.null()? {
        return Ok(false);
    }
    // What `series` answers is a list of labels.
    if scanner.peek()? == b'[' {
        scanner.list(|scanner| {
            let labels = labels(scanner)?;
            sink(SeriesRow {
                labels,
                ..SeriesRow::default()
            });
            Ok(())
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
                scanner.list(|scanner| {
                    sink(series(scanner)?);
                    Ok(())
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
    scanner.object(|scanner, name| {
        labels.insert(name, scanner.string()?);
        Ok(())
    })?;
    Ok(labels)
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
mod tests {
    use super::*;

    fn decoded(body: &str) -> (Vec<SeriesRow>, Result<Remarks, DecodeError>) {
        let mut rows = Vec::new();
        let outcome = decode(body.as_bytes(), |row| rows.push(row));
        (rows, outcome)
    }

    const MATRIX: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"UUID":"GPU-1","pod":"llama-7d9-x2k"},"values":[[1760000000,"0.07"],[1760000060.5,"NaN"]]},
        {"metric":{"UUID":"GPU-2"},"histograms":[[1760000000,{"count":"1"}]]}]},
        "warnings":["store eu-1 is down"],"infos":["metric might not be a counter"],"isPartial":true}"#;

    #[test]
    fn a_matrix_keeps_its_samples_and_its_remarks() {
        let (rows, outcome) = decoded(MATRIX);
        let remarks = outcome.unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].labels["pod"], "llama-7d9-x2k");
        assert_eq!(rows[0].samples[0], (1_760_000_000.0, 0.07));
        assert!(rows[0].samples[1].1.is_nan());
        assert!(rows[1].samples.is_empty() && rows[1].has_histograms);
        assert_eq!(
            remarks.warnings,
            ["store eu-1 is down", "the answer is partial (isPartial)"]
        );
        assert_eq!(remarks.infos, ["metric might not be a counter"]);
    }

    #[test]
    fn a_vector_is_a_series_of_one_sample() {
        let body = r#"{"data":{"result":[{"metric":{},"value":[5,"+Inf"]}],"resultType":"vector"},"status":"success"}"#;
        let (rows, outcome) = decoded(body);
        outcome.unwrap();
        assert_eq!(rows[0].samples, [(5.0, f64::INFINITY)]);
    }

    #[test]
    fn the_series_of_an_index_are_rows_without_samples() {
        let (rows, outcome) = decoded(r#"{"status":"success","data":[{"__name__":"x","pod":"a"},{"pod":"b"}]}"#);
        outcome.unwrap();
        assert_eq!(rows.len(), 2);
        assert!(rows[0].labels["pod"] == "a" && rows[0].samples.is_empty());
    }

    #[test]
    fn an_answer_cut_anywhere_is_never_taken_for_whole() {
        for end in 0..MATRIX.len() {
            let (_, outcome) = decoded(&MATRIX[..end]);
            assert!(
                matches!(outcome, Err(DecodeError::Truncated)),
                "cut at {end}: {outcome:?}"
            );
        }
    }

    #[test]
    fn a_login_page_with_status_200_is_named() {
        let (_, outcome) = decoded("\n<!DOCTYPE html><html><body>Sign in</body></html>");
        assert!(matches!(outcome, Err(DecodeError::Html)));
    }

    #[test]
    fn a_refusal_keeps_the_servers_words() {
        let body = r#"{"status":"error","errorType":"422","error":"too many samples","data":null}"#;
        let (_, outcome) = decoded(body);
        assert_eq!(
            outcome.unwrap_err().to_string(),
            "the server refused the query (422): too many samples"
        );
    }

    #[test]
    fn json_of_another_kind_is_no_answer() {
        for body in [
            "{}",
            "[]",
            r#"{"code":200,"data":[]}"#,
            r#"{"status":"success"}"#,
            "null",
        ] {
            assert!(matches!(decoded(body).1, Err(DecodeError::Malformed(_))), "{body}");
        }
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#;
        assert!(matches!(decoded(scalar).1, Err(DecodeError::Malformed(_))));
        let zeroed = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,""]}]}}"#;
        assert!(matches!(decoded(zeroed).1, Err(DecodeError::Malformed(_))));
    }
}
