/** Workers of Dask and Ray: how many, and how many threads each computes with. */
import { strict as assert } from 'node:assert';
import { machineFromJson } from '../../../server/src/core/machine.ts';
import type { Plan } from '../../../server/src/core/plan.ts';
import { M16 as machine16, onlyPlan } from './workspace.ts';

const figures = ({ processes, appThreads, intraOp, totalThreads }: Plan): string => `${[processes, appThreads, intraOp].flatMap((number) => (number ? [number.value ?? '?'] : [])).join(' x ')} = ${totalThreads.value ?? '?'}`;

// measured: distributed 2026.8 and ray 2.58 by what workers see in os.environ, how many there are, and nthreads of scheduler_info();
// the division of the CPUs is that of distributed/deploy/local.py and utils.py.
describe('plan of Dask', () => {
  const dask = async (start: string, before = '', machine = machine16): Promise<Plan> =>
    onlyPlan({ 'a.py': `import torch\nfrom dask.distributed import Client, LocalCluster\n\ndef work(i):\n    return torch.ones(512, 512) @ torch.ones(512, 512)\n\nif __name__ == "__main__":\n${`${before}${start}`.replace(/^/gm, '    ')}\n    client.gather(client.map(work, range(100)))\n` }, machine);

  it('multiplies workers, their threads, and one thread of OpenMP each', async () => {
    assert.equal(figures(await dask('client = Client(n_workers=4, threads_per_worker=2)')), '4 x 2 x 1 = 8');
    assert.equal(figures(await dask('cluster = LocalCluster(n_workers=4, threads_per_worker=1)\nclient = Client(cluster)')), '4 x 1 = 4');
    assert.equal(figures(await dask('cluster = LocalCluster("a", 2, 8)\nclient = cluster.get_client()')), '2 x 8 x 1 = 16');
  });

  it('divides the CPUs as Dask does', async () => {
    assert.equal(figures(await dask('client = Client()')), '4 x 4 x 1 = 16');
    assert.equal(figures(await dask('client = Client(n_workers=3)')), '3 x 6 x 1 = 18');
    assert.equal(figures(await dask('client = Client(threads_per_worker=5)')), '3 x 5 x 1 = 15');
    assert.equal(figures(await dask('client = Client()', '', machineFromJson({ os: 'linux', arch: 'x86_64', sockets: 1, physicalCores: 8, logicalCores: 16, cpuQuota: 2.5 }))), '3 x 1 = 3');
  });

  it('passes the environment on: the nanny only fills in what is missing', async () => {
    assert.equal(figures(await dask('client = Client(n_workers=4, threads_per_worker=1, env={"OMP_NUM_THREADS": "8", "MKL_NUM_THREADS": "8"})')), '4 x 8 = 32');
    assert.equal(figures(await dask('client = Client(n_workers=4, threads_per_worker=1)', 'import os\nos.environ["OMP_NUM_THREADS"] = "6"\nos.environ["MKL_NUM_THREADS"] = "6"\n')), '4 x 6 = 24');
    // PyTorch asks MKL, to which the nanny still says 1.
    assert.equal(figures(await dask('client = Client(n_workers=4, threads_per_worker=1, env={"OMP_NUM_THREADS": "8"})')), '4 x 1 = 4');
  });

  it('says nothing of workers elsewhere, nor where it is not known which kind they are', async () => {
    for (const start of ['client = Client("tcp://head:8786")', 'client = Client(scheduler_file="s.json")', 'client = Client(n_workers=4, processes=PROCESSES)']) {
      const plan = await dask(start, 'torch.set_num_threads(2)\n');
      assert.equal(figures(plan), '1 x 2 = 2', start);
    }
  });

  it('runs the program itself in every worker', async () => {
    const plan = await onlyPlan({ 'a.py': 'import torch\nfrom dask.distributed import Client\n\ntorch.set_num_threads(3)\n\ndef work(i):\n    return torch.ones(512, 512) @ torch.ones(512, 512)\n\nif __name__ == "__main__":\n    client = Client(n_workers=4, threads_per_worker=1)\n    client.gather(client.map(work, range(100)))\n' }, machine16);
    assert.equal(figures(plan), '4 x 3 = 12');
  });

  it('counts threads in this process without processes', async () => {
    const plan = await dask('client = Client(n_workers=2, threads_per_worker=3, processes=False)');
    assert.equal(plan.processes.value, 1);
    assert.equal(plan.appThreads?.value, 6);
  });
});

