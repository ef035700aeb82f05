"""Collects what the rewritten statements say.

Times are inclusive: a line's time contains all that it calls, other measured lines too. Recursion is
not counted twice, by a telescope: ``begin`` gives *now minus the line's total*, ``end`` makes the total
*now minus that*, which replaces whatever the same line added in between by the outer duration. Where
several threads or tasks are on one line at once, their overlap counts once.

A short line that is reached often is only timed now and then, at random, so that measuring costs it
about ``BUDGET`` of its time; its hits are exact all the same, its time is scaled up. (A measured
execution that is far longer than the others was interrupted by another process; it counts once and
is not scaled up.)
"""

import itertools
import operator
import sys
import time

# Share of a short line's time that measuring it may cost.
BUDGET = 0.005
_PATTERN_LENGTH = 509
_TRIVIAL = tuple(type(iter(x)) for x in ([], (), range(0), range(1 << 70), {}, {}.values(), {}.items(), set(), "", b"", bytearray()))


def _patterns():
    """For each density 1/2 … 1/64 a few patterns of ones at random places (a fixed generator of their own)."""
    seed = 12345
    table = []
    for power in range(1, 7):
        ones = max(1, _PATTERN_LENGTH >> power)
        variants = []
        for _ in range(6):
            places = list(range(_PATTERN_LENGTH))
            for i in range(ones):
                seed = (seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)
                j = i + (seed >> 33) % (_PATTERN_LENGTH - i)
                places[i], places[j] = places[j], places[i]
            chosen = set(places[:ones])
            variants.append(tuple(1 if i in chosen else 0 for i in range(_PATTERN_LENGTH)))
        table.append((ones, variants))
    return table


class Gate:
    """Says whether a line's next execution is timed. Used through ``itertools.chain``, so that the
    usual answer costs no Python call; this object is asked for the next chunk of answers only."""

    __slots__ = ("_timing", "_number", "_chunk", "_length", "_seen_ns", "_seen_hits", "ns", "hits", "first_ns", "_turn", "_recursive", "_outliers")

    def __init__(self, timing, number):
        self._timing = timing
        self._number = number
        self._chunk = None
        self._length = 0
        self._seen_ns = self._seen_hits = 0
        self.ns = 0.0
        self.hits = 0
        self.first_ns = 0
        self._turn = number
        self._recursive = False
        self._outliers = []

    def __iter__(self):
        return self

    def __next__(self):
        self.settle()
        if not self.hits:
            chunk, self._length = iter((1,)), 1
        else:
            chunk = self._choose()
        self._chunk = chunk
        return chunk

    def _choose(self):
        timing = self._timing
        if self.hits < 30:
            self._length = 29
            return iter((1,) * 29)
        if not self._recursive:
            self._recursive = _on_stack_twice(sys._getframe(2))
        wanted = self.ns / self.hits * BUDGET / timing.cost_ns
        # A sample of a recursive line cannot be scaled: it may lie within another sample.
        if wanted > 0.7 or self._recursive:
            self._length = 64
            return iter((1,) * 64)
        timing.limit[self._number] = max(50 * self.ns / self.hits, 300_000)
        level = 0
        while level < len(timing.patterns) - 1 and wanted < 0.7 / (2 << level):
            level += 1
        _, variants = timing.patterns[level]
        self._turn += 1
        self._length = _PATTERN_LENGTH
        return iter(variants[self._turn % len(variants)])

    def outlier(self, spent):
        """An execution that took far longer than the others."""
        self._outliers.append(spent)

    def settle(self):
        """Adds what was measured since the last chunk began, scaled to all executions."""
        if self._chunk is None:
            return
        timing, number = self._timing, self._number
        pulled = self._length - operator.length_hint(self._chunk)
        total, count = timing.total[number], timing.count[number]
        outliers, self._outliers = self._outliers, []
        apart = sum(outliers)
        self.ns += apart
        measured = count - self._seen_hits - len(outliers)
        if measured > 0:
            spent = max(total - self._seen_ns - apart - measured * timing.bias_ns, 0)
            if not self.hits:
                self.first_ns = spent
            self.ns += spent * (pulled / measured if self._length == _PATTERN_LENGTH else 1)
        elif self._length == _PATTERN_LENGTH and self.hits:
            self.ns += self.ns / self.hits * pulled
        self.hits += pulled
        self._seen_ns, self._seen_hits = total, count
        self._length -= pulled


