//! The reasons not to trust a run, from everything it recorded.

use threadgauge_protocol::{Doubt, Machine, Region, Verdict};

use crate::bench::Bench;
use crate::records::ArmRecord;
use crate::stats;
use crate::workload::{Executions, ProbeMode};

/// MAD over median above which repetitions differ a lot.
const NOISY: f64 = 0.05;
/// Change over a run that is called drift.
const DRIFT: f64 = 0.05;
/// Scores before a drift can be told from noise.
const DRIFT_RUNS: usize = 9;
/// Medians below this are dominated by start-up and by the clock ticks of the scheduler.
const TOO_SHORT_NS: f64 = 50e6;
/// An execution of selected code that is shorter has too large a share of what timing itself takes.
const TOO_SHORT_CALL_NS: f64 = 20e3;
/// Executions that become this much longer or shorter within a run change what they work on.
const UNSTEADY: f64 = 0.10;
/// Share of wall time throttled that matters.
const THROTTLED: f64 = 0.01;
/// Mean foreign load that matters, CPUs.
const FOREIGN: f64 = 0.25;
/// Share of the time in which all instances should work.
const TOGETHER: f64 = 0.8;
/// Change of the CPUs' clock over a run that matters.
const FREQUENCY: f64 = 0.05;
/// Counted runs below which an arm of the verdict is thinly measured.
const FEW_RUNS: usize = 3;

/// Every doubt about a race, confirmation or verification.
pub(crate) fn of_run(bench: &Bench<'_, '_>, verdict: &Verdict) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let foreign = stats::mean(&bench.foreign_all).unwrap_or(0.0);
    if foreign > FOREIGN || bench.contaminated > 0 {
        doubts.push(Doubt::ForeignLoad { cpus: foreign, contaminated: bench.contaminated });
    }
    if let Some(change) = drift(&bench.records.arms).filter(|change| change.abs() > DRIFT) {
        doubts.push(Doubt::Drift { change });
    }
    if let Some(change) = frequency(&bench.records.arms).filter(|change| change.abs() > FREQUENCY) {
        doubts.push(Doubt::FrequencyChange { change });
    }
    if let Some((visible, effective)) = bench.machine().and_then(|machine| fewer_cpus(&bench.records.arms, machine)) {
        doubts.push(Doubt::FewerEffectiveCpus { visible, effective });
    }
    let shortest = bench.records.arms.iter().filter_map(|record| stats::median(&record.values())).reduce(f64::min);
    let least = if bench.scoring == Region::Selected { TOO_SHORT_CALL_NS } else { TOO_SHORT_NS };
    if let Some(median) = shortest.filter(|&median| median < least) {
        doubts.push(Doubt::TooShort { median_ns: median.round() as u64 });
    }
    for (arm, record) in bench.records.arms.iter().enumerate() {
        doubts.extend(of_arm(arm, record));
        let in_verdict = arm == verdict.best || arm == verdict.current;
        if in_verdict && record.scores.len() < FEW_RUNS {
            doubts.push(Doubt::FewRuns { arm, runs: record.scores.len() as u32 });
        }
    }
    doubts.extend(output_differs(&bench.records.arms));
    if bench.probe == ProbeMode::Selected(Some(Executions::repeated())) {
        // Natural executions differ as the program has it, for every setting alike.
        doubts.extend(unsteady(&bench.records.arms, &bench.unit()));
    }
    doubts
}

/// The doubt about the load of other processes in the trials noted last, when it mattered.
pub(crate) fn foreign_load(bench: &Bench<'_, '_>) -> Option<Doubt> {
    let cpus = stats::mean(&bench.foreign_all).filter(|&cpus| cpus > FOREIGN)?;
    Some(Doubt::ForeignLoad { cpus, contaminated: bench.contaminated })
}

