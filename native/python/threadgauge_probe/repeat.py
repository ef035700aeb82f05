"""Executes the selected code again and again, times it, and ends the process when enough is known.

The first execution is apart (cold). Of the others the first are warm-up: two or a fifth, and more until
the last third takes as long as the middle third. It stops when the 95 % interval of the mean is tight.
Where code cannot be repeated in place, its natural executions count; which of them is decided once, by
the first run of a benchmark, so that every setting is compared over the same ones.
"""

import functools
import itertools
import os
import sys
import threading
import time
from array import array

# Steady executions cover at least this long, so that short ones do not rest on one quiet moment.
MIN_STEADY_NS = 300_000_000
# Nobody learns more from the hundred thousandth execution of a trifle.
MOST_EXECUTIONS = 100_000
# Time between looks at the CPU clock of the process, which costs about a microsecond.
_LOOK_NS = 5_000_000
# Difference of the last third from the middle third that still counts as steady.
_AGREE = 0.05
# How long the program may take to unwind before it is ended.
_PATIENCE_S = 2.0

_WAITING, _BUSY, _DONE, _OFF = range(4)
_GENERATOR, _COROUTINE, _ITERABLE_COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x100, 0x200


class Done(SystemExit):
    """Ends the program from within, past everything that handles errors, with ``finally`` blocks and an exit code of 0."""

    def __init__(self):
        super().__init__(0)