def _on_stack_twice(frame):
    code = frame.f_code
    for _ in range(300):
        frame = frame.f_back
        if frame is None:
            return False
        if frame.f_code is code:
            return True
    return False


class Timing:
    """All measured lines of this process. ``cpu`` adds the clocks of process and thread; ``cell`` is shared memory, or None."""

    def __init__(self, cpu=False, cell=None):
        self.total = []
        self.count = []
        self.limit = []
        self.cpu = []
        self.thread = []
        self.gates = []
        self.where = []
        self.cell_values = []
        self.patterns = _patterns()
        self.cell = [cell]
        self._cpu_clocks = cpu
        self.bias_ns = 0
        self.cost_ns = 300
        self.begin, self.end = self._functions(cpu, cell is not None)
        self.values = {
            "begin": self.begin, "end": self.end, "next": next, "slice": slice,
            "store": self._store(), "iterate": self._iterate(), "context": self._context(),
        }
        for name in "iadd isub imul imatmul itruediv ifloordiv imod ipow ilshift irshift ior ixor iand".split():
            self.values[name] = getattr(operator, name)
        self._calibrate()

    def new_record(self, file, line):
        """The number of a new line of a file (an index into the list of files)."""
        number = len(self.total)
        self.total.append(0)
        self.count.append(0)
        self.limit.append(1 << 62)
        self.cpu.append(0)
        self.thread.append(0)
        self.where.append((file, line))
        self.cell_values.append(((file + 1) << 32) | line)
        gate = Gate(self, number)
        self.gates.append((gate, itertools.chain.from_iterable(gate)))
        return number

    def value(self, name):
        """What a named constant stands for."""
        if name.startswith("gate:"):
            return self.gates[int(name[5:])][1]
        return self.values[name]

    def stop(self):
        """Stops writing to the shared cell (in a forked child, the cell belongs to the parent)."""
        self.cell[0] = [0] if self.cell[0] is not None else None

    def _functions(self, cpu, cell):
        total, count, wall = self.total, self.count, time.perf_counter_ns
        limit, gates = self.limit, self.gates
        if cpu:
            process, own = time.process_time_ns, time.thread_time_ns
            process_total, own_total = self.cpu, self.thread
            box, values = self.cell, self.cell_values

            def begin(i):
                old = 0
                if cell:
                    old = box[0][0]
                    box[0][0] = values[i]
                c, o = process(), own()
                return wall() - total[i], c - process_total[i], o - own_total[i], old

            def end(i, key, value):
                now = wall() - key[0]
                c, o = process() - key[1], own() - key[2]
                if now > total[i]:
                    total[i] = now
                    process_total[i] = max(c, process_total[i])
                    own_total[i] = max(o, own_total[i])
                count[i] += 1
                if cell:
                    box[0][0] = key[3]
                return value

        elif cell:
            box, values = self.cell, self.cell_values

            def begin(i):
                place = box[0]
                old = place[0]
                place[0] = values[i]
                return wall() - total[i], old

            def end(i, key, value):
                now = wall() - key[0]
                spent = now - total[i]
                if spent > 0:
                    if spent > limit[i]:
                        gates[i][0].outlier(spent)
                    total[i] = now
                count[i] += 1
                box[0][0] = key[1]
                return value

        else:

            def begin(i):
                return wall() - total[i]

            def end(i, key, value):
                now = wall() - key
                spent = now - total[i]
                if spent > 0:
                    if spent > limit[i]:
                        gates[i][0].outlier(spent)
                    total[i] = now
                count[i] += 1
                return value

        return begin, end

    def _store(self):
        end = self.end

        def store(i, key, value, container, index):
            container[index] = value
            end(i, key, None)

        return store

    def _iterate(self):
        begin, end, total, count = self.begin, self.end, self.total, self.count

        def timed(i, iterator):
            following = iterator.__next__
            for _ in range(256):
                key = begin(i)
                try:
                    value = following()
                except StopIteration:
                    return
                yield end(i, key, value)
            if total[i] / max(count[i], 1) < 2000:
                # Too short to matter; and what is not timed costs nearly nothing.
                for value in iterator:
                    count[i] += 1
                    yield value
                return
            while True:
                key = begin(i)
                try:
                    value = following()
                except StopIteration:
                    return
                yield end(i, key, value)

        def iterate(i, key, iterable):
            iterator = iter(iterable)
            end(i, key, None)
            if type(iterator) in _TRIVIAL:
                return iterator
            # From here on the hits are those of the iteration.
            count[i] -= 1
            return timed(i, iterator)

        return iterate

    def _context(self):
        begin, end, total, count = self.begin, self.end, self.total, self.count

        class Context:
            __slots__ = ("manager", "number")

            def __init__(self, number, manager):
                self.number = number
                self.manager = manager

            def __enter__(self):
                key = begin(self.number)
                value = type(self.manager).__enter__(self.manager)
                count[self.number] -= 1
                return end(self.number, key, value)

            def __exit__(self, *details):
                # What ends here may wait for threads, so it is the line's time as well.
                key = begin(self.number)
                value = type(self.manager).__exit__(self.manager, *details)
                count[self.number] -= 1
                return end(self.number, key, value)

        def context(i, key, manager):
            end(i, key, None)
            kind = type(manager)
            if not (hasattr(kind, "__enter__") and hasattr(kind, "__exit__")):
                return manager
            if count[i] > 256 and total[i] / count[i] < 4000:
                return manager
            return Context(i, manager)

        return context

    def _calibrate(self):
        """Measures what a measurement adds to a line's own time, and what it costs in all."""
        number = self.new_record(0, 0)
        begin, end = self.begin, self.end
        for _ in range(200):
            end(number, begin(number), None)
        costs, biases = [], []
        for _ in range(15):
            before, start = self.total[number], time.perf_counter_ns()
            for _ in range(40):
                end(number, begin(number), None)
            costs.append((time.perf_counter_ns() - start) / 40)
            biases.append((self.total[number] - before) / 40)
        self.cost_ns = max(sorted(costs)[7], 100)
        self.bias_ns = sorted(biases)[3]
        for column in (self.total, self.count, self.limit, self.cpu, self.thread, self.where, self.cell_values, self.gates):
            column.clear()

    def lines(self, files):
        """Per file, the rows of the report: line, hits, wall, process CPU, thread CPU, first."""
        rows = [{} for _ in range(files)]
        for number, (file, line) in enumerate(self.where):
            gate = self.gates[number][0]
            gate.settle()
            if gate.hits:
                hits, wall, first = gate.hits, gate.ns, gate.first_ns
            else:
                hits, wall = self.count[number], self.total[number]
                first = wall if hits == 1 else 0
            if hits <= 0 and wall <= 0:
                continue
            cpu = (self.cpu[number], self.thread[number]) if self._cpu_clocks else (None, None)
            old = rows[file].get(line)
            if old is None:
                rows[file][line] = [line, max(hits, 1), int(wall), cpu[0], cpu[1], int(first)]
            else:
                # Several statements on one line.
                old[1] = max(old[1], hits)
                old[2] += int(wall)
                old[5] += int(first)
                if self._cpu_clocks:
                    old[3] += cpu[0]
                    old[4] += cpu[1]
        return [[r[k] for k in sorted(r)] for r in rows]
