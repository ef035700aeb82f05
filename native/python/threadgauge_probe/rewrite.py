"""Rewrites a syntax tree so that statements time themselves.

A statement ``x = E`` becomes ``if gate: x = end(i, begin(i), E)`` / ``else: x = E``. Why this shape:

* The start time lives on the frame's own value stack, so that threads, generators, coroutines and
  recursion each have their own, an exception simply drops it, and no variable shows in ``locals()``.
* A line's time is exactly that of its own evaluation, calls included, and does not depend on which
  other lines are measured. So each line can be switched off by itself.
* ``begin`` and the rest are constants of the code, not names: nothing shows in the globals or the
  builtins, and they work until the interpreter is gone.
"""

import ast

from threadgauge_probe.walk import walk_here

_PREFIX = "\0threadgauge:"
_TIMED = (ast.Call, ast.BinOp, ast.Compare, ast.Subscript, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Await)
# Compilers that read the bytecode of what they decorate; it must stay as it was written.
_COMPILERS = frozenset("jit njit vectorize guvectorize cfunc stencil generated_jit overload compile script kernel autojit".split())


def _constant(name):
    return ast.Constant(_PREFIX + name)


def _function(name):
    # A bare constant cannot be called without a warning; this folds to the same instruction.
    return ast.IfExp(ast.Constant(True), _constant(name), _constant(name))


def _call(name, *arguments):
    return ast.Call(_function(name), list(arguments), [])


def mark(name="mark"):
    """A statement that calls the constant of that name."""
    return ast.Expr(_call(name))


def bind(code, values):
    """The code with the named constants replaced by their values; ``values`` is a function of the name."""
    constants = []
    for constant in code.co_consts:
        if isinstance(constant, str) and constant.startswith(_PREFIX):
            constant = values(constant[len(_PREFIX):])
        elif isinstance(constant, type(code)):
            constant = bind(constant, values)
        constants.append(constant)
    return code.replace(co_consts=tuple(constants))


def _worth_timing(expression):
    return any(isinstance(n, _TIMED) for n in walk_here(expression))


def _yields(node):
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in walk_here(node))


def _plain_place(node):
    """True when evaluating the place twice is the same as once."""
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name)
    if isinstance(node, ast.Subscript):
        index = getattr(node.slice, "value", node.slice) if type(node.slice).__name__ == "Index" else node.slice
        return isinstance(node.value, ast.Name) and isinstance(index, (ast.Name, ast.Constant))
    return isinstance(node, ast.Name)


_INPLACE = {
    ast.Add: "iadd", ast.Sub: "isub", ast.Mult: "imul", ast.MatMult: "imatmul", ast.Div: "itruediv", ast.FloorDiv: "ifloordiv",
    ast.Mod: "imod", ast.Pow: "ipow", ast.LShift: "ilshift", ast.RShift: "irshift", ast.BitOr: "ior", ast.BitXor: "ixor", ast.BitAnd: "iand",
}


