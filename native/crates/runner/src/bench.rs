//! One run from the warm-up to the last event: runs trials, keeps the budget, tells where it stands.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use threadgauge_protocol::{
    Arm, BenchPlan, BenchRequest, Doubt, Event, Failed, FailureCode, Finished, Machine, Mode, Phase, Progress, Region, Selection, TrialFinished, TrialStarted, TrialStatus,
};

use crate::confirm::{self, Confirmation};
use crate::emit::Emitter;
use crate::grid::{self, Grid};
use crate::random::Random;
use crate::records::{ArmRecord, Records};
use crate::serve::Served;
use crate::verdict::{self, Evidence};
use crate::workload::{Cancel, End, Live, Measured, Pause, ProbeMode, TrialSpec, Workload};
use crate::{doubts, instances, lines, race, refine, selection, stats, vary};

/// A sample is stopped when it takes this many times the best one.
const CAP: f64 = 1.5;
/// Among so few settings each may take this many times the best in the first block: stopping them saves
/// little, and their true time is worth knowing.
const FIRST_CAP: f64 = 4.0;
/// How many settings are few.
const FEW_ARMS: usize = 3;
/// Shares of the budget at which the race, the refinement, the race of further settings and the confirmation end.
const SHARES: [f64; 4] = [0.5, 0.65, 0.65, 0.9];
/// The same when there are further settings to try.
const SHARES_WITH_VARIATIONS: [f64; 4] = [0.35, 0.45, 0.7, 0.9];
/// Foreign load above the usual by this many CPUs spoils a trial.
const FOREIGN_CPUS: f64 = 0.10;
/// CPU accounting of the whole machine counts in ticks: the uncertainty of a trial's foreign load, in CPU seconds.
const FOREIGN_TICKS_S: f64 = 0.04;
/// Trials over which the usual foreign load is taken.
const FOREIGN_WINDOW: usize = 9;
/// Repetitions of one spoilt trial.
const REPEATS: u32 = 3;
/// How often a paused run looks whether it may go on.
const PAUSE_LOOK: Duration = Duration::from_millis(20);
/// Times that the machine may sleep, or its clock be set, before the run ends with what it has.
const JUMPS: u32 = 20;
/// Attempts at a trial that is not scored (warm-up, lines) when the machine sleeps during it.
const UNSCORED_ATTEMPTS: u32 = 3;
/// Bytes of output that go into a `failed` or `trial_finished` event.
const TAIL_BYTES: usize = 4_096;

/// How the probe begins what it says when it cannot work.
const PROBE_SAYS: &str = "The probe of ThreadGauge ";

/// Why a stage ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The owner asked for it.
    Cancelled,
    /// The time allotted is spent.
    Budget,
    /// Nothing can be measured.
    Failed(Box<Failed>),
}

/// Whether a trial may be stopped early.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cap {
    /// It runs to its end.
    None,
    /// It is stopped once it is much slower than the best.
    Race,
    /// It is stopped when one piece of work has taken this many seconds.
    At(f64),
}

/// What a counted trial is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Score {
    /// Nanoseconds.
    Counted(f64),
    /// Stopped; it would have taken at least this many nanoseconds.
    Capped(f64),
    /// It failed; it may be tried again.
    Failed,
    /// It did not end within the limit; trying again costs as much.
    TimedOut,
}

/// A run in progress.
pub(crate) struct Bench<'a, 'e> {
    pub request: &'a BenchRequest,
    pub out: &'a mut Emitter<'e>,
    pub random: Random,
    pub records: Records,
    pub cancel: Cancel,
    pub next_block: u32,
    /// What the scores cover; decided by the warm-up.
    pub scoring: Region,
    /// How the probe takes part in scored trials.
    pub probe: ProbeMode,
    /// The code that is scored, with what its executions are called once that is known.
    pub selection: Option<Selection>,
    /// Trials each arm still has ahead, as far as known.
    pub ahead: BTreeMap<usize, u32>,
    /// Seconds from the start at which the present stage ends.
    pub deadline_s: f64,
    /// Trials the present stage still has ahead.
    stage_left: u32,
    /// Trials that were planned and not run because the time was up.
    pub missing_trials: u32,
    /// Trials left out because of foreign load.
    pub contaminated: u32,
    /// The index of the arm that leads.
    pub best: Option<usize>,
    /// The arm the verdict names.
    pub decided: Option<usize>,
    /// The program runs without the probe and fails with it.
    pub probe_fails: bool,
    /// Lines whose marks are left out, because they are too short to be timed.
    pub hot_lines: BTreeMap<String, Vec<u32>>,
    /// Foreign load of the latest trials.
    foreign: VecDeque<f64>,
    /// Foreign load of every trial, for the doubt.
    pub foreign_all: Vec<f64>,
    repeats_left: u32,
    /// Trials that the machine slept through, or during which its clock was set.
    jumps: u32,
    /// The longest such jump, seconds.
    jumped_s: f64,
    workload: &'a mut dyn Workload,
    started: Instant,
    pause: Pause,
    /// Time in which the run was paused, which costs no budget.
    paused: Duration,
    simulated_s: f64,
    next_trial: u32,
    pub counted: u32,
    /// Score of the warm-up: cold, so the best is hardly slower.
    warm_ns: Option<f64>,
    /// Longest time outside the scored region, seconds.
    overhead_s: f64,
    phase: Phase,
    doubted: Vec<Doubt>,
}

/// Runs `request` on `workload` and tells everything from `plan` to the last event.
pub fn run(request: &BenchRequest, workload: &mut dyn Workload, out: &mut Emitter<'_>, cancel: &Cancel, missing: &[String]) -> Served {
    run_with_pauses(request, workload, out, cancel, &Pause::default(), missing)
}

