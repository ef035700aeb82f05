//! Threads gathered by name: what pools a process has.

use std::collections::BTreeMap;
use threadgauge_protocol::ThreadPool;

/// Gathers threads into pools.
#[derive(Debug, Default)]
pub(crate) struct Pools(BTreeMap<String, ThreadPool>);

impl Pools {
    /// One thread of a process whose main thread is called `main`.
    pub(crate) fn add(&mut self, main: &str, name: &str, cpu_ns: u64, run_delay_ns: Option<u64>, busy: bool) {
        let name = pool_name(main, name);
        let pool = self.0.entry(name.clone()).or_insert_with(|| ThreadPool { name, ..ThreadPool::default() });
        pool.threads += 1;
        pool.cpu_ns += cpu_ns;
        pool.busy += u32::from(busy);
        if let Some(delay) = run_delay_ns {
            pool.run_delay_ns = Some(pool.run_delay_ns.unwrap_or(0) + delay);
        }
    }

    /// The largest first, equal ones by name.
    pub(crate) fn finish(self) -> Vec<ThreadPool> {
        let mut pools: Vec<ThreadPool> = self.0.into_values().collect();
        pools.sort_by(|a, b| b.threads.cmp(&a.threads).then_with(|| a.name.cmp(&b.name)));
        pools
    }
}

/// The name without the number of the thread in its pool. Threads that were given no name carry that of
/// the program, where digits at the end are a version.
fn pool_name(main: &str, name: &str) -> String {
    if name == main {
        return name.to_owned();
    }
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if bare.len() == name.len() {
        return name.to_owned();
    }
    let bare = bare.trim_end_matches(['-', '_', '#', ':', '/', '.', ' ']);
    if bare.is_empty() { name.to_owned() } else { bare.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_a_pool_differ_by_their_number_only() {
        for (main, name, pool) in [
            ("python3.11", "python3.11", "python3.11"),
            ("python3.11", "tokio-runtime-7", "tokio-runtime"),
            ("node", "libuv-worker", "libuv-worker"),
            ("a", "pool-1-thread-12", "pool-1-thread"),
            ("a", "ORT_3", "ORT"),
            ("a", "42", "42"),
        ] {
            assert_eq!(pool_name(main, name), pool);
        }
    }

    #[test]
    fn sums_are_kept_and_the_largest_comes_first() {
        let mut pools = Pools::default();
        pools.add("m", "m", 5, Some(1), true);
        pools.add("m", "w-1", 7, Some(2), false);
        pools.add("m", "w-2", 8, Some(3), true);
        let pools = pools.finish();
        assert_eq!(pools.iter().map(|p| (p.name.as_str(), p.threads, p.busy, p.cpu_ns, p.run_delay_ns)).collect::<Vec<_>>(), [("w", 2, 1, 15, Some(5)), ("m", 1, 1, 5, Some(1))]);
    }
}