fn of_arm(arm: usize, record: &ArmRecord) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let values = record.values();
    if values.len() >= FEW_RUNS {
        let spread = stats::median_absolute_deviation(&values).unwrap_or(0.0) / stats::median(&values).unwrap_or(1.0);
        if spread > NOISY {
            doubts.push(Doubt::Noisy { arm, spread });
        }
    }
    if let Some(share) = stats::mean(&record.throttled).filter(|&share| share > THROTTLED) {
        doubts.push(Doubt::Throttled { arm, share });
    }
    let asked = record.arm.torch_num_threads.or(record.arm.threads);
    if let (Some(asked), Some(observed)) = (asked, record.observed)
        && asked != observed
    {
        doubts.push(Doubt::SettingWithoutEffect { arm, asked, observed });
    }
    if let Some(together) = stats::median(&record.together).filter(|&together| together < TOGETHER) {
        doubts.push(Doubt::InstancesUneven { arm, together });
    }
    if record.failures > 0 {
        doubts.push(Doubt::TrialsFailed { arm, failed: record.failures });
    }
    doubts
}

/// Change of the scores over the run.
fn drift(arms: &[ArmRecord]) -> Option<f64> {
    change_over_time(arms, |record| &record.scores)
}

/// Change of the CPUs' clock over the run. That of an arm with few threads may always be higher.
fn frequency(arms: &[ArmRecord]) -> Option<f64> {
    change_over_time(arms, |record| &record.watched.mhz)
}

/// CPUs visible and CPUs to be had, means over the arms that asked for all and did not get them.
fn fewer_cpus(arms: &[ArmRecord], machine: &Machine) -> Option<(f64, f64)> {
    let missed: Vec<(f64, f64)> = arms.iter().filter_map(|record| record.watched.missed(machine)).collect();
    let visible = missed.first()?.0;
    Some((visible, stats::mean(&missed.iter().map(|&(_, effective)| effective).collect::<Vec<_>>())?))
}

/// Last third over first third of a figure by trial, each over the mean of its own arm, minus 1.
fn change_over_time(arms: &[ArmRecord], figures: impl Fn(&ArmRecord) -> &Vec<(u32, f64)>) -> Option<f64> {
    let mut scores: Vec<(u32, f64)> = Vec::new();
    for own in arms.iter().map(&figures).filter(|own| own.len() > 1) {
        let mean = stats::mean(&own.iter().map(|&(_, figure)| figure).collect::<Vec<_>>())?;
        scores.extend(own.iter().map(|&(trial, figure)| (trial, figure / mean)));
    }
    if scores.len() < DRIFT_RUNS {
        return None;
    }
    scores.sort_by_key(|&(trial, _)| trial);
    let values: Vec<f64> = scores.into_iter().map(|(_, score)| score).collect();
    let third = values.len() / 3;
    Some(stats::median(&values[values.len() - third..])? / stats::median(&values[..third])? - 1.0)
}

/// Executions of the selected code that take longer and longer, or less and less, in run after run.
fn unsteady(arms: &[ArmRecord], unit: &str) -> Option<Doubt> {
    let trends: Vec<f64> = arms.iter().flat_map(|record| record.trends.iter().copied()).collect();
    let trend = stats::median(&trends).filter(|trend| trends.len() >= FEW_RUNS && trend.abs() > UNSTEADY)?;
    let alike = trends.iter().filter(|other| other.signum() == trend.signum()).count();
    // Noise goes either way.
    (alike * 5 >= trends.len() * 4).then(|| Doubt::SelectionNotRepeated {
        reason: format!(
            "Within a run each {unit} took {} than the one before: the last third {:.0} % {} than the middle third. The code seems to change what it works on, so the mean depends on how many were made.",
            if trend > 0.0 { "longer" } else { "less time" },
            trend.abs() * 100.0,
            if trend > 0.0 { "longer" } else { "less" },
        ),
    })
}

