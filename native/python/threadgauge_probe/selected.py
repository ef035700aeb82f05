"""Finds the selected code in a syntax tree and puts a ``Repeater`` round it.

Statements ``S`` become::

    if mine():                  # the first thread that gets here
        try:
            while more():       # times what lies between its calls; ends the process when it knows enough
                S
        except BaseException:
            failed(); raise
    else:
        S

so that they run in their own frame, with its variables and contexts. Names that ``S`` reads before it
writes them get their value back before each repetition. What cannot run twice in place (``return``
within, ``break`` out of a loop around, ``yield``) is timed where the program itself executes it.
"""

import ast
import copy

from threadgauge_probe.rewrite import _COMPILERS, _call, _function, _names_of
from threadgauge_probe.walk import walk_here

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


class Missing(Exception):
    """There is nothing to select at the given lines; the message is a full sentence."""


class Chosen:
    """The selected statements: ``block[start:stop]``, or a function."""

    def __init__(self, block, start, stop):
        self.block, self.start, self.stop = block, start, stop
        self.statements = block[start:stop]
        single = self.statements[0] if stop - start == 1 else None
        self.function = single if isinstance(single, _FUNCTIONS) else None
        self.loop = single if isinstance(single, _LOOPS) else None
        self.lines = [_first_line(self.statements[0]), self.statements[-1].end_lineno]


def find(tree, first, last, function=False):
    """The smallest run of statements of one block that covers the lines; ``Missing`` when no statement is there."""
    where = "line %d" % first if first == last else "lines %d to %d" % (first, last)
    chosen = _of_function(tree.body, first, last) if function else _smallest(tree.body, first, last)
    # What must stay first in its file can neither be repeated nor take time.
    while chosen is not None and _stays_first(tree, chosen):
        chosen = Chosen(chosen.block, chosen.start + 1, chosen.stop) if chosen.stop - chosen.start > 1 else None
    if chosen is None:
        raise Missing("There is no %s at %s." % ("function" if function else "statement", where))
    if isinstance(chosen.statements[0], ast.ClassDef) and len(chosen.statements) == 1:
        raise Missing("The class %s only defines; choose one of its methods, or a call." % chosen.statements[0].name)
    compiled = _compiled_around(tree, chosen)
    if compiled is not None:
        raise Missing("The selected code is part of %s, which is compiled before it runs and cannot be repeated from within; choose the function itself or a call of it." % compiled)
    return chosen


def _compiled_around(tree, chosen):
    """The function round the selected code that a compiler reads as it is written, if there is one."""
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS) and node is not chosen.function and node.lineno <= chosen.lines[0] and chosen.lines[1] <= node.end_lineno:
            if any(_names_of(d) & _COMPILERS for d in node.decorator_list):
                return node.name
    return None


def _stays_first(tree, chosen):
    first = chosen.statements[0]
    if isinstance(first, ast.ImportFrom) and first.module == "__future__":
        return True
    return chosen.block is tree.body and chosen.start == 0 and isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _first_line(statement):
    return min([statement.lineno] + [d.lineno for d in getattr(statement, "decorator_list", ())])


def _blocks(statement):
    """The blocks within a statement, in order."""
    blocks = []
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        for part in [getattr(statement, field, None)] if field not in ("handlers", "cases") else [h.body for h in getattr(statement, field, None) or ()]:
            if isinstance(part, list) and part and isinstance(part[0], ast.stmt):
                blocks.append(part)
    return blocks


def _smallest(block, first, last):
    hit = [i for i, s in enumerate(block) if _first_line(s) <= last and s.end_lineno >= first]
    if not hit:
        return None
    if len(hit) == 1:
        statement = block[hit[0]]
        inner = _blocks(statement)
        if inner and first >= _first_line(inner[0][0]) > statement.lineno:
            touched = [found for found in (_smallest(b, first, last) for b in inner) if found is not None]
            if len(touched) == 1:
                return touched[0]
            if not touched:
                return None
    return Chosen(block, hit[0], hit[-1] + 1)


def _of_function(block, first, last):
    """The function whose definition covers the lines most closely."""
    for i, statement in enumerate(block):
        if not (_first_line(statement) <= first and last <= statement.end_lineno):
            continue
        for inner in _blocks(statement):
            found = _of_function(inner, first, last)
            if found is not None:
                return found
        return Chosen(block, i, i + 1) if isinstance(statement, _FUNCTIONS) else None
    return None


# ---------------------------------------------------------------------- what can be repeated


def _escape(statements):
    """The first thing that leaves the statements or needs their surroundings: a word and its line; else None."""
    todo = [(s, False) for s in reversed(statements)]
    while todo:
        node, in_loop = todo.pop()
        if isinstance(node, ast.Return):
            return "return", node.lineno
        if isinstance(node, (ast.Break, ast.Continue)) and not in_loop:
            return ("break" if isinstance(node, ast.Break) else "continue"), node.lineno
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return "yield", node.lineno
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            return ("global" if isinstance(node, ast.Global) else "nonlocal"), node.lineno
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return "import *", node.lineno
        if isinstance(node, _FUNCTIONS + (ast.ClassDef, ast.Lambda)):
            continue
        for field, value in ast.iter_fields(node):
            inside = in_loop or (isinstance(node, _LOOPS) and field == "body")
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    todo.append((child, inside))
    return None


