"""Walks what runs with a statement itself, not what it only defines."""

import ast

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def walk_here(node):
    """The node and all below it, without the bodies of functions and classes."""
    todo = [node]
    while todo:
        here = todo.pop()
        yield here
        if not isinstance(here, _SCOPES):
            todo.extend(ast.iter_child_nodes(here))
