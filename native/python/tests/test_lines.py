"""Times and hits of lines."""

import json
import mmap
import os
import struct
import time
import unittest
import unittest.mock

from tests.support import ProbeTest
from threadgauge_probe.timing import Timing

try:
    import torch
except ImportError:
    torch = None

SPIN = "def spin(s):\n    end = time.perf_counter() + s\n    while time.perf_counter() < end: pass\n"


class Lines(ProbeTest):
    def wall(self, text, **options):
        self.write("s.py", text)
        result = self.probe("s.py", **options)
        self.assertEqual((result.code, result.err), (0, ""))
        self.assertIsNone(result.report["error"])
        return result.lines("s.py")

    def near(self, row, seconds, hits=None):
        self.assertGreater(row[2] / 1e9, seconds * 0.95, row)
        self.assertLess(row[2] / 1e9, seconds * 1.4 + 0.4, row)  # Other processes may take the CPU.
        if hits is not None:
            self.assertEqual(row[1], hits, row)

    def test_time_belongs_to_the_statement_and_its_calls(self):
        rows = self.wall("import time\ndef g():\n    time.sleep(0.05)\n    time.sleep(0.1)\n    return len('x')\ndef f(x):\n    return x\ny = f(g())\nz = f(time.sleep(0.12) or g())\n")
        self.near(rows[3], 0.1, 2)
        self.near(rows[4], 0.2, 2)
        self.near(rows[8], 0.15, 1)
        self.near(rows[9], 0.27, 1)
        self.assertLess(rows[5][2], 30e6)
        self.assertNotIn(7, rows)

    def test_first_execution_is_apart(self):
        rows = self.wall("import time\nfor i in range(50):\n    time.sleep(0.1 if i == 0 else 0.001)\n")
        self.near([0, 0, rows[3][5]], 0.1)
        self.assertEqual(rows[3][1], 50)

    def test_recursion_is_not_counted_twice(self):
        rows = self.wall("import time\ndef f(n):\n    time.sleep(0.002)\n    return n and f(n - 1)\nf(40)\ndef tree(n):\n    time.sleep(0.001)\n    return n and tree(n - 1) + tree(n - 1)\nx = tree(6)\n")
        self.assertLessEqual(rows[4][2], rows[5][2] * 1.01)
        self.assertLessEqual(rows[8][2], rows[9][2] * 1.01)
        self.assertGreater(rows[8][2], rows[9][2] * 0.9)

    def test_generators_give_their_own_time_only(self):
        rows = self.wall("import time\ndef gen():\n    for i in range(5):\n        x = time.sleep(0.01)\n        yield time.sleep(0.02)\nfor v in gen():\n    time.sleep(0.04)\n")
        self.near(rows[4], 0.05, 5)
        self.near(rows[5], 0.1, 5)
        self.near(rows[6], 0.15)
        self.near(rows[7], 0.2, 5)

    def test_exceptions_leave_the_other_lines_right(self):
        rows = self.wall("import time\ndef f():\n    time.sleep(0.02)\n    raise ValueError(len('x'))\nfor i in range(4):\n    try:\n        f()\n    except ValueError:\n        time.sleep(0.01)\n")
        self.near(rows[3], 0.08, 4)
        self.near(rows[9], 0.04, 4)

    def test_threads_and_coroutines(self):
        rows = self.wall("import threading, time, asyncio\ndef f():\n    time.sleep(0.1)\nt = [threading.Thread(target=f) for _ in range(2)]\nfor x in t: x.start()\nfor x in t: x.join()\nasync def g():\n    await asyncio.sleep(0.1)\nasync def m():\n    await asyncio.gather(g(), g())\nasyncio.run(m())\n")
        self.near(rows[3], 0.1, 2)
        self.near(rows[8], 0.1, 2)
        self.near(rows[10], 0.1, 1)

    def test_a_line_that_waits_is_told_from_one_that_computes(self):
        rows = self.wall("""import asyncio, time
async def compute():
    time.sleep(0.06)
    return 1
async def wait():
    await asyncio.sleep(0.1)
async def both():
    await compute()
    await wait()
    x = [await compute(), await asyncio.sleep(0.05)]
class Items:
    def __aiter__(self): self.n = 3; return self
    async def __anext__(self):
        self.n -= 1
        if self.n < 0: raise StopAsyncIteration
        await asyncio.sleep(0.02)
        return self.n
    async def __aenter__(self): await asyncio.sleep(0.03)
    async def __aexit__(self, *details): await asyncio.sleep(0.04)
async def main():
    await both()
    async for item in Items():
        time.sleep(0.01)
    async with Items() as items:
        time.sleep(0.01)
    found = [n async for n in Items()]
    try:
        await asyncio.wait_for(asyncio.sleep(9), 0.05)
    except asyncio.TimeoutError:
        pass
    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0.01)
    task.cancel()
    return found
print(asyncio.run(main()))
""")
        for line, wall, awaited, hits in ((6, 0.11, 0.11, 2), (8, 0.06, None, 1), (9, 0.1, 0.1, 1), (10, 0.11, 0.05, 1), (21, 0.27, 0.15, 1), (22, 0.06, 0.06, 4), (24, 0.07, 0.07, 1), (26, 0.06, 0.06, 1), (28, 0.05, 0.05, 1)):
            self.near(rows[line], wall, hits)
            if awaited is None:
                self.assertIsNone(rows[line][6], rows[line])
            else:
                self.near([0, 0, rows[line][6]], awaited)
        self.assertLess(rows[21][6], rows[21][2] - 50e6)

    def test_tasks_that_take_turns_on_a_line_do_not_count_twice(self):
        rows = self.wall("""import asyncio, time
async def work(first):
    await asyncio.sleep(first)
    await turn()
async def turn():
    for i in range(10):
        time.sleep(0.005)
        await asyncio.sleep(0.02)
async def main():
    await asyncio.gather(*(work(0.03 * i) for i in range(4)))
asyncio.run(main())
""")
        self.assertEqual([rows[line][1] for line in (3, 4, 7, 8)], [4, 4, 40, 40])
        self.near(rows[7], 0.2)
        # All of them together last as long as `gather`, not as long as their sum.
        for line in (3, 4, 8):
            self.assertLess(rows[line][2], rows[10][2] * 1.02)
        # While one sleeps on line 7 the others' waits are waits all the same.
        self.assertGreater(rows[4][6], 0)
        self.assertLess(rows[4][6], rows[4][2] - 150e6)

    def test_threads_on_a_line_are_counted_and_their_overlap_is_not(self):
        rows = self.wall("""import threading, time
def work(late):
    time.sleep(late)
    for i in range(5):
        time.sleep(0.04)
threads = [threading.Thread(target=work, args=(0.02 * i,)) for i in range(3)]
for t in threads: t.start()
for t in threads: t.join()
""")
        self.assertEqual((rows[5][1], rows[5][7]), (15, 3))
        self.near(rows[5], 0.22)
        self.assertLess(rows[5][2], 0.45e9)
        self.assertIsNone(rows[7][7])

    def test_cpu_clocks_of_lines_with_several_threads(self):
        text = "import time, threading, hashlib\nDATA = bytes(100_000_000)\ndef work():\n    for i in range(3):\n        hashlib.sha256(DATA)\nt = [threading.Thread(target=work) for _ in range(2)]\nfor x in t: x.start()\nfor x in t: x.join()\n"
        path = self.write("s.py", text)
        row = self.probe("s.py", mode="cpu", cpu_lines={path: [5]}).lines("s.py")[5]
        self.assertEqual((row[1], row[7]), (6, 2))
        # The threads' own clocks and that of the process saw the same work.
        self.assertAlmostEqual(row[3] / row[4], 1, delta=0.15)
        self.assertLess(row[3], row[2] * 2.2)

    def test_ends_of_with_blocks_and_stores_count(self):
        rows = self.wall("import time\nfrom concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as pool:\n    pool.submit(time.sleep, 0.15)\nclass Slow(list):\n    def __setitem__(self, i, v): time.sleep(0.05)\n    def __iadd__(self, o): time.sleep(0.07); return self\ns = Slow([1])\ns[0] = 1\ns += [2]\n")
        self.near(rows[3], 0.15)
        self.near(rows[9], 0.05, 1)
        self.near(rows[10], 0.07, 1)

    def test_short_lines_keep_their_hits_and_about_their_time(self):
        rows = self.wall("import time\nn = 300000\ntotal = 0\nbegin = time.perf_counter()\nfor i in range(n):\n    total += i * i\nspent = time.perf_counter() - begin\nprint(spent)\n")
        self.assertEqual(rows[6][1], 300000)
        self.assertLess(rows[6][2], 0.2e9)

    def test_files_outside_the_roots_are_left_alone(self):
        self.write("lib/python3/site-packages/dep.py", "import time\ndef f():\n    time.sleep(0.01)\n")
        self.write("env/pyvenv.cfg", "home = x\n")
        self.write("env/inside.py", "x = len('x')\n")
        self.write("own.py", "def f():\n    return len('x')\n")
        self.write("s.py", "import sys\nsys.path[:0] = ['lib/python3/site-packages', 'env']\nimport dep, inside, own, json\ndep.f(); own.f()\n")
        report = self.probe("s.py").report
        self.assertEqual(sorted(os.path.basename(f["path"]) for f in report["files"]), ["own.py", "s.py"])
        import hashlib

        for file in report["files"]:
            with open(file["path"], "rb") as stream:
                self.assertEqual(file["sha256"], hashlib.sha256(stream.read()).hexdigest())

    def test_functions_for_compilers_stay_as_written(self):
        self.write("numba.py", "def njit(f):\n    print(any(callable(c) for c in f.__code__.co_consts))\n    return f\n")
        rows = self.wall("from numba import njit\n@njit\ndef f():\n    return len('x')\ndef g():\n    return len('x')\nf(); g()\n")
        self.assertNotIn(4, rows)
        self.assertIn(6, rows)

    def test_cpu_clocks_of_chosen_lines(self):
        text = "import time, threading\n" + SPIN + "time.sleep(0.1)\nspin(0.1)\nother = threading.Thread(target=sum, args=(range(20000000),)); other.start()\ntime.sleep(0.05)\nother.join()\n"
        path = self.write("s.py", text)
        result = self.probe("s.py", mode="cpu", cpu_lines={path: [5, 6]})
        rows = result.lines("s.py")
        self.assertEqual(sorted(rows), [5, 6])
        self.near(rows[5], 0.1, 1)
        self.assertLess(rows[5][3], 30e6)
        self.assertLess(rows[5][4], 30e6)
        self.near(rows[6], 0.1, 1)
        # A busy machine can take the CPU away, never give more.
        for clock in (3, 4):
            self.assertTrue(10e6 < rows[6][clock] < 130e6, rows[6])

    def test_the_cell_names_the_line_that_runs(self):
        path = self.write("s.py", "import time, os\ndef f():\n    time.sleep(0.3)\n    return len('x')\nf()\ntime.sleep(0.3)\nif os.fork() == 0:\n    f(); os._exit(0)\nos.wait()\n")
        cell = os.path.join(self.folder, "cell")
        with open(cell, "wb") as stream:
            stream.write(bytes(64))
        process = self.start("s.py", cell=cell)
        seen = []
        with open(cell, "r+b") as stream, mmap.mmap(stream.fileno(), 64) as memory:
            while process.poll() is None:
                seen.append(struct.unpack("=Q", memory[:8])[0])
                time.sleep(0.005)
        result = self.finish(process)
        self.assertEqual((result.code, result.err), (0, ""))
        lines = {(value >> 32, value & 0xFFFFFFFF) for value in seen}
        self.assertTrue({(0, 0), (1, 3), (1, 6), (1, 9)} <= lines, lines)
        self.assertLess(seen.count((1 << 32) | 3) * 0.005, 0.5, "a forked child does not write it")
        self.assertEqual(result.report["files"][0]["path"], path)

    def test_a_missing_cell_is_said(self):
        self.write("s.py", "print(len('x'))\n")
        result = self.probe("s.py", cell="/no/such/cell")
        self.assertEqual((result.code, result.out), (0, "1\n"))
        self.assertIn("line cell", result.report["error"])


