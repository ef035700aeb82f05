"""Measures how right and how cheap the line probe is, beside line_profiler, Scalene, `sys.settrace` and `sys.monitoring`.

usage: python scripts/benchLines.py [--python PYTHON] [--repeat N] [--rounds N] [--realtime] [workload …]

Accuracy: total variation distance (half the sum of |share - truth|, in percentage points) over the
lines of `loop()`. The truth of a line comes from runs in which that line alone is bracketed by two clock
reads; these runs take turns with all others.
Overhead: time with over time without, runs interleaved in random order; main thread's CPU
time, because other processes disturb wall time more; `plain again` shows the noise of the method.
`--realtime` (Linux, root): while the loop runs it has a CPU for itself (SCHED_FIFO), for machines that are busy.
"""

import argparse
import ast
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROBE = os.path.join(ROOT, "native", "python")

SETTRACE = """
import sys, time, json, atexit
path = sys.argv[1]
spent = {}; last = [0, 0]; clock = time.perf_counter_ns
def local(frame, event, argument):
    now = clock()
    spent[last[0]] = spent.get(last[0], 0) + now - last[1]
    last[0] = frame.f_lineno if event != 'return' else 0
    last[1] = clock()
    return local
def trace(frame, event, argument):
    return local(frame, event, argument) if frame.f_code.co_filename == path else None
code = compile(open(path).read(), path, 'exec')
sys.settrace(trace)
exec(code, {'__name__': '__main__', '__file__': path})
sys.settrace(None)
json.dump(spent, open(sys.argv[2], 'w'))
"""

LINE_PROFILER = """
import ast, json, sys
from line_profiler import LineProfiler
path = sys.argv[1]
profiler = LineProfiler()
tree = ast.parse(open(path).read(), path)
for node in tree.body:
    if isinstance(node, ast.FunctionDef):
        node.decorator_list.append(ast.Name('_profiler', ast.Load()))
ast.fix_missing_locations(tree)
exec(compile(tree, path, 'exec'), {'__name__': '__main__', '__file__': path, '_profiler': profiler})
stats = profiler.get_stats()
json.dump({line: time * stats.unit * 1e9 for rows in stats.timings.values() for line, _, time in rows}, open(sys.argv[2], 'w'))
"""


MONITORING = """
import sys, time, json
path = sys.argv[1]
spent = {}; last = [0, 0]; clock = time.perf_counter_ns
def line(code, number):
    if code.co_filename != path: return sys.monitoring.DISABLE
    now = clock()
    spent[last[0]] = spent.get(last[0], 0) + now - last[1]
    last[0] = number
    last[1] = clock()
def left(code, offset, value):
    if code.co_filename != path: return sys.monitoring.DISABLE
    line(code, 0)
tool = sys.monitoring.PROFILER_ID
events = sys.monitoring.events
sys.monitoring.use_tool_id(tool, 'bench')
sys.monitoring.register_callback(tool, events.LINE, line)
sys.monitoring.register_callback(tool, events.PY_RETURN, left)
sys.monitoring.set_events(tool, events.LINE | events.PY_RETURN)
exec(compile(open(path).read(), path, 'exec'), {'__name__': '__main__', '__file__': path})
sys.monitoring.set_events(tool, 0)
json.dump(spent, open(sys.argv[2], 'w'))
"""

# Python: whether a module is there, by method.
NEEDS = {
    "settrace": "import sys",
    "monitoring": "import sys; sys.monitoring",
    "line_profiler": "import line_profiler",
    "scalene": "import scalene",
}