/// As [`run`]; between two trials it waits for as long as `pause` is set.
pub fn run_with_pauses(request: &BenchRequest, workload: &mut dyn Workload, out: &mut Emitter<'_>, cancel: &Cancel, pause: &Pause, missing: &[String]) -> Served {
    let mut bench = Bench::new(request, workload, out, cancel);
    bench.pause = pause.clone();
    let ended = bench.whole(missing);
    let cancelled = match ended {
        Err(Stop::Failed(failed)) => {
            bench.out.emit(Event::Failed(*failed));
            return Served::Failed;
        }
        Err(Stop::Cancelled) => true,
        Err(Stop::Budget) | Ok(()) => cancel.is_set(),
    };
    let elapsed_s = bench.started.elapsed().as_secs_f64();
    let counted_trials = bench.counted;
    bench.out.emit(Event::Finished(Finished { cancelled, elapsed_s, counted_trials }));
    Served::Finished
}

impl<'a, 'e> Bench<'a, 'e> {
    fn new(request: &'a BenchRequest, workload: &'a mut dyn Workload, out: &'a mut Emitter<'e>, cancel: &Cancel) -> Self {
        let asked = request.workload.python.as_ref().map(|python| python.region).or_else(|| request.workload.node.as_ref().map(|node| node.region));
        let scoring = if request.workload.simulated.is_some() { Region::Process } else { asked.unwrap_or_default() };
        let wants_probe = scoring != Region::Process || request.arms.iter().any(needs_probe) || request.variations.iter().any(vary::needs_probe);
        Self {
            request,
            workload,
            out,
            random: Random::new(request.seed),
            records: Records { arms: request.arms.iter().cloned().map(ArmRecord::new).collect() },
            cancel: cancel.clone(),
            next_block: 0,
            scoring,
            probe: match scoring {
                Region::Selected => ProbeMode::Selected(None),
                _ if asked.is_some() && wants_probe => ProbeMode::Region,
                _ => ProbeMode::Off,
            },
            selection: request.workload.python.as_ref().filter(|_| scoring == Region::Selected).and_then(|python| python.selection.clone()),
            ahead: BTreeMap::new(),
            deadline_s: request.limits.budget_s,
            stage_left: 0,
            missing_trials: 0,
            contaminated: 0,
            best: None,
            decided: None,
            probe_fails: false,
            hot_lines: BTreeMap::new(),
            foreign: VecDeque::new(),
            foreign_all: Vec::new(),
            repeats_left: most_repeats(request),
            jumps: 0,
            jumped_s: 0.0,
            started: Instant::now(),
            pause: Pause::default(),
            paused: Duration::ZERO,
            simulated_s: 0.0,
            next_trial: 0,
            counted: 0,
            warm_ns: None,
            overhead_s: 0.0,
            phase: Phase::Warmup,
            doubted: Vec::new(),
        }
    }

    fn whole(&mut self, missing: &[String]) -> Result<(), Stop> {
        self.announce();
        self.warm_up()?;
        if self.request.workload.simulated.is_none() {
            for what in missing {
                self.doubt(Doubt::NotMeasured { what: what.clone() });
            }
        }
        let decided = match self.request.mode {
            Mode::Search => self.search(),
            Mode::Verify => self.verify(),
            Mode::Grid => self.grid(),
            Mode::Lines => Ok(()),
        };
        if let Err(Stop::Failed(failed)) = decided {
            return Err(Stop::Failed(failed));
        }
        if self.cancel.is_set() {
            return Err(Stop::Cancelled);
        }
        if has_probe(self.request) && (self.request.lines.enabled || self.request.mode == Mode::Lines) {
            self.deadline_s = self.request.limits.budget_s;
            self.foreign_all.clear();
            let timed = lines::measure(self);
            if let Some(doubt) = doubts::foreign_load(self) {
                self.doubt(doubt);
            }
            if let Err(stop) = timed {
                if matches!(stop, Stop::Budget) {
                    let missing_trials = self.missing_trials + self.ahead.values().sum::<u32>();
                    self.doubt(Doubt::BudgetSpent { missing_trials });
                }
                return Err(stop);
            }
        }
        Ok(())
    }

    /// Tells the arms; again whenever some are added.
    pub fn announce(&mut self) {
        let limits = &self.request.limits;
        let arms = self.request.arms.len() as u32;
        let confirm = (if matches!(self.request.mode, Mode::Search | Mode::Grid) { confirm::most_blocks(limits.confirm_blocks) } else { limits.confirm_blocks }).saturating_mul(4);
        let line_trials = if has_probe(self.request) && (self.request.lines.enabled || self.request.mode == Mode::Lines) {
            if self.request.lines.arms.is_empty() { lines::TRIALS_PER_ARM * 3 + lines::MORE_COUNTS as u32 } else { lines::TRIALS_PER_ARM * self.request.lines.arms.len() as u32 }
        } else {
            0
        };
        let measured = match self.request.mode {
            Mode::Search => arms.saturating_mul(limits.max_blocks).saturating_add(confirm).saturating_add(refine::most_trials(self.request)).saturating_add(vary::most_trials(self.request)),
            Mode::Verify => confirm,
            Mode::Grid => grid::most_trials(self.request).saturating_add(confirm),
            Mode::Lines => 0,
        };
        let max_trials = measured.saturating_add(line_trials).saturating_add(2 + arms + most_repeats(self.request));
        let plan = BenchPlan {
            arms: self.arms(),
            current: self.request.current,
            mode: self.request.mode,
            max_trials,
            seed: self.request.seed,
            command: self.request.workload.argv.clone(),
            region: self.scoring,
            selection: self.selection.clone(),
        };
        self.out.emit(Event::Plan(plan));
    }

    /// Settings by index, those added by refinement last.
    pub fn arms(&self) -> Vec<Arm> {
        self.records.arms.iter().map(|record| record.arm.clone()).collect()
    }

    /// What one execution of the selected code is called.
    pub fn unit(&self) -> String {
        self.selection.as_ref().and_then(|selection| selection.unit.clone()).unwrap_or_else(|| "call".into())
    }

