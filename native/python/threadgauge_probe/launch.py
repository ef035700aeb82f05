"""Runs a script or module as ``python`` itself would, with the probe's orders carried out beside it.

What the script must not notice: ``__main__`` is a fresh module, ``sys.argv``, ``sys.path``,
``sys.orig_argv`` and the environment are those of a plain start, and so are those of its children (see
``children``); an uncaught exception is shown without the probe's frames and ends the process in the same
way. What it can notice, if it looks: a few frames at the bottom of the stack, the probe's modules,
``SourceFileLoader.get_code`` (wall and cpu mode), and a handler of ``SIGTERM`` where there was none (wall
and cpu mode, main process, so that what was measured is not lost). A main process that ends through
``os._exit`` or ``SIGKILL`` writes no report.
"""

import atexit
import json
import os
import sys
import time
import types
from importlib.machinery import SourceFileLoader, SourcelessFileLoader

from threadgauge_probe import children, region, rewrite

_HERE = os.path.dirname(os.path.abspath(__file__))


class Session:
    """One run: its orders, what was measured, and the report."""

    def __init__(self, orders):
        self.mode = orders["mode"]
        self.out = orders["out"]
        self.pid = os.getpid()
        self.errors = []
        self.start = None
        self.region_reason = None
        self.files = []
        self.timing = None
        self.only = None
        self.plain_codes = {}
        self.measured_codes = {}
        # Called with the module of that name as soon as it has been imported.
        self.after_import = {}
        self.started = 0
        self.ledger = None
        roots = orders.get("roots") or []
        self.roots = tuple(os.path.join(os.path.realpath(r), "") for r in roots)
        self.torch = {name: orders[name] for name in ("torch_num_threads", "torch_num_interop_threads", "flush_denormal") if orders.get(name) is not None}
        self.barrier = orders.get("barrier")
        self.selection = None
        if orders.get("selection"):
            from threadgauge_probe.repeat import Repeater

            self.selection = Repeater(orders["selection"], self.write)
        if self.mode in ("wall", "cpu"):
            from threadgauge_probe.timing import Timing

            self.timing = Timing(cpu=self.mode == "cpu", cell=_open_cell(orders.get("cell"), self.errors))
            if self.mode == "cpu":
                self.only = {os.path.realpath(p): frozenset(lines) for p, lines in (orders.get("cpu_lines") or {}).items()}
            if orders.get("child"):
                self.ledger = children.Ledger(self)
                self.timing.tell(self.ledger.flush)

    def mark(self):
        """The end of the leading imports: the region begins."""
        if self.start is None:
            self.meet()
            self.start = (time.perf_counter_ns(), time.process_time_ns())

    def meet(self, wait=True):
        """Waits until every instance of the trial has come to where its region begins, or has ended."""
        barrier, self.barrier = self.barrier, None
        if barrier is not None:
            from threadgauge_probe import barrier as place

            place.meet(barrier["path"], barrier["index"], barrier["count"], wait, self.errors)

    # ------------------------------------------------------------------ code

    def wanted(self, path):
        """Whether a file is one of the workspace's own."""
        real = os.path.realpath(path)
        if not real.startswith(self.roots) or real.startswith(os.path.join(_HERE, "")):
            return False
        parts = real.split(os.sep)
        if "site-packages" in parts or "dist-packages" in parts:
            return False
        for root in self.roots:
            if real.startswith(root):
                # A virtual environment within the workspace.
                folder = os.path.dirname(real)
                while len(folder) >= len(root.rstrip(os.sep)):
                    if os.path.exists(os.path.join(folder, "pyvenv.cfg")):
                        return False
                    folder = os.path.dirname(folder)
        return True

    def compiled(self, source, path, entry):
        """The code of a file: rewritten as far as it is wanted, plain otherwise. Errors of the source are raised as usual."""
        plain = compile(source, path, "exec", dont_inherit=True)
        measured = self.timing is not None and self.wanted(path) and (self.only is None or os.path.realpath(path) in self.only)
        chosen = self.selection is not None and self.selection.wants(path)
        if not chosen and not measured and (not entry or self.selection is not None):
            return plain
        try:
            code = self._rewritten(source, path, entry, measured, chosen)
            if measured or chosen:
                self._remember(code, plain)
            return code
        except Exception as error:  # The script must run whatever happens here.
            self.errors.append("The file %s could not be instrumented: %s: %s." % (path, type(error).__name__, error))
            if entry:
                self.region_reason = "The entry script could not be instrumented."
            if chosen:
                self.selection.problem = "The file of the selected code could not be instrumented (%s: %s)." % (type(error).__name__, error)
            return plain

    def _remember(self, code, plain):
        """Pairs each function's code with the code as it was written."""
        kind = type(plain)
        written = {}
        todo = [plain]
        while todo:
            here = todo.pop()
            inner = [c for c in here.co_consts if isinstance(c, kind)]
            todo.extend(inner)
            written.update(((c.co_name, c.co_firstlineno, c.co_freevars), c) for c in inner)
        todo = [code]
        while todo:
            inner = [c for c in todo.pop().co_consts if isinstance(c, kind)]
            todo.extend(inner)
            for c in inner:
                original = written.get((c.co_name, c.co_firstlineno, c.co_freevars))
                if original is not None:
                    self.plain_codes[c] = original
                    self.measured_codes[original.co_filename, original.co_name, original.co_firstlineno, original.co_freevars] = c

    def measured_code(self, code):
        """The measured form of code that came from another process, where there is one."""
        try:
            key = (code.co_filename, code.co_name, code.co_firstlineno, code.co_freevars)
            if key not in self.measured_codes and self.wanted(code.co_filename) and not any(k[0] == code.co_filename for k in self.measured_codes):
                with open(code.co_filename, "rb") as stream:
                    self.compiled(stream.read(), code.co_filename, False)
            return self.measured_codes.get(key, code)
        except Exception:
            return code

    def change_cloudpickle(self, module):
        """Sends functions to other processes (joblib, ray, dask) as they were written: there may be no probe there."""
        make = getattr(module, "_make_function", None)
        if make is not None and self.ledger is not None:
            # Cloudpickle names it in what it sends, so it is asked where a function arrives.
            module._make_function = lambda code, *rest: make(self.measured_code(code), *rest)
        try:
            pickler = getattr(module, "CloudPickler", None)
            if pickler is None:
                return  # Before version 3 it is in `cloudpickle_fast`, which comes next.
            table = pickler._dispatch_table
            reduce = table[types.CodeType]
            table[types.CodeType] = lambda code: reduce(self.plain_codes.get(code, code))
        except Exception as error:
            self.errors.append("Functions sent to other processes by cloudpickle keep their line timing (%s)." % error)

    def _rewritten(self, source, path, entry, measured, chosen):
        import ast

        tree = ast.parse(source, path)
        index = None
        if entry and self.selection is None:
            index, self.region_reason = region.leading_imports(tree)
        values = {"mark": self.mark}
        lookup = values.__getitem__
        if chosen:
            self.selection.instrument(tree)
            lookup = self.selection.value
        if measured:
            import hashlib

            number = len(self.files)
            only = None if self.only is None else self.only[os.path.realpath(path)]
            rewriter = rewrite.Rewriter(lambda *what: self.timing.new_record(number, *what), self.timing.new_block, only, gated=self.mode == "wall")
            rewriter.module(tree)
            self.files.append({"path": os.path.abspath(path), "sha256": hashlib.sha256(source).hexdigest()})

            def lookup(name):
                return values[name] if name in values else self.timing.value(name)

        if index is not None:
            marking = rewrite.mark()
            place = tree.body[index] if index < len(tree.body) else tree.body[-1] if tree.body else None
            for node in ast.walk(marking):
                if "lineno" in node._attributes:
                    node.lineno = node.end_lineno = getattr(place, "lineno", 1)
                    node.col_offset = node.end_col_offset = 0
            tree.body.insert(index, marking)
        ast.fix_missing_locations(tree)
        import warnings

        # The plain compilation has given the warnings already. (Not `catch_warnings`: leaving it
        # makes warnings that were shown once be shown again.)
        filters = warnings.filters
        warnings.filters = [("ignore", None, Warning, None, 0)]
        try:
            code = compile(tree, path, "exec", dont_inherit=True)
        finally:
            warnings.filters = filters
        return rewrite.bind(code, lookup)

    # ------------------------------------------------------------------ report

    def write(self):
        """Writes the report, once at the end, atomically. Never raises."""
        try:
            if self.ledger is not None:
                self.ledger.flush()
                return
            if os.getpid() != self.pid:
                return
            end = (time.perf_counter_ns(), time.process_time_ns())
            # Who never came must not be waited for.
            self.meet(wait=False)
            region = None
            if self.start is not None:
                region = {"start_ns": self.start[0], "end_ns": end[0], "cpu_start_ns": self.start[1], "cpu_end_ns": end[1]}
            elif self.region_reason is None and self.selection is None:
                self.region_reason = "The script ended before the end of its leading imports."
            files = []
            if self.timing is not None:
                for file, lines in zip(self.files, self.timing.lines(len(self.files))):
                    files.append(dict(file, lines=lines))
            report = {
                "version": 1,
                "mode": self.mode,
                "python": "%s %d.%d.%d" % ((_implementation(),) + sys.version_info[:3]),
                "region": region,
                "region_reason": self.region_reason,
                "observed_threads": _observed_threads(),
                "libraries": _libraries(),
                "parallel_info": _torch_says("__config__", "parallel_info"),
                "inter_op_threads": _torch_says("get_num_interop_threads"),
                "files": files,
                "selection": self.selection.report() if self.selection is not None else None,
                "children": self.started,
                "error": " ".join(self.errors) or None,
                "clock": "CLOCK_MONOTONIC",
            }
            folder = os.path.dirname(self.out)
            if not os.path.isdir(folder):
                # Someone has cleaned up the temporary files of a running program.
                os.mkdir(folder, 0o700)
            temporary = "%s.%d.part" % (self.out, self.pid)
            with open(temporary, "w", encoding="utf-8") as stream:
                json.dump(report, stream)
            os.replace(temporary, self.out)
        except BaseException:  # noqa: BLE001 - nothing of this may reach the script.
            pass

    def forked(self):
        """In a forked child: nothing is measured for the parent any more."""
        if self.timing is not None:
            children.forked(self)
        if self.selection is not None:
            self.selection.forked()
        self._restore_sigterm()

    def catch_sigterm(self):
        """Writes the report when the process is asked to end, then lets it end as it would have."""
        import signal

        try:
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, self._on_sigterm)
        except (ValueError, AttributeError, OSError):
            pass

    def _on_sigterm(self, number, _frame):
        import signal

        self.write()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _restore_sigterm(self):
        import signal

        try:
            if signal.getsignal(signal.SIGTERM) == self._on_sigterm:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
        except (ValueError, OSError):
            pass


