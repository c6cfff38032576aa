//! The command: which files it writes, and which budgets its rules follow.

use crate::binary;

/// No file is written over another, and that is said before anything is read.
#[test]
fn rules_and_tests_of_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = binary::command(folder.path());
        let ran = command
            .args(["alerts", "--recording", "nowhere"])
            .args(arguments)
            .output();
        let ran = ran.unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    for one in [
        &["--output", "a.yaml", "--tests", "a.yaml"][..],
        &["--output", "./a.yaml", "--tests", "a.yaml", "--rules-file", "b.yaml"],
        &[
            "--output",
            "a.yaml",
            "--tests",
            "a.yaml",
            "--format",
            "rules",
            "--rules-file",
            "b.yaml",
        ],
        &["--output", "a.rules.yaml", "--tests", "a.yaml"],
        &["--tests", "a.yaml", "--rules-file", "a.yaml"],
    ] {
        let (code, said) = run(one);
        assert_eq!(code, Some(binary::USAGE), "{one:?}: {said}");
        assert!(said.contains("cannot be two files"), "{one:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let (_, said) = run(&["--output", "a.yaml", "--tests", "b.yaml", "--format", "rules"]);
    assert!(said.contains("nowhere"), "{said}");
}

/// Rules follow the budgets of `gpuwise budget`, or it is told why not.
#[test]
fn the_command_tells_which_budgets_no_rule_follows() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "budgets:\n  - {name: own, monthly: 500000, months: {1999-12: 1, 2999-12: 550000}, currency: USD}\n  \
                  - {name: abroad, monthly: 1, currency: EUR}\n  - {name: thirty, monthly: 1, month: 30-days}\n  \
                  - {name: teams, monthly: 1, teams: [a]}\n  - {name: nothing, monthly: 0}\n";
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let mut command = binary::command(folder.path());
    let ran = command
        .args(["alerts", "--demo", "--policy", "policy.yaml"])
        .output()
        .unwrap();
    let (rules, said) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{said}");
    for told in [
        "the budget `abroad`: it is in EUR, and metrics of cost are in USD",
        "the budget `thirty`: rules add up months of the calendar",
        "the budget `teams`: metrics of cost tell namespaces",
        "GpuwiseBudgetBurnsFast of budget nothing is left out: nothing may be spent",
    ] {
        assert!(said.contains(told), "no `{told}` in {said}");
    }
    assert!(!said.contains("budget `own`"), "{said}");
    assert!(
        rules.contains("vector(550000) and on () (month() == 12) and on () (year() == 2999)"),
        "{rules}"
    );
    // Months that are over are in no rule.
    assert!(!rules.contains("1999"), "{rules}");
}