    /// Seconds spent; a simulated run counts its simulated seconds.
    pub fn spent_s(&self) -> f64 {
        self.awake_s().max(self.simulated_s)
    }

    /// Seconds since the start in which it was not paused.
    fn awake_s(&self) -> f64 {
        self.started.elapsed().saturating_sub(self.paused).as_secs_f64()
    }

    /// Tells a doubt, once.
    pub fn doubt(&mut self, doubt: Doubt) {
        if !self.doubted.contains(&doubt) {
            self.doubted.push(doubt.clone());
            self.out.emit(Event::Doubt(doubt));
        }
    }

    // ---- stages ----

    fn warm_up(&mut self) -> Result<(), Stop> {
        let current = self.request.current;
        self.ahead.insert(current, 1);
        let limit = self.request.limits.trial_s.min(self.request.limits.budget_s);
        let mut measured = self.run_once(current, Phase::Warmup, 0, limit, self.probe.clone(), None);
        let with_probe = self.probe != ProbeMode::Off;
        if with_probe && matches!(measured.end, End::Exited(1..) | End::CannotStart(_)) {
            // Is it the program or the probe? Only a run without the probe can tell.
            let plain = self.run_once(current, Phase::Warmup, 1, limit, ProbeMode::Off, None);
            if plain.end == End::Exited(0) {
                self.without_probe(probe_refusal(&measured));
            }
            measured = plain;
        }
        if self.cancel.is_set() || measured.end == End::Cancelled {
            return Err(Stop::Cancelled);
        }
        if let Some(failed) = failure(&measured, self.request, limit) {
            return Err(Stop::Failed(Box::new(failed)));
        }
        if self.scoring == Region::Selected {
            measured = selection::decide(self, measured, limit)?;
        }
        if self.probe != ProbeMode::Off && measured.region.is_none() {
            let reason = measured.region_reason.clone().unwrap_or_else(|| "The probe did not report the end of the imports.".into());
            if self.scoring == Region::AfterImports {
                self.scoring = Region::Process;
                self.doubt(Doubt::RegionUnavailable { reason });
            }
        }
        self.note_overhead(&measured);
        self.warm_ns = self.score_ns(&measured);
        if let Some(state) = self.workload.machine_state() {
            let environment = state.environment(&measured);
            self.out.emit(Event::Environment(environment));
        }
        Ok(())
    }

    fn without_probe(&mut self, reason: String) {
        self.probe = ProbeMode::Off;
        self.probe_fails = true;
        if self.scoring == Region::AfterImports {
            self.scoring = Region::Process;
            self.doubt(Doubt::RegionUnavailable { reason });
        }
        for index in 0..self.records.arms.len() {
            if needs_probe(&self.records.arms[index].arm) && index != self.request.current {
                self.records.arms[index].dropped = true;
                let label = self.records.arms[index].arm.label.clone();
                self.doubt(Doubt::NotMeasured { what: format!("{label} needs the probe, with which the program fails.") });
            }
        }
    }

    fn search(&mut self) -> Result<(), Stop> {
        let current = self.request.current;
        let budget = self.request.limits.budget_s;
        let shares = shares(self.request);
        let arms: Vec<usize> = (0..self.records.arms.len()).filter(|&arm| !self.records.arms[arm].dropped).collect();
        let mut evidence = Evidence::default();
        self.deadline_s = budget * shares[0];
        let mut ended = race::race(self, &arms, Phase::Race);
        if !matches!(ended, Err(Stop::Cancelled | Stop::Failed(_))) {
            if ended.is_ok() {
                self.deadline_s = self.deadline_s.max(budget * shares[1]);
                if let Err(stop) = refine::refine(self) {
                    ended = Err(stop);
                }
            }
            if let (Some(mut winner), false) = (race::winner(self), matches!(ended, Err(Stop::Cancelled))) {
                if ended.is_ok() && !self.request.variations.is_empty() {
                    self.deadline_s = self.deadline_s.max(budget * shares[2]);
                    let mut further = vary::Further::new(self, winner);
                    if let Err(stop) = further.run(self) {
                        ended = Err(stop);
                    }
                    winner = further.best;
                    evidence.further = further.sentence(self);
                    evidence.helped = further.helped();
                }
                evidence.candidate = Some(winner);
                if winner != current {
                    let shown = stats::t_interval(&self.records.paired(current, winner, 0)).filter(|interval| interval.n >= 3);
                    let claim = (1.0 + self.request.limits.claim_above).ln();
                    if shown.is_some_and(|interval| interval.high <= claim) {
                        evidence.tied_in_race = true;
                    } else {
                        self.deadline_s = budget * shares[3];
                        let blocks = confirm::blocks_needed(self, current, winner);
                        let mut confirmation = Confirmation::new(current, winner, blocks);
                        let confirmed = confirmation.run(self);
                        evidence.interval = confirmation.interval();
                        evidence.pairs = confirmation.pairs.len() as u32;
                        if let Err(stop) = confirmed {
                            ended = Err(stop);
                        }
                    }
                }
            }
        }
        self.conclude(&evidence, &ended);
        ended
    }

    fn verify(&mut self) -> Result<(), Stop> {
        let current = self.request.current;
        let other = 1 - current;
        self.deadline_s = self.request.limits.budget_s * SHARES[3];
        self.best = Some(other);
        let mut confirmation = Confirmation::new(current, other, self.request.limits.confirm_blocks);
        let ended = confirmation.run(self);
        let evidence = Evidence {
            candidate: Some(other),
            interval: confirmation.interval(),
            pairs: confirmation.pairs.len() as u32,
            ..Default::default()
        };
        self.conclude(&evidence, &ended);
        ended
    }

