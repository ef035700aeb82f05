"""Collects what the rewritten statements say.

Times are inclusive: a line's time contains all that it calls, other measured lines too. Recursion is
not counted twice: ``begin`` hands out the line's total so far, and ``end`` adds only what is beyond what
the same line has added since. Lines on which several threads or tasks are at once, and lines whose CPU
time is measured, count how many are on them (``Overlap``), so that their overlap counts once.

A block of short statements that is reached often is only timed now and then, at random, so that
measuring costs it about ``BUDGET`` of its time; its hits are exact all the same, its time is scaled up.
(A measured execution that is far longer than the others was interrupted by another process; it counts
once and is not scaled up.)

Why marks in the code and not ``sys.monitoring`` (Python 3.12 and newer): both were measured on the loop
that generates token by token, see ``docs/architecture.md``. A LINE event costs a call of a Python
function at every line, which nothing can make rare without losing count of the hits; a gate costs a
twentieth of that per block of statements.
"""

import _thread
import itertools
import operator
import sys
import time

# Share of a short block's time that measuring it may cost.
BUDGET = 0.004
# What a measurement costs amid other work over what it costs in a loop of its own: the caches are cold.
COLD = 4
# From this mean on, a line with several threads or tasks is always timed: samples of it cannot be added up.
_SHORT_OVERLAP_NS = 20_000
# A child tells at once of executions that took long.
_LONG_NS = 1_000_000
_NEVER = 1 << 62
_PATTERN_LENGTH = 509
_TRIVIAL = tuple(type(iter(x)) for x in ([], (), range(0), range(1 << 70), {}, {}.values(), {}.items(), set(), "", b"", bytearray()))


def _patterns():
    """For each density 1/2 … 1/256 a few patterns of ones at random places (a fixed generator of their own)."""
    seed = 12345
    table = []
    for power in range(1, 9):
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
    """Says whether the next execution of a block of statements is timed. Used through ``itertools.chain``, so
    that the usual answer costs no Python call; this object is asked for the next chunk of answers only."""

    __slots__ = ("_timing", "numbers", "pulls", "_chunk", "_pattern", "_length", "_turn", "_recursive", "_seen")

    def __init__(self, timing, turn):
        self._timing = timing
        self.numbers = []
        self.pulls = 0
        self._chunk = None
        self._pattern = None
        self._length = 0
        self._turn = turn
        self._recursive = False
        self._seen = (0, 0)

    def __iter__(self):
        return self

    def __next__(self):
        self.settle()
        if not self.pulls:
            self._start((1,), None)
        else:
            self._choose()
        return self._chunk

    def _start(self, answers, pattern):
        self._pattern = pattern
        self._length = len(answers)
        self._chunk = iter(answers)

    def _choose(self):
        timing, numbers = self._timing, self.numbers
        if self.pulls < 30:
            return self._start((1,) * 29, None)
        if not self._recursive:
            self._recursive = _on_stack_twice(sys._getframe(2))
        spent = sum(timing.records[n].ns for n in numbers)
        wanted = spent / self.pulls * BUDGET / (timing.cost_ns * COLD * len(numbers))
        # A sample of a recursive line cannot be scaled: it may lie within another sample.
        if wanted > 0.7 or self._recursive or any(n in timing.overlaps and timing.overlaps[n].matters() for n in numbers):
            return self._start((1,) * 64, None)
        for n in numbers:
            record = timing.records[n]
            timing.limit[n] = max(50 * record.ns / max(record.hits, 1), 300_000)
        level = 0
        while level < len(timing.patterns) - 1 and wanted < 0.7 / (2 << level):
            level += 1
        _, variants = timing.patterns[level]
        self._turn += 1
        pattern = variants[self._turn % len(variants)]
        return self._start(pattern, pattern)

    def _pulled(self):
        """Answers taken since the last settlement, and how many of them were yes."""
        pulled = self._length - operator.length_hint(self._chunk)
        if self._pattern is None:
            return pulled, pulled
        from_ = len(self._pattern) - self._length
        return pulled, sum(self._pattern[from_ : from_ + pulled])

    def estimates(self):
        """Per line of the block, its record brought up to date (a copy; nothing is changed)."""
        records = self._timing.records
        if self._chunk is None:
            return [records[n] for n in self.numbers]
        pulled, timed = self._pulled()
        return [records[n].grown(self._timing, n, pulled, timed, self.pulls, self._pattern is not None) for n in self.numbers]

    def settle(self):
        """Adds what was measured since the last chunk began, scaled to all executions."""
        if self._chunk is None:
            return
        pulled, timed = self._pulled()
        timing = self._timing
        for n in self.numbers:
            timing.records[n] = timing.records[n].grown(timing, n, pulled, timed, self.pulls, self._pattern is not None)
            timing.outliers.pop(n, None)
        self.pulls += pulled
        self._length -= pulled


