//! Whether the machine slept, or its clock was set, between two moments.

use std::time::Duration;

/// One reading of three clocks that move apart when a machine sleeps or its clock is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Runs while the machine is awake.
    pub awake: Duration,
    /// Runs while it sleeps, too; `None` where there is no such clock.
    pub always: Option<Duration>,
    /// Time of day, since 1970. Somebody may set it.
    pub day: Duration,
}

impl Clocks {
    /// What the clocks say now.
    pub fn now() -> Self {
        let day = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let (awake, always) = platform::now();
        Self { awake, always, day }
    }

    /// Seconds by which the clocks have moved apart since `earlier`: the time slept, or what the time of day
    /// was set forward (positive) or back (negative), whichever is longer.
    pub fn apart_s(&self, earlier: &Self) -> f64 {
        let since = |now: Duration, then: Duration| now.as_secs_f64() - then.as_secs_f64();
        let awake = since(self.awake, earlier.awake);
        let always = self.always.zip(earlier.always).map(|(now, then)| since(now, then));
        let slept = always.map_or(0.0, |always| always - awake);
        let set = since(self.day, earlier.day) - always.unwrap_or(awake);
        if slept.abs() >= set.abs() { slept } else { set }
    }
}

#[cfg(unix)]
mod platform {
    use std::time::Duration;

    // On macOS it is `CLOCK_MONOTONIC` that goes on while the machine sleeps.
    #[cfg(target_vendor = "apple")]
    const CLOCKS: (libc::clockid_t, libc::clockid_t) = (libc::CLOCK_UPTIME_RAW, libc::CLOCK_MONOTONIC);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCKS: (libc::clockid_t, libc::clockid_t) = (libc::CLOCK_MONOTONIC, libc::CLOCK_BOOTTIME);
    #[cfg(not(any(target_vendor = "apple", target_os = "linux", target_os = "android")))]
    const CLOCKS: (libc::clockid_t, libc::clockid_t) = (libc::CLOCK_MONOTONIC, libc::CLOCK_MONOTONIC);

    pub(super) fn now() -> (Duration, Option<Duration>) {
        (read(CLOCKS.0).unwrap_or_default(), read(CLOCKS.1))
    }

    fn read(clock: libc::clockid_t) -> Option<Duration> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a local.
        let read = unsafe { libc::clock_gettime(clock, &raw mut time) } == 0;
        read.then(|| Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec as u32))
    }
}

#[cfg(windows)]
mod platform {
    use std::time::Duration;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        /// Units of 100 ns since the start, without the time asleep.
        fn QueryUnbiasedInterruptTime(time: *mut u64) -> i32;
        /// Milliseconds since the start, with the time asleep.
        fn GetTickCount64() -> u64;
    }

    pub(super) fn now() -> (Duration, Option<Duration>) {
        let mut units = 0;
        // SAFETY: the pointer is to a local; the other call takes nothing and cannot fail.
        let (awake, always) = unsafe { (QueryUnbiasedInterruptTime(&raw mut units) != 0, GetTickCount64()) };
        let always = Duration::from_millis(always);
        (if awake { Duration::from_nanos(units.saturating_mul(100)) } else { always }, Some(always))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(awake: f64, always: Option<f64>, day: f64) -> Clocks {
        Clocks { awake: Duration::from_secs_f64(awake), always: always.map(Duration::from_secs_f64), day: Duration::from_secs_f64(day) }
    }

    #[test]
    fn a_sleep_and_a_clock_that_was_set_are_seen() {
        let before = at(100.0, Some(150.0), 1e9);
        assert!(at(103.0, Some(153.0), 1e9 + 3.0).apart_s(&before).abs() < 1e-6);
        assert!((at(103.0, Some(3_753.0), 1e9 + 3_603.0).apart_s(&before) - 3_600.0).abs() < 1e-6, "an hour asleep");
        assert!((at(103.0, Some(153.0), 1e9 - 57.0).apart_s(&before) + 60.0).abs() < 1e-6, "set back by a minute");
        assert!((at(103.0, Some(163.0), 1e9 + 43.0).apart_s(&before) - 30.0).abs() < 1e-6, "slept ten seconds and was set thirty forward");
        // Without a clock that goes on in sleep the time of day shows both.
        let before = at(100.0, None, 1e9);
        assert!((at(103.0, None, 1e9 + 63.0).apart_s(&before) - 60.0).abs() < 1e-6);
    }

    #[test]
    fn the_real_clocks_stay_together() {
        let before = Clocks::now();
        std::thread::sleep(Duration::from_millis(50));
        let after = Clocks::now();
        assert!(after.awake > before.awake && after.always >= before.always);
        assert!(after.apart_s(&before).abs() < 0.1, "{before:?} {after:?}");
    }
}
