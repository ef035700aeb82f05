//! Runs a workload under several settings and says, with what certainty, which one is best.
//!
//! [`serve`] is the whole program: commands in, events out. The workload is behind the
//! [`workload::Workload`] trait, with a real one (processes) and a simulated one, so that the search
//! and its verdicts are tested exactly.

mod bench;
mod children;
mod confirm;
mod doubts;
mod emit;
mod grid;
mod instances;
mod lines;
pub mod observe;
mod probe;
mod process;
mod race;
pub mod random;
mod records;
mod refine;
mod request;
mod selection;
mod serve;
mod simulated;
mod turn;
mod two_way;
pub mod stats;
mod vary;
mod verdict;
pub mod workload;

pub use bench::{run, run_with_pauses};
pub use emit::{Emitter, Sink};
pub use process::Processes;
pub use request::{BadRequest, check};
pub use serve::{Host, Served, serve};
pub use simulated::Simulated;