class Record:
    """What is settled of one line: time and hits, and how much of the raw sums that contains."""

    __slots__ = ("ns", "hits", "first_ns", "seen_ns", "seen_hits")

    def __init__(self, ns=0.0, hits=0, first_ns=0, seen_ns=0, seen_hits=0):
        self.ns, self.hits, self.first_ns, self.seen_ns, self.seen_hits = ns, hits, first_ns, seen_ns, seen_hits

    def grown(self, timing, number, pulled, timed, before, sampled):
        """The record with the latest executions: ``pulled`` of the block, ``timed`` of them measured."""
        total, count = timing.total[number], timing.count[number]
        outliers = timing.outliers.get(number, ())
        apart = sum(outliers)
        measured = count - self.seen_hits
        spent = max(total - self.seen_ns - apart - (measured - len(outliers)) * timing.bias_ns, 0)
        ns, hits, first = self.ns, self.hits, self.first_ns
        if not sampled:
            ns += spent + apart
            hits += measured
        elif timed:
            ns += apart + spent * pulled / timed
            hits += pulled if measured == timed else int(measured * pulled / timed)
        elif before:
            ns += self.ns / before * pulled
            hits += int(self.hits / before * pulled + 0.5)
        if not self.hits and measured:
            first = (spent + apart) / measured
        return Record(ns, hits, first, total, count)


def _on_stack_twice(frame):
    code = frame.f_code
    for _ in range(300):
        frame = frame.f_back
        if frame is None:
            return False
        if frame.f_code is code:
            return True
    return False


class Overlap:
    """A line that several threads or tasks may be on at once: how many are, and how many of them are not suspended."""

    __slots__ = ("_timing", "_number", "active", "_opened", "_opened_cpu", "_awake", "_asleep", "awaited", "threads")

    def __init__(self, timing, number):
        self._timing = timing
        self._number = number
        self.awaited = 0
        self.threads = {}
        self.clear()

    def clear(self):
        """Nobody is on the line (in a forked child, the others are elsewhere)."""
        self.active = self._awake = 0
        self._opened = self._opened_cpu = 0
        self._asleep = None

    def matters(self):
        """True when executions may lie within one another, so that a sample cannot be scaled."""
        timing, number = self._timing, self._number
        total = timing.total[number]
        return self.awaited * 50 > total or total >= _SHORT_OVERLAP_NS * timing.count[number]

    def enter(self):
        if not self.active and self._timing.cpu_clocks:
            self._opened_cpu = time.process_time_ns()
        now = self._wake()
        if not self.active:
            self._opened = now
        self.active += 1

    def leave(self, now):
        # Another thread may take over at any call, so that what belongs together has none in between.
        timing, number = self._timing, self._number
        process = time.process_time_ns() if timing.cpu_clocks else 0
        self._sleep(now)
        self.active -= 1
        if not self.active:
            spent, used = now - self._opened, process - self._opened_cpu
            self._asleep = None
            if spent > 0:
                timing.total[number] += spent
            if timing.cpu_clocks and used > 0:
                timing.cpu[number] += used
        timing.count[number] += 1

    def _wake(self):
        here = self.threads.get(_thread.get_ident())
        if here is None:
            here = self.threads[_thread.get_ident()] = [0, 0]
        if not here[0] and self._timing.cpu_clocks:
            here[1] = time.thread_time_ns()
        here[0] += 1
        now = time.perf_counter_ns()
        asleep, self._asleep = self._asleep, None
        if asleep is not None:
            self.awaited += now - asleep
        self._awake += 1
        return now

    def _sleep(self, now):
        self._awake -= 1
        if not self._awake:
            self._asleep = now
        here = self.threads.get(_thread.get_ident())
        if here is not None and here[0]:
            here[0] -= 1
            if not here[0] and self._timing.cpu_clocks:
                used = time.thread_time_ns() - here[1]
                self._timing.thread[self._number] += used

    def suspended(self):
        """One of those on the line waits from now on."""
        if self._awake:
            self._sleep(time.perf_counter_ns())

    def resumed(self):
        """One of those that waited goes on."""
        if self.active > self._awake:
            self._wake()


