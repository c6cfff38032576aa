//! Traces as they are written, and as they are miswritten.

use super::*;

const HOW: Reading = Reading { holds: 1_800, seed: 1 };

fn told(text: &str) -> String {
    read(text, HOW).unwrap_err().to_string()
}

fn trace(text: &str) -> Trace {
    read(text, HOW).unwrap().trace
}

#[test]
fn nodes_that_join_and_leave() {
    let trace = trace("1000,add,a\r\n5000,add,b\r\n9000,remove,a\r\n11000,add,a\r\n");
    let node = |from, to, end| Node { from, to, end };
    assert_eq!(trace.length, 10);
    let wanted = [node(0, 8, End::Taken), node(4, 10, End::Unseen)];
    // What joins with the last line has no time.
    assert_eq!(trace.nodes, wanted);
    assert_eq!(told("0,add,a\n5,add,a\n"), "line 2: a is there already");
    assert_eq!(told("0,add,a\n\n5,remove,b\n"), "line 3: b was never added");
    assert_eq!(
        told("9,add,a\n5,add,b\n"),
        "line 2: it is of an earlier time than the line before it"
    );
    assert_eq!(
        told("9,add,a\nx,add,b\n"),
        "line 2: `x` is no whole number of milliseconds"
    );
    assert_eq!(told("9,add,a\n10,lost,b\n"), "line 2: `lost` is neither add nor remove");
    assert_eq!(
        told("9,add,a\n10,add\n"),
        "line 2: it is not `MILLISECONDS,add|remove,NODE`"
    );
    assert_eq!(
        told("9,add,a\n"),
        "it has no length: all its lines are of the same second"
    );
}

#[test]
fn live_instances_that_are_written_over_each_other() {
    let read = read(
        "2021-12-10, 13:07:45, 80\n2021-12-10, 13:08:45, 80\n2021-12-10, 13:09:45, 80\n2021-12-10, 13:08:45, 70\n2021-12-10, 13:10:45, 70\n",
        HOW,
    )
    .unwrap();
    assert_eq!(read.went_back, 1);
    let figures = read.trace.figures();
    // Ten went after a minute, and not after two.
    assert_eq!((figures.taken, read.trace.length), (10, 180));
    assert!(
        read.trace
            .nodes
            .iter()
            .filter(|node| node.end == End::Taken)
            .all(|node| node.to == 60)
    );
    assert_eq!(read.trace.origin, Some("2021-12-10T13:07:45Z".parse().unwrap()));
    let hour = "2021-12-10, 13:07:45, 80\n2021-12-10, 12:07:45, 70\n";
    assert_eq!(told(hour), "line 2: it is of an earlier time than the line before it");
    assert_eq!(
        told("2021-12-10, 13:07:45, 80\n2021-12-10, 13:08:45, many\n"),
        "line 2: `many` is no number of instances"
    );
    assert_eq!(
        told("2021-12-10, 13:07:45, 80\n2021-13-10, 13:08:45, 1\n"),
        "line 2: `2021-13-10, 13:08:45` is no date and time"
    );
}

#[test]
fn a_number_does_not_hold_for_ever() {
    let trace = trace("2021-12-10, 13:00:00, 2\n2021-12-10, 15:00:00, 2\n2021-12-10, 15:10:00, 1\n");
    assert_eq!(trace.unknown, [(1_800, 7_200)]);
    assert_eq!(trace.figures().taken, 1);
}

#[test]
fn series_of_noughts_and_ones() {
    let text = "{\"metadata\": {\"gap_seconds\": 300}, \"data\": [1, 1, 0, null, 2]}";
    let trace = trace(text);
    assert_eq!((trace.length, trace.unknown.as_slice()), (1_500, &[(900, 1_200)][..]));
    assert_eq!((trace.figures().taken, trace.figures().nodes_most), (1, 2));
    assert!(told("{\"metadata\": {\"gap_seconds\": 0}, \"data\": [1]}").starts_with("`gap_seconds` is a whole number"));
    assert!(told("{\"metadata\": {\"gap_seconds\": 300},\n \"data\": [-1]}").starts_with("line 2: "));
    assert_eq!(
        told("{\"metadata\": {\"gap_seconds\": 300}, \"data\": []}"),
        "no line tells how many instances were there"
    );
}

#[test]
fn a_table_with_a_header() {
    let table = trace(
        "time,available\n2026-01-01T00:00:00Z,1\n2026-01-01T01:00:00Z,\n2026-01-01T02:00:00Z,0\n2026-01-01T03:00:00Z,0\n",
    );
    assert_eq!(
        (table.length, table.unknown.as_slice()),
        (10_800, &[(3_600, 7_200)][..])
    );
    assert_eq!(trace("time,available\n100,1\n160,0\n200,1\n").length, 100);
    assert_eq!(
        told("time,available\n0,1\n0,0\n"),
        "line 3: it is not of a later time than the line before it"
    );
    assert_eq!(
        told("time,available\n0,1\n"),
        "it has one line: it takes another to end it"
    );
    assert_eq!(told("time,available\n"), "it has a header, and nothing below");
    assert_eq!(
        told("time,available\nnoon,1\n"),
        "line 2: `noon` is neither a time nor a number of seconds"
    );
}

#[test]
fn lives_of_the_clusters_own_nodes() {
    let text = "node,start,end\na,2026-01-01T00:00:00Z,2026-01-01T05:00:00Z\nb,2026-01-01T02:00:00Z,\n";
    let trace = trace(text);
    assert_eq!((trace.length, trace.figures().taken), (18_000, 1));
    assert_eq!(
        told("node,start,end\na,2026-01-01T05:00:00Z,2026-01-01T00:00:00Z\n"),
        "line 2: it ends before it begins"
    );
    assert_eq!(told("node,start,end\na,today,\n"), "line 2: `today` is no time");
}

#[test]
fn what_is_no_trace_is_told_what_one_is() {
    assert_eq!(told(" \n"), "it is empty");
    assert!(told("hello\n").starts_with("line 1: a trace begins with"));
    let huge = "time,available\n0,4000000000\n9,0\n";
    assert!(
        told(huge).starts_with("4000000000 instances at a time are more"),
        "{}",
        told(huge)
    );
}

#[test]
fn prices_over_time() {
    let origin = Some("2026-01-01T00:00:00Z".parse().unwrap());
    let text = "time,price\n2025-12-31T23:00:00Z,1.5\n\n2026-01-01T01:00:00Z,2\n";
    assert_eq!(prices(text, origin), Ok(vec![(-3_600, 1.5), (3_600, 2.0)]));
    assert_eq!(prices("0,1.5\n60,1\n", None), Ok(vec![(0, 1.5), (60, 1.0)]));
    let told = |text| prices(text, None).unwrap_err().to_string();
    assert_eq!(
        told(text),
        "line 2: the trace tells no time of day: give seconds from its beginning"
    );
    assert_eq!(
        told("0,1\n0,2\n"),
        "line 2: it is not of a later time than the line before it"
    );
    assert_eq!(told("0,free\n"), "line 1: `free` is no price");
    assert_eq!(told("0,1,2\n"), "line 1: it is not `time,price`");
}