def _open_cell(path, errors):
    """The shared memory of the current line, as a list of one number."""
    if not path:
        return None
    try:
        import mmap

        with open(path, "r+b") as stream:
            return memoryview(mmap.mmap(stream.fileno(), 64)).cast("Q")
    except (OSError, ValueError) as error:
        errors.append("The line cell could not be opened: %s." % error)
        return None


def _observed_threads():
    torch = sys.modules.get("torch")
    try:
        return int(torch.get_num_threads()) if torch is not None else None
    except Exception:
        return None


# What computes, and so decides how fast a program is.
_COMPUTING = (
    "torch", "torchvision", "torchaudio", "numpy", "scipy", "sklearn", "pandas", "polars", "numba", "jax", "jaxlib",
    "tensorflow", "onnxruntime", "openvino", "transformers", "tokenizers", "sentence_transformers", "diffusers", "vllm",
    "llama_cpp", "ctranslate2", "faster_whisper", "xgboost", "lightgbm", "catboost", "cv2", "PIL", "faiss", "spacy",
    "joblib", "dask", "ray", "numexpr", "pyarrow", "intel_extension_for_pytorch", "mkl",
)


def _implementation():
    return {"cpython": "CPython", "pypy": "PyPy"}.get(sys.implementation.name, sys.implementation.name)


