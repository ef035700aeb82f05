//! Writes events as JSON lines and keeps the laws of the stream, whatever happens to the run.

use std::io::Write;

use threadgauge_protocol::{Envelope, Event, PROTOCOL_VERSION, Phase, TrialFinished, TrialStatus};

use crate::workload::Cancel;

/// Takes events one by one.
pub trait Sink {
    /// Takes one event. `false` when nobody listens any more.
    fn take(&mut self, envelope: &Envelope) -> bool;
}

impl<W: Write> Sink for W {
    fn take(&mut self, envelope: &Envelope) -> bool {
        let Ok(mut line) = serde_json::to_vec(envelope) else { return true };
        line.push(b'\n');
        self.write_all(&line).and_then(|()| self.flush()).is_ok()
    }
}

/// The one place events leave from.
pub struct Emitter<'a> {
    sink: &'a mut dyn Sink,
    cancel: Cancel,
    open: Option<(u32, usize, Phase)>,
    closed: bool,
}

impl<'a> Emitter<'a> {
    /// An emitter that cancels the run when nobody listens any more.
    pub fn new(sink: &'a mut dyn Sink, cancel: Cancel) -> Self {
        Self { sink, cancel, open: None, closed: false }
    }

    /// Sends one event. After `finished` or `failed` nothing is sent.
    pub fn emit(&mut self, event: Event) {
        if self.closed {
            return;
        }
        match &event {
            Event::TrialStarted(started) => self.open = Some((started.trial, started.arm, started.phase)),
            Event::TrialFinished(_) => self.open = None,
            Event::Finished(_) | Event::Failed(_) => {
                self.close_trial();
                self.closed = true;
            }
            _ => {}
        }
        self.send(event);
    }

    /// True once the last event was sent.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// A started trial that nobody finished (the run broke off) is finished as cancelled.
    fn close_trial(&mut self) {
        let Some((trial, arm, phase)) = self.open.take() else { return };
        self.send(Event::TrialFinished(TrialFinished {
            trial,
            arm,
            phase,
            status: TrialStatus::Cancelled,
            wall_ns: 0,
            region_ns: None,
            cpu_ns: 0,
            region_cpu_ns: None,
            peak_threads: 0,
            voluntary_switches: None,
            involuntary_switches: None,
            run_delay_ns: None,
            throttled_ns: None,
            foreign_cpus: None,
            exit_code: None,
            signal: None,
            output_tail: None,
            observed_threads: None,
            ..Default::default()
        }));
    }

    fn send(&mut self, event: Event) {
        if !self.sink.take(&Envelope { v: PROTOCOL_VERSION, event }) {
            self.cancel.set();
        }
    }
}