class Key:
    """One execution of a line with an ``Overlap``; it ends at the latest when an exception drops it."""

    __slots__ = ("_overlap", "_epoch", "cell", "open")

    def __init__(self, overlap, epoch, cell):
        self._overlap, self._epoch, self.cell, self.open = overlap, epoch, cell, True
        overlap.enter()

    def close(self, now):
        if self.open:
            self.open = False
            if self._overlap._timing.epoch == self._epoch:
                self._overlap.leave(now)

    def __del__(self):
        try:
            self.close(time.perf_counter_ns())
        except Exception:  # At the very end of the interpreter.
            pass


class Waiting(map):
    """What is awaited, with the times at which it is suspended. Being made of C alone while it is on the stack,
    it shows in no traceback: each step asks ``woken`` first, then the awaited itself, then ``stamp``."""

    __slots__ = ("send", "throw", "close", "__weakref__", "_overlap", "_asleep", "_epoch", "_place", "_cell", "key")

    def __await__(self):
        return self

    def __del__(self):
        try:
            if self._asleep and self._overlap._timing.epoch == self._epoch:
                self._overlap.resumed()
        except Exception:
            pass


def _waiting(timing, number, iterator, key=None):
    overlap = timing.overlaps[number]
    box, mine = timing.cell, timing.cell_values[number]
    state = []

    def woken():
        me = state[0]() if state else None
        if me is not None and me._asleep:
            me._asleep = False
            overlap.resumed()
            if box[0] is not None:
                box[0][0] = mine
        return True

    def stamp(_, value):
        me = state[0]()
        if me is not None and me._epoch == timing.epoch:
            me._asleep = True
            overlap.suspended()
            if box[0] is not None:
                box[0][0] = 0
        return value

    waiting = Waiting(stamp, iter(woken, None), iterator)
    waiting._overlap, waiting._asleep, waiting._epoch, waiting.key = overlap, False, timing.epoch, key
    for name in ("send", "throw", "close"):
        method = getattr(iterator, name, None)
        if method is not None:
            setattr(waiting, name, method)
    import weakref

    state.append(weakref.ref(waiting))
    return waiting