def _reasons(escape):
    word, line = escape
    if word == "yield":
        return "The selected code yields (line %d), so it cannot be repeated by itself; each of its executions in the program was timed instead, with the time its consumer takes." % line
    what = {"return": "returns from its function", "break": "leaves the loop around it (break", "continue": "goes on with the loop around it (continue"}.get(word)
    if what is None:
        what = "has a statement that must not stand in a loop (%s" % word
    what += ", line %d)" % line if "(" in what else " (line %d)" % line
    return "The selected code %s, so it cannot be repeated by itself; each of its executions in the program was timed instead." % what


def _carried(statements):
    """Names that are read before they are written, and written too; and all that are read first."""
    read, written, carried = [], set(), set()
    stored_anywhere = set()
    for statement in statements:
        loads = []
        todo = [statement]
        while todo:
            node = todo.pop()
            if isinstance(node, ast.Name):
                if not isinstance(node.ctx, ast.Store):
                    loads.append(node.id)
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                loads.append(node.target.id)
            todo.extend(ast.iter_child_nodes(node))
        own = {n.id for n in walk_here(statement) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        # A loop or a condition may read in one turn what it wrote in another, so its reads come first.
        for name in loads:
            if name not in written and name not in read:
                read.append(name)
        stored_anywhere |= own
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.With)):
            written |= own
    carried = [name for name in read if name in stored_anywhere]
    return carried, read


# ---------------------------------------------------------------------- rewriting


def instrument(tree, selection, how):
    """Changes ``tree`` so that the selected code calls a ``Repeater``; what was chosen, as plain data.

    ``how`` is the mode ordered (``repeat``, ``iterations``, ``natural``) or None when this run decides.
    """
    chosen = find(tree, selection["first_line"], selection["last_line"], selection.get("function", False))
    info = {"lines": chosen.lines, "unit": "call", "how": how, "reason": None}
    if chosen.function is not None:
        _wrap_function(chosen.function)
        return info
    statements = chosen.statements
    if len(statements) > 1 or not isinstance(statements[0], (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)):
        info["unit"] = "loop" if chosen.loop is not None else "execution"
    repeated, last = statements, statements[-1]
    if isinstance(last, ast.Return):
        # The value is computed again and again; nobody gets it, because the process ends.
        value = ast.Expr(last.value) if last.value is not None else ast.Pass()
        repeated = statements[:-1] + [ast.copy_location(value, last)]
    escape = _escape(repeated)
    if escape is not None:
        info["reason"] = _reasons(escape)
    if escape is not None and chosen.loop is not None and how != "natural":
        new = [_counting(statements)]
    elif escape is not None or how == "natural":
        info["how"] = "natural"
        new = [_natural(statements)]
    else:
        new = _repeating(statements, repeated, chosen.loop, how)
    place = statements[0]
    for node in new:
        for part in ast.walk(node):
            if "lineno" in part._attributes and not hasattr(part, "lineno"):
                ast.copy_location(part, place)
                part.end_lineno, part.end_col_offset = part.lineno, part.col_offset
    chosen.block[chosen.start : chosen.stop] = new
    return info


def _natural(statements):
    return ast.Try([ast.Expr(_call("begin"))] + statements, [], [], [ast.Expr(_call("end"))])


def _counting(statements):
    """A loop that cannot be repeated as a whole: its iterations may do."""
    body = copy.deepcopy(statements)
    body[0].body.insert(0, ast.Expr(_call("tick")))
    return ast.If(_call("mine"), [ast.Try([ast.Expr(_call("more"))] + body, [], [], [ast.Expr(_call("over"))])], list(statements))


def _repeating(statements, repeated, loop, how):
    carried, read = _carried(repeated)
    body = copy.deepcopy(repeated)
    if loop is not None and how != "repeat":
        body[0].body.insert(0, ast.Expr(_call("tick")))
    unbound = lambda: [ast.ExceptHandler(_function("NameError"), None, [ast.Pass()])]  # noqa: E731
    before = []
    for name in (read if how is None else []):
        before.append(ast.Try([ast.Expr(_call("seen", ast.Name(name, ast.Load())))], unbound(), [], []))
    for i, name in enumerate(carried):
        before.append(ast.Try([ast.Expr(_call("save", ast.Constant(i), ast.Name(name, ast.Load())))], unbound(), [], []))
    again = []
    for i, name in enumerate(carried):
        again.append(ast.If(_call("has", ast.Constant(i)), [ast.Assign([ast.Name(name, ast.Store())], _call("get", ast.Constant(i)), None)], []))
    if again:
        again.append(ast.Expr(_call("go")))
    turn = ast.While(_call("more"), again + body, [])
    failed = ast.ExceptHandler(None, None, [ast.Expr(_call("failed")), ast.Raise(None, None)])
    return [ast.If(_call("mine"), before + [ast.Try([turn], [failed], [], [])], list(statements))]


def _wrap_function(function):
    """Puts the wrapper next to the function itself, but outside of what compiles it."""
    decorators = function.decorator_list
    place = len(decorators)
    for i, decorator in enumerate(decorators):
        if _names_of(decorator) & _COMPILERS:
            place = i
            break
    wrapper = _function("select")
    for part in ast.walk(wrapper):
        ast.copy_location(part, decorators[place] if place < len(decorators) else function)
        part.end_lineno, part.end_col_offset = part.lineno, part.col_offset
    decorators.insert(place, wrapper)