class Sampling(unittest.TestCase):
    """The arithmetic of gates, with a clock that only moves when it is told to."""

    def setUp(self):
        self.now = 0
        with unittest.mock.patch("time.perf_counter_ns", lambda: self.now):
            self.timing = Timing()
        self.timing.cost_ns = 300

    def line(self, number):
        """A line that is a block by itself."""
        return self.timing.new_record(0, number, self.timing.new_block())

    def execute(self, spent, *numbers):
        """One execution of a block as the rewritten code does it; whether it was timed."""
        timed = next(self.timing.blocks[self.timing.block_of[numbers[0]]][1])
        for number in numbers:
            key, start = (self.timing.begin(number), self.now) if timed else (None, 0)
            self.now += spent
            if timed:
                self.timing.end(number, key, start, None, self.now)
        return timed

    def test_short_lines_are_timed_rarely_and_scaled_up(self):
        short, double, heavy = (self.line(line) for line in (1, 2, 3))
        timed = [0, 0, 0]
        for i in range(50_000):
            # Lengths with a period, which random places must not fall in step with.
            timed[0] += self.execute(1000 + i % 4 * 500, short)
            timed[1] += self.execute(2000 + i % 8 * 500, double)
            timed[2] += self.execute(1_000_000, heavy)
        rows = self.timing.lines(1)[0]
        for row, mean in zip(rows, (1750, 3750, 1_000_000)):
            self.assertEqual(row[1], 50_000)
            self.assertAlmostEqual(row[2] / 50_000 / mean, 1, delta=0.06)
        self.assertTrue(timed[0] < 500 and timed[1] < 1000, timed)
        self.assertEqual(timed[2], 50_000)
        self.assertEqual([row[5] for row in rows], [1000, 2000, 1_000_000])

    def test_a_block_is_timed_as_a_whole_and_exceptions_leave_its_hits_right(self):
        block = self.timing.new_block()
        lines = [self.timing.new_record(0, line, block) for line in (1, 2)]
        for i in range(40_000):
            # Every fourth execution ends in an exception before the second line.
            self.execute(20_000, *lines[: 1 if i % 4 == 0 else 2])
        first, second = self.timing.lines(1)[0]
        self.assertEqual(first[1], 40_000)
        self.assertAlmostEqual(second[1] / 30_000, 1, delta=0.04)
        self.assertAlmostEqual(second[2] / second[1] / 20_000, 1, delta=0.04)

    def test_overlapping_executions_count_once_however_they_end(self):
        number = self.timing.new_record(0, 1, None, True)
        clock = unittest.mock.patch("time.perf_counter_ns", lambda: self.now)
        with clock:
            first = self.timing.begin(number)
            self.now += 50
            second = self.timing.begin(number)
            self.now += 50
            self.timing.end(number, first, 0, None, self.now)
            self.now += 50
            del second  # An exception drops it.
            self.now += 1000
            third = self.timing.begin(number)
            self.now += 7
            self.timing.end(number, third, 0, None, self.now)
        self.assertEqual(self.timing.lines(1)[0][0][1:3], [3, 157])

    def test_an_interruption_is_not_multiplied(self):
        line = self.line(1)
        interrupted = False
        for i in range(20_000):
            spent = 1000
            if i > 10_000 and not interrupted:
                spent, before = 4_000_000, self.timing.count[line]
            self.execute(spent, line)
            if spent > 1000:
                interrupted = self.timing.count[line] > before
                if not interrupted:
                    self.now -= spent
        row = self.timing.lines(1)[0][0]
        self.assertTrue(interrupted)
        self.assertAlmostEqual(row[2], 20_000 * 1000 + 4_000_000, delta=1_500_000)

    def test_patterns_have_the_density_they_say(self):
        for power, (ones, variants) in enumerate(self.timing.patterns, 1):
            for variant in variants:
                self.assertEqual((sum(variant), ones), (ones, 509 >> power))
            self.assertEqual(len(set(variants)), len(variants))


@unittest.skipIf(torch is None, "needs torch")
class Torch(ProbeTest):
    def test_override_and_observation(self):
        self.write("s.py", "import torch\ntorch.set_num_threads(2)\ntry:\n    torch.set_num_threads(0)\nexcept RuntimeError as e:\n    print('error')\nprint(torch.get_num_threads())\nprint(torch.set_num_threads.__name__)\n")
        result = self.probe("s.py", mode="region", torch_num_threads=1)
        self.assertEqual((result.out, result.err, result.code), ("error\n1\nset_num_threads\n", "", 0))
        self.assertEqual(result.report["observed_threads"], 1)
        result = self.probe("s.py", mode="region")
        self.assertEqual((result.out, result.report["observed_threads"]), ("error\n2\nset_num_threads\n", 2))

    def test_without_torch_nothing_is_observed(self):
        self.write("s.py", "print(1)\n")
        self.assertIsNone(self.probe("s.py", mode="region", torch_num_threads=3).report["observed_threads"])


if __name__ == "__main__":
    unittest.main()
