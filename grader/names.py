"""Which names a top-level statement binds, changes and needs; which calls it makes.

All walks are iterative: learners' trees may be deeper than Python's recursion limit.
"""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

MUTATORS = frozenset({
    "append", "extend", "insert", "update", "setdefault", "add", "remove", "discard", "pop", "clear", "sort",
    "reverse",
})  # fmt: skip
# Calls that load data, train, plot or leave the process: never needed to call a loss function.
HEAVY = frozenset({
    "fit", "fit_generator", "evaluate", "evaluate_generator", "predict", "predict_generator",
    "predict_classes", "train_on_batch", "test_on_batch", "apply_gradients", "minimize", "backward",
    "load_data", "load", "load_model", "load_weights", "save", "save_weights", "load_state_dict",
    "read_csv", "imread", "urlopen", "urlretrieve", "get_file", "mount", "flow", "flow_from_directory",
    "flow_from_dataframe", "image_dataset_from_directory", "upload", "download", "system",
    "run_line_magic", "run_cell_magic", "get_ipython", "run", "show", "imshow", "savefig", "input",
    "sleep", "DataLoader", "random_split",
})  # fmt: skip
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Touched:
    """Names that a statement binds in the module, and names whose object it changes in place."""

    binds: frozenset[str]
    changes: frozenset[str]


def walk_module_scope(node: ast.AST, *, comprehensions: bool = True) -> Iterator[ast.AST]:
    """What runs when the statement runs: not the bodies of functions, classes and lambdas."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, SCOPES) or (not comprehensions and isinstance(current, COMPREHENSIONS)):
            continue
        if not isinstance(current, ast.Name):
            stack.extend(reversed(list(ast.iter_child_nodes(current))))


def touched(statement: ast.stmt) -> Touched:
    """The names that a top-level statement binds or changes."""
    binds: set[str] = set()
    changes: set[str] = set()
    for node in walk_module_scope(statement, comprehensions=False):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            binds.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            binds.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            binds.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            binds.add(node.name or "")
        elif isinstance(node, ast.MatchMapping):
            binds.add(node.rest or "")
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            changes.add(_root(node))
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in MUTATORS:
            changes.add(_root(node.func))
    return Touched(frozenset(binds - {""}), frozenset(changes - {""}))


def _root(node: ast.expr) -> str:
    """`params` of `params.loss["T"]`; empty for anything else."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def needs(source: str) -> frozenset[str]:
    """Global names that `source` reads, at once or when one of its functions is called.

    Exact where it matters: a function's own `loss` or `T` does not pull the notebook's.
    Raises SyntaxError (also for what only the compiler's symbol pass rejects).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            top = symtable.symtable(source, "<cell>", "exec")
        except (RecursionError, MemoryError):
            raise SyntaxError("nested too deeply") from None
        except ValueError as error:
            raise SyntaxError(str(error)) from None
    found: set[str] = set()
    tables = [top]
    while tables:
        table = tables.pop()
        symbols = table.get_symbols()
        # At module level every bound name is "global": there only what is read counts.
        found.update(s.get_name() for s in symbols if (s.is_referenced() if table is top else s.is_global()))
        tables.extend(table.get_children())
    return frozenset(found)


def heavy_call(statement: ast.stmt) -> str | None:
    """The name of the first call in the statement that loads data, trains, plots or downloads."""
    for node in walk_module_scope(statement):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name in HEAVY:
            return str(name)
        if any(keyword.arg == "download" for keyword in node.keywords):
            return str(name or "download")
    return None
