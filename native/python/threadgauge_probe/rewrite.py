"""Rewrites a syntax tree so that statements time themselves.

Statements that follow each other, ``x = E; y = F``, become ``if gate: x = end(1, begin(1), clock(), E,
clock()); y = …`` / ``else: x = E; y = F``. Why this shape:

* The start time lives on the frame's own value stack, so that threads, generators, coroutines and
  recursion each have their own, an exception simply drops it, and no variable shows in ``locals()``.
* A line's time is exactly that of its own evaluation, calls included, and does not depend on which
  other lines are measured; nothing of the probe lies between the two looks at the clock.
* What is not timed this time runs as it was written, behind one gate for the whole run of statements.
* ``begin`` and the rest are constants of the code, not names: nothing shows in the globals or the
  builtins, and they work until the interpreter is gone.
* What is awaited is asked for its steps (``waited``), so that the time of a suspended line is known.
"""

import ast
import copy

from threadgauge_probe.walk import walk_here

_PREFIX = "\0threadgauge:"
_TIMED = (ast.Call, ast.BinOp, ast.Compare, ast.Subscript, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Await)
# Statements without statements in them that may stand in either of two branches.
_SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Delete, ast.Assert, ast.Raise, ast.Pass, ast.Break, ast.Continue)
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
    """Rewrites one file. ``new_record(line, block, waits)`` gives a statement's number, ``new_block()`` that of a gate; ``only`` limits the lines; ``gated`` adds the gates."""

    def __init__(self, new_record, new_block=None, only=None, gated=True):
        self._new_record = new_record
        self._new_block = new_block
        self._only = only
        self._gated = gated

    def module(self, tree):
        """The rewritten body of a module (the tree itself is changed)."""
        tree.body = self._block(tree.body, False)
        return tree

    def _wanted(self, line):
        return self._only is None or line in self._only

    def _block(self, statements, function):
        """The statements, with each run of simple ones behind one gate: timed, or as they were."""
        result, run = [], []
        for position, statement in enumerate(statements):
            docstring = position == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            # An annotation of a class or module is stored in a dictionary, which code within an `if` does in another way.
            simple = isinstance(statement, _SIMPLE) and not docstring and (function or not isinstance(statement, ast.AnnAssign))
            if simple:
                run.append(statement)
                continue
            result.extend(self._run(run))
            run = []
            result.append(self._compound(statement, function))
        result.extend(self._run(run))
        return result

    def _run(self, statements):
        """Simple statements that follow each other."""
        worth = [s for s in statements if self._wanted(s.lineno) and _worth_a_mark(s)]
        if not worth:
            return statements
        marked = {id(s) for s in worth}
        if not self._gated:
            return [self._timed_statement(s, None) if id(s) in marked else s for s in statements]
        # What comes before the first and after the last mark needs no copy.
        first, last = statements.index(worth[0]), statements.index(worth[-1]) + 1
        block = self._new_block()
        timed = [self._timed_statement(s, block) if id(s) in marked else s for s in statements[first:last]]
        either = self._at(ast.If(self._gate(block), timed, statements[first:last]), worth[0])
        return [*statements[:first], either, *statements[last:]]

    def _record(self, node, line, block):
        return self._new_record(line, block, _waits(node))

    def _timed(self, number, expression, old=None):
        """The expression between two looks at the clock, the last things before and after it."""
        begin = _call("begin", ast.Constant(number))
        if _waits(expression):
            expression = _Waits(number).visit(copy.deepcopy(expression))
        return self._at(_call("end", ast.Constant(number), begin, _call("clock"), expression, _call("clock")), old or expression)

    def _at(self, new, old):
        # Every new node gets the place of the old one; what was there keeps its own.
        for node in ast.walk(new):
            if not hasattr(node, "lineno") and "lineno" in node._attributes:
                ast.copy_location(node, old)
        return new

    def _gate(self, block):
        return _call("next", _constant("gate:%d" % block))

    def _expression(self, expression, line):
        """The expression, timed within itself."""
        if expression is None or not self._wanted(line) or not _worth_timing(expression) or _yields(expression):
            return expression
        if not self._gated:
            return self._timed(self._record(expression, line, None), expression)
        block = self._new_block()
        timed = self._timed(self._record(expression, line, block), expression)
        return self._at(ast.IfExp(self._gate(block), timed, expression), expression)

    def _compound(self, s, function):
        line = getattr(s, "lineno", 0)
        kind = type(s)
        if kind in (ast.FunctionDef, ast.AsyncFunctionDef):
            if not any(_names_of(d) & _COMPILERS for d in s.decorator_list):
                s.body = self._block(s.body, True)
            return s
        if kind is ast.ClassDef:
            s.body = self._block(s.body, False)
            return s
        if kind is ast.AnnAssign:
            s.value = self._expression(s.value, line)
            return s
        if kind in (ast.If, ast.While):
            s.test = self._expression(s.test, line)
        elif kind is ast.For:
            s.iter = self._iterated(s.iter, line)
        elif kind is ast.AsyncFor:
            s.iter = self._around("aiterate", s.iter, line, True)
        elif kind is ast.With:
            for item in s.items:
                if isinstance(item.context_expr, ast.Call):
                    item.context_expr = self._around("context", item.context_expr, line, False)
        elif kind is ast.AsyncWith:
            for item in s.items:
                item.context_expr = self._around("acontext", item.context_expr, line, True)
        elif kind.__name__ == "Match":
            s.subject = self._expression(s.subject, line)
            for case in s.cases:
                case.body = self._block(case.body, function)
            return s
        for field in ("body", "orelse", "finalbody"):
            block = getattr(s, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                setattr(s, field, self._block(block, function))
        for handler in getattr(s, "handlers", ()):
            handler.body = self._block(handler.body, function)
        return s

    def _timed_statement(self, s, block):
        """The simple statement with marks; the statement itself stays as it is."""
        kind, line = type(s), s.lineno
        if kind is ast.AugAssign:
            number = self._record(s.value, line, block)
            if _plain_place(s.target):
                # The operation itself may be the heavy part (`x += y` on tensors).
                operation = self._at(_call(_INPLACE[type(s.op)], _as_load(s.target), s.value), s)
                return self._at(ast.Assign([s.target], self._timed(number, operation), None), s)
            return self._at(ast.AugAssign(s.target, s.op, self._timed(number, s.value)), s)
        if kind is ast.Assert:
            return self._at(ast.Assert(self._timed(self._record(s.test, line, block), s.test), s.msg), s)
        number = self._record(s.value, line, block)
        fields = {name: getattr(s, name, None) for name in s._fields}
        if isinstance(s.value, ast.Yield):
            # Only making what is yielded: the time until the next value is wanted is the consumer's.
            fields["value"] = self._at(ast.Yield(self._timed(number, s.value.value)), s.value)
        elif _stores(s):
            # Storing into a tensor can be the heavy part. Order of evaluation: value, container, index.
            target, value = s.targets[0], s.value
            if _waits(value):
                value = _Waits(number).visit(copy.deepcopy(value))
            begin = _call("begin", ast.Constant(number))
            return self._at(ast.Expr(_call("store", ast.Constant(number), begin, _call("clock"), value, target.value, _index(target.slice))), s)
        else:
            fields["value"] = self._timed(number, s.value)
        return self._at(kind(**fields), s)

    def _iterated(self, expression, line):
        plain_range = isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name) and expression.func.id == "range"
        if plain_range or isinstance(expression, (ast.List, ast.Tuple, ast.Constant)):
            return expression
        return self._around("iterate", expression, line, False)

    def _around(self, name, expression, line, waits):
        """The expression handed to a function that times what is done with it."""
        if not self._wanted(line) or _yields(expression):
            return expression
        number = self._new_record(line, None, waits or _waits(expression))
        if _waits(expression):
            expression = _Waits(number).visit(expression)
        return self._at(_call(name, ast.Constant(number), _call("begin", ast.Constant(number)), _call("clock"), expression), expression)


