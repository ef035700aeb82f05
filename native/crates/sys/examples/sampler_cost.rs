//! Prints what one sample costs, by number of threads: `cargo run --release --example sampler_cost`.

use std::time::{Duration, Instant};
use threadgauge_sys::sample::TreeSampler;

fn main() {
    let mut started = 0;
    for count in [1_u32, 8, 32, 128] {
        while started + 1 < count {
            std::thread::spawn(|| std::thread::sleep(Duration::from_secs(600)));
            started += 1;
        }
        let mut sampler = TreeSampler::of_pid(std::process::id(), false);
        // This process is left out by default because it is the runner; here it is the subject.
        let mut times: Vec<f64> = (0..300)
            .map(|_| {
                std::thread::sleep(Duration::from_millis(2));
                let begin = Instant::now();
                std::hint::black_box(sampler.sample());
                begin.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let seen = sampler.sample().threads;
        println!("{seen:4} threads: median {:6.1} us, mean {mean:6.1} us, 99 % {:6.1} us ({} samples)", times[150], times[297], times.len());
    }
}