/// Two arms that each print the same again and again, but not the same as the other. A program that prints
/// its timings never prints the same twice and raises no doubt.
fn output_differs(arms: &[ArmRecord]) -> Option<Doubt> {
    let constant: Vec<(usize, u64)> = arms
        .iter()
        .enumerate()
        .filter_map(|(arm, record)| {
            let first = *record.outputs.first()?;
            (record.outputs.len() >= 2 && record.outputs.iter().all(|&hash| hash == first)).then_some((arm, first))
        })
        .collect();
    let &(arm, hash) = constant.first()?;
    let &(other, _) = constant.iter().find(|&&(_, other)| other != hash)?;
    Some(Doubt::OutputDiffers { arm, other })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use threadgauge_protocol::Arm;

    fn record(scores: &[(u32, f64)], outputs: &[u64]) -> ArmRecord {
        let mut record = ArmRecord::new(Arm { label: "a".into(), threads: Some(2), env: BTreeMap::new(), torch_num_threads: None, pin_env: false, reason: String::new(), ..Default::default() });
        record.scores = scores.to_vec();
        record.outputs = outputs.to_vec();
        record
    }

    #[test]
    fn output_that_changes_by_itself_is_no_difference() {
        assert_eq!(output_differs(&[record(&[], &[1, 1]), record(&[], &[2, 3])]), None);
        assert_eq!(output_differs(&[record(&[], &[1, 1]), record(&[], &[2])]), None);
        assert_eq!(output_differs(&[record(&[], &[1, 1]), record(&[], &[1, 1]), record(&[], &[2, 2])]), Some(Doubt::OutputDiffers { arm: 0, other: 2 }));
    }

    #[test]
    fn drift_is_told_from_the_difference_between_arms() {
        let steady = |level: f64, offset: u32| record(&(0..6).map(|i| (2 * i + offset, level)).collect::<Vec<_>>(), &[]);
        assert_eq!(drift(&[steady(1.0, 0), steady(9.0, 1)]), Some(0.0));
        let rising = record(&(0..12).map(|i| (i, 1.0 + f64::from(i) * 0.05)).collect::<Vec<_>>(), &[]);
        assert!(drift(&[rising]).expect("enough runs") > 0.25);
        assert_eq!(drift(&[record(&[(0, 1.0)], &[])]), None);
    }

    #[test]
    fn a_trend_that_every_run_has_is_a_doubt() {
        let with = |trends: &[f64]| {
            let mut arm = record(&[], &[]);
            arm.trends = trends.to_vec();
            arm
        };
        let doubt = unsteady(&[with(&[0.2, 0.3]), with(&[0.25])], "iteration").expect("all rise");
        assert!(matches!(&doubt, Doubt::SelectionNotRepeated { reason } if reason.contains("each iteration took longer") && reason.contains("25 %")), "{doubt:?}");
        assert_eq!(unsteady(&[with(&[0.2, -0.3, 0.25])], "call"), None, "noise goes either way");
        assert_eq!(unsteady(&[with(&[0.05, 0.04, 0.05])], "call"), None);
    }

    #[test]
    fn a_clock_that_falls_is_told_from_arms_that_always_run_slower() {
        let arm = |base: f64, offset: u32, fall: f64| {
            let mut arm = record(&[], &[]);
            arm.watched.mhz = (0..6).map(|i| (2 * i + offset, base * (1.0 - fall * f64::from(i) / 5.0))).collect();
            arm
        };
        assert!(frequency(&[arm(3_000.0, 0, 0.0), arm(2_400.0, 1, 0.0)]).expect("enough").abs() < 1e-9);
        assert!(frequency(&[arm(3_000.0, 0, 0.3), arm(2_400.0, 1, 0.3)]).expect("enough") < -0.15);
    }

    #[test]
    fn a_count_the_library_did_not_take_is_a_doubt() {
        let mut taken = record(&[], &[]);
        taken.observed = Some(2);
        assert_eq!(of_arm(0, &taken), vec![]);
        taken.observed = Some(1);
        assert_eq!(of_arm(0, &taken), vec![Doubt::SettingWithoutEffect { arm: 0, asked: 2, observed: 1 }]);
    }
}
