//! Native histograms, as a query answers with them: `[unix seconds, {"count", "sum", "buckets": [[rule, "left", "right",
//! "count"], ...]}]` (Prometheus HTTP API, v3: only buckets in which something was counted are told; each has its own count, not
//! that of all below it).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::scan::{ScanError, Scanner};

/// A native histogram at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Native {
    /// All observations.
    pub count: Option<f64>,
    /// Their sum.
    pub sum: Option<f64>,
    /// Left bound, right bound and observations of each bucket that has any. Values that lie right on a bound are a matter of a
    /// rule that makes no difference to a quantile.
    pub buckets: Vec<(f64, f64, f64)>,
}

/// `[[time, histogram], ...]`.
pub(super) fn histograms<R: Read>(scanner: &mut Scanner<R>, found: &mut Vec<(f64, Native)>) -> Result<(), ScanError> {
    scanner.list(|scanner| {
        found.push(histogram(scanner)?);
        Ok(())
    })
}

/// `[time, histogram]`.
pub(super) fn histogram<R: Read>(scanner: &mut Scanner<R>) -> Result<(f64, Native), ScanError> {
    let (mut time, mut native) = (None, None);
    scanner.list(|scanner| {
        match (time, &native) {
            (None, _) => time = Some(scanner.number()?),
            (_, None) => native = Some(content(scanner)?),
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    match (time, native) {
        (Some(time), Some(native)) => Ok((time, native)),
        _ => Err(scanner.wrong("a histogram without time or content")),
    }
}

fn content<R: Read>(scanner: &mut Scanner<R>) -> Result<Native, ScanError> {
    let mut native = Native::default();
    scanner.object(|scanner, member| {
        match member.as_str() {
            "count" => native.count = Some(scanner.number()?),
            "sum" => native.sum = Some(scanner.number()?),
            "buckets" if scanner.null()? => {}
            "buckets" => scanner.list(|scanner| {
                let mut figures = Vec::with_capacity(4);
                scanner.list(|scanner| {
                    figures.push(scanner.number()?);
                    Ok(())
                })?;
                match figures[..] {
                    [_, left, right, count] => native.buckets.push((left, right, count)),
                    _ => return Err(scanner.wrong("a bucket that is not of four figures")),
                }
                Ok(())
            })?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(native)
}

/// Several moments of one histogram as counts up to the same bounds, as a classic histogram has them. A native histogram may be
/// told more finely at one moment than at another: a bound within one of its buckets has no count then.
pub(super) fn up_to(moments: &BTreeMap<usize, Native>) -> BTreeMap<String, Vec<(usize, f64)>> {
    let finite = |bound: &f64| bound.is_finite() && *bound >= 0.0;
    let ends = moments.values().flat_map(|native| &native.buckets);
    let ends = ends.flat_map(|(left, right, _)| [*left, *right]).filter(finite);
    // Bits of positive numbers are in the order of the numbers; zero has two.
    let bounds: BTreeSet<u64> = ends.map(|bound| (bound + 0.0).to_bits()).collect();
    let mut found: BTreeMap<String, Vec<(usize, f64)>> = BTreeMap::new();
    for (at, native) in moments {
        let Some(total) = native.count else { continue };
        let mut buckets = native.buckets.clone();
        buckets.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (mut below, mut next) = (0.0, 0);
        for bound in bounds.iter().map(|bits| f64::from_bits(*bits)) {
            while let Some((_, _, count)) = buckets.get(next).filter(|(_, right, _)| *right <= bound) {
                below += count;
                next += 1;
            }
            if buckets.get(next).is_none_or(|(left, _, _)| *left >= bound) {
                found.entry(bound.to_string()).or_default().push((*at, below));
            }
        }
        found.entry("+Inf".to_owned()).or_default().push((*at, total));
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::decode::{SeriesRow, decode};
    use super::*;

    fn decoded(histograms: &str) -> Result<SeriesRow, String> {
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"pods":"a"}},{histograms}}}]}}}}"#
        );
        let mut rows = Vec::new();
        decode(body.as_bytes(), |row| rows.push(row)).map_err(|error| error.to_string())?;
        Ok(rows.remove(0))
    }

    /// As Prometheus 3 answers `increase` of a native histogram: zero bucket, exponential buckets, one of them empty between.
    const MATRIX: &str = r#""histograms":[
        [1760000000,{"count":"20","sum":"9.5","buckets":[[3,"-0.001","0.001","2"],[0,"0.25","0.5","8.5"],[0,"0.5","1","9.5"]]}],
        [1760003600.5,{"count":"0","sum":"0"}]]"#;

    #[test]
    fn a_native_histogram_is_read() {
        let row = decoded(MATRIX).unwrap();
        assert!(row.has_histograms && row.samples.is_empty());
        let (time, first) = &row.histograms[0];
        assert_eq!(
            (*time, first.count, first.sum),
            (1_760_000_000.0, Some(20.0), Some(9.5))
        );
        assert_eq!(first.buckets, [(-0.001, 0.001, 2.0), (0.25, 0.5, 8.5), (0.5, 1.0, 9.5)]);
        assert_eq!(row.histograms[1].1.buckets, []);
        let instant = decoded(r#""histogram":[5,{"count":"1","sum":"NaN","buckets":null,"later":[]}]"#).unwrap();
        assert_eq!(instant.histograms[0].1.count, Some(1.0));
    }

    #[test]
    fn what_is_no_histogram_is_no_answer() {
        for body in [
            r#""histograms":[[1,{"buckets":[[0,"1","2"]]}]]"#,
            r#""histograms":[[1]]"#,
            r#""histograms":[["x",{}]]"#,
            r#""histogram":[1,{"count":"many"}]"#,
        ] {
            assert!(decoded(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_native_histogram_becomes_counts_up_to_its_bounds() {
        let row = decoded(MATRIX).unwrap();
        let moments = row
            .histograms
            .into_iter()
            .map(|(_, native)| native)
            .enumerate()
            .collect();
        let counts = up_to(&moments);
        let at = |bound: &str| counts[bound].clone();
        assert_eq!(at("0.001"), [(0, 2.0), (1, 0.0)]);
        assert_eq!(at("0.25"), [(0, 2.0), (1, 0.0)], "an empty stretch has a beginning");
        assert_eq!(
            (at("0.5"), at("1")),
            (vec![(0, 10.5), (1, 0.0)], vec![(0, 20.0), (1, 0.0)])
        );
        assert_eq!(at("+Inf"), [(0, 20.0), (1, 0.0)]);
        assert_eq!(counts.len(), 5, "{counts:?}");
    }

    #[test]
    fn a_bound_within_a_coarser_bucket_has_no_count() {
        let native = |buckets: &[(f64, f64, f64)]| Native {
            count: Some(buckets.iter().map(|bucket| bucket.2).sum()),
            sum: None,
            buckets: buckets.to_vec(),
        };
        let fine = native(&[(1.0, 1.4, 3.0), (1.4, 2.0, 4.0)]);
        let coarse = native(&[(1.0, 2.0, 5.0)]);
        let counts = up_to(&BTreeMap::from([(0, fine), (1, coarse)]));
        assert_eq!(counts["1.4"], [(0, 3.0)]);
        assert_eq!(counts["2"], [(0, 7.0), (1, 5.0)]);
    }

    proptest! {
        #[test]
        fn counts_rise_with_their_bounds_up_to_the_total(counts in prop::collection::vec(0.0..9.0_f64, 1..12)) {
            let bucket = |(at, count): (usize, &f64)| (at as f64, at as f64 + 1.0, *count);
            let buckets: Vec<_> = counts.iter().enumerate().map(bucket).collect();
            let total: f64 = counts.iter().sum();
            let native = Native { count: Some(total), sum: None, buckets };
            let told = up_to(&BTreeMap::from([(0, native)]));
            let mut rows: Vec<(f64, f64)> = told.iter().map(|(le, rows)| (le.parse().unwrap(), rows[0].1)).collect();
            rows.sort_by(|a, b| a.0.total_cmp(&b.0));
            prop_assert!(rows.windows(2).all(|pair| pair[0].1 <= pair[1].1 + 1e-9));
            prop_assert_eq!(rows.last().unwrap().1, total);
        }
    }
}
