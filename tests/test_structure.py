"""Limits on the size of functions, files and folders, and on what they may be called."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_FUNCTION_LINES = 50
_FILE_LINES = 300
_LINE_CHARACTERS = 120
_FOLDER_MODULES = 25
_DESCRIBED_SHARE = 0.95
# Names that say nothing about what is in a module.
_EMPTY_NAMES = {"utils", "util", "helpers", "common", "manager", "misc", "base"}


def _modules(*folders: str) -> list[Path]:
    paths = sorted(path for folder in folders for path in (_ROOT / folder).rglob("*.py"))
    assert paths
    return paths


_CODE = _modules("app", "workers", "client/assay_client", "benchmarks")
_ALL = [*_CODE, *_modules("tests")]


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _place(path: Path, node: ast.stmt | ast.expr | None = None) -> str:
    return f"{path.relative_to(_ROOT)}:{node.lineno}" if node else str(path.relative_to(_ROOT))


def test_no_function_is_long() -> None:
    long = [
        f"{_place(path, node)} {node.name}"
        for path in _ALL
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= _FUNCTION_LINES
    ]
    assert long == []


def test_no_file_is_long() -> None:
    assert [_place(path) for path in _ALL if len(path.read_text("utf-8").splitlines()) > _FILE_LINES] == []


def test_statements_fit_the_line() -> None:
    """Those of `app/repositories/queries`; the formatter sees to it in Python."""
    wrong = [
        f"{_place(path)}:{number}"
        for path in sorted((_ROOT / "app/repositories/queries").glob("*.sql"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > _LINE_CHARACTERS or line != line.rstrip()
    ]
    assert wrong == []


def test_no_folder_holds_many_modules() -> None:
    modules = Counter(path.parent for path in _ALL if path.name != "__init__.py")
    assert {_place(folder): count for folder, count in modules.items() if count > _FOLDER_MODULES} == {}


def test_module_names_say_what_is_in_them() -> None:
    assert [_place(path) for path in _ALL if path.stem in _EMPTY_NAMES] == []


def test_only_one_function_reads_the_messages_of_pydantic() -> None:
    """It removes the prefix "Value error", which means nothing to the reader of an error."""
    readers = [
        _place(path, node)
        for path in _modules("app", "workers")
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == "msg"
    ]
    assert [place.rsplit(":", 1)[0] for place in readers] == ["app/domain/body_validation.py"]


def test_no_text_leaves_the_plural_to_its_reader() -> None:
    """Messages say "1 job" or "2 jobs" (`count_of`), and never put the plural's ending in brackets."""
    texts = [*_ALL, *(_ROOT / "workers").rglob("*.py"), *_ROOT.glob("*.md"), *_ROOT.glob("docs/*.md")]
    endings = re.compile(r"[a-z]\(e?s\)")
    lines = [
        f"{_place(path)}: {line.strip()}"
        for path in texts
        for line in path.read_text("utf-8").splitlines()
        if endings.search(re.sub(r"\w+\(s\)(?= FROM|\))|\blen\(s\)|to_jsonb\(s\b", "", line))
    ]
    assert lines == []


def test_nearly_all_public_code_is_described() -> None:
    public = [
        (f"{_place(path, node)} {node.name}", ast.get_docstring(node))
        for path in _CODE
        for node in _tree(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    missing = [name for name, docstring in public if not docstring]
    assert len(missing) <= (1 - _DESCRIBED_SHARE) * len(public), missing
