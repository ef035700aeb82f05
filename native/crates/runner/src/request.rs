//! Refuses requests that make no sense, before anything runs.

use std::path::Path;

use thiserror::Error;
use threadgauge_protocol::{BenchRequest, Mode, Region};

use crate::bench::needs_python_probe;
use crate::vary;

/// Why a request is refused. Each is a full sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadRequest {
    /// Nothing to compare.
    #[error("The request has no settings to measure.")]
    NoArms,
    /// Search needs something to choose from.
    #[error("A search needs at least two settings to compare; the request has one.")]
    OneArm,
    /// Verify compares exactly two.
    #[error("Verify compares exactly two settings; the request has {0}.")]
    NotTwoArms(usize),
    /// `current` points nowhere.
    #[error("`current` is {current}, but the request has {arms} settings.")]
    CurrentOutOfRange {
        /// The index given.
        current: usize,
        /// The number of arms.
        arms: usize,
    },
    /// A line arm points nowhere.
    #[error("`lines.arms` names setting {0}, which the request does not have.")]
    LinesOutOfRange(usize),
    /// Lines without a probe.
    #[error("Timings per line need a Python or Node.js workload.")]
    LinesNeedProbe,
    /// Two kinds of programs at once.
    #[error("A workload is either Python or Node.js; the request says both.")]
    TwoProbes,
    /// Nothing to load with `--require`.
    #[error("The probe `{0}` is not an absolute path.")]
    RelativeProbe(String),
    /// Parts of a program cannot be repeated by this probe.
    #[error("This version cannot repeat selected code of Node.js programs.")]
    NoSelection,
    /// A setting that only the probe of Node.js can put into force.
    #[error("The setting `{0}` works through the probe of Node.js programs.")]
    ArmNeedsNode(String),
    /// A setting that only the probe can put into force.
    #[error("The setting `{0}` works through the probe, which needs a Python workload.")]
    ArmNeedsPython(String),
    /// No program.
    #[error("The command line is empty.")]
    EmptyCommand,
    /// A NUL cannot be handed to a program.
    #[error("{0} contains a NUL character, which no program can be given.")]
    Nul(&'static str),
    /// The probe's index points nowhere.
    #[error("`script_index` is {index}, but the command line has {words} words.")]
    ScriptIndex {
        /// The index given.
        index: usize,
        /// Words of the command line.
        words: usize,
    },
    /// The working directory must not depend on the runner's.
    #[error("The working directory `{0}` is not an absolute path.")]
    RelativeDirectory(String),
    /// A limit that is not a positive number.
    #[error("The limit `{name}` must be a positive number; it is {value}.")]
    Limit {
        /// Which limit.
        name: &'static str,
        /// What was given.
        value: String,
    },
    /// A selection where none belongs, or none where one does.
    #[error("A selection and the region `selected` belong together.")]
    SelectionWithoutRegion,
    /// Lines that no file has.
    #[error("The selection names lines {first} to {last} of `{path}`, which makes no sense.")]
    SelectionLines {
        /// The file given.
        path: String,
        /// The first line given.
        first: u32,
        /// The last line given.
        last: u32,
    },
    /// A grid whose settings do not say how many instances they are, or without one to compare with.
    #[error("A grid needs two settings or more, each with its number of instances; `{0}` has none.")]
    NoGrid(String),
    /// More places than instances, or fewer.
    #[error("The setting `{label}` names {lists} CPU lists for {instances} instances.")]
    Places {
        /// The setting.
        label: String,
        /// CPU lists it has.
        lists: usize,
        /// Instances it has.
        instances: usize,
    },
    /// A law without points.
    #[error("The simulated workload has no times, or one that is not positive.")]
    EmptyLaw,
}

