//! The history that a server is asked for.

use super::*;

/// Start and end of what was asked in all, as seconds; a point is the end of its step.
fn asked(server: &Server) -> (i64, i64) {
    let asked = server.asked();
    // Whether anything came after the window is asked, too.
    let is_history = |asked: &&Asked| asked.form.contains_key("step") && !asked.form["query"].starts_with("count(");
    let ranges: Vec<&Asked> = asked.iter().filter(is_history).collect();
    let number = |asked: &&Asked, name: &str| asked.form[name].parse::<f64>().unwrap() as i64;
    let first = |asked: &&Asked| number(asked, "start") - number(asked, "step");
    let start = ranges.iter().map(first).min().unwrap();
    let end = ranges.iter().map(|asked| number(asked, "end")).max().unwrap();
    (start, end)
}

fn run(arguments: &[&str]) -> ((i64, i64), Ran) {
    let server = Server::start(no_series);
    let fixed = ["analyze", "--no-kubernetes", "--prometheus", &server.url];
    let ran = super::run(&[&fixed[..], arguments].concat(), &[]);
    assert_eq!(ran.code, NOTHING, "{}", ran.stderr);
    (asked(&server), ran)
}

fn second(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

#[test]
fn a_month_is_that_of_its_time_zone() {
    let ((start, end), ran) = run(&["--month", "2024-03", "--timezone", "Europe/Berlin"]);
    // The clock was set forward in between.
    let march = (second("2024-02-29T23:00:00Z"), second("2024-03-31T22:00:00Z"));
    assert_eq!((start, end), march);
    assert!(!ran.stderr.contains("not over"), "{}", ran.stderr);
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, "objectives:\n  timezone: Asia/Kolkata\n").unwrap();
    let ((_, end), _) = run(&["--month", "2024-02", "--policy", policy.to_str().unwrap()]);
    assert_eq!(end, second("2024-02-29T18:30:00Z"), "the policy's time zone");
}

#[test]
fn a_month_that_is_not_over_is_read_up_to_now_and_told() {
    let now = jiff::Timestamp::now();
    let month = now.strftime("%Y-%m").to_string();
    let ((_, end), ran) = run(&["--month", &month]);
    let late = jiff::Timestamp::now().as_second();
    assert!((now.as_second() - 120..=late).contains(&end), "{end} is not {now}");
    assert!(ran.stderr.contains(&format!("{month} is not over")), "{}", ran.stderr);
    let (_, ran) = run(&["--month", &month, "--quiet"]);
    assert!(!ran.stderr.contains("not over"), "{}", ran.stderr);
}

#[test]
fn an_end_is_meant_in_the_time_zone() {
    let zone = ["--window", "1h", "--timezone", "Europe/Berlin", "--until"];
    for text in ["2024-02-16 09:30", "16 Feb 2024 09:30", "2024-02-16T08:30:00Z"] {
        let ((_, end), _) = run(&[&zone[..], &[text]].concat());
        assert_eq!(end, second("2024-02-16T08:30:00Z"), "{text}");
    }
    let ((_, end), _) = run(&[&zone[..], &["2024-02-16"]].concat());
    assert_eq!(end, second("2024-02-15T23:00:00Z"));
}
