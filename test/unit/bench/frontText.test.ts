/** A grid as people read it. */
import assert from 'node:assert/strict';
import { commandLines, frontSentences, frontTable, startTexts } from '../../../server/src/bench/frontText.ts';
import type { Arm, Envelope } from '../../../server/src/bench/protocol.generated.ts';
import { initialRunState, reduce } from '../../../server/src/bench/runState.ts';

const arm = (instances: number, threads: number, cpus: number[][] = []): Arm => ({ label: `${instances} x ${threads} threads`, threads, env: { OMP_NUM_THREADS: String(threads) }, reason: '', instances, cpus });
const point = (index: number, instances: number, threads: number, latency: number, rate: number, front: boolean): object => ({ arm: index, instances, threads, latency_ns: latency, latency_interval_ns: [latency * 0.9, latency * 1.1], throughput_per_s: rate, throughput_interval_per_s: [rate * 0.9, rate * 1.1], runs: 4, on_front: front });
const events = [
  { v: 1, type: 'plan', data: { arms: [{ ...arm(1, 4), env: {}, label: '1 x default' }, arm(2, 2, [[0, 2], [4, 6]]), arm(4, 1), arm(1, 1)], current: 0, mode: 'grid', max_trials: 9, seed: 1, command: ['python', 'my app.py'], region: 'process' } },
  { v: 1, type: 'arm_summary', data: { arm: 3, runs: 0, scores_ns: [], failures: 0, dropped: true, peak_threads: 1, median_ns: 0, mean_ns: 0, mad_ns: 0, min_ns: 0, max_ns: 0, busy_cores: null, waiting_threads: null, ratio_to_best: null } },
  { v: 1, type: 'front', data: { points: [point(0, 1, 4, 1e7, 100, true), point(1, 2, 2, 1.5e7, 133, true), point(2, 4, 1, 4e7, 100, false)], latency: 0, throughput: 1, within_limit: 1, limit_ns: 2e7 } },
] as unknown as Envelope[];
const state = events.reduce(reduce, initialRunState());

describe('a grid as text', () => {
  it('marks the front and the three picks, and keeps what was stopped', () => {
    const rows = frontTable(state);
    assert.deepEqual(rows.map((row) => `${row[0]}: ${row.at(-1)}`), [
      'instances x threads: ',
      '1 x default: in force, front, shortest time',
      '2 x 2 threads: front, most work, most within 20.0 ms',
      '4 x 1 threads: ',
      '1 x 1 threads: stopped early, far worse in both',
    ]);
    assert.deepEqual(rows[2]?.slice(1, 6), ['4', '15.0 ms', '13.5 ms - 16.5 ms', '133', '120 - 146']);
  });

  it('tells the picks in sentences', () => {
    assert.deepEqual(frontSentences(state), [
      'Shortest time: 1 x default, 10.0 ms for one piece (95 % interval 9.00 ms to 11.0 ms), 100 pieces per second (95 % interval 90.0 to 110).',
      'Most work while one piece takes at most 20.0 ms: 2 x 2 threads, 15.0 ms for one piece (95 % interval 13.5 ms to 16.5 ms), 133 pieces per second (95 % interval 120 to 146).',
      'Most work: 2 x 2 threads, 15.0 ms for one piece (95 % interval 13.5 ms to 16.5 ms), 133 pieces per second (95 % interval 120 to 146).',
    ]);
    assert.deepEqual(frontSentences(initialRunState()), []);
  });

  it('says how the pick is started', () => {
    assert.deepEqual(startTexts(state), ["To start 2 x 2 threads:\n  OMP_NUM_THREADS=2 taskset -c 0,2 python 'my app.py' &\n  OMP_NUM_THREADS=2 taskset -c 4,6 python 'my app.py' &"]);
    assert.deepEqual(commandLines({ ...arm(1, 2, [[0, 1]]), env: { A: null, B: '1' }, memory_nodes: [0], arguments: ['--channels-last'] }, ['x']), ['env -u A B=1 numactl --physcpubind=0-1 --localalloc x --channels-last']);
    assert.deepEqual(commandLines({ ...arm(1, 2), env: {}, torch_num_threads: 2 }, ['x']), ['# with torch.set_num_threads(2) in the script', 'x']);
  });
});