class Workload:
    def __init__(self, name, python, environment, directory):
        self.name = name
        plain = os.path.join(ROOT, "test", "workloads", name + ".py")
        self.python, self.environment, self.directory = python, environment, directory
        with open(plain, encoding="utf-8") as stream:
            self.text = stream.read().replace("cpu = time.thread_time()\n", REALTIME[0] + "cpu = time.thread_time()\n")
        self.path = os.path.join(directory, "workload", name + ".py")
        os.mkdir(os.path.dirname(self.path))
        with open(self.path, "w", encoding="utf-8") as stream:
            stream.write(self.text)
        tree = ast.parse(self.text)
        functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
        self.nodes = [n for n in ast.walk(functions["loop"]) if isinstance(n, (ast.Assign, ast.AugAssign, ast.Expr))]
        self.lines = sorted(n.lineno for n in self.nodes if n.col_offset > 4)
        # For tools that give each line's own time: what a called function takes belongs to the calling line.
        self.caller = {}
        for node in ast.walk(functions["loop"]):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
                called = functions[node.func.id]
                self.caller.update(dict.fromkeys(range(called.lineno, called.end_lineno + 1), node.lineno))

    def start(self, command, **more):
        done = subprocess.run(command, env={**self.environment, **more}, capture_output=True, text=True, check=False)
        found = re.search(r"WL ([\d.e-]+) ([\d.e-]+)", done.stdout)
        if done.returncode or not found:
            sys.exit("%s failed:\n%s" % (command, done.stderr[-2000:]))
        return float(found.group(1)), float(found.group(2))

    def shares(self, spent):
        own = {line: 0.0 for line in self.lines}
        for line, time in spent.items():
            line = self.caller.get(int(line), int(line))
            if line in own:
                own[line] += time
        # A sampler that never looked at the loop knows nothing.
        total = sum(own.values()) or 1
        return {line: time / total for line, time in own.items()}

    def bracketed(self, line):
        """The share of one line of the loop's time, measured alone."""
        lines = self.text.splitlines()
        indent = re.match(r" *", lines[line - 1]).group()
        lines[line - 1 : line] = [indent + "_0 = _clock()", lines[line - 1], indent + "_spent[0] += _clock() - _0"]
        body = "\n".join(lines).replace("cpu = time.thread_time()\n", "_spent[0] = 0\ncpu = time.thread_time()\n")
        text = "from time import perf_counter_ns as _clock\n_spent = [0]\n" + body + "\nprint('SPENT', _spent[0] / 1e9 / ROUNDS)\n"
        path = os.path.join(self.directory, "bracketed.py")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        done = subprocess.run([self.python, path], env=self.environment, capture_output=True, text=True, check=True)
        return float(re.search(r"SPENT (\S+)", done.stdout).group(1)) / float(re.search(r"WL (\S+)", done.stdout).group(1))

    def run(self, method):
        """Wall and CPU seconds per round, and the time by line (None for a plain run)."""
        out = os.path.join(self.directory, "out.json")
        if method.startswith("plain"):
            return *self.start([self.python, self.path]), None
        if method == "probe":
            orders = {"mode": "wall", "out": out, "roots": [os.path.dirname(self.path)], "old_pythonpath": None}
            wall, cpu = self.start([self.python, "-m", "threadgauge_probe", self.path], PYTHONPATH=PROBE, THREADGAUGE_PROBE=json.dumps(orders))
            with open(out, encoding="utf-8") as stream:
                report = json.load(stream)
            if report["error"]:
                sys.exit(report["error"])
            return wall, cpu, {row[0]: row[2] for row in report["files"][0]["lines"] if row[0] in self.lines}
        if method == "scalene":
            wall, cpu = self.start([self.python, "-m", "scalene", "run", "--cpu-only", "-o", out, self.path])
            with open(out, encoding="utf-8") as stream:
                rows = json.load(stream)["files"].get(self.path, {"lines": []})["lines"]
            return wall, cpu, {row["lineno"]: row["n_cpu_percent_python"] + row["n_cpu_percent_c"] + row["n_sys_percent"] for row in rows}
        script = {"settrace": SETTRACE, "line_profiler": LINE_PROFILER, "monitoring": MONITORING}[method]
        wall, cpu = self.start([self.python, "-c", script, self.path, out])
        with open(out, encoding="utf-8") as stream:
            spent = json.load(stream)
        if method == "line_profiler":
            spent = {k: v for k, v in spent.items() if int(k) in self.lines}
        return wall, cpu, spent


def distance(shares, truth):
    return 50 * sum(abs(shares[line] - truth[line]) for line in truth)


def spread(values):
    """Median, half of the 95 % interval of the mean, and the extremes."""
    points = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
    half = points.get(len(values), 2.1) * statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return "%6.1f ± %4.1f [%5.1f … %5.1f]" % (statistics.median(values), half, min(values), max(values))


