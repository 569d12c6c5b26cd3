"""Files that one reads at a sitting, and `__init__.py` files that hold nothing but names."""

import ast

import pytest

from tests.architecture.rooms import PACKAGE, sources

FILE_LINES = 400
FUNCTION_LINES = 60


def too_long(source: str, name: str) -> list[str]:
    lines = source.count("\n") + 1
    found = [f"{name}: {lines} lines"] if lines > FILE_LINES else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(f"{name}, {node.name}: {length} lines")
    return found


def code_in(source: str) -> list[int]:
    """Lines of an `__init__.py` that are neither docstring, import, `__all__` nor the attaching of lazy names."""
    return [node.lineno for node in ast.parse(source).body if not only_names(node)]


def only_names(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=orelse):
            return all(only_names(inner) for inner in (*body, *orelse))
        case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple()):
            return True
        case ast.Assign(targets=[ast.Name(id="__getattr__" | "__dir__")], value=value):
            return ast.unparse(value) == "__all__.copy" or ast.unparse(value).startswith("lazy.attach(__name__, ")
    return False


def test_files_and_functions_stay_short():
    assert [fault for path, name in sources() for fault in too_long(path.read_text(encoding="utf-8"), name)] == []


def test_a_long_file_and_a_long_function_are_found():
    body = "    x = 1\n" * FUNCTION_LINES
    assert too_long(f"def f():\n{body}", "m") == ["m, f: 61 lines"]
    method = body.replace("    x", "        x")
    assert too_long(f"class C:\n    async def f(self):\n{method}", "m") == ["m, f: 61 lines"]
    assert too_long("x = 1\n" * FILE_LINES, "m") == ["m: 401 lines"]
    assert too_long("x = 1\n" * (FILE_LINES - 1), "m") == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_init_file_holds_only_names(path):
    assert code_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line", ["x = 1", "def f(): ...", "for m in (): ...", "if TYPE_CHECKING:\n    x = 1", "f()", "__dir__ = f"]
)
def test_code_in_an_init_file_is_found(line):
    assert code_in(f'"""Names."""\n\nfrom a import b\n\n__all__ = ["b"]\n{line}\n') == [6]
