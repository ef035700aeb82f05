"""Follows the program into its child processes, so that lines that run there are measured too.

How a child learns its orders, so that it cannot notice: a forked one has them already; one that
``multiprocessing`` or loky (joblib) starts finds them in the preparation data, as an object whose
unpickling carries them out; a ``subprocess`` of the same Python gets them as the runner gives them to the
main process, between ``subprocess`` and the operating system, so that neither the parent's environment
and ``Popen.args`` nor the child's show them. Functions travel as they were written; who follows puts the
measured code in their place when they arrive.

What a child measured is written while it runs (``Ledger``), because most are ended without warning.
"""

import json
import os
import struct
import sys
import time

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROW = struct.Struct("=8Q")
# How often a child tells of all its lines: this share of its age, within these bounds.
_SHARE = 8
_SOONEST_NS = 200_000
_LATEST_NS = 25_000_000
# Options of the interpreter that take the next word; `-c` and what ignores the environment cannot be followed.
_WITH_VALUE = frozenset(("-W", "-X", "--check-hash-based-pycs"))


class Ledger:
    """What one child measured so far: ``OUT.PID.files`` names the files, ``OUT.PID.lines`` holds a row of eight
    numbers per line: file and line, hits, wall, process CPU, thread CPU, first, awaited, threads."""

    def __init__(self, session, forked=False):
        self._session = session
        self._forked = forked
        self._base = "%s.%d" % (session.out, os.getpid())
        self._named = -1
        self._born = time.perf_counter_ns()

    def name(self):
        """Tells which files are measured and how many children this one has started."""
        session = self._session
        known = len(session.files) + session.started
        if known != self._named:
            self._named = known
            with open(self._base + ".part", "w", encoding="utf-8") as stream:
                json.dump({"version": 1, "files": session.files, "started": session.started, "forked": self._forked, "error": " ".join(session.errors) or None}, stream)
            os.replace(self._base + ".part", self._base + ".files")

    def flush(self, number=None):
        """Writes one line or all. Never raises."""
        try:
            timing = self._session.timing
            if number is None:
                now = time.perf_counter_ns()
                timing.due[0] = now + min(max((now - self._born) // _SHARE, _SOONEST_NS), _LATEST_NS)
            self.name()
            # The file is opened each time: a child may close descriptors that it does not know, and reuse their numbers.
            place = os.open(self._base + ".lines", os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                if number is not None:
                    os.pwrite(place, self._packed(number, timing.row(number)), number * _ROW.size)
                else:
                    os.pwrite(place, b"".join(self._packed(n, row) for n, row in enumerate(timing.rows())), 0)
            finally:
                os.close(place)
        except Exception:  # Nothing of this may reach the script; the runner counts children that told nothing.
            pass

    def _packed(self, number, row):
        return _ROW.pack(self._session.timing.cell_values[number], *row)


class Orders:
    """Travels in the preparation data of a child; unpickling it makes the child measure its lines."""

    def __init__(self, orders):
        self._orders = orders

    def __reduce__(self):
        code = "import sys; sys.path.insert(0, %r)\ntry:\n    from threadgauge_probe import children\nfinally:\n    del sys.path[0]\nchildren.join(%r)" % (os.path.dirname(_HERE), json.dumps(self._orders))
        return exec, (code, {})


def orders_of(session):
    """What a child of this process is told."""
    lines = None if session.only is None else {path: sorted(lines) for path, lines in session.only.items()}
    return {"mode": session.mode, "out": session.out, "roots": list(session.roots), "cpu_lines": lines, "child": True}


def join(text):
    """In a child started by ``multiprocessing`` or loky: measures its lines from here on. Never raises."""
    try:
        import atexit

        from threadgauge_probe import launch

        session = launch.Session(json.loads(text))
        atexit.register(session.write)
        os.register_at_fork(after_in_child=session.forked)
        launch._hook_imports(session, None)
        follow(session)
        _at_end_of_process(session)
        _measure_main(session)
        for name, module in list(sys.modules.items()):
            if name.endswith(("cloudpickle.cloudpickle", "cloudpickle.cloudpickle_fast")):
                session.change_cloudpickle(module)
        session.ledger.name()
        for name in [n for n in sys.modules if n.split(".")[0] == "threadgauge_probe"]:
            del sys.modules[name]
    except Exception:
        pass


def forked(session):
    """In a forked child: measures its lines, apart from the parent's."""
    session.started = 0
    session.ledger = Ledger(session, True)
    session.timing.forked(session.ledger.flush)
    _at_end_of_process(session)


def _at_end_of_process(session):
    """Processes of ``multiprocessing`` end without the handlers of ``atexit``, but not without this function."""
    util = sys.modules.get("multiprocessing.util")
    plain = getattr(util, "_exit_function", None)
    if plain is None or hasattr(plain, "ledgers"):
        if plain is not None:
            plain.ledgers[:] = [session.ledger]
        return
    ledgers = [session.ledger]

    def _exit_function(*arguments, **named):
        try:
            return plain(*arguments, **named)
        finally:
            ledgers[0].flush()

    _exit_function.ledgers = ledgers
    util._exit_function = _exit_function


def _measure_main(session):
    """A started child runs the main module's file again, by ``runpy``."""
    import runpy

    plain = runpy._get_code_from_file

    def _get_code_from_file(*arguments):
        result = plain(*arguments)
        path = arguments[-1]
        try:
            if session.wanted(path):
                with open(path, "rb") as stream:
                    code = session.compiled(stream.read(), path, False)
                result = (code, *result[1:]) if isinstance(result, tuple) else code
        except Exception:
            pass
        return result

    runpy._get_code_from_file = _get_code_from_file


# ---------------------------------------------------------------------- in the parent


def follow(session):
    """Follows into the children that this process starts from now on."""
    session.after_import.update(
        {
            "subprocess": lambda module: _change_subprocess(session, module),
            "multiprocessing.spawn": lambda module: _change_preparation(session, module),
            "loky.backend.spawn": lambda module: _change_preparation(session, module),
            "joblib.externals.loky.backend.spawn": lambda module: _change_preparation(session, module),
        }
    )
    for name, change in session.after_import.items():
        if name in sys.modules:
            change(sys.modules[name])


def _change_preparation(session, module):
    import functools

    plain = module.get_preparation_data

    @functools.wraps(plain)
    def get_preparation_data(*arguments, **named):
        data = plain(*arguments, **named)
        session.started += 1
        data["threadgauge"] = Orders(orders_of(session))
        return data

    module.get_preparation_data = get_preparation_data


def _change_subprocess(session, module):
    direct = hasattr(module, "_fork_exec")
    plain = getattr(module, "_fork_exec", None) or getattr(getattr(module, "_posixsubprocess", None), "fork_exec", None)
    if plain is None:
        return  # Windows: these children are not followed.

    def fork_exec(arguments, executables, close_fds, pass_fds, cwd, env, *more):
        try:
            followed = _command(session, arguments, executables, cwd, env)
            if followed is not None:
                session.started += 1
                arguments, env = followed
        except Exception:
            pass
        return plain(arguments, executables, close_fds, pass_fds, cwd, env, *more)

    if direct:
        module._fork_exec = fork_exec
    else:
        import types

        module._posixsubprocess = types.SimpleNamespace(fork_exec=fork_exec)


def _command(session, arguments, executables, cwd, env):
    """The command and environment with which a child of this same Python is followed, or None."""
    folder = os.fsdecode(cwd) if cwd is not None else os.getcwd()
    program = next((p for p in (os.path.join(folder, os.fsdecode(e)) for e in executables) if os.path.isfile(p)), None)
    if program is None or not sys.executable or os.path.realpath(program) != os.path.realpath(sys.executable):
        return None
    words = [os.fsdecode(word) for word in arguments]
    at = _script(words)
    if at is None:
        return None
    entries = [os.fsencode(k) + b"=" + os.fsencode(v) for k, v in os.environ.items()] if env is None else list(env)
    old = next((os.fsdecode(e[len(b"PYTHONPATH="):]) for e in entries if e.startswith(b"PYTHONPATH=")), None)
    orders = dict(orders_of(session), old_pythonpath=old)
    entries = [e for e in entries if not e.startswith(b"PYTHONPATH=")]
    entries.append(os.fsencode("PYTHONPATH=" + os.path.dirname(_HERE) + (os.pathsep + old if old else "")))
    entries.append(os.fsencode("THREADGAUGE_PROBE=" + json.dumps(orders)))
    return [os.fsencode(w) for w in (*words[:at], "-m", "threadgauge_probe", *words[at:])], entries


def _script(words):
    """Index of the script or of ``-m`` in a command of the interpreter; None where there is none or the probe could not be loaded."""
    at = 1
    while at < len(words):
        word = words[at]
        if word in _WITH_VALUE:
            at += 2
        elif word == "-m":
            return at if at + 1 < len(words) else None
        elif word.startswith("--"):
            if not word.startswith("--check-hash-based-pycs="):
                return None
            at += 1
        elif word.startswith("-") and len(word) > 1:
            if word[1] not in "WX" and set(word[1:]) & set("cmEIhV?"):
                return None
            at += 1
        else:
            return at if word != "-" and word else None
    return None
