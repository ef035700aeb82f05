"""Finds the end of a script's leading imports: where its own work begins."""

import ast

from threadgauge_probe.walk import walk_here

# Modules whose import takes so long that it must be said when it happens inside the region.
HEAVY = frozenset(
    "torch torchvision torchaudio tensorflow jax transformers diffusers sentence_transformers numpy scipy pandas "
    "sklearn onnxruntime openvino cv2 numba matplotlib datasets xgboost lightgbm polars pyarrow llama_cpp ctranslate2".split()
)

# Calls that only set something up: a top-level statement made of these is not yet the script's work.
_LIGHT_ROOTS = frozenset("os sys logging warnings pathlib Path argparse environ typing TypeVar namedtuple load_dotenv".split())
_LIGHT_CALLS = frozenset(
    "int float str bool len print getattr setattr isinstance tuple list dict set min max abs repr frozenset "
    "super hasattr TypeVar NewType namedtuple seed manual_seed insert append setdefault get add_argument".split()
)
_WORK = (ast.For, ast.AsyncFor, ast.While, ast.AsyncWith, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Await)


def _imports(statement):
    return any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in walk_here(statement))


def _light_call(call):
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in _LIGHT_CALLS or function.id in _LIGHT_ROOTS
    last = function.attr if isinstance(function, ast.Attribute) else ""
    while isinstance(function, (ast.Attribute, ast.Call, ast.Subscript)):
        function = function.func if isinstance(function, ast.Call) else function.value
    root = function.id if isinstance(function, ast.Name) else ""
    return root in _LIGHT_ROOTS or last in _LIGHT_CALLS or last.startswith(("set_", "get_", "use_", "enable_", "disable_"))


def _is_light(statement):
    """True for a statement that a script writes between its imports, and that does no work."""
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass, ast.Global)):
        return True
    if isinstance(statement, ast.If) and _main_guard(statement.test):
        return False
    for node in walk_here(statement):
        if isinstance(node, _WORK) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)):
            return False
        if isinstance(node, ast.Call) and not _light_call(node) and not (isinstance(statement, (ast.With, ast.Try)) and _imports(statement)):
            return False
    return True


def _main_guard(test):
    return any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(test))


def leading_imports(tree):
    """Index in ``tree.body`` before which the region begins, and a full sentence when there is something to say (else None).

    The leading block is the longest start of the script that does no work: imports, docstring,
    settings, definitions. The region begins after the last import in it. Imports further down come
    after work has begun; they stay inside the region, because leaving work out of the score would be
    worse than having an import in it.
    """
    index = 0
    for position, statement in enumerate(tree.body):
        docstring = position == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not docstring and not _is_light(statement):
            break
        if docstring or _imports(statement):
            index = position + 1
    sentences = []
    late = sorted(n.lineno for s in tree.body[index:] if not _type_checking(s) for n in walk_here(s) if isinstance(n, (ast.Import, ast.ImportFrom)))
    if late:
        lines = ", ".join(map(str, late[:5]))
        sentences.append("Imports after the script's first work (line %s) are part of the measured region." % lines)
    known = _names(n for s in tree.body[:index] for n in walk_here(s))
    inner = []
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner.extend(n for n in ast.walk(function) if isinstance(n, (ast.Import, ast.ImportFrom)))
    heavy = sorted((_names(inner) & HEAVY) - known)
    if heavy:
        sentences.append("The script imports %s inside a function, so that import may be part of the measured region." % ", ".join(heavy))
    return index, " ".join(sentences) or None


def _type_checking(statement):
    return isinstance(statement, ast.If) and any(
        (isinstance(n, ast.Name) and n.id == "TYPE_CHECKING") or (isinstance(n, ast.Attribute) and n.attr == "TYPE_CHECKING") for n in ast.walk(statement.test)
    )


def _names(nodes):
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found
