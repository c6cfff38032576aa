//! Rules as they are read, and what they say of changes.

use super::*;
use crate::model::cluster::Labels;
use crate::policy::located::parse as yaml;

fn levers() -> Vec<String> {
    vec!["idle-gpu".to_owned(), "smaller-gpu".to_owned()]
}

fn wrong(source: &str) -> String {
    compile(source, &levers())
        .map(|_| format!("{source} is right"))
        .unwrap_err()
}

fn rule(source: &str) -> Rule {
    let (expression, checked) = compile(source, &levers()).unwrap_or_else(|why| panic!("{source}: {why}"));
    Rule {
        name: "r".to_owned(),
        place: Place {
            file: "mine.yaml".to_owned(),
            line: 1,
            column: 1,
        },
        expression,
        message: "no".to_owned(),
        checked,
    }
}

/// What a rule says of a change.
fn said(rule: &Rule, facts: &Facts) -> Verdict {
    let found = forbids(std::slice::from_ref(rule), facts);
    found.map_or(Verdict::Permitted, |(_, verdict)| verdict)
}

/// A change whose figures differ from each other.
fn facts() -> Facts {
    let mut facts = Facts::sample(true, &levers());
    let text = |text: &str| Some(Fact::Text(text.to_owned()));
    facts.set("workload", "namespace", text("prod"));
    facts.set("workload", "class", text("inference"));
    facts.set("workload", "gpus", Some(Fact::Number(4.0)));
    facts.set("workload", "replicas", Some(Fact::Whole(3)));
    let labels = [("tier", "gold"), ("app.kubernetes.io/name", "vllm")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    facts.set("workload", "labels", Some(Fact::Labels(Labels::from(labels))));
    facts.set("proposal", "risk", text("medium"));
    facts.set("proposal", "moves", Some(Fact::Texts(vec!["use-gpu".to_owned()])));
    facts.set("proposal", "saving_monthly", Some(Fact::Number(1_200.0)));
    facts
}

#[test]
fn a_sample_and_a_change_fit_the_variables() {
    assert_eq!(facts().strangers(), Vec::<String>::new());
    assert_eq!(Facts::sample(false, &levers()).strangers(), Vec::<String>::new());
    let mut odd = facts();
    odd.set("workload", "gpus", Some(Fact::Whole(4)));
    odd.set("workload", "colour", Some(Fact::Bool(true)));
    assert_eq!(odd.strangers(), ["workload.colour", "workload.gpus"]);
}

#[test]
fn a_rule_is_true_of_a_change_or_says_why_not() {
    for (source, is) in [
        ("workload.namespace == 'prod'", true),
        ("workload.namespace != 'prod'", false),
        ("workload.gpus <= 8", true),
        (
            "workload.gpus == 4.0 && has(workload.replicas) && workload.replicas == 3",
            true,
        ),
        ("!has(workload.replicas) || workload.replicas > 3", false),
        ("has(workload.replicas) ? workload.replicas >= 3 : false", true),
        ("has(workload.labels.tier) && workload.labels.tier == 'gold'", true),
        (
            "!('app.kubernetes.io/name' in workload.labels) || workload.labels['app.kubernetes.io/name'] == 'vllm'",
            true,
        ),
        ("has(workload.labels.team)", false),
        (
            "workload.labels.exists(key, key.startsWith('app.') && workload.labels[key] == 'vllm')",
            true,
        ),
        ("workload.labels.all(key, key.matches('^[a-z]+$'))", false),
        ("proposal.risk in ['low', 'medium']", true),
        ("'scale-to-zero' in proposal.moves", false),
        ("proposal.moves.exists_one(move, move == 'use-gpu')", true),
        ("size(proposal.moves.filter(move, move != 'use-gpu')) == 0", true),
        (
            "proposal.moves.map(move, move + '!').exists(move, move == 'use-gpu!')",
            true,
        ),
        (
            "proposal.moves.size() == 1 && double(workload.gpus_per_pod) * 2.0 + 1.0 == 3.0",
            true,
        ),
        ("-workload.gpus < 0.0 && 7 % 4 == 3 && 7 / 2 == 3 && 7 - 8 == -1", true),
        ("proposal.saving_monthly > 1000 // a comment", true),
    ] {
        let expected = if is {
            Verdict::Permitted
        } else {
            Verdict::Refused("no".to_owned())
        };
        assert_eq!(said(&rule(source), &facts()), expected, "{source}");
    }
}

#[test]
fn what_is_not_known_of_a_change_is_asked_for_first() {
    let guarded = rule("has(workload.owner) && workload.owner == 'chat'");
    assert_eq!(
        said(&guarded, &Facts::sample(false, &levers())),
        Verdict::Refused("no".to_owned())
    );
    for (source, path) in [
        ("workload.owner == 'chat'", "workload.owner"),
        ("has(workload.owner) || workload.owner == 'chat'", "workload.owner"),
        ("workload.owner == 'chat' && has(workload.owner)", "workload.owner"),
        ("!has(workload.owner) && workload.owner == 'chat'", "workload.owner"),
        ("has(workload.queue) && workload.owner == 'chat'", "workload.owner"),
        (
            "has(workload.owner) ? true : workload.owner == 'chat'",
            "workload.owner",
        ),
        (
            "(has(workload.owner) || has(workload.queue)) && workload.owner == 'chat'",
            "workload.owner",
        ),
    ] {
        assert!(
            wrong(source).starts_with(&format!("`{path}` may be missing; ask has({path})")),
            "{source}"
        );
    }
    let (label, loop_over) = (
        "workload.labels.tier == 'gold'",
        "proposal.moves.all(m, workload.labels[m] == 'x')",
    );
    assert!(wrong(label).contains("the label 'tier' may be missing; ask 'tier' in workload.labels"));
    assert!(wrong(loop_over).contains("the label m may be missing"));
}

#[test]
fn types_that_the_interpreter_would_take_for_false_are_mistakes() {
    each_is_wrong(&[
        (
            "workload.nmae == 'a'",
            "unknown field `workload.nmae`; `workload` has name, namespace",
        ),
        (
            "workloads.name == 'a'",
            "unknown variable `workloads`; there are workload, proposal, cluster",
        ),
        (
            "workload.name.first == 'a'",
            "`.first` is asked of a text, which has no fields",
        ),
        ("has(workload.name.first)", "`.first` is asked of a text"),
        (
            "workload.gpus == 4",
            "`==` stands between a number and a whole number, which are never equal; write 4.0",
        ),
        (
            "workload.gpus + 1 > 4.0",
            "`+` stands between a number and a whole number; write 4.0",
        ),
        ("workload.name == 4", "`==` stands between a text and a whole number"),
        ("workload.name > 'a'", "only numbers have an order"),
        ("proposal.risk == 'hihg'", "`hihg` is none of low, medium, high"),
        ("'none' != proposal.confidence", "`none` is none of low, medium, high"),
        (
            "proposal.risk in ['low', 'midium']",
            "`midium` is none of low, medium, high",
        ),
        (
            "!('scale-to-zro' in proposal.moves)",
            "`scale-to-zro` is none of scale-to-zero, sleep-during, request-gpus, use-spot, set-replicas, autoscale, quantize, set-tensor-parallel, set-batch-limit, cache-prefixes, set-checkpoint-interval, use-gpu",
        ),
        (
            "proposal.moves.all(m, m != 'sleep')",
            "`sleep` is none of scale-to-zero",
        ),
        ("proposal.lever != 'idle'", "`idle` is none of idle-gpu, smaller-gpu"),
        ("workload.gpus", "it must be true or false, and is a number"),
        ("workload", "it must be true or false, and is all of `workload`"),
        (
            "workload == proposal",
            "`==` stands between all of `workload` and all of `proposal`",
        ),
        ("workload.autoscaled && 1", "a whole number stands beside `&&`"),
        ("!workload.gpus", "a number stands behind `!`"),
        ("-workload.name == 'a'", "`-` stands before a text"),
        ("workload.name ? true : false", "a text stands in front of `?`"),
    ]);
}

#[test]
fn what_has_no_place_in_a_rule_is_a_mistake() {
    each_is_wrong(&[
        (
            "(workload.autoscaled ? 1 : 'a') == 1",
            "`?` chooses between a whole number and a text",
        ),
        ("[1, 'a'].exists(x, true)", "a list holds a whole number and a text"),
        ("workload.name.size() == 1", "size() is asked of a text"),
        ("workload.name.exists(x, true)", "a loop goes through a text"),
        ("workload.labels.map(k, k) == []", "labels have no order"),
        ("proposal.moves[0] == 'use-gpu'", "lists are not indexed"),
        ("workload.labels[1] == 'a'", "a label is asked for by a text"),
        ("workload.name.matches('(')", "`(` is no regular expression"),
        (
            "workload.name.matches('(a{900}){900}')",
            "is no regular expression, or a very large one",
        ),
        (
            "workload.name.matches(workload.kind)",
            "must be a text that stands there as it is",
        ),
        ("workload.name.lowerAscii() == 'a'", "there is no function `lowerAscii`"),
        ("timestamp('2026-01-01') == 1", "there is no function `timestamp`"),
        ("workload.queue == null", "`workload.queue` may be missing"),
        ("workload.name == null", "nothing is null here"),
        ("{'a': 1} == 1", "maps and messages cannot be made here"),
        (
            "proposal.moves.exists(workload, true)",
            "`workload` is the name of something else",
        ),
        (
            "proposal.moves.exists(m, proposal.moves.exists(m, true))",
            "`m` is the name of something else",
        ),
        ("1u == 1u", "unsigned numbers"),
    ]);
}

fn each_is_wrong(cases: &[(&str, &str)]) {
    for (source, told) in cases {
        let found = wrong(source);
        assert!(found.contains(told), "{source}\n{found}\nnot\n{told}");
    }
}

#[test]
fn what_is_no_cel_is_told_with_its_place() {
    for (source, told) in [
        (
            "workload.name ==",
            "at 1:17 of the expression: mismatched input '<EOF>'",
        ),
        ("true &&\n  && true", "at 2:3 of the expression"),
        ("", "at 1:1 of the expression"),
        ("workload.name = 'a'", "at 1:15 of the expression"),
        ("'open", "at 1:1 of the expression"),
        ("workload.?name == 'a'", "unsupported syntax"),
        ("has(workload)", "invalid argument to has() macro"),
        ("99999999999999999999 == 1", "invalid int literal"),
    ] {
        let found = wrong(source);
        assert!(found.contains(told) && !found.contains('\n'), "{source}: {found}");
    }
}

#[test]
fn what_would_run_away_is_refused_and_what_nearly_does_is_quick() {
    let deep = |open: &str, close: &str, n: usize| format!("{}true{}", open.repeat(n), close.repeat(n));
    for (source, told) in [
        (deep("(", ")", 500), "more than 24 brackets"),
        (deep("[", "]", 500), "more than 24 brackets"),
        (format!("{}true", "true ? true : ".repeat(100)), "more than 16 choices"),
        (vec!["1"; 400].join("+") + " == 1", "more than 48 levels deep"),
        (
            format!("workload{} == 1", ".name".repeat(300)),
            "more than 48 levels deep",
        ),
        (format!("{}true", "true || ".repeat(300)), "longer than 2000 bytes"),
        (
            "workload.labels.all(a, workload.labels.all(b, a == b || workload.labels[a] != workload.labels[b]))"
                .to_owned(),
            "more than 10000 steps",
        ),
        (
            "[1].all(a, [1].all(b, [1].all(c, true)))".to_owned(),
            "loops stand in loops at most 2 deep",
        ),
        (
            "workload.labels.all(k, k.matches('a'))".to_owned() + &" && workload.name.matches('a')".repeat(40),
            "steps",
        ),
    ] {
        let found = wrong(&source);
        assert!(found.contains(told), "{found}\nnot\n{told}");
    }
    let widest = rule(&deep("(", ")", 24));
    assert_eq!(said(&widest, &facts()), Verdict::Permitted);
    let longest = rule(&format!("{} > 0.0", vec!["workload.gpus"; 40].join(" + ")));
    assert_eq!(said(&longest, &facts()), Verdict::Permitted);
}

#[test]
fn a_rule_that_cannot_be_evaluated_says_so_and_permits_nothing() {
    let divides = rule("10 / (workload.gpus_per_pod - 2) > 0");
    let mut two = facts();
    two.set("workload", "gpus_per_pod", Some(Fact::Whole(2)));
    assert_eq!(said(&divides, &two), Verdict::Failed("it divides by zero".to_owned()));
    let grows = rule("9223372036854775807 - workload.gpus_per_pod + 2 > 0");
    assert_eq!(
        said(&grows, &facts()),
        Verdict::Failed("a number in it grows too large".to_owned())
    );
    let mut crowded = facts();
    let labels: Labels = (0..65).map(|n| (format!("l{n}"), "v".to_owned())).collect();
    crowded.set("workload", "labels", Some(Fact::Labels(labels)));
    let through = rule("workload.labels.all(key, key != 'x')");
    let told = "workload.labels has 65 entries, and a rule goes through 64 at most";
    assert_eq!(said(&through, &crowded), Verdict::Failed(told.to_owned()));
    // One that goes through none does not mind.
    assert_eq!(said(&rule("!('x' in workload.labels)"), &crowded), Verdict::Permitted);
    let mut odd = facts();
    odd.set("workload", "gpus", Some(Fact::Number(f64::NAN)));
    let told = "what it compares cannot be compared";
    assert_eq!(said(&rule("workload.gpus > 1"), &odd), Verdict::Failed(told.to_owned()));
}

#[test]
fn rules_are_read_with_all_their_mistakes() {
    let text = "- {name: a, expression: 'workload.gpus < 8', message: large}\n- {name: a, expression: 'true', message: m}\n\
                - {name: b, expression: 'workload.gpu < 8', message: m}\n- {expression: 'true', colour: red}\n";
    let list = yaml("mine.yaml", text).unwrap();
    let crate::policy::located::Value::List(items) = &list.value else {
        panic!()
    };
    let mut mistakes = Vec::new();
    let rules = read(items, &levers(), &mut mistakes);
    assert_eq!(rules.len(), 2);
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "mine.yaml:2:3: `a` is the name of the rule at mine.yaml:1:3, too",
            "mine.yaml:3:25: the rule `b` is wrong: `workload.gpu` may be missing; ask has(workload.gpu) && ... before it",
            "mine.yaml:4:3: `permissions.rules.name` is missing",
            "mine.yaml:4:3: `permissions.rules.message` is missing",
            "mine.yaml:4:24: unknown key `permissions.rules.colour`; known here: name, expression, message",
        ]
    );
}
