//! What would hurt a reader of the page: sums that do not add up, letters that cannot be read, text that acts, a link to nothing.

use std::collections::BTreeSet;

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use crate::model::plan::Plan;
use crate::model::units::Monthly;

use super::super::sample;
use super::svg::waterfall::Kind;
use super::{Page, SCRIPT, SCRIPT_HASH, STYLE, html, money};

#[test]
fn the_page_may_run_its_own_script_and_no_other() {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(SCRIPT));
    assert_eq!(SCRIPT_HASH.trim(), hash, "write it to src/report/html/page.js.sha256");
    let page = html(&sample::plan());
    assert!(page.contains(&format!(
        "default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; script-src &#39;sha256-{hash}&#39;"
    )));
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!SCRIPT.contains("</") && !STYLE.contains("</"));
}

#[test]
fn the_walk_ends_at_spend_less_what_leaves_the_bill() {
    let mut plan = sample::plan();
    plan.accepted[0].saving.alone_monthly = Monthly::new(105_000.0);
    plan.saving.overlap_monthly = Monthly::new(5_000.0);
    let steps = money::steps(&Page::new(&plan)).unwrap();
    assert_eq!((steps[0].to, steps[0].kind), (412_000.0, Kind::Level));
    let [.., freed, after] = steps.as_slice() else { panic!() };
    assert!((freed.to - after.to).abs() < 0.01, "{} is not {}", freed.to, after.to);
    assert!((after.to - (412_000.0 - 84_000.0)).abs() < 0.01);
    assert!(money::steps(&Page::new(&sample::unpriced())).is_none());
}

/// Ids of the page, and what refers to one.
fn ids(page: &str) -> (Vec<&str>, BTreeSet<&str>) {
    let values = |name: &str| {
        let begins = format!(" {name}=\"");
        let places = page.match_indices(begins.as_str()).map(|(at, _)| at + begins.len());
        let value = |at: usize| page[at..].split('"').next().unwrap();
        places.map(value).collect::<Vec<&str>>()
    };
    let mut wanted: BTreeSet<&str> = values("href")
        .into_iter()
        .map(|to| to.strip_prefix('#').unwrap())
        .collect();
    wanted.extend(values("aria-labelledby").into_iter().flat_map(|ids| ids.split(' ')));
    wanted.extend(values("data-list"));
    (values("id"), wanted)
}

fn check(plan: &Plan) -> String {
    let page = html(plan);
    let (ids, wanted) = ids(&page);
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "an id stands twice");
    let lost: Vec<&&str> = wanted.difference(&unique).collect();
    assert!(lost.is_empty(), "nothing is there for {lost:?}");
    for odd in ["NaN", "inf\"", "inf%", "javascript:", "http://", "url(http"] {
        assert!(!page.contains(odd), "{odd}");
    }
    page
}

#[test]
fn every_link_leads_to_something() {
    for plan in [
        sample::plan(),
        sample::unpriced(),
        sample::empty(),
        sample::with_rows(40),
    ] {
        check(&plan);
    }
}

#[test]
fn the_answer_stands_first() {
    let page = check(&sample::plan());
    let answer = page.split("id=\"first-title\">").nth(1).unwrap();
    assert!(answer.starts_with("Run on a smaller GPU"), "{}", &answer[..80]);
    let first = page.split("</section>").next().unwrap();
    for said in [
        "$80,000",
        "What it needs at its worst fits L40S",
        "Revert the commit.",
        "gpuwise pr --repository OWNER/NAME --namespace chat --lever smaller-gpu",
        "low risk",
    ] {
        assert!(first.contains(said), "{said}");
    }
}

#[test]
fn the_answer_is_something_to_do_and_its_counts_agree() {
    let page = check(&sample::with_a_pool_first());
    let first = page.split("</section>").next().unwrap();
    let first = first.split("id=\"first-title\">").nth(1).unwrap();
    assert!(first.starts_with("Run on a smaller GPU"), "{}", &first[..80]);
    for said in [
        "gpuwise pr --repository",
        "href=\"#change-2\"",
        "and 1 other change to decide on",
        "with 2 changes",
    ] {
        assert!(first.contains(said), "{said}");
    }
    assert!(!first.contains("nothing is to be done for it alone"));
}

#[test]
fn what_is_unknown_never_reads_as_nothing() {
    let page = check(&sample::unpriced());
    let text = page.split("<main").nth(1).unwrap();
    assert!(!text.contains("$0"), "a sum that nobody knows is told as nothing");
}

#[test]
fn a_hostile_name_does_nothing() {
    let hostile = "</script></style><img src=x onerror=alert(1)>\"'`\u{202e}";
    let mut plan = sample::plan();
    plan.coverage.clusters = vec![hostile.to_owned()];
    for workload in &mut plan.workloads {
        workload.name = hostile.to_owned();
        workload.namespace = hostile.to_owned();
        workload.owner = Some(hostile.to_owned());
    }
    for row in plan.accepted.iter_mut().chain(&mut plan.held_back) {
        row.title = hostile.to_owned();
        row.levers = vec![hostile.to_owned()];
        row.rollback = hostile.to_owned();
        row.evidence[0].query = hostile.to_owned();
    }
    let page = check(&plan);
    assert!(!page.contains("<img") && !page.contains('\u{202e}'));
    assert_eq!(page.matches("</script>").count(), 1);
    // No command is offered that a shell would take otherwise.
    assert!(!page.contains("gpuwise pr --repository"));
}

/// The colours of the page, light and dark, by name.
fn colours() -> Vec<(&'static str, [[f64; 3]; 2])> {
    let colour = |text: &str| {
        let hex = text.trim().strip_prefix('#').unwrap();
        [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0)
    };
    let lines = STYLE
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": light-dark(#"));
    let pairs = lines.map(|(name, pair)| {
        let (light, dark) = pair.trim_end_matches(");").split_once(',').unwrap();
        (name, [colour(&format!("#{light}")), colour(dark)])
    });
    pairs.collect()
}

/// How much lighter one of two colours is, by WCAG 2.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let linear = |c: f64| {
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    let light = |c: [f64; 3]| 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
    let (a, b) = (light(a) + 0.05, light(b) + 0.05);
    a.max(b) / a.min(b)
}

#[test]
fn letters_can_be_read_on_what_they_stand_on_in_both_themes() {
    let all = colours();
    let of = |name: &str| all.iter().find(|(known, _)| *known == name).unwrap().1;
    let letters = [
        ("ink", &["page", "card", "sunk", "wash", "warn-wash"][..]),
        ("quiet", &["page", "card", "sunk", "wash", "warn-wash"]),
        ("accent", &["page", "card", "wash", "warn-wash"]),
        ("on-accent", &["accent"]),
        ("good", &["card", "good-wash"]),
        ("warn", &["card", "warn-wash"]),
        ("bad", &["card", "bad-wash"]),
    ];
    // Shapes that must be told apart ask for less than letters.
    let shapes = [
        ("fill", &["card", "sunk"][..]),
        ("strong-line", &["card"]),
        ("bad", &["card"]),
    ];
    let pairs = letters.iter().map(|(name, on)| (*name, *on, 4.5));
    for (name, on, least) in pairs.chain(shapes.iter().map(|(name, on)| (*name, *on, 3.0))) {
        for (theme, words) in ["light", "dark"].into_iter().enumerate() {
            for ground in on {
                let found = contrast(of(name)[theme], of(ground)[theme]);
                assert!(found >= least, "{name} on {ground}, {words}: {found:.2}");
            }
        }
    }
}