def _libraries():
    """Versions of what the script has imported; nothing is imported for this."""
    versions = {}
    for name in _COMPUTING:
        try:
            # Some modules import more when an attribute is asked for; what is written in them is enough.
            version = vars(sys.modules[name]).get("__version__")
            if isinstance(version, str):
                versions[name] = str(version)
        except Exception:
            pass
    return versions


def _torch_says(*names):
    """What a function of torch says, when torch was imported."""
    try:
        value = sys.modules["torch"]
        for name in names:
            value = getattr(value, name)
        return value()
    except Exception:
        return None


# ---------------------------------------------------------------------- torch


def _change_torch(orders):
    """Puts settings of torch into force as soon as it is imported: see the functions below."""
    import importlib.machinery
    import importlib.util

    class Finder:
        """Lets the others find torch, then changes it as soon as it has been executed."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if name != "torch":
                return None
            sys.meta_path.remove(finder)
            spec = importlib.util.find_spec("torch")
            loader = getattr(spec, "loader", None)
            if loader is not None:
                execute = loader.exec_module

                def exec_module(module):
                    del loader.exec_module
                    execute(module)
                    if "torch_num_threads" in orders:
                        _override_count(module, "set_num_threads", int(orders["torch_num_threads"]))
                    if "torch_num_interop_threads" in orders:
                        _override_interop(module, int(orders["torch_num_interop_threads"]))
                    if "flush_denormal" in orders:
                        # Threads take the mode over from the one that starts them, so it comes before any.
                        module.set_flush_denormal(bool(orders["flush_denormal"]))

                loader.exec_module = exec_module
            return spec

    finder = Finder()
    sys.meta_path.insert(0, finder)


def _is_count(n):
    return isinstance(n, int) and not isinstance(n, bool) and n > 0


def _override_count(torch, name, count):
    """Makes every ``torch.set_num_threads(n)`` use ``count``."""
    import functools

    plain = getattr(torch, name)

    @functools.wraps(plain)
    def replaced(n):
        # Nonsense gets the error that it always gets.
        return plain(count if _is_count(n) else n)

    setattr(torch, name, replaced)
    setattr(torch._C, name, replaced)


def _override_interop(torch, count):
    """Sets the threads between operations to ``count``, which can be done once, and lets the script's own calls be."""
    import functools

    plain = torch.set_num_interop_threads
    plain(count)

    @functools.wraps(plain)
    def replaced(n):
        return None if _is_count(n) else plain(n)

    torch.set_num_interop_threads = replaced
    torch._C.set_num_interop_threads = replaced