class Repeater:
    """The selected code of one process."""

    def __init__(self, orders, write):
        self.path = os.path.realpath(orders["path"])
        self._name = os.path.basename(orders["path"])
        self.orders = orders
        self.tight = float(orders.get("tight") or 0.01)
        self.most_ns = int(float(orders.get("most_s") or 5.0) * 1e9)
        self.fewest = max(int(orders.get("fewest_calls") or 5), 1)
        fixed = orders.get("how") or {}
        self.fixed = fixed.get("mode")
        self.skip, self.count = fixed.get("skip"), fixed.get("count")
        self.how = self.fixed
        self.info = None
        self.reason = None
        self.problem = None
        self.state = _WAITING
        self.result = None
        self._write = write
        self._lock = threading.Lock()
        self._saved = {}
        self._open = {}
        self._bias = 0
        self._reset()

    def _reset(self):
        # Executions, and the iterations of a selected loop within its first execution.
        self.times = array("q")
        self.turns = array("q")
        # CPU time of each natural execution; else of the process after so many executions.
        self.cpu = array("q")
        self.points = []
        self.repeated_at = 0
        self._begun = 0
        self._check_at = 0
        self._check_turns_at = 0
        self._evaluate_at = 0
        self._ticks = 0
        self._first_pass = None
        self._mark = 0
        self._inside = False

    # ------------------------------------------------------------------ compiling

    def wants(self, path):
        # Names first: libraries consist of thousands of files.
        return os.path.basename(path) == self._name and os.path.realpath(path) == self.path

    def instrument(self, tree):
        """Changes the tree of the selected file. Never raises: what is wrong is reported."""
        from threadgauge_probe import selected

        try:
            self.info = selected.instrument(tree, self.orders, self.fixed)
            if self.info["how"] == "natural":
                self.how = "natural"
            self.reason = self.info["reason"]
        except selected.Missing as missing:
            # Nothing can be measured, so nothing needs to run.
            self.problem = str(missing)
            self._leave()

    def value(self, name):
        return NameError if name == "NameError" else getattr(self, name)

    # ------------------------------------------------------------------ called by the selected code

    def mine(self):
        """True for the first that gets here; it repeats."""
        if self.state == _DONE:
            # Someone has caught the end of the program and goes on.
            raise _end()
        if self.state != _WAITING:
            return False
        with self._lock:
            if self.state != _WAITING:
                return False
            self.state = _BUSY
        self._reset()
        self._saved.clear()
        self._bias = _bias()
        return True

    def seen(self, value):
        """A value the code reads, before its first execution."""
        if self.fixed is None and hasattr(type(value), "__next__"):
            self._naturally("The selected code reads from an iterator (%s), which its first execution uses up; each of its executions in the program was timed instead." % type(value).__name__)

    def save(self, number, value):
        self._saved[number] = value

    def has(self, number):
        return self.repeated_at and number in self._saved

    def get(self, number):
        return self._saved[number]

    def more(self):
        """Ends one execution and begins the next."""
        now = time.perf_counter_ns()
        begun = self._begun
        if begun:
            self.times.append(now - begun)
            if now >= self._check_at:
                self._look(now)
        else:
            self.points.append((0, time.process_time_ns()))
        self._mark = self._begun = time.perf_counter_ns()
        return True

    def go(self):
        """Begins an execution anew, after names got their values back."""
        self._mark = self._begun = time.perf_counter_ns()

    def tick(self):
        """An iteration of the selected loop begins."""
        now = time.perf_counter_ns()
        if self._ticks and not self.repeated_at:
            self.turns.append(now - self._mark)
            if now >= self._check_turns_at:
                self._look_at_iterations(now)
        elif not self._ticks and not self.repeated_at:
            self.points = [(0, time.process_time_ns())]
            self._check_turns_at = now + _LOOK_NS
        self._ticks += 1
        self._mark = time.perf_counter_ns()

    def over(self):
        """A selected loop that cannot be repeated has ended, however it did."""
        kind = sys.exc_info()[0]
        if self.state != _BUSY or (kind is not None and issubclass(kind, (GeneratorExit, KeyboardInterrupt))):
            return
        if self._ticks:
            self.turns.append(time.perf_counter_ns() - self._mark)
        if self.fixed is not None:
            self.finish()
        if len(self.turns) >= 3 + self.fewest:
            # What keeps the loop from being repeated does not concern its iterations.
            self.reason = None
            self._as_iterations()
        self._naturally(self.reason)

    def begin(self):
        """A natural execution begins."""
        if self.state == _DONE:
            raise _end()
        if self.state == _OFF or self._inside:
            return
        self._inside = True
        # By frame, because tasks may take turns; an exception that is being handled already is not one of ours.
        self._open[id(sys._getframe(1))] = (sys.exc_info()[1], time.process_time_ns(), time.perf_counter_ns())

    def end(self):
        """A natural execution ends, however it ends."""
        now = time.perf_counter_ns()
        opened = self._open.pop(id(sys._getframe(1)), None)
        if opened is None or self.state in (_OFF, _DONE):
            return
        self._inside = False
        # One that an exception has left was not whole.
        if sys.exc_info()[1] is opened[0]:
            self._count(now - opened[2], time.process_time_ns() - opened[1])

    def _count(self, wall, cpu):
        if not self._bias:
            self._bias = _bias()
        self.times.append(wall)
        self.cpu.append(cpu)
        if self.count is not None:
            if len(self.times) >= 1 + self.skip + self.count:
                self.finish()
        elif not self.repeated_at:
            self.repeated_at = time.perf_counter_ns()
        elif self._enough(array("q", self.times[1:]), time.perf_counter_ns() - self.repeated_at):
            self.finish()

    def failed(self):
        """An exception left the selected code."""
        kind, error, _ = sys.exc_info()
        if self.state != _BUSY or issubclass(kind, (Done, GeneratorExit, KeyboardInterrupt)):
            return
        if not self.repeated_at:
            # That of the program itself. Whoever comes here next may have more luck.
            self.state = _WAITING
            return
        text = " ".join(str(error).split())
        said = "%s%s" % (kind.__name__, ": " + text[:200] if text else "")
        sentence = "Executed a second time in place, the selected code raised %s." % said.rstrip(".")
        self._naturally(sentence + " Each of its executions in the program was timed instead.")

    # ------------------------------------------------------------------ functions

    def select(self, function):
        """The function, with each call seen."""
        code = getattr(function, "__code__", None)
        flags = code.co_flags if code is not None else 0
        natural = self.how == "natural"
        if flags & _ASYNC_GENERATOR:

            @functools.wraps(function)
            async def wrapper(*args, **kwargs):
                if natural:
                    self.begin()
                    try:
                        async for item in function(*args, **kwargs):
                            yield item
                    finally:
                        self.end()
                    return
                if self.mine():
                    self._arguments(args, kwargs)
                    try:
                        while self.more():
                            n = 0
                            async for _ in function(*args, **kwargs):
                                n += 1
                            self._items(n)
                    except BaseException:
                        self.failed()
                        raise
                async for item in function(*args, **kwargs):
                    yield item

        elif flags & _COROUTINE:

            @functools.wraps(function)
            async def wrapper(*args, **kwargs):
                if natural:
                    self.begin()
                    try:
                        return await function(*args, **kwargs)
                    finally:
                        self.end()
                if self.mine():
                    self._arguments(args, kwargs)
                    try:
                        while self.more():
                            await function(*args, **kwargs)
                    except BaseException:
                        self.failed()
                        raise
                return await function(*args, **kwargs)

        elif flags & _GENERATOR and not flags & _ITERABLE_COROUTINE:

            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                if natural:
                    return (yield from self._generated(function(*args, **kwargs)))
                if self.mine():
                    self._arguments(args, kwargs)
                    try:
                        while self.more():
                            n = 0
                            for _ in function(*args, **kwargs):
                                n += 1
                            self._items(n)
                    except BaseException:
                        self.failed()
                        raise
                return (yield from function(*args, **kwargs))

        elif natural:

            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                self.begin()
                try:
                    return function(*args, **kwargs)
                finally:
                    self.end()

        else:

            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                if self.mine():
                    self._arguments(args, kwargs)
                    try:
                        if kwargs:
                            while self.more():
                                function(*args, **kwargs)
                        else:
                            while self.more():
                                function(*args)
                    except BaseException:
                        self.failed()
                        raise
                return function(*args, **kwargs)

        return wrapper

    def _arguments(self, args, kwargs):
        for value in itertools.chain(args, kwargs.values()):
            self.seen(value)

    def _items(self, number):
        """A generator was run to its end and gave so many items."""
        if self._first_pass is None:
            self._first_pass = number
        elif self.fixed is None and number != self._first_pass:
            self._naturally("Called a second time with the same arguments, the selected function yields %d items instead of %d; each of its calls in the program was timed instead." % (number, self._first_pass))

    def _generated(self, generator):
        """A natural call of a generator function: the time within it, without that of its consumer."""
        wall = cpu = 0
        resume, value = generator.send, None
        while True:
            if self.state == _DONE:
                raise _end()
            began = (time.process_time_ns(), time.perf_counter_ns())
            try:
                item = resume(value)
            except StopIteration as stop:
                now = time.perf_counter_ns()
                if self.state == _WAITING:
                    self._count(wall + now - began[1], cpu + time.process_time_ns() - began[0])
                return stop.value
            wall += time.perf_counter_ns() - began[1]
            cpu += time.process_time_ns() - began[0]
            try:
                value = yield item
                resume = generator.send
            except GeneratorExit:
                generator.close()
                raise
            except BaseException as error:
                resume, value = generator.throw, error

    # ------------------------------------------------------------------ when it is enough

    def _look(self, now):
        """Between two executions: the first has just ended, or some time has passed."""
        n = len(self.times)
        self.points.append((n, time.process_time_ns()))
        if n == 1:
            if self._ticks:
                self.turns.append(now - self._mark)
                self._after_first_pass()
            self.repeated_at = now
            self.how = self.how or "repeat"
            # The passes of a loop are compared at once.
            self._check_at = 0 if self._ticks else now + _LOOK_NS
            self._ticks = 0
            return
        if n == 2 and self._first_pass is not None and self.turns:
            self._compare_passes()
        self._check_at = time.perf_counter_ns() + _LOOK_NS
        elapsed = now - self.repeated_at
        if n >= self._evaluate_at or elapsed >= self.most_ns:
            self._evaluate_at = n + max(1, n // 8)
            if self._enough(self.times[1:], elapsed):
                self.finish()

    def _after_first_pass(self):
        """The selected loop has ended for the first time."""
        if self.fixed == "iterations":
            self.finish()
        self._first_pass = self._ticks
        if self.fixed is None and self._ticks >= 3 + self.fewest and sum(self.turns) >= MIN_STEADY_NS:
            self._as_iterations()

    def _compare_passes(self):
        first, second = self._first_pass, self._ticks
        if self.fixed is None and first != second:
            sentence = "The selected loop ran %d times at first and %d times when it was repeated" % (first, second)
            if first >= 3 + self.fewest:
                self.reason = sentence + ", so its iterations were timed instead."
                self._as_iterations()
            self._naturally(sentence + ", so each of its executions in the program was timed instead.")

    def _look_at_iterations(self, now):
        n = len(self.turns)
        self.points.append((n, time.process_time_ns()))
        self._check_turns_at = now + _LOOK_NS
        if self.fixed == "iterations":
            if n >= 1 + self.skip + self.count:
                self.finish()
        elif n >= self._evaluate_at and self.fixed is None:
            self._evaluate_at = n + max(1, n // 8)
            elapsed = sum(self.turns[1:])
            if n >= 3 + self.fewest and elapsed >= MIN_STEADY_NS and self._enough(self.turns[1:], elapsed):
                self.reason = None
                self._as_iterations()

    def _as_iterations(self):
        self.how = "iterations"
        self.finish()

    def _fewest(self, cold):
        """Warm-up executions, and those that count, at least; fewer of what takes very long."""
        return (2, self.fewest) if cold < self.most_ns else (1, min(2, self.fewest))

    def _skipped(self, n, cold):
        warm, fewest = self._fewest(cold)
        return min(max(warm, -(-n // 5)), max(n - fewest, 0))

    def _enough(self, values, elapsed):
        n = len(values)
        cold = self.times[0] if self.times else self.turns[0]
        warm, fewest = self._fewest(cold)
        if n < warm + fewest:
            return False
        steady = values[self._skipped(n, cold):]
        if elapsed >= self.most_ns or n >= MOST_EXECUTIONS:
            return True
        if sum(steady) < min(MIN_STEADY_NS, self.most_ns):
            return False
        return abs(trend(steady)) <= _AGREE and spread(steady) <= self.tight

    # ------------------------------------------------------------------ the end

    def _naturally(self, sentence):
        """This run has shown that repeating does not do; the next ones time natural executions."""
        if self.fixed == "natural":
            return
        self.how, self.reason = "natural", sentence
        self.result = {"again": True}
        self._leave()

    def finish(self):
        """Computes the figures and ends the program."""
        self.result = self._figures()
        self._leave()

    def _leave(self):
        self.state = _DONE
        self._write()
        threading.Thread(target=_end_for_certain, daemon=True).start()
        main = threading.main_thread()
        if threading.current_thread() is not main:
            try:
                import ctypes

                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main.ident), ctypes.py_object(Done))
            except Exception:
                pass  # The patience of the other thread ends it.
        raise _end()

    def _figures(self):
        iterations = self.how == "iterations"
        values = self.turns if iterations else self.times
        if not values:
            return None
        n = len(values) - 1
        if n == 0:
            skip, count = 0, 0
        elif self.count is not None and self.fixed != "repeat":
            skip = self.skip if n > self.skip else 0
            count = min(self.count, n - skip)
        else:
            skip = self._skipped(n, values[0])
            count = n - skip
        steady = values[1 + skip : 1 + skip + count] or values[:1]
        bias = 0 if iterations else self._bias
        mean = sum(steady) / len(steady) - bias
        ordered = sorted(steady)
        result = {
            "calls": len(steady),
            "mean_ns": max(round(mean), 1),
            "p95_ns": max(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] - bias, 1),
            "cold_ns": max(values[0] - bias, 1),
            "spread": spread(steady) if len(steady) > 1 else None,
            "trend": trend(steady) if len(steady) >= 6 else 0.0,
            "cpu_ns": self._cpu_time(1 + skip, len(steady)),
            "skip": skip,
            "count": count,
        }
        return result

    def _cpu_time(self, first, count):
        """CPU time of the process for one steady execution."""
        if self.how == "natural":
            chosen = self.cpu[first : first + count] or self.cpu[:1]
            return round(sum(chosen) / len(chosen)) if chosen else None
        later = [p for p in self.points if p[0] >= first] or self.points[-2:]
        if len(later) < 2:
            later = self.points[-2:]
        if len(later) < 2 or later[-1][0] == later[0][0]:
            return None
        return round((later[-1][1] - later[0][1]) / (later[-1][0] - later[0][0]))

    def is_done(self):
        """True once the program is being ended."""
        return self.state == _DONE

    def forked(self):
        """In a child: it runs as written."""
        self.state = _OFF

    def report(self):
        """What there is to say, at whatever moment the process ends."""
        if self.result is None and self.how == "natural" and self.times:
            self.result = self._figures()
        info = self.info or {}
        reached = bool(self.times or self._begun or self.result)
        unit = "iteration" if self.how == "iterations" else info.get("unit", "call")
        result = {"loaded": self.info is not None or self.problem is not None, "problem": self.problem, "lines": info.get("lines"), "unit": unit, "how": self.how, "reason": self.reason, "reached": reached}
        result.update(self.result or {})
        return result


def _end():
    """What ends this thread: only the plain exception does so without a word in any but the main one."""
    return Done() if threading.current_thread() is threading.main_thread() else SystemExit(0)


def _end_for_certain():
    time.sleep(_PATIENCE_S)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    os._exit(0)


def _bias():
    """What timing adds to one execution."""
    empty = _Empty()
    for _ in range(1000):
        empty.more()
    return sorted(empty.times)[len(empty.times) // 2]


class _Empty(Repeater):
    """Times nothing, and goes on."""

    def __init__(self):
        self._reset()
        self._check_at = 1 << 62


def _t_quantile(degrees):
    """97.5 % quantile of Student's t."""
    if degrees < 4:
        return (float("inf"), 12.706, 4.303, 3.182)[max(degrees, 0)]
    z = 1.959964
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2) + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)


def _half_width(values):
    n = len(values)
    mean = sum(values) / n
    variance = sum((v - mean) ** 2 for v in values) / (n - 1)
    return _t_quantile(n - 1) * (variance / n) ** 0.5 / mean if mean else 0.0


def spread(values):
    """Half width of the 95 % interval of the mean, over the mean.

    Neighbours resemble each other on a machine with other work, which makes the plain interval too
    narrow; where there are enough, the means of fifteen stretches tell.
    """
    n = len(values)
    if n < 2:
        return float("inf")
    half = _half_width(values)
    if n >= 45:
        size = n // 15
        first = n - 15 * size
        half = max(half, _half_width([sum(values[i : i + size]) / size for i in range(first, n, size)]))
    return half


def trend(values):
    """Mean of the last third over that of the middle third, minus 1."""
    third = len(values) // 3
    if third == 0:
        return 0.0
    middle = sum(values[-2 * third : -third])
    return sum(values[-third:]) / middle - 1 if middle else 0.0