    fn grid(&mut self) -> Result<(), Stop> {
        let bound = self.request.arms.iter().any(|arm| !arm.memory_nodes.is_empty());
        if bound && self.request.workload.simulated.is_none() && !threadgauge_sys::process::can_bind_memory() {
            self.doubt(Doubt::NotMeasured { what: "This system does not let programs choose the NUMA node of their memory, so each instance has that of the CPU that touches it first.".into() });
        }
        let (verdict, ended) = Grid::default().run(self, [SHARES[1], SHARES[3]]);
        if let Some(verdict) = verdict {
            let verdict = verdict::finish(self, &Evidence::default(), verdict);
            self.tell(verdict);
        } else {
            self.conclude(&Evidence::default(), &ended);
        }
        ended
    }

    /// Tells what is known of every arm, the doubts, and the verdict.
    fn conclude(&mut self, evidence: &Evidence, ended: &Result<(), Stop>) {
        if matches!(ended, Err(Stop::Failed(_))) {
            return;
        }
        let verdict = verdict::decide(self, evidence);
        self.tell(verdict);
    }

    fn tell(&mut self, verdict: threadgauge_protocol::Verdict) {
        self.decided = Some(verdict.best);
        self.summarise_all();
        if self.missing_trials > 0 {
            self.doubt(Doubt::BudgetSpent { missing_trials: self.missing_trials });
        }
        self.tell_observed();
        for doubt in doubts::of_run(self, &verdict) {
            self.doubt(doubt);
        }
        self.out.emit(Event::Verdict(verdict));
    }

    /// Tells what was seen of every arm's processes.
    fn tell_observed(&mut self) {
        let one = self.records.arms.iter().find(|record| record.arm.threads == Some(1) && record.arm.instances.is_none_or(|count| count == 1)).map(|record| &record.watched);
        let machine = self.workload.machine_state().map(|state| &state.machine);
        for (arm, record) in self.records.arms.iter().enumerate() {
            if let Some(observed) = record.watched.event(arm, one, machine) {
                self.out.emit(Event::Observed(observed));
            }
        }
    }

    /// The machine that measures, when one does.
    pub fn machine(&self) -> Option<&Machine> {
        self.workload.machine_state().map(|state| &state.machine)
    }

    /// Tells what is known of every arm.
    pub fn summarise_all(&mut self) {
        let all: Vec<usize> = (0..self.records.arms.len()).collect();
        self.summarise(&all);
    }

    /// Tells what is known of `arms`.
    pub fn summarise(&mut self, arms: &[usize]) {
        for &arm in arms {
            if let Some(summary) = self.records.summary(arm, self.best) {
                self.out.emit(Event::ArmSummary(summary));
            }
        }
    }

    // ---- trials ----

    /// Runs a scored trial of `arm`, again when another load spoilt it.
    pub fn measure(&mut self, arm: usize, phase: Phase, block: u32, cap: Cap) -> Result<Score, Stop> {
        let mut attempt = 0;
        loop {
            if self.cancel.is_set() {
                return Err(Stop::Cancelled);
            }
            if self.spent_s() + self.cost_s(arm) > self.deadline_s {
                self.missing_trials += self.stage_left.max(1);
                return Err(Stop::Budget);
            }
            let trial_limit = self.request.limits.trial_s;
            let left = (self.request.limits.budget_s - self.spent_s()).max(0.05);
            let cap_score = match cap {
                Cap::None => None,
                Cap::Race => self.cap_s(arm, block),
                Cap::At(seconds) => Some(seconds).filter(|_| self.scoring != Region::Selected),
            };
            let cap_wall = cap_score.map_or(f64::INFINITY, |score| score + 1.5 * self.overhead_s + 0.05);
            let limit = trial_limit.min(left).min(cap_wall);
            let may_repeat = attempt < REPEATS && self.repeats_left > 0;
            let stopped_as = if limit >= cap_wall {
                TrialStatus::Capped
            } else if limit >= trial_limit {
                TrialStatus::TimedOut
            } else {
                TrialStatus::Cancelled
            };
            let measured = self.run_once(arm, phase, block, limit, self.probe.clone(), Some(Judge { stopped_as, may_repeat }));
            let judge = Judge { stopped_as, may_repeat: false };
            let status = if measured.spoilt { TrialStatus::Contaminated } else { self.status(&measured, Some(&judge)) };
            match status {
                TrialStatus::Contaminated if measured.jumped_s != 0.0 => {
                    if self.jumps > JUMPS {
                        self.missing_trials += self.stage_left.max(1);
                        return Err(Stop::Budget);
                    }
                    continue;
                }
                TrialStatus::Contaminated => {
                    attempt += 1;
                    self.repeats_left -= 1;
                    self.contaminated += 1;
                    continue;
                }
                TrialStatus::Cancelled if measured.end == End::OverLimit => {
                    self.missing_trials += self.stage_left.max(1);
                    return Err(Stop::Budget);
                }
                TrialStatus::Cancelled => return Err(Stop::Cancelled),
                TrialStatus::Failed => self.note_failure(arm, &measured)?,
                _ => {}
            }
            if let Some(count) = self.ahead.get_mut(&arm) {
                *count = count.saturating_sub(1);
            }
            self.stage_left = self.stage_left.saturating_sub(1);
            let score = match status {
                TrialStatus::Ok => {
                    self.note_overhead(&measured);
                    let score = self.score_ns(&measured).unwrap_or(measured.wall_ns as f64).max(1.0);
                    self.note_counted(arm, &measured, score);
                    Score::Counted(score)
                }
                TrialStatus::Capped => {
                    self.records.arms[arm].capped = true;
                    self.records.arms[arm].peak_threads = self.records.arms[arm].peak_threads.max(measured.peak_threads);
                    Score::Capped(cap_score.unwrap_or(limit) * 1e9)
                }
                TrialStatus::TimedOut => {
                    self.records.arms[arm].failures += 1;
                    Score::TimedOut
                }
                _ => {
                    self.records.arms[arm].failures += 1;
                    Score::Failed
                }
            };
            self.progress(phase);
            return Ok(score);
        }
    }