# ---------------------------------------------------------------------- environment


def _pin_environment(pinned):
    """Keeps variables at given values (``None``: unset) in this process and for its children, whatever the script writes to them.

    A write is checked as ever and then forgotten; a read gives the pinned value. ``setdefault`` on a
    variable pinned to nothing gives the default, as the script expects, without setting it.
    """
    environ = os.environ
    for name, value in pinned.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value
    names = frozenset(pinned) | frozenset(os.fsencode(name) for name in pinned)
    kind = type(environ)
    set_item, delete_item, set_default = kind.__setitem__, kind.__delitem__, kind.setdefault
    putenv, unsetenv = os.putenv, getattr(os, "unsetenv", None)

    def is_pinned(key):
        return isinstance(key, (str, bytes)) and key in names

    def pinned_set(self, key, value):
        if is_pinned(key):
            self.encodekey(key)
            self.encodevalue(value)
        else:
            set_item(self, key, value)

    def pinned_delete(self, key):
        if is_pinned(key):
            self.encodekey(key)
        else:
            delete_item(self, key)

    def pinned_default(self, key, value):
        if is_pinned(key) and key not in self:
            self.encodevalue(value)
            return value
        return set_default(self, key, value)

    # Both are made of the above by the base class, and would go on for ever.
    def popitem(self):
        for key in self:
            if key not in names:
                return key, self.pop(key)
        raise KeyError("popitem(): dictionary is empty")

    def clear(self):
        for key in list(self):
            del self[key]

    def pinned_putenv(name, value):
        if is_pinned(name):
            os.fsencode(value)
        else:
            putenv(name, value)

    def pinned_unsetenv(name):
        if not is_pinned(name):
            unsetenv(name)

    kind.__setitem__, kind.__delitem__, kind.setdefault = pinned_set, pinned_delete, pinned_default
    kind.popitem, kind.clear = popitem, clear
    os.putenv = pinned_putenv
    if unsetenv is not None:
        os.unsetenv = pinned_unsetenv


