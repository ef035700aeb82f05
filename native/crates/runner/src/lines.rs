//! Timings per line, after the verdict and apart from the score: wall time first, then CPU clocks where they matter,
//! then the heavy lines at more thread counts, so that a line which gets slower with threads stands out.

use std::collections::{BTreeMap, BTreeSet};

use threadgauge_protocol::{Doubt, Event, FileLines, LineTiming, Lines, Mode, Phase};

use crate::bench::{Bench, Stop};
use crate::workload::{End, LineLoad, Measured, ProbeMode, ProbedLine};
use crate::race;

/// Plain, wall, wall, plain, CPU.
pub(crate) const TRIALS_PER_ARM: u32 = 5;
/// Further counts at which lines are measured, one pass each.
pub(crate) const MORE_COUNTS: usize = 2;
/// Lines below this share of the time get no CPU clocks.
const SHARE: f64 = 0.005;
/// Lines shorter than this on average get none either: the clocks would cost more than the line.
const SHORTEST_NS: f64 = 100_000.0;
/// Distortion that is told as a doubt.
const OVERHEAD: f64 = 0.01;
/// Largest difference between the two pairs of plain and timed runs that still is a measurement.
const AGREE: f64 = 0.05;
/// Samples below which nothing is said about a line.
const FEWEST_SAMPLES: u32 = 5;

/// The arms to measure at.
pub(crate) fn arms(bench: &Bench<'_, '_>) -> Vec<usize> {
    let requested = &bench.request.lines.arms;
    if !requested.is_empty() {
        let mut arms = requested.clone();
        arms.sort_unstable();
        arms.dedup();
        return arms;
    }
    let current = bench.request.current;
    let single = (0..bench.records.arms.len()).find(|&arm| bench.records.arms[arm].arm.threads == Some(1));
    let best = bench.decided.or_else(|| if bench.request.mode == Mode::Search { race::winner(bench) } else { bench.best });
    let mut arms: Vec<usize> = [single, best, Some(current)].into_iter().flatten().collect();
    arms.sort_unstable();
    arms.dedup();
    arms
}

/// Further counts for the scaling of lines: each as far from those taken already as can be.
pub(crate) fn more_arms(bench: &Bench<'_, '_>, taken: &[usize]) -> Vec<usize> {
    if !bench.request.lines.arms.is_empty() {
        return Vec::new();
    }
    let arms = &bench.records.arms;
    let counts: Vec<(usize, u32)> = arms.iter().enumerate().filter(|(_, record)| is_count(&record.arm) && record.failures == 0).filter_map(|(index, record)| Some((index, record.arm.threads?))).collect();
    let taken: Vec<u32> = taken.iter().filter_map(|&arm| arms[arm].arm.threads).collect();
    farthest(&counts, &taken)
}

/// True when the arm differs from the others in its count of threads only.
fn is_count(arm: &threadgauge_protocol::Arm) -> bool {
    arm.instances.is_none_or(|count| count == 1) && arm.cpus.is_empty() && arm.arguments.is_empty() && arm.torch_num_interop_threads.is_none() && arm.flush_denormal.is_none()
}

/// Up to [`MORE_COUNTS`] of `counts`, by index, each the one with the largest ratio to its nearest taken neighbour.
fn farthest(counts: &[(usize, u32)], taken: &[u32]) -> Vec<usize> {
    let mut taken: Vec<u32> = taken.to_vec();
    let mut chosen = Vec::new();
    while chosen.len() < MORE_COUNTS && !taken.is_empty() {
        let distance = |count: u32| taken.iter().map(|&other| f64::from(count.max(other).max(1)) / f64::from(count.min(other).max(1))).fold(f64::INFINITY, f64::min);
        let Some(&(arm, count)) = counts.iter().max_by(|a, b| distance(a.1).total_cmp(&distance(b.1)).then(b.1.cmp(&a.1))).filter(|(_, count)| distance(*count) > 1.0) else { break };
        chosen.push(arm);
        taken.push(count);
    }
    chosen
}

