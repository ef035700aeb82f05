"""The selected code is repeated, and nothing else is different."""

import ast
import os
import textwrap
import unittest
from array import array

from tests.support import ProbeTest
from threadgauge_probe import repeat, selected


def chosen(text, first, last=None, function=False):
    """Lines of what is selected, or the sentence why nothing is."""
    tree = ast.parse(textwrap.dedent(text).lstrip("\n"))
    try:
        return tuple(selected.find(tree, first, last or first, function).lines)
    except selected.Missing as missing:
        return str(missing)


class Find(unittest.TestCase):
    TEXT = """
    import os

    # A comment.
    @decorated
    def outer(a):
        \"\"\"Doc.\"\"\"
        for i in a:
            x = f(
                i,
            )
            if x:
                y = 1
            else:
                y = 2; z = 3

        return x


    class C:
        def method(self):
            return 1
    """

    def test_the_smallest_statements_that_cover_the_lines(self):
        for lines, found in {(8, 8): (8, 10), (9, 9): (8, 10), (8, 12): (8, 14), (12, 12): (12, 12), (14, 14): (14, 14), (11, 11): (11, 14), (7, 7): (7, 14), (16, 16): (16, 16), (15, 17): (16, 16), (1, 1): (1, 1), (20, 21): (20, 21), (21, 21): (21, 21)}.items():
            self.assertEqual(chosen(self.TEXT, *lines), found, lines)

    def test_functions(self):
        for lines, found in {(4, 4): (4, 16), (5, 5): (4, 16), (8, 8): (4, 16), (20, 20): (20, 21), (21, 21): (20, 21)}.items():
            self.assertEqual(chosen(self.TEXT, *lines, function=True), found, lines)
        self.assertEqual(chosen(self.TEXT, 1, 1, True), "There is no function at line 1.")

    def test_nothing_there(self):
        self.assertEqual(chosen(self.TEXT, 2, 3), "There is no statement at lines 2 to 3.")
        self.assertEqual(chosen(self.TEXT, 15), "There is no statement at line 15.")
        self.assertEqual(chosen(self.TEXT, 99), "There is no statement at line 99.")
        self.assertIn("class C only defines", chosen(self.TEXT, 19))
        compiled = "@torch.compile\ndef f(x):\n    y = x + 1\n    return y\n"
        self.assertIn("part of f, which is compiled", chosen(compiled, 3))
        self.assertEqual(chosen(compiled, 1, 2), (1, 4))
        self.assertEqual(chosen('"""Doc."""\nfrom __future__ import annotations\n', 1, 2), "There is no statement at lines 1 to 2.")
        self.assertEqual(chosen('"""Doc."""\nfrom __future__ import annotations\nx = 1\n', 1, 3), (3, 3))