# ---------------------------------------------------------------------- running


def _hook_imports(session, entry_module):
    """Lets source files be compiled by the session. Wherever a loader comes from, it asks this method."""
    plain = SourceFileLoader.get_code

    def get_code(self, fullname):
        try:
            path = self.get_filename(fullname)
            entry = entry_module is not None and fullname in (entry_module, entry_module + ".__main__") and os.path.basename(path) != "__init__.py"
            wanted = entry or (session.timing is not None and session.wanted(path)) or (session.selection is not None and session.selection.wants(path))
            code = session.compiled(self.get_data(path), path, entry) if wanted else None
            after = session.after_import.get(fullname)
            if after is not None:
                code = _followed(plain(self, fullname), lambda: after(sys.modules[fullname]))
            if (session.timing is not None or session.selection is not None) and os.path.basename(path) in ("cloudpickle.py", "cloudpickle_fast.py"):
                code = _followed(plain(self, fullname), lambda: session.change_cloudpickle(sys.modules[fullname]))
        except Exception:
            # It will fail again, the way it always does.
            code = None
        return plain(self, fullname) if code is None else code

    SourceFileLoader.get_code = get_code


def _followed(code, action):
    """Code that calls ``action`` after that of a module."""
    import ast

    tree = ast.fix_missing_locations(ast.Module([rewrite.mark("first"), rewrite.mark("then")], []))
    namespace = {"first": lambda: exec(code, sys._getframe(1).f_globals), "then": action}
    return rewrite.bind(compile(tree, code.co_filename, "exec"), namespace.__getitem__)


def _fresh_main():
    """A ``__main__`` module as a plain start makes it."""
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=sys.modules["builtins"], __package__=None, __spec__=None, __loader__=None)
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    sys.modules["__main__"] = main
    return main


def _run_script(session, script):
    path = script if os.path.isabs(script) or sys.version_info < (3, 9) else os.path.join(os.getcwd(), script)
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    main = _fresh_main()
    if os.path.isdir(path) or path.endswith((".zip", ".pyz", ".pyzw")):
        import runpy

        sys.path[0] = path
        session.region_reason = "The entry is a directory or an archive, whose imports are not looked at."
        _strip(lambda: runpy._run_module_as_main("__main__", False))
        return
    if path.endswith(".pyc"):
        session.region_reason = "The entry is compiled already, so its imports cannot be told from the rest."
        loader = SourcelessFileLoader("__main__", path)
        code = loader.get_code("__main__")
    else:
        loader = SourceFileLoader("__main__", path)
        try:
            with open(path, "rb") as stream:
                source = stream.read()
        except OSError as error:
            sys.stderr.write("%s: can't open file %r: [Errno %s] %s\n" % (sys.executable, path, error.errno, error.strerror))
            sys.exit(2)

        def code_of():
            return session.compiled(source, path, True)

        code = _strip(code_of)
    main.__file__ = path
    main.__cached__ = None
    main.__loader__ = loader
    _strip(lambda: exec(code, main.__dict__))