/// Measures the lines of every arm asked for and tells them.
pub(crate) fn measure(bench: &mut Bench<'_, '_>) -> Result<(), Stop> {
    if bench.probe_fails {
        bench.doubt(Doubt::NotMeasured { what: "No timings per line: the program fails when the probe is loaded.".into() });
        return Ok(());
    }
    let arms = arms(bench);
    let more = more_arms(bench, &arms);
    bench.set_ahead(&[], false);
    bench.ahead = arms.iter().map(|&arm| (arm, TRIALS_PER_ARM)).chain(more.iter().map(|&arm| (arm, 1))).collect();
    let mut heavy = Heavy::new();
    for arm in arms {
        match one_arm(bench, arm, &mut heavy) {
            Ok(()) => {}
            Err(Gap::Stop(stop)) => return Err(stop),
            Err(Gap::Unmeasured(reason)) => {
                bench.ahead.insert(arm, 0);
                let label = bench.records.arms[arm].arm.label.clone();
                bench.doubt(Doubt::NotMeasured { what: format!("No timings per line with {label}: {reason}") });
            }
        }
    }
    for arm in more {
        match one_pass(bench, arm, &heavy) {
            Err(Gap::Stop(Stop::Budget)) => break,
            Err(Gap::Stop(stop)) => return Err(stop),
            // What cannot be measured at a count nobody asked for is no gap.
            Ok(()) | Err(Gap::Unmeasured(_)) => {}
        }
    }
    bench.ahead.clear();
    Ok(())
}

/// Lines by file that take a share of the time worth telling.
type Heavy = BTreeMap<String, BTreeSet<u32>>;

enum Gap {
    Stop(Stop),
    Unmeasured(String),
}

fn one_arm(bench: &mut Bench<'_, '_>, arm: usize, all_heavy: &mut Heavy) -> Result<(), Gap> {
    // Mirrored, so that a drift of the machine does not show as distortion by the probe.
    let before = trial(bench, arm, 0, ProbeMode::Region)?;
    let mut first = trial(bench, arm, 1, ProbeMode::Wall(bench.hot_lines.clone()))?;
    let mut counted = None;
    if note_hot(&mut bench.hot_lines, &first) {
        // Marks on lines that take nanoseconds slow down whatever contains them: once more without these.
        let again = trial(bench, arm, 1, ProbeMode::Wall(bench.hot_lines.clone()))?;
        counted = Some(std::mem::replace(&mut first, again));
    }
    let second = trial(bench, arm, 2, ProbeMode::Wall(bench.hot_lines.clone()))?;
    let after = trial(bench, arm, 3, ProbeMode::Region)?;
    if let Some(file) = changed_file(&first, &second) {
        return Err(Gap::Unmeasured(format!("{file} changed while it was measured.")));
    }
    let mut timings = Timings::of_walls(&[&first, &second]);
    if let Some(counted) = &counted {
        timings.add_missing(counted);
    }
    let span = f64::midpoint(span_ns(&first), span_ns(&second));
    if first.silent_children > 0 {
        let (silent, label) = (first.silent_children, &bench.records.arms[arm].arm.label);
        let what = format!("Lines in child processes are missing with {label}: {silent} of the processes that the program started ended before they had begun to run its code, or could not write what they measured.");
        bench.doubt(Doubt::NotMeasured { what });
    }
    for (path, lines) in timings.above(SHARE * span) {
        all_heavy.entry(path).or_default().extend(lines);
    }
    let heavy = timings.heavy(span);
    let mut loads = first.line_loads.clone();
    add_loads(&mut loads, &second.line_loads);
    if !heavy.is_empty() {
        let clocks = trial(bench, arm, 4, ProbeMode::Cpu(heavy))?;
        if changed_file(&first, &clocks).is_none() {
            timings.add_clocks(&clocks);
            add_loads(&mut loads, &clocks.line_loads);
        }
    }
    let ratios = [span_ns(&first) / span_ns(&before), span_ns(&second) / span_ns(&after)];
    let overhead = overhead(ratios);
    if let Some(overhead) = overhead.filter(|&overhead| overhead > OVERHEAD) {
        bench.doubt(Doubt::ProbeOverhead { arm, overhead });
    }
    let files = timings.into_files(&loads);
    bench.out.emit(Event::Lines(Lines { arm, trials: 2, overhead, files }));
    Ok(())
}

/// Adds the lines that a run says are too short to be timed; false when it says nothing new.
fn note_hot(known: &mut BTreeMap<String, Vec<u32>>, pass: &Measured) -> bool {
    let mut news = false;
    for file in pass.files.iter().filter(|file| !file.hot.is_empty()) {
        let lines = known.entry(file.path.clone()).or_default();
        for &line in &file.hot {
            if !lines.contains(&line) {
                lines.push(line);
                news = true;
            }
        }
    }
    news
}