    /// Runs one trial and tells its start, its samples and its end. `judge` is absent for trials that are
    /// not scored (warm-up, lines); these are run again here should the machine sleep meanwhile.
    pub fn run_once(&mut self, arm: usize, phase: Phase, block: u32, limit_s: f64, probe: ProbeMode, judge: Option<Judge>) -> Measured {
        for _ in 1..UNSCORED_ATTEMPTS {
            let measured = self.attempt(arm, phase, block, limit_s, probe.clone(), judge);
            if judge.is_some() || measured.jumped_s == 0.0 || self.cancel.is_set() {
                return measured;
            }
        }
        self.attempt(arm, phase, block, limit_s, probe, judge)
    }

    fn attempt(&mut self, arm: usize, phase: Phase, block: u32, limit_s: f64, probe: ProbeMode, judge: Option<Judge>) -> Measured {
        self.phase = phase;
        self.wait_while_paused(phase);
        if self.cancel.is_set() {
            return Measured::ended(End::Cancelled);
        }
        let trial = self.next_trial;
        let setting = self.records.arms[arm].arm.clone();
        let spec = TrialSpec { trial, arm: &setting, phase, limit: Duration::from_secs_f64(limit_s.clamp(0.001, 86_400.0)), probe };
        let begun = Instant::now();
        let mut running = false;
        let out = &mut *self.out;
        let mut measured = self.workload.run(
            &spec,
            &mut |live| match live {
                Live::Started { pid, process_group } => {
                    running = true;
                    out.emit(Event::TrialStarted(TrialStarted { trial, arm, phase, block, pid, process_group }));
                }
                Live::Sample(sample) => out.emit(Event::Sample(sample)),
            },
            &self.cancel,
        );
        if self.cancel.is_set() && measured.end == End::OverLimit {
            measured.end = End::Cancelled;
        }
        if self.request.workload.simulated.is_some() {
            self.simulated_s += measured.wall_ns as f64 / 1e9;
        }
        if measured.jumped_s == 0.0 {
            self.records.arms[arm].cost_s.push(begun.elapsed().as_secs_f64());
        } else {
            self.note_jump(measured.jumped_s);
        }
        if running {
            self.next_trial += 1;
            let status = self.status(&measured, judge.as_ref());
            self.out.emit(Event::TrialFinished(finished(trial, arm, phase, status, &measured)));
            measured.spoilt = status == TrialStatus::Contaminated;
            if measured.jumped_s == 0.0 {
                self.note_foreign(&measured);
            }
        }
        if judge.is_none() {
            if let Some(count) = self.ahead.get_mut(&arm) {
                *count = count.saturating_sub(1);
            }
            self.progress(phase);
        }
        measured
    }

    /// Between two trials: what runs is never stopped by a pause, so that nothing measured is lost.
    fn wait_while_paused(&mut self, phase: Phase) {
        if !self.pause.is_set() || self.cancel.is_set() {
            return;
        }
        let begun = Instant::now();
        self.progress_as(phase, true);
        while self.pause.is_set() && !self.cancel.is_set() {
            std::thread::sleep(PAUSE_LOOK);
        }
        self.paused += begun.elapsed();
        self.progress(phase);
    }

    fn status(&self, measured: &Measured, judge: Option<&Judge>) -> TrialStatus {
        let status = match measured.end {
            End::Exited(0) if self.scoring != Region::Process && self.probe != ProbeMode::Off && measured.region.is_none() && judge.is_some() => TrialStatus::Failed,
            End::Exited(0) => TrialStatus::Ok,
            End::Exited(_) | End::Signalled(_) | End::OverMemory | End::CannotStart(_) | End::Broken(_) => TrialStatus::Failed,
            End::OverLimit => judge.map_or(TrialStatus::TimedOut, |judge| judge.stopped_as),
            End::Cancelled => TrialStatus::Cancelled,
        };
        if measured.jumped_s != 0.0 && status != TrialStatus::Cancelled {
            return TrialStatus::Contaminated;
        }
        let spoilt = judge.is_some_and(|judge| judge.may_repeat) && matches!(status, TrialStatus::Ok | TrialStatus::Capped) && self.is_disturbed(measured);
        if spoilt { TrialStatus::Contaminated } else { status }
    }

    /// More foreign load than is usual in this run, beyond what the clock ticks can tell.
    fn is_disturbed(&self, measured: &Measured) -> bool {
        let usual = stats::median(&self.foreign.iter().copied().collect::<Vec<_>>()).unwrap_or(0.0);
        let wall_s = (measured.wall_ns as f64 / 1e9).max(1e-3);
        measured.foreign_cpus.is_some_and(|foreign| foreign > usual + FOREIGN_CPUS + FOREIGN_TICKS_S / wall_s)
    }

    /// The machine slept, its clock was set, or nothing ran: told at once, the longest time of all.
    fn note_jump(&mut self, seconds: f64) {
        self.jumps += 1;
        if seconds.abs() > self.jumped_s.abs() {
            self.jumped_s = seconds;
            self.doubt(Doubt::ClockJumped { seconds });
        }
    }

    /// Why a scored trial failed, where that is worth a word of its own.
    fn note_failure(&mut self, arm: usize, measured: &Measured) -> Result<(), Stop> {
        if measured.out_of_memory {
            let label = self.records.arms[arm].arm.label.clone();
            self.doubt(match self.request.limits.memory_bytes {
                Some(bytes) => Doubt::MemoryLimit { arm, bytes },
                None => Doubt::NotMeasured { what: format!("With {label} this machine ran out of memory and ended the program.") },
            });
        }
        let cwd = &self.request.workload.cwd;
        if matches!(measured.end, End::CannotStart(_)) && !std::path::Path::new(cwd).is_dir() {
            let message = format!("The working directory `{cwd}` is gone since the first run; the program itself may have removed it.");
            if self.counted > 0 {
                self.doubt(Doubt::NotMeasured { what: message });
                self.missing_trials += self.stage_left.max(1);
                return Err(Stop::Budget);
            }
            let hint = "Measure a program that can be run again and again in the same directory.".into();
            return Err(Stop::Failed(Box::new(Failed { code: FailureCode::CannotStart, message, hint, output_tail: None })));
        }
        Ok(())
    }