describe('plan of Ray', () => {
  const ray = async (decorator: string, start = 'ray.init()', calls = '[work.remote(i) for i in range(100)]', prefix = ''): Promise<Plan> =>
    onlyPlan({ 'a.py': `import ray\nimport torch\n\n${decorator}\ndef work(i):\n    return torch.ones(512, 512) @ torch.ones(512, 512)\n\nif __name__ == "__main__":\n    ${start}\n    ray.get(${calls})\n`, ...(prefix === '' ? {} : { 'run.sh': `${prefix} python a.py\n` }) }, machine16);

  it('runs as many tasks as their CPUs fit, with as many threads as they reserve', async () => {
    assert.equal(figures(await ray('@ray.remote')), '16 x 1 = 16');
    assert.equal(figures(await ray('@ray.remote(num_cpus=4)')), '4 x 4 = 16');
    assert.equal(figures(await ray('@ray.remote(num_cpus=0.5)', 'ray.init(num_cpus=4)')), '8 x 1 = 8');
    assert.equal(figures(await ray('@ray.remote(num_cpus=2)', 'ray.init(num_cpus=8)', '[work.remote(1), work.remote(2)]')), '1 x 2 = 2');
    assert.equal(figures(await ray('@ray.remote', 'ray.init()', '[work.remote(i) for i in range(3)]')), '3 x 1 = 3');
  });

  it('passes the environment on', async () => {
    assert.equal(figures(await ray('@ray.remote(num_cpus=4)', 'ray.init()', '[work.remote(i) for i in range(100)]', 'OMP_NUM_THREADS=8')), '4 x 8 = 32');
    assert.equal(figures(await ray('@ray.remote(num_cpus=4, runtime_env={"env_vars": {"OMP_NUM_THREADS": "2"}})')), '4 x 2 = 8');
  });

  it('says what depends on how many tasks there are, and on other machines', async () => {
    const some = await ray('@ray.remote', 'ray.init(num_cpus=4)', '[work.remote(i) for i in files()]');
    assert.equal(some.processes.value, 4);
    assert.equal(some.certainty, 'likely');
    assert.ok(some.unknowns.some((text) => text.includes('Ray runs 4 at a time')));
    assert.equal((await ray('@ray.remote', 'ray.init(address="auto")')).processes.value, null);
    assert.equal((await ray('@ray.remote(num_cpus=32)')).processes.value, null);
  });

  it('runs the module of a task in the worker, but not the program itself', async () => {
    const tasks = 'import torch\ntorch.set_num_threads(3)\n\nimport ray\n\n@ray.remote(num_cpus=4)\ndef work(i):\n    return torch.ones(512, 512) @ torch.ones(512, 512)\n';
    const main = '\nif __name__ == "__main__":\n    ray.init()\n    ray.get([work.remote(i) for i in range(100)])\n';
    assert.equal(figures(await onlyPlan({ 'a.py': tasks + main }, machine16)), '4 x 4 = 16');
  });

  it('leaves work on a GPU alone', async () => {
    assert.equal((await ray('@ray.remote(num_gpus=1)')).processes.value, 1);
  });

  it('counts actors, which stay', async () => {
    const actors = (decorator: string): Promise<Plan> => onlyPlan({ 'a.py': `import ray\nimport torch\n\n${decorator}\nclass Model:\n    def infer(self, x):\n        return torch.mm(x, x)\n\nif __name__ == "__main__":\n    ray.init(num_cpus=8)\n    models = [Model.remote() for _ in range(12)]\n    ray.get([m.infer.remote(1) for m in models])\n` }, machine16);
    assert.equal(figures(await actors('@ray.remote')), '12 x 1 = 12');
    assert.equal(figures(await actors('@ray.remote(num_cpus=2)')), '4 x 2 = 8');
  });
});
