"""The script must not notice the probe."""

import os
import signal
import subprocess
import sys
import time
import unittest

from tests.support import ProbeTest


class Fidelity(ProbeTest):
    def test_main_module_arguments_path_and_environment(self):
        self.write("helper.py", "NAME = __name__\nLOADER = type(__loader__).__name__\n")
        self.write(
            "s.py",
            '''
            """Doc."""
            import os, sys, helper
            print(sys.argv, sys.path, __file__, __name__, __spec__ and __spec__.name, __package__, __doc__, type(__loader__).__name__)
            print(sorted(globals()), sys.modules["__main__"].__dict__ is globals(), __builtins__)
            print(getattr(sys, "orig_argv", None), sys.flags, helper.NAME, helper.LOADER)
            print({k: v for k, v in os.environ.items() if k != "_"})
            def f(a):
                b = len(a)
                return sorted(locals())
            print(f("x"), sorted(dir(__builtins__)))
            ''',
        )
        self.assert_same("s.py", "a b", "--c=1")
        self.assert_same(os.path.join(self.work, "s.py"), options=["-O", "-u"])
        env = dict(self.environment(), PYTHONPATH=os.path.join(self.folder, "elsewhere"))
        self.assert_same("s.py", env=env)
        self.assert_same("-m", "s", "x")

    def test_modules_and_packages(self):
        self.write("pkg/__init__.py", "print('init', __name__)\nVALUE = 3\n")
        self.write("pkg/__main__.py", "import sys\nfrom . import VALUE\nprint(sys.argv, __name__, __package__, __spec__.name, VALUE, sys.path[0])\n")
        self.write("pkg/tool.py", "from .part import work\nif __name__ == '__main__':\n    print(work(4))\n    1 / 0\n")
        self.write("pkg/part.py", "def work(n):\n    total = sum(range(n))\n    return total\n")
        self.assert_same("-m", "pkg", "x", "-y")
        result = self.assert_same("-m", "pkg.tool", modes=["region", "wall"])
        self.assertEqual(sorted(result.lines("part.py")), [2])
        self.assertIsNotNone(result.report["region"])
        plain, probed = self.plain("-m", "no.such.module"), self.probe("-m", "no.such.module")
        self.assertEqual((plain.code, plain.err.replace("python3", "python")), (probed.code, probed.err.replace("python3", "python")))

    def test_directory_and_missing_script(self):
        self.write("app/__main__.py", "import sys, part\nprint(sys.argv, sys.path[0], part.N)\n")
        self.write("app/part.py", "N = sum([1, 2])\n")
        self.assert_same("app", "x", modes=["region", "wall"])
        plain, probed = self.plain("nothing.py"), self.probe("nothing.py")
        self.assertEqual((plain.code, plain.err), (probed.code, probed.err))

    def test_tracebacks(self):
        self.write("lib.py", "def fail(x):\n    y = len(x)\n    return y / 0\n")
        self.write("s.py", "import lib\ndef outer():\n    for i in map(lib.fail, ['a']):\n        pass\ntry:\n    outer()\nexcept ZeroDivisionError as e:\n    raise RuntimeError('again') from e\n")
        self.assert_same("s.py", modes=["region"])
        probed, plain = self.probe("s.py"), self.plain("s.py")
        self.assertEqual((probed.code, probed.out), (plain.code, plain.out))
        self.assertEqual(probed.err.splitlines()[-1], plain.err.splitlines()[-1])
        self.write("simple.py", "import lib\nclass A:\n    n = 1\n    def m(self):\n        self.n += lib.fail('abc') + 1\na = A()\nwith open('/dev/null') as f:\n    value = [a.m() for _ in f or [1]]\na.m()\n")
        self.assert_same("simple.py")
        self.write("exit.py", "import sys\ndef go():\n    return len('abc')\nsys.exit(go())\n")
        self.assert_same("exit.py")
        self.write("message.py", "raise SystemExit('words')\n")
        self.assert_same("message.py")
        self.write("hook.py", "import sys, traceback\ndef hook(t, v, tb):\n    print('hook', t.__name__, [f.name for f in traceback.extract_tb(tb)], v.__traceback__ is tb)\nsys.excepthook = hook\n[][1]\n")
        self.assert_same("hook.py")

    def test_errors_of_syntax(self):
        self.write("bad.py", "import os\nx = = 1\n")
        self.write("s.py", "try:\n    import bad\nexcept SyntaxError as e:\n    print(e)\nimport os\n")
        self.assert_same("s.py")
        self.assert_same("bad.py")
        self.write("latin.py", "# -*- coding: latin-1 -*-\nprint(len('abc'))\n")
        self.assert_same("latin.py")
        self.write("empty.py", "")
        self.assert_same("empty.py")
        self.write("doc.py", '"""Only a docstring."""')
        self.assert_same("doc.py")

    def test_warnings_are_shown_once(self):
        self.write("s.py", "import warnings\nx = 1\nprint(x is 1)\ndef f():\n    warnings.warn('old', UserWarning)\nfor i in range(3):\n    f()\nimport other\nf()\n")
        self.write("other.py", "y = len('x')\n")
        self.assert_same("s.py")

    def test_language(self):
        self.write(
            "s.py",
            '''
            from __future__ import annotations
            import asyncio, contextlib, functools, operator
            class Box:
                __slots__ = ("v", "__hidden")
                def __init__(self, v):
                    self.v = int(v)
                    self.__hidden = self.v + 1
                def hidden(self):
                    self.__hidden += self.v
                    return self.__hidden
                def __iadd__(self, other):
                    self.v = self.v * 10 + other
                    return self
            class Sub(Box):
                def hidden(self):
                    base = super().hidden()
                    return base, __class__.__name__
            b = Sub(3)
            b += 4
            print(b.v, b.hidden())
            def gen(n):
                got = yield n + 1
                print("got", got)
                x = yield from sub(n)
                return len([x])
            def sub(n):
                try:
                    yield n * 2
                finally:
                    print("closed", n + 1)
                return n
            g = gen(5)
            print(next(g), g.send("s"), list(g))
            h = gen(1); next(h); next(h); h.close()
            for v in sub(9):
                break
            it = iter(sub(7))
            for v in it:
                print(v); break
            print("rest", list(it))
            a = [0] * 6
            def index(): print("index"); return 2
            def value(): print("value"); return 5
            a[index()] = value()
            a[1:3] = [8, 9]
            a[index()] += value()
            a[0], *rest = b2 = [1, 2, 3]
            print(a, rest, b2, (w := len(a)) + w)
            del a[index()]
            def loc(p):
                q = p + 1
                for i in [q]:
                    r = i * 2
                return sorted(locals().items())
            print(loc(1))
            async def one(n):
                await asyncio.sleep(0.001 * n)
                return n + 1
            async def all_():
                async with Ctx() as c:
                    r = await asyncio.gather(*[one(i) for i in range(3)])
                return r, [x async for x in agen()]
            class Ctx:
                async def __aenter__(self): return len("x")
                async def __aexit__(self, *a): return None
            async def agen():
                for i in range(2):
                    got = await one(i)
                    yield got + 1
            print(asyncio.run(all_()))
            with contextlib.suppress(KeyError) as s, contextlib.ExitStack() as st:
                st.callback(print, "unwound")
                {}["x"]
            try:
                for x in 5: pass
            except TypeError as e:
                print(e)
            try:
                q = None; q += len("x")
            except TypeError as e:
                print(e)
            try:
                undefined[0] = len("x")
            except NameError as e:
                print(e)
            @functools.lru_cache(None)
            def fib(n):
                return n if n < 2 else fib(n - 1) + fib(n - 2)
            print(fib(30), fib.cache_info())
            i = 0
            while (i := i + 1) < 4 and len("abc") > i:
                if i == 2: continue
            else:
                print("else", i)
            def unbound():
                if False: z = 1
                z += len("a")
            try: unbound()
            except UnboundLocalError as e: print(type(e).__name__)
            f = lambda n: (yield)
            assert len("x") == 1, "message"
            x: int = len("abc"); y: int
            print(x, f"{len('x')!r:>3}", [*map(str, range(3))], operator.add(1, 2))
            print(Box.__init__.__code__.co_varnames, Box.__init__.__code__.co_names[:1], loc.__code__.co_argcount)
            ''',
        )
        self.assert_same("s.py")

    def test_multiprocessing_sees_the_main_module(self):
        self.write(
            "s.py",
            """
            import multiprocessing, os, sys
            class Thing:
                def __init__(self, n): self.n = n
            def work(thing):
                total = sum(range(thing.n))
                return total, "threadgauge_probe" in sys.modules, __name__, os.environ.get("THREADGAUGE_PROBE"), os.environ.get("PYTHONPATH")
            if __name__ == "__main__":
                for method in ("fork", "spawn", "forkserver"):
                    with multiprocessing.get_context(method).Pool(2) as pool:
                        print(method, [r[:1] + r[2:] for r in pool.map(work, [Thing(3), Thing(4)])])
                    if method != "fork":
                        with multiprocessing.get_context(method).Pool(1) as pool:
                            print(pool.apply(work, (Thing(2),)))
            """,
        )
        result = self.assert_same("s.py", modes=["region", "wall"])
        self.assertIn("(1, False, '__mp_main__', None, None)", result.out)

    def test_functions_sent_to_other_processes_are_as_written(self):
        try:
            import cloudpickle
        except ImportError:
            self.skipTest("needs cloudpickle")
        place = os.path.dirname(os.path.dirname(cloudpickle.__file__))
        self.write("s.py", """
            import sys
            sys.path.append(%r)
            import cloudpickle, pickle, subprocess
            FACTOR = 3
            def make(k):
                def work(n):
                    total = sum(range(n)) * FACTOR + k
                    return [total + len(str(i)) for i in range(2)]
                return work
            data = cloudpickle.dumps(make(4))
            print(make(4)(5), len(data) < 3000)
            code = "import sys, pickle; sys.path.append(%r); print(pickle.loads(sys.stdin.buffer.read())(5))"
            print(subprocess.run([sys.executable, "-c", code], input=data, capture_output=True))
            """ % (place, place))
        result = self.assert_same("s.py")
        self.assertIn("[35, 35]", result.out.split("stdout=")[1])

    def test_forked_children_do_not_write_the_report(self):
        self.write("s.py", "import os, sys, time\nif os.fork() == 0:\n    sys.exit(3)\nprint(os.wait()[1] >> 8)\nx = sum([1, 2])\n")
        result = self.assert_same("s.py")
        self.assertIn(5, result.lines("s.py"))

    def test_ends_by_signal(self):
        self.write("s.py", "import signal, os\nos.kill(os.getpid(), signal.SIGINT)\nprint(len('x'))\n")
        plain, probed = self.plain("s.py"), self.probe("s.py", mode="region")
        self.assertEqual((plain.code, probed.code), (-signal.SIGINT, -signal.SIGINT))
        self.assertEqual(plain.err.splitlines()[-1], probed.err.splitlines()[-1])
        self.assertNotIn("threadgauge", probed.err)

    def test_sigterm_ends_the_process_and_keeps_what_was_measured(self):
        self.write("s.py", "import time\nx = sum(range(1000))\nprint('ready', flush=True)\nwhile True:\n    time.sleep(0.01)\n")
        process = self.start("s.py")
        process.stdout.readline()
        time.sleep(0.1)
        process.terminate()
        result = self.finish(process)
        self.assertEqual(result.code, -signal.SIGTERM)
        self.assertTrue({2, 5} <= set(result.lines("s.py")), result.lines("s.py"))

    def test_os_exit_leaves_no_report(self):
        self.write("s.py", "import os\nprint('x', flush=True)\nos._exit(4)\n")
        result = self.assert_same("s.py", report=False)
        self.assertIsNone(result.report)

    def test_pinned_variables_keep_their_value_whatever_the_script_writes(self):
        self.write(
            "s.py",
            '''
            import os, subprocess, sys
            os.environ["OMP_NUM_THREADS"] = "2"
            os.environ["OTHER"] = "x"
            import json
            NAME = "OMP_NUM_THREADS"
            def seen():
                code = "import os; print(os.environ.get('OMP_NUM_THREADS'), os.environ.get('MKL_NUM_THREADS'), os.environ.get('OTHER'))"
                for env in (None, dict(os.environ), os.environ.copy()):
                    print(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True).stdout.strip())
                print(os.environ.get(NAME), os.getenv(NAME), os.environb.get(NAME.encode()), NAME in os.environ, "MKL_NUM_THREADS" in os.environ)
            seen()
            os.environ.setdefault(NAME, "3")
            os.environ.update({NAME: "4", "OTHER": "y"})
            os.environ.update(OMP_NUM_THREADS="5", MKL_NUM_THREADS="5")
            os.putenv(NAME, "6")
            os.putenv(NAME.encode(), b"6")
            os.environb[NAME.encode()] = b"7"
            seen()
            print(os.environ.pop(NAME), os.environ.pop(NAME, None))
            del os.environ[NAME]
            os.unsetenv(NAME)
            del os.environ["OTHER"]
            print(os.environ.setdefault("MKL_NUM_THREADS", "9"))
            del os.environ["MKL_NUM_THREADS"]
            if sys.version_info >= (3, 9):
                os.environ |= {NAME: "8"}
            seen()
            for wrong in (lambda: os.environ.update(OMP_NUM_THREADS=2), lambda: os.environ.__setitem__(1, "x"), lambda: os.environ.__setitem__([], "x"), lambda: os.environ.__delitem__("NOT_THERE")):
                try:
                    wrong()
                    print("no error")
                except (TypeError, KeyError) as error:
                    print(type(error).__name__, error)
            os.environ.clear()
            print(dict(os.environ))
            if hasattr(os, "fork"):
                sys.stdout.flush()
                child = os.fork()
                if child == 0:
                    os.environ[NAME] = "1"
                    print(os.environ[NAME], flush=True)
                    os._exit(0)
                os.waitpid(child, 0)
            ''',
        )
        env = dict(self.environment(), OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
        for mode in ("region", "wall"):
            result = self.probe("s.py", mode=mode, env=env, pinned_env={"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": None})
            self.assertEqual((result.err, result.code), ("", 0), result.out)
            lines = result.out.splitlines()
            first = ["1 None x"] * 3 + ["1 1 b'1' True False"]
            then = ["1 None y"] * 3 + ["1 1 b'1' True False"]
            last = ["1 None None"] * 3 + ["1 1 b'1' True False"]
            errors = ["TypeError str expected, not int", "TypeError str expected, not int", "TypeError str expected, not list", "KeyError 'NOT_THERE'"]
            self.assertEqual(lines, first + then + ["1 1", "9"] + last + errors + ["{'OMP_NUM_THREADS': '1'}", "1"])

    def test_nothing_pinned_changes_nothing(self):
        self.write("s.py", "import os\nprint(os.environ.__class__.__setitem__.__module__, os.putenv)\nos.environ['OMP_NUM_THREADS'] = '3'\nprint(os.environ['OMP_NUM_THREADS'])\nos.environ.popitem()\n")
        self.assert_same("s.py")

    def test_work_at_the_very_end(self):
        self.write("s.py", "import atexit, threading, time\nclass D:\n    def __del__(self):\n        n = len('del')\n        print('del', n)\nd = D()\n@atexit.register\ndef bye():\n    print('bye', len('x'))\nthreading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\n")
        result = self.assert_same("s.py")
        region = result.report["region"]
        self.assertGreater(region["end_ns"] - region["start_ns"], 90_000_000, "threads are part of the region")

    def test_unusable_orders(self):
        env = dict(self.environment(), PYTHONPATH=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        for orders in (None, "{", "{}", '{"mode": "x", "out": "y"}'):
            more = {} if orders is None else {"THREADGAUGE_PROBE": orders}
            done = subprocess.run([sys.executable, "-m", "threadgauge_probe", "s.py"], env={**env, **more}, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn("THREADGAUGE_PROBE", done.stderr)

    def test_unwritable_report_is_silent(self):
        self.write("s.py", "print('fine')\n")
        result = self.probe("s.py", out="/no/such/directory/x.json")
        self.assertEqual((result.code, result.out, result.err), (0, "fine\n", ""))

    def test_a_file_that_cannot_be_rewritten_runs_plainly_and_says_so(self):
        # Deeper than the tree walk of Python can go, which the compiler itself may or may not take.
        self.write("s.py", "import deep\nprint(deep.x)\n")
        self.write("deep.py", "x = " + "+".join(["1"] * 900) + "\ny = len('x')\n")
        plain, probed = self.plain("s.py"), self.probe("s.py")
        self.assertEqual((plain.code, plain.out, plain.err), (probed.code, probed.out, probed.err))


if __name__ == "__main__":
    unittest.main()
