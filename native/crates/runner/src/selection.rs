//! Selected code: what the warm-up finds out about it, once for every arm.

use threadgauge_protocol::{Doubt, Failed, FailureCode, Phase};

use crate::bench::{Bench, Stop};
use crate::workload::{End, ExecutionMode, Executions, Measured, ProbeMode, Selected};

/// Takes from the first warm-up how the code is executed, makes another when that one only showed that repeating
/// does not do, and tells the plan and the doubts that follow. Returns the warm-up that measured.
pub(crate) fn decide(bench: &mut Bench<'_, '_>, mut measured: Measured, limit_s: f64) -> Result<Measured, Stop> {
    if bench.probe_fails {
        return Err(failed(bench, FailureCode::WorkloadFailed, "The program fails when the probe is loaded, and runs without it.".into(), "Measure the whole program instead of a part of it."));
    }
    if measured.selected.as_ref().is_some_and(|selected| selected.again) {
        let natural = Executions { mode: ExecutionMode::Natural, skip: None, count: None };
        let current = bench.request.current;
        let reason = measured.selected.take().and_then(|selected| selected.reason);
        measured = bench.run_once(current, Phase::Warmup, 1, limit_s, ProbeMode::Selected(Some(natural)), None);
        if bench.cancel.is_set() || measured.end == End::Cancelled {
            return Err(Stop::Cancelled);
        }
        if let Some(selected) = &mut measured.selected {
            selected.reason = reason;
        }
    }
    let Some(selected) = measured.selected.clone().filter(|selected| selected.mean_ns > 0) else {
        let reached = measured.selected.as_ref().is_some_and(|selected| selected.reached);
        let code = match &measured.selected {
            Some(selected) if selected.problem.is_some() => FailureCode::BadRequest,
            Some(_) if !reached && measured.end == End::Exited(0) => FailureCode::SelectionNotReached,
            _ => FailureCode::WorkloadFailed,
        };
        let message = trouble(&measured).or_else(|| measured.probe_error.clone()).unwrap_or_else(|| "The program did not end as it did before.".into());
        let hint = match code {
            FailureCode::BadRequest => "Choose lines that hold a statement of the file as it is saved.",
            FailureCode::SelectionNotReached => "Check that this start of the program executes the code, with these arguments and in this process; code that only runs in worker processes cannot be measured by itself.",
            _ => "Run the launch by itself and look at how it ends; then measure again.",
        };
        let tail = Some(measured.output_tail.trim().to_owned()).filter(|tail| !tail.is_empty());
        return Err(Stop::Failed(Box::new(Failed { code, message, hint: hint.into(), output_tail: tail })));
    };
    bench.probe = ProbeMode::Selected(Some(executions(&selected)));
    if let Some(selection) = &mut bench.selection {
        selection.unit = Some(selected.unit.clone());
        if let Some([first, last]) = selected.lines {
            (selection.first_line, selection.last_line) = (first, last);
        }
    }
    bench.announce();
    if let Some(reason) = reason(&selected) {
        bench.doubt(Doubt::SelectionNotRepeated { reason });
    }
    Ok(measured)
}

/// What the later trials are told, so that every one is over the same executions.
fn executions(selected: &Selected) -> Executions {
    match selected.how {
        Some(mode @ (ExecutionMode::Iterations | ExecutionMode::Natural)) => Executions { mode, skip: Some(selected.skip), count: Some(selected.count) },
        Some(ExecutionMode::Repeat) | None => Executions::repeated(),
    }
}

/// Why the figures are not those of repetitions, when they are not.
fn reason(selected: &Selected) -> Option<String> {
    let once = "The selected code was executed only once, so this first execution is what is compared, with all that happens only then.";
    match (&selected.reason, selected.how) {
        (Some(reason), Some(ExecutionMode::Natural)) if selected.count == 0 => Some(format!("{reason} {once}")),
        (None, Some(ExecutionMode::Natural)) if selected.count == 0 => Some(once.into()),
        (reason, _) => reason.clone(),
    }
}

/// Why a run that ended well tells nothing of the selected code, as a full sentence.
pub(crate) fn trouble(measured: &Measured) -> Option<String> {
    let selected = measured.selected.as_ref()?;
    Some(match selected {
        Selected { problem: Some(problem), .. } => problem.clone(),
        Selected { loaded: false, .. } => "The program ended without loading the file of the selected code.".into(),
        Selected { reached: false, .. } => "The program ended without executing the selected code.".into(),
        _ => "The program ended while the selected code was executed for the first time, or before it was executed again.".into(),
    })
}

fn failed(bench: &Bench<'_, '_>, code: FailureCode, message: String, hint: &str) -> Stop {
    debug_assert!(bench.selection.is_some());
    Stop::Failed(Box::new(Failed { code, message, hint: hint.into(), output_tail: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(how: ExecutionMode, reason: Option<&str>, count: u32) -> Selected {
        Selected { loaded: true, reached: true, how: Some(how), reason: reason.map(str::to_owned), skip: 2, count, mean_ns: 5, ..Default::default() }
    }

    #[test]
    fn later_trials_measure_the_same_executions() {
        assert_eq!(executions(&selected(ExecutionMode::Repeat, None, 99)), Executions { mode: ExecutionMode::Repeat, skip: None, count: None }, "each repeats as long as it needs");
        assert_eq!(executions(&selected(ExecutionMode::Iterations, None, 20)), Executions { mode: ExecutionMode::Iterations, skip: Some(2), count: Some(20) });
        assert_eq!(executions(&selected(ExecutionMode::Natural, None, 0)).count, Some(0));
    }

    #[test]
    fn one_execution_is_a_doubt() {
        assert_eq!(reason(&selected(ExecutionMode::Repeat, None, 9)), None);
        assert_eq!(reason(&selected(ExecutionMode::Natural, Some("It yields."), 9)).as_deref(), Some("It yields."));
        assert!(reason(&selected(ExecutionMode::Natural, Some("It yields."), 0)).expect("a reason").starts_with("It yields. The selected code was executed only once"));
    }

    #[test]
    fn trouble_is_said_in_sentences() {
        let mut measured = Measured::ended(End::Exited(0));
        assert_eq!(trouble(&measured), None);
        measured.selected = Some(Selected::default());
        assert!(trouble(&measured).expect("a sentence").contains("without loading"));
        measured.selected = Some(Selected { loaded: true, ..Default::default() });
        assert!(trouble(&measured).expect("a sentence").contains("without executing"));
        measured.selected = Some(Selected { problem: Some("There is no statement at line 2.".into()), ..Default::default() });
        assert_eq!(trouble(&measured).as_deref(), Some("There is no statement at line 2."));
    }
}