class Statistics(unittest.TestCase):
    def test_spread_and_trend(self):
        # Mean 10, s = 1.5811, n = 5: half width 2.776 * 0.7071.
        self.assertAlmostEqual(repeat.spread([8, 9, 10, 11, 12]), 0.1963, places=2)
        self.assertEqual(repeat.spread([1]), float("inf"))
        slow = [10 if (i // 20) % 2 else 12 for i in range(300)]
        mixed = [10 if i % 2 else 12 for i in range(300)]
        self.assertGreater(repeat.spread(slow), 2 * repeat.spread(mixed), "neighbours that resemble each other tell less")
        self.assertAlmostEqual(repeat.trend([9, 9, 10, 10, 11, 11]), 0.1)
        for degrees, quantile in ((1, 12.706), (3, 3.182), (4, 2.776), (7, 2.365), (30, 2.042)):
            self.assertAlmostEqual(repeat._t_quantile(degrees), quantile, delta=0.02)


class Selection(ProbeTest):
    def measure(self, text, first, last=None, how=None, path="s.py", arguments=("s.py",), **orders):
        """The result of a run in which the given lines of ``s.py`` are selected."""
        if text is not None:
            self.write("s.py", text)
        order = {"path": os.path.join(self.work, path), "first_line": first, "last_line": last or first, "label": "x", "most_s": 0.4, "how": how}
        order.update(orders)
        result = self.probe(*arguments, mode="region", selection=order)
        self.assertIsNotNone(result.report, result.err)
        self.assertIsNone(result.report["error"])
        result.chosen = result.report["selection"]
        return result

    def test_a_statement_in_its_surroundings(self):
        result = self.measure(
            """
            import contextlib, sys, time
            inside = []
            @contextlib.contextmanager
            def context():
                inside.append(1)
                try:
                    yield
                finally:
                    inside.append(2)
                    print("left", inside, flush=True)
            class Thing:
                def call(self, n):
                    with context():
                        m = n + len(inside)
                        time.sleep(0.002 * m)
                        self.m = m
                        return m
            def main():
                time.sleep(0.2)
                try:
                    Thing().call(1)
                finally:
                    print("finally")
                print("not reached")
            main()
            """,
            15,
        )
        self.assertEqual((result.code, result.err), (0, ""))
        self.assertEqual(result.out, "left [1, 2]\nfinally\n", "what is entered is left, and nothing else runs")
        self.assertEqual((result.chosen["how"], result.chosen["unit"], result.chosen["lines"]), ("repeat", "call", [15, 15]))
        self.assertTrue(4e6 <= result.chosen["mean_ns"] < 60e6, result.chosen)
        self.assertGreaterEqual(result.chosen["p95_ns"], 4e6)
        self.assertGreaterEqual(result.chosen["cold_ns"], 4e6)
        self.assertGreaterEqual(result.chosen["calls"], 5)
        self.assertLess(result.chosen["cpu_ns"], result.chosen["mean_ns"])

    def test_the_first_execution_is_apart(self):
        result = self.measure("import time\nseen = []\ndef f():\n    time.sleep(0.001 if seen else 0.3)\n    seen.append(1)\nf()\n", 6)
        self.assertGreater(result.chosen["cold_ns"], 290e6)
        self.assertLess(result.chosen["mean_ns"], 100e6)

    def test_names_get_their_values_back(self):
        # Without that `x` would grow and `y` be gone at the second execution.
        result = self.measure("import time\nx = 1\ny = [1]\nx = x + 1; time.sleep(0.0005 * x); assert x == 2, x; del y\nprint('after')\n", 4)
        self.assertEqual((result.chosen["how"], result.chosen["reason"], result.out), ("repeat", None, ""))
        result = self.measure("def f():\n    i = 0\n    while i < 20:\n        i += 1\n        sum(range(5000))\n    return i\nf()\n", 3)
        self.assertEqual((result.chosen["how"], result.chosen["unit"]), ("repeat", "loop"))

    def test_return_with_a_value(self):
        result = self.measure("import time\ndef f(n):\n    m = n + 1\n    return time.sleep(0.001 * m)\nf(1)\nprint('no')\n", 3, 4)
        self.assertEqual((result.chosen["how"], result.chosen["unit"], result.out), ("repeat", "execution", ""))
        self.assertGreaterEqual(result.chosen["mean_ns"], 2e6)

    def test_functions_of_every_kind(self):
        text = """
        import asyncio, functools, time
        def twice(f):
            @functools.wraps(f)
            def inner(*args, **kwargs):
                return f(*args, **kwargs)
            return inner
        class Model:
            scale = 1
            @twice
            def forward(self, n, *, k=1):
                def nested():
                    return time.sleep(0.001 * n * k * self.scale)
                if n:
                    return nested()
                return None
            @classmethod
            def make(cls, n=1):
                time.sleep(0.001 * n)
                return cls()
            @property
            def size(self):
                return time.sleep(0.001)
        def generate(n):
            for i in range(n):
                time.sleep(0.001)
                got = yield i
            return n
        async def fetch(n):
            await asyncio.sleep(0.001 * n)
            return n
        async def stream(n):
            for i in range(n):
                await asyncio.sleep(0.001)
                yield i
        async def main():
            print(await fetch(2))
            print([i async for i in stream(3)])
        def recursive(n):
            time.sleep(0.001)
            return n and recursive(n - 1)
        print(Model.make().forward(2, k=2), Model().size, list(generate(3)), recursive(3))
        asyncio.run(main())
        print(fetch.__name__, generate.__name__, asyncio.iscoroutinefunction(fetch))
        """
        least = {10: 4, 11: 4, 17: 1, 21: 1, 23: 3, 28: 2, 31: 3, 38: 4}
        for line, ms in least.items():
            result = self.measure(text, line, function=line != 11, most_s=0.2)
            self.assertEqual((result.code, result.err), (0, ""), line)
            if line == 11:
                self.assertEqual(result.chosen["lines"], [11, 12])
                continue
            self.assertEqual((result.chosen["how"], result.chosen["unit"], result.chosen["reason"]), ("repeat", "call", None), line)
            self.assertGreaterEqual(result.chosen["mean_ns"], ms * 1e6, line)
        # Natural calls give the same figures, and the program runs as written.
        plain = self.plain("s.py").out
        for line, ms in least.items():
            result = self.measure(None, line, function=True, how={"mode": "natural", "skip": 0, "count": 100})
            self.assertEqual((result.code, result.err), (0, ""), line)
            self.assertEqual(result.out, plain, line)
            if line != 11:
                self.assertGreaterEqual(result.chosen["mean_ns"], ms * 1e6, line)

    def test_what_cannot_be_repeated_in_place(self):
        loop = "import time\ndef f(n):\n    for i in range(n):\n        if i > 15:\n            break\n        time.sleep(0.001)\n        yield i\nprint(list(f(20)))\n"
        cases = {
            (4, 4, loop): "leaves the loop around it .break, line 5",
            (7, 7, loop): "yields .line 7",
            (4, 5, "import time\ndef f(n):\n    time.sleep(0.001)\n    if n > 2:\n        return n\n    return 0\nprint([f(i) for i in range(20)])\n"): "returns from its function .line 5",
        }
        for (first, last, text), sentence in cases.items():
            result = self.measure(text, first, last, most_s=5)
            self.assertEqual(result.chosen["how"], "natural")
            self.assertRegex(result.chosen["reason"], sentence)
            self.assertGreaterEqual(result.chosen["calls"], 5)
            self.assertEqual(result.out, self.plain("s.py").out)

    def test_code_that_fails_on_repetition(self):
        text = "items = [1, 2, 3]\nfor k in range(2):\n    items.clear() if k else None\n    first = items.pop() if k == 0 else 0; assert len(items) == 2 or k\nprint('end')\n"
        result = self.measure(text, 4)
        self.assertEqual((result.code, result.out, result.chosen["how"]), (0, "", "natural"))
        self.assertTrue(result.chosen["again"])
        self.assertIn("raised AssertionError", result.chosen["reason"])
        result = self.measure(text, 4, how={"mode": "natural", "skip": 0, "count": 1})
        self.assertEqual((result.code, result.out, result.chosen["calls"]), (0, "", 1))

    def test_iterators_are_used_up(self):
        result = self.measure("it = iter(range(9))\nfor i in it:\n    pass\nprint('end')\n", 2)
        self.assertTrue(result.chosen["again"])
        self.assertIn("reads from an iterator (range_iterator)", result.chosen["reason"])
        result = self.measure("def f(items):\n    return sum(items)\nf(map(int, '123'))\n", 1, function=True)
        self.assertIn("reads from an iterator (map)", result.chosen["reason"])
        result = self.measure("class Box:\n    it = iter(range(5))\nbox = Box()\nfor i in box.it:\n    pass\n", 4)
        self.assertIn("ran 5 times at first and 0 times", result.chosen["reason"])

    def test_loops(self):
        text = "import time\nfor i in range(40):\n    time.sleep(0.02 if i else 0.1)\nprint('end')\n"
        result = self.measure(text, 2, most_s=0.5)
        self.assertEqual((result.chosen["how"], result.chosen["unit"], result.out), ("iterations", "iteration", ""))
        self.assertTrue(19e6 < result.chosen["mean_ns"] < 60e6)
        self.assertGreater(result.chosen["cold_ns"], 99e6)
        result = self.measure(text, 2, how={"mode": "iterations", "skip": 3, "count": 6})
        self.assertEqual(result.chosen["calls"], 6)
        result = self.measure("import time\nfor i in range(5):\n    time.sleep(0.002)\nprint('end')\n", 2)
        self.assertEqual((result.chosen["how"], result.chosen["unit"], result.out), ("repeat", "loop", ""))
        self.assertGreaterEqual(result.chosen["mean_ns"], 10e6)
        # A loop that is left by `return` has iterations all the same.
        result = self.measure("import time\ndef f():\n    for i in range(100):\n        time.sleep(0.002)\n        if i == 30:\n            return i\nf()\n", 3)
        self.assertEqual((result.chosen["how"], result.chosen["reason"]), ("iterations", None))

    def test_other_threads_run_on(self):
        text = """
        import threading, time
        done = []
        def work(n):
            for i in range(3):
                time.sleep(0.005)
            done.append(n)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
        for t in threads: t.start()
        for t in threads: t.join()
        print("no")
        """
        result = self.measure(text, 5)
        self.assertEqual((result.code, result.err, result.out), (0, "", ""))
        self.assertEqual(result.chosen["how"], "repeat")
        self.assertGreaterEqual(result.chosen["mean_ns"], 5e6)

    def test_children_run_as_written(self):
        text = """
        import os, sys, time
        def step(n):
            time.sleep(0.001)
            return n
        child = os.fork()
        if child == 0:
            print("child", step(1), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        step(2)
        """
        result = self.measure(text, 3)
        self.assertEqual((result.code, result.out), (0, "child 1\n"))
        self.assertEqual(result.chosen["how"], "repeat")

    def test_programs_that_catch_everything_end(self):
        result = self.measure("import time\nwhile True:\n    try:\n        time.sleep(0.001)\n    except BaseException:\n        pass\n", 4)
        self.assertEqual((result.code, result.chosen["how"]), (0, "repeat"))
        result = self.measure("import time\nwhile True:\n    try:\n        x = time.sleep(0.001)\n    except BaseException:\n        while True:\n            time.sleep(1)\n", 4)
        self.assertEqual((result.code, result.chosen["how"]), (0, "repeat"))

    def test_errors_of_the_program_stay_its_own(self):
        result = self.measure("def f(n):\n    return 1 / n\nprint('before')\nf(0)\n", 2)
        self.assertEqual((result.code, result.out), (1, "before\n"))
        plain = self.plain("s.py")
        self.assertEqual(result.err.splitlines()[-1], plain.err.splitlines()[-1])
        self.assertNotIn("threadgauge_probe", result.err)
        result = self.measure("import time\nfor n in (0, 0, 1):\n    try:\n        x = time.sleep(0.001) or 1 / n\n    except ZeroDivisionError:\n        print('caught')\n", 4)
        self.assertEqual((result.code, result.out, result.chosen["how"]), (0, "caught\ncaught\n", "repeat"))

    def test_never_reached(self):
        result = self.measure("def f():\n    return 1\nprint('end')\n", 2)
        self.assertEqual((result.code, result.out), (0, "end\n"))
        self.assertEqual((result.chosen["loaded"], result.chosen["reached"]), (True, False))
        self.write("other.py", "x = 1\n")
        result = self.measure("print('end')\n", 1, path="other.py")
        self.assertEqual((result.chosen["loaded"], result.chosen["reached"]), (False, False))
        result = self.measure("x = 1\n# nothing\nprint('end')\n", 2)
        self.assertEqual((result.chosen["problem"], result.out, result.code), ("There is no statement at line 2.", "", 0))

    def test_in_an_imported_module_and_a_package(self):
        self.write("pkg/__init__.py", "")
        self.write("pkg/model.py", "import time\nclass M:\n    def predict(self, n):\n        return time.sleep(0.001 * n)\n")
        self.write("pkg/run.py", "from .model import M\nM().predict(2)\nprint('no')\n")
        result = self.measure(None, 4, path="pkg/model.py", arguments=("-m", "pkg.run"))
        self.assertEqual((result.code, result.out, result.chosen["how"]), (0, "", "repeat"))
        self.assertGreaterEqual(result.chosen["mean_ns"], 2e6)

    def test_awaiting(self):
        text = """
        import asyncio
        async def step(n):
            await asyncio.sleep(0.002)
            return n
        async def main():
            task = asyncio.create_task(step(1))
            x = await step(2)
            y = await task
            z = await asyncio.gather(step(3), step(4))
        asyncio.run(main())
        """
        for line, how in ((7, "repeat"), (8, "repeat"), (9, "repeat")):
            result = self.measure(text, line)
            self.assertEqual((result.code, result.err, result.chosen["how"]), (0, "", how), line)
        self.write("s.py", "import asyncio\nasync def f():\n    await asyncio.sleep(0.001)\nasync def main():\n    c = f()\n    await c\nasyncio.run(main())\n")
        result = self.measure(None, 6)
        self.assertIn("cannot reuse already awaited coroutine", result.chosen["reason"])

    def test_everything_before_is_as_written(self):
        text = """
        import sys, inspect
        def f(a):
            b = a + 1
            return sorted(locals()), sorted(globals()), inspect.signature(f), inspect.getsource(f), f.__name__
        class C:
            __hidden = 1
            def m(self):
                self.__hidden += 1
                return self.__hidden, __class__.__name__
        print(f(1), C().m(), C().m(), sys.argv, __name__)
        if len(sys.argv) > 5:
            f(2)
        """
        self.write("s.py", text)
        plain = self.plain("s.py", "x")
        for line in (3, 4, 8, 9, 12):
            for how in (None, {"mode": "repeat"}) if line == 12 else ({"mode": "natural", "skip": 0, "count": 99},):
                result = self.measure(None, line, how=how, arguments=("s.py", "x"))
                self.assertEqual((result.out, result.err, result.code), (plain.out, plain.err, 0), (line, how))


class Stopping(unittest.TestCase):
    def repeater(self, **orders):
        made = repeat.Repeater({"path": "/x.py", **orders}, lambda: None)
        made.times = array("q", [50_000_000])
        return made

    def test_it_goes_on_until_the_interval_is_tight(self):
        made = self.repeater(tight=0.01, most_s=100)
        steady = array("q", [10_000_000, 10_100_000] * 40)
        self.assertTrue(made._enough(steady, 1e9))
        self.assertFalse(made._enough(steady[:20], 1e9), "too short a time")
        self.assertFalse(made._enough(array("q", [5_000_000, 20_000_000] * 40), 1e9), "too wide")
        self.assertFalse(made._enough(array("q", range(10_000_000, 18_000_000, 100_000)), 1e9), "not steady")
        self.assertTrue(made._enough(array("q", [5_000_000, 20_000_000] * 4), 101e9), "out of time")
        self.assertFalse(made._enough(array("q", [5_000_000] * 6), 101e9), "two of warm-up and five in any case")

    def test_very_long_executions_are_few(self):
        made = self.repeater(most_s=0.01)
        self.assertTrue(made._enough(array("q", [50_000_000] * 3), 1e9))
        self.assertEqual(made._skipped(3, 50_000_000), 1)
        self.assertEqual(made._skipped(100, 1), 20)


if __name__ == "__main__":
    unittest.main()