    fn note_foreign(&mut self, measured: &Measured) {
        let Some(foreign) = measured.foreign_cpus else { return };
        self.foreign_all.push(foreign);
        self.foreign.push_back(foreign);
        if self.foreign.len() > FOREIGN_WINDOW {
            self.foreign.pop_front();
        }
    }

    fn note_overhead(&mut self, measured: &Measured) {
        if let Some(score) = self.score_ns(measured) {
            self.overhead_s = self.overhead_s.max((measured.wall_ns as f64 - score) / 1e9);
        }
    }

    fn note_counted(&mut self, arm: usize, measured: &Measured, score: f64) {
        let trial = self.next_trial - 1;
        let region = measured.region.filter(|_| self.scoring != Region::Process);
        let (wall, cpu) = region.map_or((measured.wall_ns, measured.cpu_ns), |region| (region.wall_ns, region.cpu_ns));
        let record = &mut self.records.arms[arm];
        record.scores.push((trial, score));
        if record.arm.instances.is_some() {
            record.throughputs.push(throughput(measured, score));
            record.together.extend(measured.together);
        }
        if wall > 0 {
            record.busy.push(cpu as f64 / wall as f64);
        }
        if measured.wall_ns > 0 {
            // In the region, where the looks tell; else over the whole process.
            let in_region = measured.sighting.as_ref().and_then(|seen| seen.waiting);
            record.waiting.extend(in_region.or_else(|| measured.run_delay_ns.map(|delay| delay as f64 / measured.wall_ns as f64)));
            record.throttled.extend(measured.throttled_ns.map(|throttled| throttled as f64 / measured.wall_ns as f64));
        }
        record.watched.add(trial, measured, wall, cpu);
        if let Some(selected) = &measured.selected {
            record.cold.push(selected.cold_ns as f64);
            record.p95.push(selected.p95_ns as f64);
            record.calls += selected.calls;
            record.trends.push(selected.trend);
        } else {
            // What selected code prints depends on how often it was repeated.
            record.outputs.extend(measured.output_hash);
        }
        record.observed = measured.observed_threads.or(record.observed);
        record.peak_threads = record.peak_threads.max(measured.peak_threads);
        self.counted += 1;
    }

    /// The scored time; `None` when the region is scored and was not seen.
    fn score_ns(&self, measured: &Measured) -> Option<f64> {
        match self.scoring {
            Region::Process if !measured.instances_ns.is_empty() => Some(measured.instances_ns.iter().sum::<u64>() as f64 / measured.instances_ns.len() as f64),
            Region::Process => Some(measured.wall_ns as f64),
            Region::AfterImports | Region::Selected => measured.region.map(|region| region.wall_ns as f64),
        }
    }

    /// The score above which a trial is not worth finishing: that of the best, or what the best takes in this
    /// very block when the machine has become slower. The leader is never capped: something must tell how
    /// fast the machine is now. Before anything has counted the warm-up is the measure, except for its own
    /// arm: had the warm-up been lucky, nothing would ever count.
    fn cap_s(&self, arm: usize, block: u32) -> Option<f64> {
        // From outside nobody sees how long an execution takes; the process itself knows when to stop.
        if self.best == Some(arm) || self.scoring == Region::Selected {
            return None;
        }
        let alive = || self.records.arms.iter().filter(|record| !record.dropped);
        let best = alive().filter_map(|record| stats::median(&record.values())).reduce(f64::min);
        let here = alive().filter_map(|record| record.blocks.get(&block)).filter(|score| !score.capped).map(|score| score.log.exp()).reduce(f64::min);
        let warm = self.warm_ns.filter(|_| arm != self.request.current);
        let factor = if block == 0 && self.records.arms.len() <= FEW_ARMS { FIRST_CAP } else { CAP };
        Some(best.map(|best| here.map_or(best, |here| here.max(best))).or(warm)? * factor / 1e9)
    }

    // ---- where the run stands ----

    /// Seconds one trial of `arm` really takes, from its own trials or else from all.
    pub fn cost_s(&self, arm: usize) -> f64 {
        if self.request.workload.simulated.is_some() {
            return stats::median(&self.records.arms[arm].values()).unwrap_or(0.0) / 1e9;
        }
        self.real_cost_s(arm)
    }

    /// Asked when the time of the race is up: while the setting in force wins there is nothing to confirm,
    /// and the race may go on with the time kept for that. True when it may.
    pub fn needs_no_confirmation(&mut self) -> bool {
        let end = self.request.limits.budget_s * if self.request.variations.is_empty() { SHARES[3] } else { SHARES_WITH_VARIATIONS[1] };
        let leads = race::winner(self).is_none_or(|winner| winner == self.request.current);
        if !leads || self.deadline_s >= end {
            return false;
        }
        self.deadline_s = end;
        self.missing_trials = 0;
        true
    }

    fn real_cost_s(&self, arm: usize) -> f64 {
        let own = &self.records.arms[arm].cost_s;
        let latest = &own[own.len().saturating_sub(5)..];
        stats::mean(latest).or_else(|| stats::median(&self.records.arms.iter().flat_map(|record| record.cost_s.iter().copied()).collect::<Vec<_>>())).unwrap_or(0.0)
    }

    fn progress(&mut self, phase: Phase) {
        self.progress_as(phase, false);
    }