def normal(times):
    total = sum(times.values())
    return {line: time / total for line, time in times.items()}


def busy_seconds():
    """CPU time of the whole machine so far; None where it cannot be read."""
    try:
        with open("/proc/stat", encoding="utf-8") as stream:
            numbers = [int(n) for n in stream.readline().split()[1:]]
        return (sum(numbers) - numbers[3] - numbers[4]) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return None


REALTIME = [""]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--repeat", type=int, default=5, help="interleaved rounds of all methods and of the truth")
    parser.add_argument("--rounds", type=int, help="iterations of the workload's loop in each run")
    parser.add_argument("--realtime", action="store_true", help="give each run a CPU for itself")
    parser.add_argument("workloads", nargs="*", default=["mlp", "generation", "transformer"])
    options = parser.parse_args()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "MKL_", "KMP_", "GOMP_", "PYTHON"))}
    environment.update(WL_THREADS=os.environ.get("WL_THREADS", "1"), PYTHONDONTWRITEBYTECODE="1")
    if options.rounds:
        environment["WL_ROUNDS"] = str(options.rounds)
    if options.realtime:
        REALTIME[0] = "os.sched_setaffinity(0, {%d}); os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))\n" % max(os.sched_getaffinity(0))
    methods = ["plain", "plain again", "probe"]
    for method, needs in NEEDS.items():
        if subprocess.run([options.python, "-c", needs], capture_output=True, check=False).returncode == 0:
            methods.append(method)
        else:
            print("%s is not there; left out." % method)
    for name in options.workloads:
        with tempfile.TemporaryDirectory() as directory:
            workload = Workload(name, options.python, environment, directory)
            truths = {line: [] for line in workload.lines}
            results = {method: [] for method in methods}
            before = busy_seconds(), os.times(), os.times().elapsed
            for _ in range(options.repeat):
                order = [*methods, *workload.lines]
                random.shuffle(order)
                this = {}
                for what in order:
                    if isinstance(what, int):
                        truths[what].append(workload.bracketed(what))
                    else:
                        this[what] = workload.run(what)
                base = [(this["plain"][k] + this["plain again"][k]) / 2 for k in (0, 1)]
                for method, (wall, cpu, spent) in this.items():
                    results[method].append((100 * (wall / base[0] - 1), 100 * (cpu / base[1] - 1), spent, cpu))
            truth = normal({line: statistics.median(times) for line, times in truths.items()})
            base = statistics.median(r[3] for r in results["plain"])
            after = busy_seconds(), os.times(), os.times().elapsed
            print("## %s: %s thread(s), %d rounds, %.3f ms of main-thread CPU per iteration" % (name, environment["WL_THREADS"], options.repeat, base * 1e3))
            if before[0] is not None:
                own = sum(after[1][:4]) - sum(before[1][:4])
                print("Other programs used %.1f CPUs of %d meanwhile%s." % (max(after[0] - before[0] - own, 0) / (after[2] - before[2]), os.cpu_count(), "; the measured loop had one for itself" if REALTIME[0] else ""))
            print("%-14s %-32s %-32s %s" % ("method", "CPU overhead %", "wall overhead %", "distance from the truth, points"))
            for method, runs in results.items():
                distances = [distance(workload.shares(r[2]), truth) for r in runs if r[2] is not None]
                print("%-14s %s   %s   %s" % (method, spread([r[1] for r in runs]), spread([r[0] for r in runs]), spread(distances) if distances else "-"))
            medians = {}
            for method, runs in results.items():
                if runs[0][2] is not None:
                    medians[method] = normal({line: statistics.median(workload.shares(r[2])[line] for r in runs) + 1e-12 for line in truth})
            print("Distance of the median shares: " + ", ".join("%s %.1f" % (method, distance(shares, truth)) for method, shares in medians.items()) + ".")
            source = workload.text.splitlines()
            for line in workload.lines:
                print("  %3d  truth %5.1f %%  %s   %s" % (line, 100 * truth[line], "  ".join("%s %5.1f %%" % (method, 100 * shares[line]) for method, shares in medians.items()), source[line - 1].strip()))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
