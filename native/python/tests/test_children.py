"""Lines in child processes, and that children cannot notice."""

import glob
import os
import struct
import sys
import unittest

from tests.support import ProbeTest
from threadgauge_probe.children import _script

try:
    import torch
except ImportError:
    torch = None

WORK = """
import multiprocessing, os, sys, time, subprocess, concurrent.futures
def work(n):
    time.sleep(0.03)
    return n * 2
def look():
    return [os.environ.get("THREADGAUGE_PROBE"), os.environ.get("PYTHONPATH"), sys.argv, getattr(sys, "orig_argv", [])[1:], sys.path[0], __name__]
"""


class Children(ProbeTest):
    def finish(self, process):
        """Reads what children left beside the report, and removes it."""
        out, err = process.communicate(timeout=120)
        self.rows, self.processes, self.names = {}, {}, []
        import json

        for names in sorted(glob.glob(self.out + ".*.files")):
            with open(names, encoding="utf-8") as stream:
                about = json.load(stream)
            self.assertIsNone(about["error"])
            self.names.append(about)
            try:
                with open(names[:-6] + ".lines", "rb") as stream:
                    data = stream.read()
            except FileNotFoundError:
                data = b""
            for row in struct.iter_unpack("=8Q", data):
                key = (os.path.basename(about["files"][(row[0] >> 32) - 1]["path"]), row[0] & 0xFFFFFFFF)
                if row[1]:
                    sums = self.rows.setdefault(key, [0] * 7)
                    self.rows[key] = [a + b for a, b in zip(sums, row[1:])]
                    self.processes[key] = self.processes.get(key, 0) + 1
        for name in glob.glob(self.out + ".*"):
            os.unlink(name)
        process.communicate = lambda timeout: (out, err)
        return super().finish(process)

    def ran(self, line, hits, processes, seconds, name="s.py"):
        row = self.rows[name, line]
        self.assertEqual((row[0], self.processes[name, line]), (hits, processes))
        self.assertGreater(row[1] / 1e9, seconds * 0.98)
        self.assertLess(row[1] / 1e9, seconds * 1.6 + 1)

    def test_pools_of_every_kind(self):
        text = WORK + """
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        print(pool.map(work, range(6), chunksize=1))
    with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
        print(list(pool.map(work, range(6))))
    other = context.Process(target=work, args=(3,))
    other.start(); other.join()
    print(other.exitcode)
"""
        self.write("s.py", text)
        for method in ("fork", "spawn", "forkserver"):
            with self.subTest(method):
                plain = self.plain("s.py", method)
                probed = self.probe("s.py", method)
                self.assertEqual((probed.out, probed.err, probed.code), (plain.out, plain.err, plain.code))
                row = self.rows["s.py", 3]
                self.assertEqual(row[0], 13)
                self.assertGreater(row[1] / 1e9, 13 * 0.03 * 0.98)
                self.assertTrue(2 <= self.processes["s.py", 3] <= 5, self.processes)
                # One that is ended while it still starts is counted all the same.
                answered = sum(not n["forked"] for n in self.names)
                self.assertTrue(answered <= probed.report["children"] <= (0 if method == "fork" else 6), (answered, probed.report["children"]))
                self.assertTrue(method == "fork" or answered >= 3)
                # What the main process did is not the children's, and the other way round.
                self.assertNotIn(("s.py", 9), self.rows)
                self.assertNotIn(3, probed.lines("s.py"))

    def test_cpu_clocks_in_children(self):
        path = self.write("s.py", "import multiprocessing, hashlib\nDATA = bytes(30_000_000)\ndef work(n):\n    return hashlib.sha256(DATA).hexdigest()[:4]\nif __name__ == '__main__':\n    with multiprocessing.get_context('spawn').Pool(2) as pool:\n        print(pool.map(work, range(4)))\n")
        self.probe("s.py", mode="cpu", cpu_lines={path: [4]})
        self.assertEqual(list(self.rows), [("s.py", 4)])
        hits, wall, cpu, thread = self.rows["s.py", 4][:4]
        self.assertEqual(hits, 4)
        self.assertTrue(0 < thread <= cpu * 1.02 + 1e6 and cpu < wall * 1.2, self.rows)

    def test_forked_children_however_they_end(self):
        self.write("s.py", WORK + """
for how in range(4):
    if os.fork() == 0:
        work(1); work(2)
        if how == 0: os._exit(0)
        if how == 1: os.kill(os.getpid(), 9)
        if how == 2: sys.exit(0)
        if os.fork() == 0:
            work(3); os._exit(0)
        os.wait(); os._exit(0)
    print(os.wait()[1])
""")
        result = self.assert_same("s.py", modes=["wall"])
        self.ran(3, 9, 5, 0.27)
        self.assertNotIn(3, result.lines("s.py"))
        # The line that forks ends in both; what came before is the parent's alone.
        self.assertNotIn(("s.py", 2), self.rows)

    def test_other_interpreters_of_the_workspace(self):
        self.write("tool.py", WORK + "print(look(), work(2)); sys.exit(len(sys.argv))\n")
        self.write("pack/__init__.py", "")
        self.write("pack/__main__.py", "import time\nprint(time.sleep(0.02), __name__)\n")
        self.write("s.py", """
import subprocess, sys, os, shutil
def show(*words, **more):
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, **more)
    print(done.args[1:], done.returncode, done.stdout, done.stderr)
show("-u", "tool.py", "a b", "--x")
show("-X", "dev", "-Wignore", "tool.py", env={"PATH": os.environ["PATH"], "PYTHONPATH": "extra", "KEPT": "1"})
show("-m", "pack", cwd=os.getcwd())
show("-c", "import tool")
show("-E", "tool.py")
show("-I", "-c", "print(1)")
show("missing.py")
print(subprocess.run(["echo", "x"], capture_output=True))
try:
    subprocess.run(["/no/such/program"])
except FileNotFoundError as error:
    print(error)
""")
        plain = self.plain("s.py")
        probed = self.probe("s.py")
        self.assertEqual((probed.out, probed.err, probed.code), (plain.out, plain.err, plain.code))
        self.ran(3, 2, 2, 0.06, "tool.py")
        self.ran(2, 1, 1, 0.02, "__main__.py")
        # The missing script is followed as well, and fails as it would.
        self.assertEqual(probed.report["children"], 4)

    def test_what_children_can_see(self):
        text = WORK + """
if __name__ == "__main__":
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            seen = pool.apply(look)
            print(seen[:3], seen[4:], [w for w in seen[3] if "=" not in w])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        try:
            pool.apply(int, ("x",))
        except ValueError as error:
            print(repr(error), "threadgauge" in str(error.__cause__))
    print(os.environ.get("THREADGAUGE_PROBE"), [c for c in multiprocessing.active_children()])
"""
        self.write("s.py", text)
        self.assert_same("s.py", modes=["wall"])

    def test_loky(self):
        try:
            import joblib
        except ImportError:
            self.skipTest("needs joblib")
        text = """
import joblib, time
FACTOR = 3
def work(n):
    time.sleep(0.02)
    return [n * FACTOR, (lambda k: sum(range(k)))(5)]
def make(k):
    def inner(n):
        return time.sleep(0.01) or n + k
    return inner
if __name__ == "__main__":
    print(joblib.Parallel(2)(joblib.delayed(work)(i) for i in range(6)))
    print(joblib.Parallel(2)(joblib.delayed(make(i))(i) for i in range(6)))
"""
        self.write("s.py", text)
        result = self.assert_same("s.py", modes=["wall"])
        self.assertIn("[[0, 10], [3, 10]", result.out)
        self.assertEqual((self.rows["s.py", 4][0], self.rows["s.py", 8][0]), (6, 6))
        self.assertGreater(self.rows["s.py", 4][1], 0.118e9)

    @unittest.skipIf(torch is None, "needs torch")
    def test_workers_of_a_data_loader(self):
        self.write("s.py", """
import time, torch
class Data(torch.utils.data.Dataset):
    def __len__(self): return 12
    def __getitem__(self, i):
        time.sleep(0.01)
        return torch.full((2,), i)
for batch in torch.utils.data.DataLoader(Data(), batch_size=3, num_workers=2):
    print(int(batch.sum()))
""")
        self.assert_same("s.py", modes=["wall"])
        self.ran(5, 12, 2, 0.12)

    def test_children_that_cannot_write_run_all_the_same(self):
        self.write("s.py", WORK + "import shutil\nif os.fork() == 0:\n    work(1); os._exit(3)\nprint(os.wait()[1] >> 8)\n")
        process = self.start("s.py", out=os.path.join(self.folder, "gone", "report.json"))
        result = self.finish(process)
        self.assertEqual((result.out, result.err, result.code), ("3\n", "", 0))


class Commands(unittest.TestCase):
    def test_where_the_script_is(self):
        for words, place in (
            ("python a.py", 1), ("python -u a.py x", 2), ("python -W ignore -X dev a.py", 5), ("python -Wignore -Xdev -OO a.py", 4), ("python -m a.b -c", 1), ("python -um a", None),
            ("python -c x", None), ("python", None), ("python -", None), ("python -E a.py", None), ("python -sI a.py", None), ("python --version", None), ("python --check-hash-based-pycs always a.py", 3), ("python -m", None),
        ):
            self.assertEqual(_script(words.split()), place, words)


if __name__ == "__main__":
    unittest.main()
