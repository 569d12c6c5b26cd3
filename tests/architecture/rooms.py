"""The table of docs/architecture.md, and what a source file imports."""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bayesmeta"
TOP = "__init__"


@dataclass(frozen=True)
class Room:
    """One row of the table; `name` without slash or suffix."""

    name: str
    rank: int
    planned: bool
    never: frozenset[str]
    at_top: frozenset[str]
    deferred: frozenset[str]


@dataclass(frozen=True)
class Import:
    """One imported name, dotted from its root; `deferred` inside functions and under `if TYPE_CHECKING`."""

    name: str
    line: int
    deferred: bool


def table(text: str | None = None) -> dict[str, Room]:
    """The rooms from top to bottom, by name."""
    if text is None:
        text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms: dict[str, Room] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| `") or len(cells) != 5:
            continue
        name = bare(cells[0].strip("`"))
        never, at_top, deferred = (frozenset(map(bare, re.findall("`([^`]+)`", cell))) for cell in cells[2:])
        rooms[name] = Room(name, len(rooms), "*planned*" in cells[1], never, at_top, deferred)
    return rooms


def bare(name: str) -> str:
    return name.removesuffix("/").removesuffix(".py")


def sources() -> Iterator[tuple[Path, str]]:
    """Every module of the package with its dotted name."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield path, ".".join(parts[:-1] if parts[-1] == TOP else parts)


def room_of(dotted: str, rooms: dict[str, Room]) -> str:
    """The room of a dotted name below `bayesmeta`; names that are no room are the package's public names."""
    second = dotted.split(".")[1:2]
    return second[0] if second and (second[0] in rooms or (PACKAGE / second[0]).is_dir()) else TOP


def imports(source: str, module: str, is_package: bool = False) -> list[Import]:
    """Everything that a source text imports, by whatever way."""
    package = module if is_package else module.rpartition(".")[0]
    found: list[Import] = []

    def visit(node: ast.AST, deferred: bool) -> None:
        found.extend(Import(name, node.lineno, deferred) for name in imported_by(node, package))
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        )
        for child in ast.iter_child_nodes(node):
            visit(child, deferred or later)

    visit(ast.parse(source), False)
    return found


def imported_by(node: ast.AST, package: str) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            base = importlib.util.resolve_name("." * level + (module or ""), package)
            return [f"{base}.{alias.name}" for alias in names]
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            return [importlib.util.resolve_name(name, package)]
    return []


def faults(source: str, module: str, rooms: dict[str, Room], is_package: bool = False) -> list[str]:
    """What a source text imports against the table, a sentence each."""
    own = (module.split(".")[1:2] or [TOP])[0]
    if own not in rooms:
        return [f"{module}: the room {own} has no row in docs/architecture.md"]
    found = []
    for one in imports(source, module, is_package):
        root = one.name.partition(".")[0]
        where = f"{module}, line {one.line}"
        if root == "bayesmeta":
            other = room_of(one.name, rooms)
            if other not in rooms:
                found.append(f"{where}: imports {one.name}; the room {other} has no row in docs/architecture.md")
            elif rooms[other].rank > rooms[own].rank:
                found.append(f"{where}: {own} imports {one.name}, from a room below its own")
            elif other in rooms[own].never:
                found.append(f"{where}: {own} imports {one.name}; it never imports from {other}")
        elif root not in sys.stdlib_module_names:
            allowed = rooms[own].at_top | (rooms[own].deferred if one.deferred else frozenset())
            if not any(f"{one.name}.".startswith(f"{name}.") for name in allowed):
                manner = "inside a function" if one.deferred else "at the top"
                found.append(f"{where}: {own} imports {one.name} {manner}; the table does not let it")
    return found
