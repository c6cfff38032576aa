//! Return on investment, told from generated worlds.

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::finops::returns::returns;
use gpuwise::model::plan::Plan;
use gpuwise::model::progress::Silent;
use gpuwise::model::returns::{Promise, Returns};
use gpuwise::model::units::Monthly;
use gpuwise::pipeline;

use crate::generator::{Size, World};

fn judge(policy: &str) -> Judge {
    let files = [("mine.yaml".to_owned(), policy.to_owned())];
    Judge::new(&files, Catalog::shipped().unwrap()).unwrap()
}

fn plan(judge: &Judge) -> Plan {
    let reading = World::generate(2, Size::Small, 14).to_reading(900);
    pipeline::analyze(&reading, judge, &Scope::default(), &Silent).unwrap()
}

fn of(plan: &Plan) -> &Returns {
    plan.returns.as_ref().unwrap()
}

fn promise<'p>(plan: &'p Plan, strategy: &str) -> &'p Promise {
    of(plan).promised.iter().find(|row| row.strategy == strategy).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.05
}

#[test]
fn nothing_is_counted_twice_and_all_sums_are_the_plans() {
    let plan = plan(&judge(""));
    let returns = of(&plan);
    let promised = returns
        .promised
        .iter()
        .filter_map(|row| Some((row.here_monthly?, row.not_counted_monthly?)));
    let counted: f64 = promised.map(|(here, not)| here.get() - not.get()).sum();
    let followed = plan.accepted.iter().filter(|row| row.moves.is_empty());
    let followed: f64 = followed.filter_map(|row| row.saving.monthly.mid).sum();
    assert!(
        near(counted + followed, plan.saving.monthly.mid.unwrap()),
        "{counted} {followed} {:?}",
        plan.saving
    );
    for row in &returns.promised {
        let share = row.here_share.unwrap_or(0.0);
        assert!(
            share <= 1.0001 && !row.because.is_empty() && !row.source.is_empty(),
            "{row:?}"
        );
    }
    let spend = plan.spend.as_ref().unwrap();
    let sum = |of: fn(&gpuwise::model::returns::CategoryReturn) -> Option<Monthly>| {
        let parts = returns.categories.iter().filter_map(of);
        parts.sum::<Monthly>().get()
    };
    assert!(near(sum(|row| row.before_monthly), spend.monthly.get()));
    assert!(near(
        sum(|row| row.after_monthly),
        returns.total.after_monthly.unwrap().get()
    ));
    let left = spend.monthly - plan.saving.leaves_bill_monthly;
    assert!(near(returns.total.after_monthly.unwrap().get(), left.get()));
}

#[test]
fn effort_is_what_the_policy_says_and_pays_out_of_the_bill() {
    let policy = "returns:\n  engineer_hourly: 80\n  hours: {idle-gpu: 3}\n  hours_for_a_check: 0\n";
    let plan = plan(&judge(policy));
    let returns = of(&plan);
    let decisions = plan.accepted.iter().filter(|row| !row.moves.is_empty());
    assert_eq!(returns.changes.len(), decisions.clone().count());
    let mut of_policy = 0;
    for (row, change) in decisions.zip(&returns.changes) {
        assert_eq!(row.id, change.id);
        if row.levers == ["idle-gpu"] {
            of_policy += 1;
            assert!(near(change.effort_hours, 3.0) && near(change.effort_cost.get(), 240.0));
        }
        let leaves = row.saving.leaves_bill_monthly.get() > 0.0;
        assert_eq!(change.payback_days.is_some(), leaves, "{change:?}");
    }
    assert!(of_policy > 0, "no change has the hours that the policy names");
    let hours: f64 = returns.changes.iter().map(|change| change.effort_hours).sum();
    assert!(near(hours, returns.effort_hours) && near(hours * 80.0, returns.effort_cost.get()));
}

#[test]
fn what_was_not_asked_or_cannot_be_told_is_no_zero() {
    let whole = plan(&judge(""));
    let commitments = promise(&whole, "commitments");
    assert_eq!((commitments.here_monthly, commitments.here_share), (None, None));
    assert!(commitments.because.contains("no lever does it yet"));
    let idle = plan(&judge("").only(&["idle-gpu".to_owned()]).unwrap());
    let batching = promise(&idle, "batching");
    assert_eq!(
        (batching.here_monthly, batching.because.as_str()),
        (None, "its levers were not asked")
    );
    assert!(promise(&idle, "switching off what is idle").here_monthly.is_some());
}

/// Every lever's changes stand beside a promise, or the sums above would not be the plan's.
#[test]
fn every_lever_has_a_promise() {
    let judge = judge("");
    for lever in judge.levers() {
        let has = |row: &gpuwise::catalog::promises::Promised| row.levers().any(|own| own == lever.id());
        assert!(judge.catalog().promises().iter().any(has), "{}", lever.id());
    }
}

#[test]
fn an_unknown_part_is_no_zero_and_a_workload_with_two_changes_is_one() {
    let judge = judge("");
    let mut plan = plan(&judge);
    let row = plan.accepted.iter().find(|row| row.levers == ["idle-gpu"]).unwrap();
    let open = |id: &str, mid: Option<f64>| {
        let mut open = row.clone();
        open.id = id.to_owned();
        open.subject.id = "c/elsewhere".to_owned();
        open.saving.monthly.mid = mid;
        open
    };
    let held = vec![open("a", Some(10.0)), open("b", None)];
    plan.accepted = vec![row.clone()];
    plan.held_back = held;
    plan.experiments.clear();
    let told = returns(&plan, &judge.policy().returns, judge.catalog().promises());
    let idle = told
        .promised
        .iter()
        .find(|row| row.strategy == "switching off what is idle");
    let idle = idle.unwrap();
    assert_eq!((idle.here_monthly, idle.not_counted_monthly), (None, None));
    let begins = "it would change 2 workloads; 1 of these only worth trying or held back";
    assert!(idle.because.starts_with(begins), "{}", idle.because);
}