    fn progress_as(&mut self, phase: Phase, paused: bool) {
        let left: u32 = self.ahead.values().sum();
        let done = self.next_trial;
        let remaining: f64 = self.ahead.iter().map(|(&arm, &count)| f64::from(count) * self.real_cost_s(arm)).sum();
        let budget_left = (self.request.limits.budget_s - self.awake_s()).max(0.0);
        let best = self.best.or_else(|| self.first_lead());
        let best_ratio = best.and_then(|best| self.ratio_so_far(self.request.current, best));
        let progress = Progress { phase, done, expected: done + left, remaining_s: remaining.min(budget_left), best, paused, best_ratio, waits_for: None };
        self.out.emit(Event::Progress(progress));
    }

    /// The shortest time before a block is complete; `None` while there is nothing to compare.
    fn first_lead(&self) -> Option<usize> {
        let median = |arm: usize| stats::median(&self.records.arms[arm].values());
        let measured: Vec<(usize, f64)> = (0..self.records.arms.len()).filter_map(|arm| Some((arm, median(arm)?))).collect();
        if measured.len() < 2 { None } else { measured.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(arm, _)| arm) }
    }

    /// Time of `arm` over that of `best` as far as known: from common blocks, else from the runs alone.
    fn ratio_so_far(&self, arm: usize, best: usize) -> Option<f64> {
        let alone = || Some(stats::median(&self.records.arms[arm].values())? / stats::median(&self.records.arms[best].values())?);
        self.records.log_ratio(arm, best).map(f64::exp).or_else(alone).filter(|ratio| ratio.is_finite())
    }

    /// Replaces what lies ahead: `stage` is the rest of the present stage; what follows it is added.
    pub fn set_ahead(&mut self, stage: &[(usize, u32)], confirm_too: bool) {
        self.ahead.clear();
        self.stage_left = stage.iter().map(|&(_, count)| count).sum();
        for &(arm, count) in stage {
            *self.ahead.entry(arm).or_default() += count;
        }
        let current = self.request.current;
        if confirm_too {
            let rival = self.best.filter(|&best| best != current).or_else(|| (0..self.records.arms.len()).find(|&arm| arm != current));
            for arm in [Some(current), rival].into_iter().flatten() {
                *self.ahead.entry(arm).or_default() += 2 * self.request.limits.confirm_blocks;
            }
        }
        if has_probe(self.request) && self.request.lines.enabled {
            let arms = lines::arms(self);
            for &arm in &arms {
                *self.ahead.entry(arm).or_default() += lines::TRIALS_PER_ARM;
            }
            for arm in lines::more_arms(self, &arms) {
                *self.ahead.entry(arm).or_default() += 1;
            }
        }
    }
}

/// True when the probe is what puts the setting into force.
pub(crate) fn needs_probe(arm: &Arm) -> bool {
    needs_python_probe(arm) || arm.pin_env || arm.ort_intra_op_threads.is_some()
}

/// True when only the probe of Python can put the setting into force.
pub(crate) fn needs_python_probe(arm: &Arm) -> bool {
    arm.torch_num_threads.is_some() || arm.torch_num_interop_threads.is_some() || arm.flush_denormal.is_some()
}

/// True when a probe can be put in front of the program.
fn has_probe(request: &BenchRequest) -> bool {
    request.workload.python.is_some() || request.workload.node.is_some()
}

fn shares(request: &BenchRequest) -> [f64; 4] {
    if request.variations.is_empty() { SHARES } else { SHARES_WITH_VARIATIONS }
}

/// Repetitions of spoilt trials in a whole run: a load that stays must not multiply its length.
fn most_repeats(request: &BenchRequest) -> u32 {
    4 + 2 * request.arms.len() as u32
}

/// How a scored trial is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judge {
    /// What it means when it is stopped at its limit.
    stopped_as: TrialStatus,
    /// A spoilt trial may still be repeated.
    may_repeat: bool,
}

fn finished(trial: u32, arm: usize, phase: Phase, status: TrialStatus, measured: &Measured) -> TrialFinished {
    let failed = matches!(status, TrialStatus::Failed | TrialStatus::TimedOut);
    let mut tail = tail(&measured.output_tail);
    let selected = measured.selected.as_ref().filter(|selected| selected.mean_ns > 0);
    if let End::Broken(reason) = &measured.end {
        tail.clone_from(reason);
    } else if status == TrialStatus::Failed && measured.end == End::Exited(0) {
        tail = selection::trouble(measured).or_else(|| measured.region_reason.clone()).unwrap_or_else(|| "The probe did not report the end of the imports.".into());
    }
    TrialFinished {
        trial,
        arm,
        phase,
        status,
        wall_ns: measured.wall_ns,
        region_ns: measured.region.map(|region| region.wall_ns),
        cpu_ns: measured.cpu_ns,
        region_cpu_ns: measured.region.map(|region| region.cpu_ns),
        peak_threads: measured.peak_threads,
        voluntary_switches: measured.voluntary_switches,
        involuntary_switches: measured.involuntary_switches,
        run_delay_ns: measured.run_delay_ns,
        throttled_ns: measured.throttled_ns,
        foreign_cpus: measured.foreign_cpus,
        exit_code: if let End::Exited(code) = measured.end { Some(code) } else { None },
        signal: if let End::Signalled(signal) = measured.end { Some(signal) } else { None },
        output_tail: (failed && !tail.is_empty()).then_some(tail),
        observed_threads: measured.observed_threads,
        instances_ns: measured.instances_ns.clone(),
        throughput_per_s: instances::throughput(&measured.instances_ns).filter(|_| status == TrialStatus::Ok),
        calls: selected.map(|selected| selected.calls),
        cold_ns: selected.map(|selected| selected.cold_ns),
        calls_spread: selected.and_then(|selected| selected.spread),
        p95_ns: selected.map(|selected| selected.p95_ns),
        migrations: measured.migrations,
        throttled_periods: measured.throttled_periods,
        mean_mhz: measured.mean_mhz,
        peak_memory_bytes: measured.peak_memory_bytes,
    }
}