class Timing:
    """All measured lines of this process. ``cpu`` adds the clocks of process and thread; ``cell`` is shared memory, or None."""

    def __init__(self, cpu=False, cell=None):
        self.total = []
        self.count = []
        self.limit = []
        self.cpu = []
        self.thread = []
        self.records = []
        self.blocks = []
        self.block_of = []
        self.where = []
        self.cell_values = []
        self.owner = []
        self.overlaps = {}
        self.outliers = {}
        self.base = {}
        self.patterns = _patterns()
        self.cell = [cell]
        self.due = [_NEVER]
        self.flush = None
        self.epoch = 0
        self.cpu_clocks = cpu
        self.bias_ns = 0
        self.cost_ns = 300
        self.begin, self.end = self._functions(cell is not None)
        self.values = {
            "begin": self.begin, "end": self.end, "clock": time.perf_counter_ns, "next": next, "slice": slice,
            "store": self._store(), "iterate": self._iterate(), "context": self._context(),
            "waited": self._waited(), "aiterate": self._aiterate(), "asteps": self._asteps(), "acontext": self._acontext(),
        }
        for name in "iadd isub imul imatmul itruediv ifloordiv imod ipow ilshift irshift ior ixor iand".split():
            self.values[name] = getattr(operator, name)
        self._calibrate()

    def new_block(self):
        """The number of a new block of statements that share a gate."""
        gate = Gate(self, len(self.blocks))
        self.blocks.append((gate, itertools.chain.from_iterable(gate)))
        return len(self.blocks) - 1

    def new_record(self, file, line, block=None, waits=False):
        """The number of a new line of a file (an index into the list of files); ``block`` is its gate's, ``waits`` says that it awaits."""
        number = len(self.total)
        self.total.append(0)
        self.count.append(0)
        self.limit.append(_NEVER)
        self.cpu.append(0)
        self.thread.append(0)
        self.records.append(Record())
        self.block_of.append(block)
        self.where.append((file, line))
        self.cell_values.append(((file + 1) << 32) | line)
        self.owner.append(None)
        if waits or self.cpu_clocks:
            self.overlaps[number] = Overlap(self, number)
        if block is not None:
            self.blocks[block][0].numbers.append(number)
        return number

    def value(self, name):
        """What a named constant stands for."""
        if name.startswith("gate:"):
            return self.blocks[int(name[5:])][1]
        return self.values[name]

    def forked(self, flush):
        """In a forked child: what was measured so far is the parent's, and so is the shared cell. ``flush`` tells of lines."""
        self.cell[0] = [0] if self.cell[0] is not None else None
        self.epoch += 1
        for overlap in self.overlaps.values():
            overlap.clear()
            overlap.threads.clear()
        self.base = {number: row for number, row in enumerate(self.rows())}
        self.tell(flush)

    def tell(self, flush):
        """From now on ``flush(number)`` is called after a long execution, ``flush()`` now and then."""
        self.flush = flush
        self.due[0] = 0

    # ------------------------------------------------------------------ marks

    def _functions(self, cell):
        total, count, limit, owner = self.total, self.count, self.limit, self.owner
        overlaps, ident, due = self.overlaps, _thread.get_ident, self.due
        box, values = self.cell, self.cell_values

        if cell:

            def begin(i):
                place = box[0]
                old = place[0]
                place[0] = values[i]
                if i in overlaps:
                    return Key(overlaps[i], self.epoch, old)
                return total[i], old

        else:

            def begin(i):
                if i in overlaps:
                    return Key(overlaps[i], self.epoch, 0)
                return total[i]

        def end(i, key, start, value, stop):
            if type(key) is Key:
                key.close(stop)
                if cell:
                    box[0][0] = key.cell
            else:
                if cell:
                    box[0][0] = key[1]
                    key = key[0]
                # What the line has added since lies within this execution.
                spent = stop - start - total[i] + key
                if spent > 0:
                    if spent > limit[i]:
                        self.outliers.setdefault(i, []).append(spent)
                    total[i] += spent
                count[i] += 1
                if owner[i] != ident():
                    self._arrived(i)
            if stop > due[0] or stop - start > _LONG_NS:
                self._told(i, stop)
            return value

        return begin, end

    def _arrived(self, number):
        """Another thread than so far has executed the line."""
        here, owner = _thread.get_ident(), self.owner[number]
        if owner is not None:
            overlap = self.overlaps[number] = Overlap(self, number)
            overlap.threads = {owner: [0, 0], here: [0, 0]}
        self.owner[number] = here

    def _told(self, number, now):
        flush = self.flush
        if flush is not None:
            if now > self.due[0]:
                self.due[0] = _NEVER  # Who flushes says when the next time is.
                flush()
            else:
                flush(number)

    def _store(self):
        end, clock = self.end, time.perf_counter_ns

        def store(i, key, start, value, container, index):
            container[index] = value
            end(i, key, start, None, clock())

        return store

    def _iterate(self):
        begin, end, clock, total, count = self.begin, self.end, time.perf_counter_ns, self.total, self.count

        def timed(i, iterator):
            following = iterator.__next__
            for _ in range(256):
                key, start = begin(i), clock()
                try:
                    value = following()
                except StopIteration:
                    return
                yield end(i, key, start, value, clock())
            if total[i] / max(count[i], 1) < 2000:
                # Too short to matter; and what is not timed costs nearly nothing.
                for value in iterator:
                    count[i] += 1
                    yield value
                return
            while True:
                key, start = begin(i), clock()
                try:
                    value = following()
                except StopIteration:
                    return
                yield end(i, key, start, value, clock())

        def iterate(i, key, start, iterable):
            iterator = iter(iterable)
            end(i, key, start, None, clock())
            if type(iterator) in _TRIVIAL:
                return iterator
            # From here on the hits are those of the iteration.
            count[i] -= 1
            return timed(i, iterator)

        return iterate

    def _context(self):
        begin, end, clock, total, count = self.begin, self.end, time.perf_counter_ns, self.total, self.count

        class Context:
            __slots__ = ("manager", "number")

            def __init__(self, number, manager):
                self.number = number
                self.manager = manager

            def __enter__(self):
                key, start = begin(self.number), clock()
                value = type(self.manager).__enter__(self.manager)
                count[self.number] -= 1
                return end(self.number, key, start, value, clock())

            def __exit__(self, *details):
                # What ends here may wait for threads, so it is the line's time as well.
                key, start = begin(self.number), clock()
                value = type(self.manager).__exit__(self.manager, *details)
                count[self.number] -= 1
                return end(self.number, key, start, value, clock())

        def context(i, key, start, manager):
            end(i, key, start, None, clock())
            kind = type(manager)
            if not (hasattr(kind, "__enter__") and hasattr(kind, "__exit__")):
                return manager
            if count[i] > 256 and total[i] / count[i] < 4000:
                return manager
            return Context(i, manager)

        return context

    # ------------------------------------------------------------------ what is awaited

    def _steps(self, i, awaitable, key=None):
        """The awaitable with the times at which it is suspended, or itself where that cannot be."""
        make = getattr(type(awaitable), "__await__", None)
        if make is None:
            return awaitable
        iterator = make(awaitable)
        return _waiting(self, i, iterator, key) if hasattr(type(iterator), "__next__") else awaitable

    def _waited(self):
        return self._steps

    def _asteps(self):
        """For `async for` within an expression: its suspensions belong to the statement, its time is counted there."""
        steps = self._steps

        class Steps:
            __slots__ = ("iterator", "number")

            def __init__(self, number, iterator):
                self.number, self.iterator = number, iterator

            def __aiter__(self):
                return self

            def __anext__(self):
                return steps(self.number, type(self.iterator).__anext__(self.iterator))

        def asteps(i, iterable):
            make = getattr(type(iterable), "__aiter__", None)
            iterator = make(iterable) if make is not None else None
            return Steps(i, iterator) if hasattr(type(iterator), "__anext__") else iterable

        return asteps

    def _aiterate(self):
        steps, end, clock, count = self._steps, self.end, time.perf_counter_ns, self.count
        overlaps = self.overlaps

        class Iterator:
            __slots__ = ("iterator", "number")

            def __init__(self, number, iterator):
                self.number, self.iterator = number, iterator

            def __aiter__(self):
                return self

            def __anext__(self):
                # The key ends with the step that holds it.
                return steps(self.number, type(self.iterator).__anext__(self.iterator), Key(overlaps[self.number], timing.epoch, 0))

        def aiterate(i, key, start, iterable):
            make = getattr(type(iterable), "__aiter__", None)
            iterator = make(iterable) if make is not None else None
            end(i, key, start, None, clock())
            if not hasattr(type(iterator), "__anext__"):
                return iterable
            count[i] -= 1
            return Iterator(i, iterator)

        timing = self
        return aiterate

    def _acontext(self):
        steps, end, clock, count = self._steps, self.end, time.perf_counter_ns, self.count
        overlaps = self.overlaps

        class Context:
            __slots__ = ("manager", "number")

            def __init__(self, number, manager):
                self.number, self.manager = number, manager

            def __aenter__(self):
                count[self.number] -= 1
                return steps(self.number, type(self.manager).__aenter__(self.manager), Key(overlaps[self.number], timing.epoch, 0))

            def __aexit__(self, *details):
                count[self.number] -= 1
                return steps(self.number, type(self.manager).__aexit__(self.manager, *details), Key(overlaps[self.number], timing.epoch, 0))

        def acontext(i, key, start, manager):
            end(i, key, start, None, clock())
            kind = type(manager)
            return Context(i, manager) if hasattr(kind, "__aenter__") and hasattr(kind, "__aexit__") else manager

        timing = self
        return acontext

    # ------------------------------------------------------------------ results

    def _calibrate(self):
        """Measures what a measurement adds to a line's own time, and what it costs in all."""
        begin, end, clock = self.begin, self.end, time.perf_counter_ns
        plain, self.cpu_clocks = self.cpu_clocks, False
        number = self.new_record(0, 0)
        self.cpu_clocks = plain
        for _ in range(200):
            end(number, begin(number), clock(), None, clock())
        costs, biases = [], []
        for _ in range(15):
            before, start = self.total[number], clock()
            for _ in range(40):
                end(number, begin(number), clock(), None, clock())
            costs.append((clock() - start) / 40)
            biases.append((self.total[number] - before) / 40)
        self.cost_ns = max(sorted(costs)[7], 100)
        self.bias_ns = sorted(biases)[3]
        for column in (self.total, self.count, self.limit, self.cpu, self.thread, self.records, self.block_of, self.where, self.cell_values, self.owner):
            column.clear()

    def row(self, number):
        """Hits, wall, process CPU, thread CPU, first, awaited, threads of one line; of this process alone."""
        block = self.block_of[number]
        if block is None:
            record = Record(self.total[number], self.count[number], self.total[number] if self.count[number] == 1 else 0)
        else:
            gate = self.blocks[block][0]
            record = gate.estimates()[gate.numbers.index(number)]
        return self._row(number, record)

    def _row(self, number, record):
        overlap = self.overlaps.get(number)
        threads = len(overlap.threads) if overlap is not None else 1 if self.owner[number] is not None else 0
        awaited = overlap.awaited if overlap is not None else 0
        row = [record.hits, int(record.ns), self.cpu[number], self.thread[number], int(record.first_ns), min(awaited, int(record.ns)), threads]
        base = self.base.get(number)
        if base is not None:
            row[:4] = [max(now - then, 0) for now, then in zip(row[:4], base[:4])]
            row[4] = 0
            row[5] = max(row[5] - base[5], 0)
        return row

    def rows(self):
        """The rows of all lines."""
        rows = [None] * len(self.total)
        for gate, _ in self.blocks:
            for number, record in zip(gate.numbers, gate.estimates()):
                rows[number] = self._row(number, record)
        return [self.row(number) if row is None else row for number, row in enumerate(rows)]

    def lines(self, files):
        """Per file, the rows of the report: line, hits, wall, process CPU, thread CPU, first, awaited, threads."""
        found = [{} for _ in range(files)]
        for (file, line), (hits, wall, cpu, thread, first, awaited, threads) in zip(self.where, self.rows()):
            if hits <= 0 and wall <= 0:
                continue
            old = found[file].get(line)
            if old is None:
                found[file][line] = [line, max(hits, 1), wall, cpu, thread, first, awaited, threads]
            else:
                # Several statements on one line.
                old[1] = max(old[1], hits)
                old[7] = max(old[7], threads)
                for at, more in ((2, wall), (3, cpu), (4, thread), (5, first), (6, awaited)):
                    old[at] += more
        for row in (row for rows in found for row in rows.values()):
            if not self.cpu_clocks:
                row[3] = row[4] = None
            row[6] = row[6] or None
            row[7] = row[7] if row[7] > 1 else None
        return [[rows[line] for line in sorted(rows)] for rows in found]
