//! Answers that are right, of another kind, cut, hostile or without end.

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

/// Some text, then another again and again, for ever.
struct Endless {
    first: &'static [u8],
    again: &'static [u8],
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        for slot in buffer.iter_mut() {
            let later = |at: usize| self.again[at % self.again.len()];
            *slot = self
                .first
                .get(self.at)
                .copied()
                .unwrap_or_else(|| later(self.at - self.first.len()));
            self.at += 1;
        }
        Ok(buffer.len())
    }
}

#[test]
fn an_answer_without_end_is_given_up_before_it_fills_the_memory() {
    let series = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"]"#;
    let labels = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b""#;
    for (first, again, says) in [
        (&series[..], &br#",[1,"2"]"#[..], "more samples than anybody asked for"),
        (&series[..], br#", [ 1 , "2" ]"#, "more samples than anybody asked for"),
        (&labels[..], br#","a":"b""#, "labels without end"),
        (br#"{"warnings":["a""#, br#","b""#, "remarks without end"),
        (br#"{"status":"#, b" ", "an answer without end"),
        (br#"{"status":""#, b"x", "a string of megabytes"),
    ] {
        let body = Endless { first, again, at: 0 };
        let mut rows = 0;
        let error = decode(body, |_| rows += 1).unwrap_err();
        assert!(
            matches!(&error, DecodeError::Malformed(cause) if cause.contains(says)),
            "{error}"
        );
        assert_eq!(rows, 0, "{says}");
    }
    let many = Endless {
        first: br#"{"status":"success","data":[{"a":"b"}"#,
        again: br#",{"a":"b"}"#,
        at: 0,
    };
    let error = decode(many, |_| {}).unwrap_err().to_string();
    assert!(error.contains(TOO_MANY), "{error}");
}

#[test]
fn a_servers_words_are_one_line() {
    let body = r#"{"status":"error","errorType":"a\nb","error":"no\r\nerror: all is well"}"#;
    let said = decoded(body).1.unwrap_err().to_string();
    assert_eq!(said, "the server refused the query (a b): no error: all is well");
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
