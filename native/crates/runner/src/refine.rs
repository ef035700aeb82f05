//! Tries counts between the winner and its neighbours, where the request left gaps.

use std::collections::BTreeMap;

use threadgauge_protocol::{Arm, BenchRequest, Phase};

use crate::bench::{Bench, Stop};
use crate::race;
use crate::records::ArmRecord;

/// Neighbours closer than this factor have nothing worth trying in between.
const GAP: f64 = 1.25;
/// Rounds at most.
const ROUNDS: u32 = 4;

/// Trials the refinement may take at the most.
pub(crate) fn most_trials(request: &BenchRequest) -> u32 {
    let counts: Vec<u32> = request.arms.iter().filter_map(|arm| arm.threads).collect();
    let gap = counts.iter().any(|&low| counts.iter().any(|&high| high > low && between(low, high).is_some()));
    if gap { ROUNDS * 3 * request.limits.max_blocks } else { 0 }
}

/// Races the winner against the midpoints to its neighbours until it stays.
pub(crate) fn refine(bench: &mut Bench<'_, '_>) -> Result<(), Stop> {
    for _ in 0..ROUNDS {
        let Some(winner) = race::winner(bench) else { return Ok(()) };
        let added = midpoints(bench, winner);
        if added.is_empty() {
            return Ok(());
        }
        let mut arms = vec![winner];
        for arm in added {
            arms.push(bench.records.arms.len());
            bench.records.arms.push(ArmRecord::new(arm));
        }
        bench.announce();
        bench.summarise_all();
        race::race(bench, &arms, Phase::Refine)?;
        if race::winner(bench) == Some(winner) {
            return Ok(());
        }
    }
    Ok(())
}

/// The arms half-way (geometrically) between the winner and the counts next to it.
fn midpoints(bench: &Bench<'_, '_>, winner: usize) -> Vec<Arm> {
    let arms: Vec<&Arm> = bench.records.arms.iter().map(|record| &record.arm).collect();
    let Some(count) = arms[winner].threads else { return Vec::new() };
    let Some(pattern) = arms.iter().find(|arm| arm.threads == Some(count) && by_count(arm)).or_else(|| arms.iter().find(|arm| by_count(arm))) else { return Vec::new() };
    // The unchanged setting stands for its count too.
    let tried: Vec<u32> = arms.iter().filter_map(|arm| arm.threads).collect();
    // Towards a count that is far slower there is hardly anything to find.
    let near = |threads: u32| (0..arms.len()).filter(|&arm| arms[arm].threads == Some(threads)).any(|arm| bench.records.log_ratio(arm, winner).is_none_or(|ratio| ratio < race::GAP.ln()));
    let below = tried.iter().copied().filter(|&other| other < count).max().filter(|&low| near(low)).and_then(|low| between(low, count).map(|middle| (middle, low, count)));
    let above = tried.iter().copied().filter(|&other| other > count).min().filter(|&high| near(high)).and_then(|high| between(count, high).map(|middle| (middle, count, high)));
    [below, above].into_iter().flatten().map(|(middle, low, high)| interpolate(pattern, middle, low, high)).collect()
}

/// The geometric mean of two counts, when there is a count in between that is worth a run.
fn between(low: u32, high: u32) -> Option<u32> {
    if high - low < 2 || f64::from(high) / f64::from(low) <= GAP {
        return None;
    }
    let middle = (f64::from(low) * f64::from(high)).sqrt().round() as u32;
    (middle > low && middle < high).then_some(middle)
}

/// True when the count is what the arm sets: some variable's value is the count, or the probe sets it.
fn by_count(arm: &Arm) -> bool {
    let Some(threads) = arm.threads else { return false };
    arm.torch_num_threads == Some(threads) || arm.env.values().any(|value| value.as_deref() == Some(threads.to_string().as_str()))
}

/// `pattern` with `count` wherever it has its own count.
fn interpolate(pattern: &Arm, count: u32, low: u32, high: u32) -> Arm {
    let old = pattern.threads.unwrap_or(0);
    let (old_text, text) = (old.to_string(), count.to_string());
    let env: BTreeMap<String, Option<String>> =
        pattern.env.iter().map(|(name, value)| (name.clone(), if value.as_deref() == Some(old_text.as_str()) { Some(text.clone()) } else { value.clone() })).collect();
    let set: Vec<String> = env.iter().filter(|(_, value)| value.as_deref() == Some(text.as_str())).map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or(""))).collect();
    let torch_num_threads = if pattern.torch_num_threads == Some(old) { Some(count) } else { pattern.torch_num_threads };
    let renamed = rename(&pattern.label, &old_text, &text);
    let label = renamed.unwrap_or_else(|| if set.is_empty() { format!("torch.set_num_threads({count})") } else { set.join(" ") });
    Arm { label, threads: Some(count), env, torch_num_threads, pin_env: pattern.pin_env, reason: format!("between {low} and {high}"), ..Default::default() }
}

/// `label` with the whole number `old` replaced by `new`; `None` when it is not in it.
fn rename(label: &str, old: &str, new: &str) -> Option<String> {
    let mut result = String::new();
    let mut found = false;
    let mut rest = label;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits: String = rest[at..].chars().take_while(char::is_ascii_digit).collect();
        result.push_str(&rest[..at]);
        if digits == old {
            found = true;
            result.push_str(new);
        } else {
            result.push_str(&digits);
        }
        rest = &rest[at + digits.len()..];
    }
    result.push_str(rest);
    found.then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midpoints_are_geometric_and_only_where_there_is_room() {
        assert_eq!(between(4, 16), Some(8));
        assert_eq!(between(1, 2), None);
        assert_eq!(between(8, 10), None);
        assert_eq!(between(2, 4), Some(3));
    }

    #[test]
    fn every_place_of_the_count_is_replaced() {
        let arm = Arm {
            label: "OMP_NUM_THREADS=4 MKL_NUM_THREADS=4".into(),
            threads: Some(4),
            env: BTreeMap::from([("OMP_NUM_THREADS".into(), Some("4".into())), ("MKL_NUM_THREADS".into(), Some("4".into())), ("KMP_BLOCKTIME".into(), Some("40".into()))]),
            torch_num_threads: None,
            pin_env: false,
            reason: "power of two".into(),
            ..Default::default()
        };
        let middle = interpolate(&arm, 6, 4, 8);
        assert_eq!(middle.label, "OMP_NUM_THREADS=6 MKL_NUM_THREADS=6");
        assert_eq!(middle.env["OMP_NUM_THREADS"].as_deref(), Some("6"));
        assert_eq!(middle.env["KMP_BLOCKTIME"].as_deref(), Some("40"));
        assert_eq!(middle.reason, "between 4 and 8");
        assert_eq!(rename("4 of 44", "4", "6").as_deref(), Some("6 of 44"));
    }
}
