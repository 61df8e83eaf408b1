"""The measures that keep the code readable: short functions, short files, nothing named after nothing."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_CODE = sorted(path for folder in ("app", "client/assay_client", "workers") for path in (_ROOT / folder).rglob("*.py"))
_TESTS = sorted((_ROOT / "tests").rglob("*.py"))
_DRAWERS = {"utils", "util", "helpers", "common", "manager", "misc", "base"}


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(_ROOT)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_functions_are_short() -> None:
    lengths = sorted(length for path in _CODE for _, length in _functions(path))
    assert len(lengths) > 300
    assert statistics.median(lengths) <= 8
    assert lengths[int(len(lengths) * 0.9)] <= 22


@pytest.mark.parametrize("path", [*_CODE, *_TESTS], ids=lambda path: str(path.relative_to(_ROOT)))
def test_no_function_or_file_is_long(path: Path) -> None:
    assert [name for name, length in _functions(path) if length > 50] == []
    assert len(path.read_text("utf-8").splitlines()) < 300


def test_no_file_is_a_drawer() -> None:
    assert [path for path in _CODE if path.stem in _DRAWERS] == []


def test_nearly_all_public_code_is_described() -> None:
    public = [
        (f"{path.relative_to(_ROOT)}:{node.lineno} {node.name}", ast.get_docstring(node))
        for path in _CODE
        for node in ast.iter_child_nodes(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    missing = [name for name, docstring in public if not docstring]
    assert len(missing) < 0.05 * len(public), missing