/// Why the program does not run with the probe although it does without, as a full sentence.
fn probe_refusal(with_probe: &Measured) -> String {
    if let End::CannotStart(reason) = &with_probe.end {
        return reason.clone();
    }
    if with_probe.output_tail.contains("No module named threadgauge_probe") {
        return "The probe cannot be loaded: this program's Python looks for no modules in PYTHONPATH (it is started with -I or -E).".into();
    }
    let said = with_probe.output_tail.lines().rev().find_map(|line| Some(format!("{}{}", PROBE_SAYS, line.split_once(PROBE_SAYS)?.1)));
    said.unwrap_or_else(|| "The program fails when the probe is loaded, and runs without it.".into())
}

/// Pieces of work per second of a trial in which one piece took `score` nanoseconds.
fn throughput(measured: &Measured, score: f64) -> f64 {
    instances::throughput(&measured.instances_ns).unwrap_or(1e9 / score)
}

/// The last bytes of `output`, cut at a character.
fn tail(output: &str) -> String {
    let mut from = output.len().saturating_sub(TAIL_BYTES);
    while !output.is_char_boundary(from) {
        from += 1;
    }
    output[from..].trim().to_owned()
}

/// What it means that the warm-up ended this way; `None` when it is fine.
fn failure(measured: &Measured, request: &BenchRequest, limit_s: f64) -> Option<Failed> {
    let output = tail(&measured.output_tail);
    let output_tail = (!output.is_empty()).then(|| output.clone());
    let program = &request.workload.argv.first().map_or("", String::as_str);
    if measured.out_of_memory || measured.end == End::OverMemory {
        let (message, hint) = match request.limits.memory_bytes {
            Some(bytes) => (format!("The program came to the end of the memory it may use ({} MiB).", bytes >> 20), "Allow it more, or measure it with a smaller model or a smaller batch."),
            None => ("This machine ran out of memory and ended the program.".to_owned(), "Measure it with a smaller model or a smaller batch, or end other programs first."),
        };
        return Some(Failed { code: FailureCode::WorkloadFailed, message, hint: hint.into(), output_tail });
    }
    let failed = |code, message: String, hint: &str| Some(Failed { code, message, hint: hint.into(), output_tail: output_tail.clone() });
    match &measured.end {
        End::Exited(0) | End::Cancelled | End::OverMemory => None,
        End::CannotStart(reason) => failed(FailureCode::CannotStart, reason.clone(), "Check the program and the working directory of the launch; for Python, select an interpreter that exists."),
        End::OverLimit if request.workload.python.as_ref().is_some_and(|python| python.selection.is_some()) => failed(
            FailureCode::WorkloadNeverEnds,
            format!("The selected code was not reached and measured within {limit_s} s, and the program was stopped."),
            "Choose code that is reached sooner or takes less time, or raise the time limit of a trial.",
        ),
        End::OverLimit => failed(
            FailureCode::WorkloadNeverEnds,
            format!("The program did not end within {limit_s} s and was stopped."),
            "Measure a run that ends by itself: fewer iterations, a fixed number of requests, or a benchmark script instead of the server; or raise the time limit of a trial.",
        ),
        End::Broken(reason) => failed(FailureCode::Internal, reason.clone(), "Please report this with the recorded event stream."),
        End::Exited(code) => {
            if let Some(module) = request.workload.node.as_ref().and_then(|_| missing_package(&output)) {
                return failed(
                    FailureCode::MissingModule,
                    format!("Node.js could not find the module `{module}`."),
                    "Install what the program needs (`npm install` in its directory), build it when what runs is compiled, or check the path.",
                );
            }
            if let Some(module) = missing_module(&output).filter(|_| request.workload.python.is_some() || program.contains("python")) {
                return failed(
                    FailureCode::MissingModule,
                    format!("Python could not import the module `{module}`."),
                    &format!("Install it into the environment of `{program}`, or select the interpreter that has it."),
                );
            }
            failed(FailureCode::WorkloadFailed, format!("The program ended with exit code {code} in the warm-up run."), "Run the launch by itself and fix the error in its output below; then measure again.")
        }
        End::Signalled(signal) => {
            failed(FailureCode::WorkloadFailed, format!("Signal {signal} ended the program in the warm-up run."), "Run the launch by itself; signal 9 often means that memory ran out, signal 11 a crash in native code.")
        }
    }
}

/// The module Python could not find, from the last such line of its output.
fn missing_module(output: &str) -> Option<String> {
    let line = output.lines().rev().find(|line| line.contains("No module named "))?;
    let name = line.split("No module named ").nth(1)?.trim().trim_matches(['\'', '"']);
    let name: String = name.chars().take_while(|&c| c.is_alphanumeric() || matches!(c, '_' | '.')).collect();
    (!name.is_empty()).then_some(name)
}

/// The module that Node.js could not find, from the last such line of its output.
fn missing_package(output: &str) -> Option<String> {
    let line = output.lines().rev().find(|line| line.contains("Cannot find module '") || line.contains("Cannot find package '"))?;
    let name = line.split('\'').nth(1)?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_module_that_node_did_not_find() {
        assert_eq!(missing_package("Error: Cannot find module 'onnxruntime-node'\nRequire stack:\n- /w/a.js"), Some("onnxruntime-node".into()));
        assert_eq!(missing_package("Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'sharp' imported from /w/a.mjs"), Some("sharp".into()));
        assert_eq!(missing_package("TypeError: x is not a function"), None);
    }

    #[test]
    fn names_the_missing_module() {
        assert_eq!(missing_module("Traceback\nModuleNotFoundError: No module named 'torch'\n"), Some("torch".into()));
        assert_eq!(missing_module("/usr/bin/python3: No module named a.b\n"), Some("a.b".into()));
        assert_eq!(missing_module("ValueError: no"), None);
    }

    #[test]
    fn tail_is_cut_at_a_character() {
        let long = "ä".repeat(TAIL_BYTES);
        assert!(tail(&format!("x{long}")).len() <= TAIL_BYTES);
    }
}