/// One pass over the wall times of the heavy lines, to see how they scale.
fn one_pass(bench: &mut Bench<'_, '_>, arm: usize, heavy: &Heavy) -> Result<(), Gap> {
    let pass = trial(bench, arm, 0, ProbeMode::Wall(bench.hot_lines.clone()))?;
    let mut files = Timings::of_walls(&[&pass]).into_files(&pass.line_loads);
    for file in &mut files {
        file.lines.retain(|line| heavy.get(&file.path).is_some_and(|lines| lines.contains(&line.line)));
    }
    files.retain(|file| !file.lines.is_empty());
    if !files.is_empty() {
        bench.out.emit(Event::Lines(Lines { arm, trials: 1, overhead: None, files }));
    }
    Ok(())
}

/// How much longer the program took with the probe. Two pairs that contradict each other measured the
/// machine's noise, not the probe.
fn overhead(ratios: [f64; 2]) -> Option<f64> {
    let [one, other] = ratios;
    (one.is_finite() && other.is_finite() && (one - other).abs() <= AGREE).then_some(f64::midpoint(one, other) - 1.0)
}

fn trial(bench: &mut Bench<'_, '_>, arm: usize, block: u32, probe: ProbeMode) -> Result<Measured, Gap> {
    if bench.cancel.is_set() {
        return Err(Gap::Stop(Stop::Cancelled));
    }
    let left = bench.deadline_s - bench.spent_s();
    if bench.cost_s(arm) > left {
        return Err(Gap::Stop(Stop::Budget));
    }
    let limit = bench.request.limits.trial_s.min(left);
    let measured = bench.run_once(arm, Phase::Lines, block, limit, probe, None);
    match &measured.end {
        End::Exited(0) if measured.probe_error.is_none() => Ok(measured),
        End::Exited(0) => Err(Gap::Unmeasured(measured.probe_error.clone().unwrap_or_default())),
        End::Cancelled => Err(Gap::Stop(Stop::Cancelled)),
        End::OverLimit if limit < bench.request.limits.trial_s => Err(Gap::Stop(Stop::Budget)),
        End::OverLimit => Err(Gap::Unmeasured(format!("the program did not end within {limit} s."))),
        End::OverMemory => Err(Gap::Unmeasured("the program used more memory than it may.".into())),
        End::Exited(code) => Err(Gap::Unmeasured(format!("the program ended with exit code {code}."))),
        End::Signalled(signal) => Err(Gap::Unmeasured(format!("signal {signal} ended the program."))),
        End::CannotStart(reason) | End::Broken(reason) => Err(Gap::Unmeasured(reason.clone())),
    }
}

/// The region when there is one, else the whole process.
fn span_ns(measured: &Measured) -> f64 {
    measured.region.map_or(measured.wall_ns, |region| region.wall_ns) as f64
}

fn changed_file(one: &Measured, other: &Measured) -> Option<String> {
    one.files.iter().find(|file| other.files.iter().any(|same| same.path == file.path && same.sha256 != file.sha256)).map(|file| file.path.clone())
}

fn add_loads(sum: &mut BTreeMap<(String, u32), LineLoad>, more: &BTreeMap<(String, u32), LineLoad>) {
    for (line, load) in more {
        let entry = sum.entry(line.clone()).or_default();
        entry.samples += load.samples;
        entry.runnable_sum += load.runnable_sum;
        entry.pairs += load.pairs;
        entry.covered_s += load.covered_s;
        entry.run_delay_ns += load.run_delay_ns;
    }
}

/// True when what happened between two samples on the line happened on the line: it lasts longer than the
/// gap between samples, or hardly anything else runs.
fn covers(load: &LineLoad, line: &ProbedLine) -> bool {
    if load.covered_s <= 0.0 || load.pairs == 0 || line.hits == 0 {
        return false;
    }
    let gap_s = load.covered_s / f64::from(load.pairs);
    let lasts_s = line.wall_ns as f64 / line.hits as f64 / 1e9;
    lasts_s >= gap_s || f64::from(load.pairs) >= 0.9 * f64::from(load.samples)
}

/// Timings by file and line.
struct Timings {
    files: BTreeMap<String, (String, BTreeMap<u32, ProbedLine>)>,
    /// Wall time in each pass.
    passes: BTreeMap<(String, u32), Vec<u64>>,
}