/// Checks what the types cannot.
///
/// # Errors
/// The first thing that makes no sense.
pub fn check(request: &BenchRequest) -> Result<(), BadRequest> {
    let arms = request.arms.len();
    if arms == 0 {
        return Err(BadRequest::NoArms);
    }
    if request.current >= arms {
        return Err(BadRequest::CurrentOutOfRange { current: request.current, arms });
    }
    match request.mode {
        Mode::Search if arms < 2 => return Err(BadRequest::OneArm),
        Mode::Verify if arms != 2 => return Err(BadRequest::NotTwoArms(arms)),
        Mode::Lines if request.workload.python.is_none() && request.workload.node.is_none() => return Err(BadRequest::LinesNeedProbe),
        Mode::Grid => {
            if let Some(arm) = request.arms.iter().find(|arm| arm.instances.is_none_or(|count| count == 0) || arms < 2) {
                return Err(BadRequest::NoGrid(arm.label.clone()));
            }
        }
        _ => {}
    }
    for arm in &request.arms {
        let instances = arm.instances.unwrap_or(1) as usize;
        if let Some(lists) = [arm.cpus.len(), arm.memory_nodes.len()].into_iter().find(|&lists| lists > 0 && lists != instances) {
            return Err(BadRequest::Places { label: arm.label.clone(), lists, instances });
        }
    }
    if let Some(limit) = request.grid.as_ref().and_then(|grid| grid.latency_limit_s).filter(|limit| !(*limit > 0.0 && limit.is_finite())) {
        return Err(BadRequest::Limit { name: "latency_limit_s", value: limit.to_string() });
    }
    if let Some(&index) = request.lines.arms.iter().find(|&&index| index >= arms) {
        return Err(BadRequest::LinesOutOfRange(index));
    }
    for (name, value) in [("trial_s", request.limits.trial_s), ("budget_s", request.limits.budget_s)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(BadRequest::Limit { name, value: value.to_string() });
        }
    }
    for (name, value) in [("grace_s", request.limits.grace_s), ("claim_above", request.limits.claim_above)] {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(BadRequest::Limit { name, value: value.to_string() });
        }
    }
    for (name, value) in [("max_blocks", request.limits.max_blocks), ("confirm_blocks", request.limits.confirm_blocks)] {
        if value == 0 || value > 10_000 {
            return Err(BadRequest::Limit { name, value: value.to_string() });
        }
    }
    if let Some(law) = &request.workload.simulated {
        let fine = |value: f64| value >= 0.0 && value.is_finite();
        if law.seconds_by_threads.is_empty() || !law.seconds_by_threads.values().all(|&s| s > 0.0 && s.is_finite()) || law.seconds_by_threads.contains_key(&0) {
            return Err(BadRequest::EmptyLaw);
        }
        for (name, value) in [("noise", law.noise), ("outliers", law.outliers), ("drift", law.drift), ("foreign", law.foreign), ("real_seconds", law.real_seconds)] {
            if !fine(value) {
                return Err(BadRequest::Limit { name, value: value.to_string() });
            }
        }
        return Ok(());
    }
    let varied = |needs: &dyn Fn(&threadgauge_protocol::Arm) -> bool| {
        let arms = request.arms.iter().filter(|arm| needs(arm)).map(|arm| &arm.label);
        arms.chain(request.variations.iter().filter(|variation| vary::needs_probe(variation)).map(|variation| &variation.label)).next().cloned()
    };
    let needs: &dyn Fn(&threadgauge_protocol::Arm) -> bool = if request.workload.node.is_some() { &needs_python_probe } else { &|arm| needs_python_probe(arm) || arm.pin_env };
    if let (None, Some(label)) = (&request.workload.python, varied(needs)) {
        return Err(BadRequest::ArmNeedsPython(label));
    }
    if let (None, Some(arm)) = (&request.workload.node, request.arms.iter().find(|arm| arm.ort_intra_op_threads.is_some())) {
        return Err(BadRequest::ArmNeedsNode(arm.label.clone()));
    }
    if request.workload.argv.first().is_none_or(String::is_empty) {
        return Err(BadRequest::EmptyCommand);
    }
    if request.workload.argv.iter().any(|word| word.contains('\0')) {
        return Err(BadRequest::Nul("The command line"));
    }
    let changes = request.arms.iter().flat_map(|arm| &arm.env).chain(request.variations.iter().flat_map(|variation| &variation.env));
    let in_arms = changes.into_iter().any(|(name, value)| name.contains('\0') || value.as_ref().is_some_and(|value| value.contains('\0')));
    if in_arms || request.workload.env.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(BadRequest::Nul("The environment"));
    }
    if !Path::new(&request.workload.cwd).is_absolute() {
        return Err(BadRequest::RelativeDirectory(request.workload.cwd.clone()));
    }
    if let Some(python) = &request.workload.python {
        let words = request.workload.argv.len();
        if python.script_index == 0 || python.script_index >= words {
            return Err(BadRequest::ScriptIndex { index: python.script_index, words });
        }
        if (python.region == Region::Selected) != python.selection.is_some() {
            return Err(BadRequest::SelectionWithoutRegion);
        }
        if let Some(selection) = &python.selection {
            if selection.first_line == 0 || selection.last_line < selection.first_line || !Path::new(&selection.path).is_absolute() {
                return Err(BadRequest::SelectionLines { path: selection.path.clone(), first: selection.first_line, last: selection.last_line });
            }
            for (name, value) in [("tight", selection.tight), ("most_s", selection.most_s), ("fewest_calls", f64::from(selection.fewest_calls))] {
                if !(value > 0.0 && value.is_finite()) {
                    return Err(BadRequest::Limit { name, value: value.to_string() });
                }
            }
        }
    }
    if let Some(node) = &request.workload.node {
        let words = request.workload.argv.len();
        if request.workload.python.is_some() {
            return Err(BadRequest::TwoProbes);
        }
        if node.script_index == 0 || node.script_index >= words {
            return Err(BadRequest::ScriptIndex { index: node.script_index, words });
        }
        if !Path::new(&node.probe_file).is_absolute() {
            return Err(BadRequest::RelativeProbe(node.probe_file.clone()));
        }
        if node.region == Region::Selected {
            return Err(BadRequest::NoSelection);
        }
    }
    Ok(())
}
