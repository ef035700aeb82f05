/** What a measured setting needs to be put into force. */
import assert from 'node:assert/strict';
import type { Arm } from '../../../server/src/bench/protocol.generated.ts';
import { stepsByHand } from '../../../server/src/bench/toMeasured.ts';

const ARM: Arm = { label: 'x', reason: 'y', env: { OMP_NUM_THREADS: '2', LD_PRELOAD: '/j.so', GOMP_SPINCOUNT: null } };

describe('a measured setting', () => {
  it('of variables needs nothing by hand', () => assert.equal(stepsByHand(ARM), null));

  it('says what no edit brings about', () => {
    assert.equal(
      stepsByHand({ ...ARM, torch_num_interop_threads: 1, arguments: ['--channels-last'], cpus: [[0, 1, 4]] }),
      'This needs changes by hand: set OMP_NUM_THREADS=2 LD_PRELOAD=/j.so GOMP_SPINCOUNT removed; call torch.set_num_interop_threads(1) right after import torch; add --channels-last to the command line; start it with taskset -c 0-1,4.',
    );
    assert.match(stepsByHand({ ...ARM, instances: 4, cpus: [[0], [1], [2], [3]] }) ?? '', /start 4 copies, each on CPUs of its own\.$/);
  });
});