class Rewriter:
    """Rewrites one file. ``new_record(line)`` gives a statement's number; ``only`` limits the lines; ``gated`` adds the gates."""

    def __init__(self, new_record, only=None, gated=True):
        self._new_record = new_record
        self._only = only
        self._gated = gated

    def module(self, tree):
        """The rewritten body of a module (the tree itself is changed)."""
        tree.body = self._block(tree.body)
        return tree

    def _wanted(self, line):
        return self._only is None or line in self._only

    def _block(self, statements):
        result = []
        for statement in statements:
            result.append(self._statement(statement))
        return result

    def _timed(self, number, expression):
        begin = _call("begin", ast.Constant(number))
        return self._at(_call("end", ast.Constant(number), begin, expression), expression)

    def _at(self, new, old):
        # Every new node gets the place of the old one; what was there keeps its own.
        for node in ast.walk(new):
            if not hasattr(node, "lineno") and "lineno" in node._attributes:
                ast.copy_location(node, old)
        return new

    def _gate(self, number, old):
        return self._at(_call("next", _constant("gate:%d" % number)), old)

    def _expression(self, expression, line):
        """The expression, timed within itself."""
        if expression is None or not self._wanted(line) or not _worth_timing(expression) or _yields(expression):
            return expression
        number = self._new_record(line)
        timed = self._timed(number, expression)
        if not self._gated:
            return timed
        return self._at(ast.IfExp(self._gate(number, expression), timed, expression), expression)

    def _either(self, number, statement, timed):
        timed = self._at(timed, statement)
        if not self._gated:
            return timed
        return self._at(ast.If(self._gate(number, statement), [timed], [statement]), statement)

    def _statement(self, s):
        line = getattr(s, "lineno", 0)
        kind = type(s)
        if kind in (ast.FunctionDef, ast.AsyncFunctionDef):
            if not any(_names_of(d) & _COMPILERS for d in s.decorator_list):
                s.body = self._block(s.body)
            return s
        if kind is ast.ClassDef:
            s.body = self._block(s.body)
            return s
        if kind in (ast.If, ast.While):
            s.test = self._expression(s.test, line)
        elif kind is ast.For:
            s.iter = self._iterated(s.iter, line)
        elif kind is ast.AsyncFor:
            s.iter = self._expression(s.iter, line)
        elif kind is ast.With:
            for item in s.items:
                item.context_expr = self._context(item.context_expr, line)
        elif kind is ast.AsyncWith:
            for item in s.items:
                item.context_expr = self._expression(item.context_expr, line)
        elif kind is ast.Assert:
            s.test = self._expression(s.test, line)
            return s
        elif kind.__name__ == "Match":
            s.subject = self._expression(s.subject, line)
            for case in s.cases:
                case.body = self._block(case.body)
            return s
        elif kind in (ast.Expr, ast.Assign, ast.AnnAssign, ast.Return):
            return self._simple(s, line)
        elif kind is ast.AugAssign:
            return self._augmented(s, line)
        for field in ("body", "orelse", "finalbody"):
            block = getattr(s, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                setattr(s, field, self._block(block))
        for handler in getattr(s, "handlers", ()):
            handler.body = self._block(handler.body)
        return s

    def _simple(self, s, line):
        value = s.value
        if value is None or not self._wanted(line):
            return s
        if isinstance(value, ast.Yield):
            # Only making what is yielded: the time until the next value is wanted is the consumer's.
            value.value = self._expression(value.value, line)
            return s
        store = isinstance(s, ast.Assign) and len(s.targets) == 1 and isinstance(s.targets[0], ast.Subscript) and not _yields(s)
        if _yields(s) or not (store or _worth_timing(value)):
            return s
        number = self._new_record(line)
        if store:
            # Storing into a tensor can be the heavy part. Order of evaluation: value, container, index.
            target = s.targets[0]
            container = target.value
            timed = ast.Expr(_call("store", ast.Constant(number), _call("begin", ast.Constant(number)), value, container, _index(target.slice)))
            return self._either(number, s, timed)
        fields = {name: getattr(s, name, None) for name in s._fields}
        fields["value"] = self._timed(number, value)
        return self._either(number, s, type(s)(**fields))

    def _augmented(self, s, line):
        if not self._wanted(line) or _yields(s):
            return s
        if not (_worth_timing(s.value) or not isinstance(s.value, ast.Constant)):
            return s
        number = self._new_record(line)
        if _plain_place(s.target):
            # The operation itself may be the heavy part (`x += y` on tensors).
            load = _as_load(s.target)
            value = self._timed(number, self._at(_call(_INPLACE[type(s.op)], load, s.value), s))
            return self._either(number, s, ast.Assign([s.target], value, None))
        return self._either(number, s, ast.AugAssign(s.target, s.op, self._timed(number, s.value)))

    def _iterated(self, expression, line):
        plain_range = isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name) and expression.func.id == "range"
        if plain_range or not self._wanted(line) or _yields(expression) or isinstance(expression, (ast.List, ast.Tuple, ast.Constant)):
            return expression
        number = self._new_record(line)
        return self._at(_call("iterate", ast.Constant(number), _call("begin", ast.Constant(number)), expression), expression)

    def _context(self, expression, line):
        if not isinstance(expression, ast.Call) or not self._wanted(line) or _yields(expression):
            return expression
        number = self._new_record(line)
        return self._at(_call("context", ast.Constant(number), _call("begin", ast.Constant(number)), expression), expression)


def _as_load(target):
    if isinstance(target, ast.Name):
        new = ast.Name(target.id, ast.Load())
    elif isinstance(target, ast.Attribute):
        new = ast.Attribute(target.value, target.attr, ast.Load())
    else:
        new = ast.Subscript(target.value, target.slice, ast.Load())
    return ast.copy_location(new, target)


def _index(node):
    if isinstance(node, ast.Slice):
        none = lambda part: part if part is not None else ast.Constant(None)  # noqa: E731
        return _call("slice", none(node.lower), none(node.upper), none(node.step))
    if isinstance(node, ast.Tuple) and any(isinstance(e, ast.Slice) for e in node.elts):
        return ast.Tuple([_index(e) for e in node.elts], ast.Load())
    return node


def _names_of(decorator):
    return {n.id if isinstance(n, ast.Name) else n.attr for n in ast.walk(decorator) if isinstance(n, (ast.Name, ast.Attribute))}
