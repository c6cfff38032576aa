//! Formulas as they are published, operators, functions, and what is refused.

use super::*;

fn run(text: &str, values: &[Option<f64>]) -> Option<f64> {
    let names = &["trig_one", "trig_two", "trig_three"][..values.len()];
    Formula::read(text, names).unwrap().run(values).unwrap()
}

fn refused(text: &str) -> String {
    Formula::read(text, &["trig_one", "trig_two"]).unwrap_err()
}

#[test]
fn the_published_examples_compute() {
    let one = |a: f64, b: f64| [Some(a), Some(b)];
    assert_eq!(run("(trig_one + trig_two)/2", &one(3.0, 4.0)), Some(3.5));
    let ternary = "trig_one > 2 ? trig_one + trig_two : 1";
    assert_eq!(
        (run(ternary, &one(3.0, 4.0)), run(ternary, &one(2.0, 4.0))),
        (Some(7.0), Some(1.0))
    );
    let count = "count([trig_one,trig_two,trig_three],{#>1}) > 1 ? 5 : 0";
    assert_eq!(run(count, &[Some(2.0), Some(0.5), Some(1.5)]), Some(5.0));
    assert_eq!(run(count, &[Some(2.0), Some(0.5), Some(1.0)]), Some(0.0));
    let nested = "trig_one < 2 ? trig_one+trig_two >= 2 ? 5 : 10 : 0";
    assert_eq!(run(nested, &one(1.0, 1.0)), Some(5.0));
    assert_eq!(run(nested, &one(1.0, 0.5)), Some(10.0));
    assert_eq!(run(nested, &one(2.0, 9.0)), Some(0.0));
}

#[test]
fn a_queue_guard_of_llm_d_holds_what_is_pending_back() {
    let text = "trig_one<=trig_two ? trig_one : max(trig_one-(trig_three??0), trig_two)";
    assert_eq!(run(text, &[Some(5.0), Some(3.0), Some(1.0)]), Some(4.0));
    assert_eq!(run(text, &[Some(5.0), Some(3.0), None]), Some(5.0));
    assert_eq!(run(text, &[Some(2.0), Some(3.0), None]), Some(2.0));
}

#[test]
fn operators_bind_as_in_expr() {
    let value = |text: &str| run(text, &[Some(3.0)]);
    assert_eq!(value("2 + 3 * 4 - 6 / 4"), Some(12.5));
    assert_eq!(value("-2 ** 2"), Some(-4.0));
    assert_eq!(value("2 ^ 3 ** 2"), Some(512.0));
    assert_eq!(value("7 % 4 + int(trig_one) % 2"), Some(4.0));
    assert_eq!(value("1 + nil ?? 4"), Some(5.0));
    assert_eq!(
        value("not (trig_one == 3) or trig_one != 3 and true ? 1 : 2"),
        Some(2.0)
    );
    assert_eq!(value("1e2 + .5 + 1_000"), Some(1_100.5));
}

#[test]
fn functions_are_those_of_expr() {
    let value = |text: &str| run(text, &[Some(2.5), Some(-1.5)]);
    assert_eq!(value("ceil(trig_one) + floor(trig_one) + round(trig_one)"), Some(8.0));
    assert_eq!(value("abs(trig_two) + int(trig_one)"), Some(3.5));
    assert_eq!(value("sum([trig_one, trig_two, 1])"), Some(2.0));
    assert_eq!(value("mean([trig_one, trig_two]) + median([1, 5, 3])"), Some(3.5));
    assert_eq!(value("min([trig_one, 4], 3) + max(trig_one, trig_two)"), Some(5.0));
    assert_eq!(
        value("len(filter([1, 2, 3], # > 1)) + sum(map([1, 2], {# * 2}))"),
        Some(8.0)
    );
    assert_eq!(
        value("any([1, 2], # > 1) && all([1], # == 1) && none([1], # > 1) && one([1, 2], # > 1) ? 1 : 0"),
        Some(1.0)
    );
}

#[test]
fn nil_is_no_zero() {
    let formula = Formula::read("trig_one + trig_two", &["trig_one", "trig_two"]).unwrap();
    assert!(formula.run(&[Some(1.0), None]).unwrap_err().contains("nil"));
    let other = Formula::read("trig_one ?? trig_two", &["trig_one", "trig_two"]).unwrap();
    assert_eq!(other.run(&[None, Some(4.0)]), Ok(Some(4.0)));
    assert_eq!(other.run(&[None, None]), Ok(None));
}

#[test]
fn what_expr_or_this_does_not_know_is_refused_by_name() {
    for (text, told) in [
        ("trig_four + 1", "unknown name `trig_four`"),
        ("avg([trig_one])", "`avg` is no function of expr; `mean` is"),
        ("sqrt(trig_one)", "function `sqrt` is not known here"),
        ("trig_one % 2", "`%` takes whole numbers"),
        ("trig_one > 2", "it gives true or false and must give a number"),
        ("trig_one + true", "arithmetic takes a number, not true or false"),
        ("trig_one ? 1 : 2", "a condition takes true or false"),
        ("trig_one ?? 1 + 2", "cannot be mixed"),
        ("(trig_one", "`)` is missing"),
        ("trig_one trig_two", "`trig_two` is not expected"),
        ("trig_one +", "it ends too early"),
        ("\"a\"", "`\"` is not known here"),
        ("# + 1", "`#` is not expected"),
        ("let x = 1; x", "`=` is not known here"),
        ("", "it ends too early"),
        ("int(trig_one) % 0", "division by zero"),
    ] {
        assert!(refused(text).contains(told), "{text}: {}", refused(text));
    }
    assert_eq!(refused(&"(".repeat(5_000)), "it nests too deeply");
    assert_eq!(refused(&"-".repeat(5_000)), "it nests too deeply");
}