class _Waits(ast.NodeTransformer):
    """Puts the times of suspension round everything that an expression awaits."""

    def __init__(self, number):
        self._number = number

    def visit_Await(self, node):
        self.generic_visit(node)
        node.value = ast.copy_location(_call("waited", ast.Constant(self._number), node.value), node.value)
        return node

    def visit_comprehension(self, node):
        self.generic_visit(node)
        if node.is_async:
            node.iter = ast.copy_location(_call("asteps", ast.Constant(self._number), node.iter), node.iter)
        return node

    def visit_Lambda(self, node):
        return node


def _waits(node):
    return any(isinstance(n, ast.Await) or (isinstance(n, ast.comprehension) and n.is_async) for n in walk_here(node))


def _stores(s):
    return isinstance(s, ast.Assign) and len(s.targets) == 1 and isinstance(s.targets[0], ast.Subscript) and not _waits(s.targets[0])


def _worth_a_mark(s):
    """Whether a simple statement gets marks of its own."""
    kind = type(s)
    if kind is ast.Assert:
        return _worth_timing(s.test) and not _yields(s)
    if kind is ast.AugAssign:
        return not _yields(s) and (_worth_timing(s.value) or not isinstance(s.value, ast.Constant))
    value = getattr(s, "value", None)
    if kind not in (ast.Expr, ast.Assign, ast.AnnAssign, ast.Return) or value is None:
        return False
    if isinstance(value, ast.Yield):
        return value.value is not None and _worth_timing(value.value) and not _yields(value.value)
    return not _yields(s) and (_stores(s) or _worth_timing(value))


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