impl Timings {
    /// The mean of several passes.
    fn of_walls(passes: &[&Measured]) -> Self {
        let mut sums: BTreeMap<String, (String, BTreeMap<u32, ProbedLine>)> = BTreeMap::new();
        let mut each: BTreeMap<(String, u32), Vec<u64>> = BTreeMap::new();
        for file in passes.iter().flat_map(|pass| &pass.files) {
            let (_, lines) = sums.entry(file.path.clone()).or_insert_with(|| (file.sha256.clone(), BTreeMap::new()));
            for line in &file.lines {
                let sum = lines.entry(line.line).or_insert(ProbedLine { line: line.line, ..Default::default() });
                each.entry((file.path.clone(), line.line)).or_default().push(line.wall_ns);
                sum.threads = sum.threads.max(line.threads);
                sum.processes = sum.processes.max(line.processes);
                sum.hits += line.hits;
                sum.wall_ns += line.wall_ns;
                sum.first_ns += line.first_ns;
                sum.awaited_ns = line.awaited_ns.map(|awaited| awaited + sum.awaited_ns.unwrap_or_default()).or(sum.awaited_ns);
            }
        }
        let passes = passes.len().max(1) as u64;
        for line in sums.values_mut().flat_map(|(_, lines)| lines.values_mut()) {
            line.hits = line.hits.div_ceil(passes);
            line.wall_ns /= passes;
            line.first_ns /= passes;
            line.awaited_ns = line.awaited_ns.map(|ns| ns / passes);
        }
        Self { files: sums, passes: each }
    }

    /// The lines that take at least `wall_ns`.
    fn above(&self, wall_ns: f64) -> Heavy {
        self.files.iter().map(|(path, (_, lines))| (path.clone(), lines.values().filter(|line| line.wall_ns as f64 >= wall_ns).map(|line| line.line).collect())).collect()
    }

    /// Adds the lines that only an earlier pass has.
    fn add_missing(&mut self, pass: &Measured) {
        for file in &pass.files {
            let (_, lines) = self.files.entry(file.path.clone()).or_insert_with(|| (file.sha256.clone(), BTreeMap::new()));
            for line in file.lines.iter().filter(|line| file.hot.contains(&line.line)) {
                lines.entry(line.line).or_insert(*line);
            }
        }
    }

    /// The lines that deserve CPU clocks, of a run of `span_ns`.
    fn heavy(&self, span_ns: f64) -> BTreeMap<String, Vec<u32>> {
        let mut heavy = BTreeMap::new();
        for (path, (_, lines)) in &self.files {
            let chosen: Vec<u32> = lines
                .values()
                .filter(|line| line.hits > 0 && line.wall_ns as f64 >= SHARE * span_ns && line.wall_ns as f64 / line.hits as f64 >= SHORTEST_NS)
                .map(|line| line.line)
                .collect();
            if !chosen.is_empty() {
                heavy.insert(path.clone(), chosen);
            }
        }
        heavy
    }

    /// Adds CPU times. They come from a pass of their own, so they are scaled to the wall time reported:
    /// the ratio of the two, busy cores, is the measured one.
    fn add_clocks(&mut self, pass: &Measured) {
        for file in &pass.files {
            let Some((_, lines)) = self.files.get_mut(&file.path) else { continue };
            for clock in &file.lines {
                let Some(line) = lines.get_mut(&clock.line).filter(|_| clock.wall_ns > 0) else { continue };
                let scale = line.wall_ns as f64 / clock.wall_ns as f64;
                line.cpu_ns = clock.cpu_ns.map(|cpu| (cpu as f64 * scale).round() as u64);
                line.thread_cpu_ns = clock.thread_cpu_ns.map(|cpu| (cpu as f64 * scale).round() as u64);
            }
        }
    }