def _strip(run):
    """Runs; an exception that nobody catches is shown without this package's frames."""
    try:
        return run()
    except SystemExit:
        raise
    except BaseException:
        hook = sys.excepthook

        def excepthook(kind, value, trace):
            sys.excepthook = hook
            try:
                trace = _without_probe(trace)
                value.__traceback__ = trace
                sys.last_traceback = trace
            finally:
                hook(kind, value, trace)

        sys.excepthook = excepthook
        raise


def _without_probe(trace):
    """The traceback without the probe's own frames and those that lead to it."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    ours = [os.path.dirname(os.path.abspath(t.tb_frame.f_code.co_filename)) == _HERE for t in frames]
    # Everything above the first frame of the probe is the machinery of `-m` that started it.
    first = ours.index(True) if True in ours else 0
    kept = [t for t, own in zip(frames[first:], ours[first:]) if not own]
    result = None
    for t in reversed(kept):
        result = types.TracebackType(result, t.tb_frame, t.tb_lasti, t.tb_lineno)
    return result


def _restore(orders):
    """Makes environment, arguments and path what they would be without the probe."""
    os.environ.pop("THREADGAUGE_PROBE", None)
    old = orders.get("old_pythonpath")
    if old is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = old
    probe_dir = os.path.dirname(_HERE)
    # The first entry is that of `-m`, replaced later; the probe's own comes from PYTHONPATH.
    for position in range(0 if getattr(sys.flags, "safe_path", False) else 1, len(sys.path)):
        if os.path.realpath(sys.path[position] or os.getcwd()) == os.path.realpath(probe_dir):
            del sys.path[position]
            break
    arguments = sys.argv[1:]
    original = getattr(sys, "orig_argv", None)
    if original:
        for position in range(len(original) - 1):
            if original[position : position + 2] == ["-m", "threadgauge_probe"]:
                del original[position : position + 2]
                break
    sys.path_importer_cache.pop(probe_dir, None)
    return arguments


def main():
    """Carries out the orders in ``THREADGAUGE_PROBE``."""
    try:
        orders = json.loads(os.environ["THREADGAUGE_PROBE"])
        if orders["mode"] not in ("region", "wall", "cpu") or not isinstance(orders["out"], str):
            raise ValueError("unknown mode")
    except (KeyError, ValueError, TypeError) as error:
        sys.exit("The probe is started by the ThreadGauge runner; THREADGAUGE_PROBE is missing or wrong (%s)." % error)
    arguments = _restore(orders)
    if not arguments or (arguments[0] == "-m" and len(arguments) < 2):
        sys.exit("The probe was given no script to run.")
    session = Session(orders)
    if orders.get("pinned_env"):
        _pin_environment(orders["pinned_env"])
    # Registered first, so called last: after other handlers and after threads have been joined.
    atexit.register(session.write)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=session.forked)
    if session.torch:
        _change_torch(session.torch)
    module = arguments[1] if arguments[0] == "-m" else None
    if module is not None or session.timing is not None or session.selection is not None:
        _hook_imports(session, module)
    if session.timing is not None:
        if session.ledger is None:
            session.catch_sigterm()
        else:
            session.ledger.name()
        children.follow(session)
    try:
        _run(session, module, arguments)
    except BaseException:
        # The selected code has been measured; how the rest of the program takes its end does not matter.
        if session.selection is None or not session.selection.is_done():
            raise
        sys.exit(0)


def _run(session, module, arguments):
    if module is None:
        sys.argv[:] = arguments
        _run_script(session, arguments[0])
    else:
        import runpy

        sys.argv[:] = ["-m"] + arguments[2:]
        _fresh_main()
        _strip(lambda: runpy._run_module_as_main(module))