    fn into_files(mut self, loads: &BTreeMap<(String, u32), LineLoad>) -> Vec<FileLines> {
        self.files
            .into_iter()
            .map(|(path, (sha256, lines))| {
                let lines = lines
                    .into_values()
                    .map(|line| {
                        let load = loads.get(&(path.clone(), line.line)).filter(|load| load.samples >= FEWEST_SAMPLES);
                        LineTiming {
                            line: line.line,
                            hits: line.hits,
                            wall_ns: line.wall_ns,
                            cpu_ns: line.cpu_ns,
                            thread_cpu_ns: line.thread_cpu_ns,
                            runnable: load.map(|load| load.runnable_sum as f64 / f64::from(load.samples)),
                            run_delay_per_s: load.filter(|load| covers(load, &line)).map(|load| load.run_delay_ns as f64 / 1e9 / load.covered_s),
                            first_ns: line.first_ns,
                            awaited_ns: line.awaited_ns,
                            passes_ns: self.passes.remove(&(path.clone(), line.line)).unwrap_or_default(),
                            processes: Some(line.processes).filter(|&processes| processes > 1),
                            threads: line.threads,
                        }
                    })
                    .collect();
                FileLines { path, sha256, lines }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ProbedFile;

    fn pass(lines: &[(u32, u64, u64, Option<u64>)]) -> Measured {
        let mut measured = Measured::ended(End::Exited(0));
        let lines = lines.iter().map(|&(line, hits, wall_ns, cpu_ns)| ProbedLine { line, hits, wall_ns, cpu_ns, thread_cpu_ns: cpu_ns, first_ns: 10, processes: 1, ..Default::default() }).collect();
        measured.files = vec![ProbedFile { path: "/w/a.py".into(), sha256: "s".into(), lines, hot: Vec::new() }];
        measured
    }

    #[test]
    fn only_heavy_and_long_lines_get_clocks() {
        let timings = Timings::of_walls(&[&pass(&[(1, 10, 900_000_000, None), (2, 100_000, 90_000_000, None), (3, 1, 1_000_000, None)])]);
        assert_eq!(timings.heavy(1e9), BTreeMap::from([("/w/a.py".to_owned(), vec![1])]));
    }

    #[test]
    fn passes_are_averaged_and_cpu_keeps_its_ratio() {
        let mut timings = Timings::of_walls(&[&pass(&[(1, 4, 100, None)]), &pass(&[(1, 4, 300, None)])]);
        timings.add_clocks(&pass(&[(1, 4, 400, Some(800))]));
        let loads = BTreeMap::from([(("/w/a.py".to_owned(), 1), LineLoad { samples: 6, pairs: 6, runnable_sum: 12, covered_s: 0.5, run_delay_ns: 250_000_000 })]);
        let files = timings.into_files(&loads);
        let line = &files[0].lines[0];
        assert_eq!((line.hits, line.wall_ns, line.cpu_ns), (4, 200, Some(400)));
        assert_eq!((line.runnable, line.run_delay_per_s), (Some(2.0), Some(0.5)));
        assert_eq!((line.passes_ns.as_slice(), line.processes), ([100, 300].as_slice(), None));
    }

    #[test]
    fn further_counts_lie_between_and_above_those_taken() {
        let counts: Vec<(usize, u32)> = [1, 2, 4, 8, 16, 32, 64].into_iter().enumerate().collect();
        assert_eq!(farthest(&counts, &[1, 8]), [6, 1]);
        assert_eq!(farthest(&counts, &[1, 64]), [3, 1]);
        assert_eq!(farthest(&[(0, 1), (3, 2)], &[1, 2]), [0_usize; 0]);
        assert_eq!(farthest(&counts, &[]), [0_usize; 0]);
    }

    #[test]
    fn lines_too_short_to_be_timed_come_from_the_pass_that_found_them() {
        let mut counted = pass(&[(1, 4, 900, None), (2, 1_000_000, 50, None)]);
        counted.files[0].hot = vec![2];
        let mut known = BTreeMap::new();
        assert!(note_hot(&mut known, &counted));
        assert!(!note_hot(&mut known, &counted));
        assert_eq!(known, BTreeMap::from([("/w/a.py".to_owned(), vec![2])]));
        let mut timings = Timings::of_walls(&[&pass(&[(1, 4, 100, None)])]);
        timings.add_missing(&counted);
        let lines: Vec<_> = timings.into_files(&BTreeMap::new())[0].lines.iter().map(|line| (line.line, line.hits, line.wall_ns)).collect();
        assert_eq!(lines, [(1, 4, 100), (2, 1_000_000, 50)]);
    }

    #[test]
    fn what_was_awaited_is_averaged_too() {
        let mut one = pass(&[(1, 1, 100, None)]);
        one.files[0].lines[0].awaited_ns = Some(90);
        let timings = Timings::of_walls(&[&one, &one]);
        assert_eq!(timings.into_files(&BTreeMap::new())[0].lines[0].awaited_ns, Some(90));
    }

    #[test]
    fn overhead_needs_two_pairs_that_agree() {
        let told = overhead([1.02, 1.04]).expect("they agree");
        assert!((told - 0.03).abs() < 1e-9);
        assert_eq!(overhead([0.6, 1.1]), None);
        assert_eq!(overhead([f64::NAN, 1.0]), None);
    }

    #[test]
    fn few_samples_say_nothing() {
        let loads = BTreeMap::from([(("/w/a.py".to_owned(), 1), LineLoad { samples: 4, pairs: 3, runnable_sum: 12, covered_s: 0.5, run_delay_ns: 1 })]);
        assert_eq!(Timings::of_walls(&[&pass(&[(1, 1, 5, None)])]).into_files(&loads)[0].lines[0].runnable, None);
    }
}
