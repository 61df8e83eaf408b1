"""What the documents say about the repository: paths, links, settings, log events, and the length of the README."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.settings import Settings

_ROOT = Path(__file__).parents[1]
_README = _ROOT / "README.md"
_DOCUMENTS = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("docs/*.md")])
# Two screens; what does not fit belongs into docs.
_README_LINES = 120
_FOLDERS = {path.name for path in _ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
_ENDINGS = ("cfg", "jsonl", "json", "md", "sql", "txt", "py")
# A path from the root of the repository: with a folder of it, or the name of a file.
_PATH = re.compile(rf"(?:{'|'.join(_FOLDERS)})/[\w./*-]*|\w[\w.-]*\.(?:{'|'.join(_ENDINGS)})")
# Files of the reader's own.
_EXAMPLES = {"FILE.jsonl", "answers.jsonl", "credentials.csv", "bench.json"}

documents = pytest.mark.parametrize("document", _DOCUMENTS, ids=[path.name for path in _DOCUMENTS])


def _prose(document: Path) -> str:
    """The text without blocks of code."""
    return re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def _anchors(document: Path) -> set[str]:
    """The anchors that code forges give to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", _prose(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _in_code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


@documents
def test_paths_in_documents_exist(document: Path) -> None:
    named = {text for text in _in_code(_prose(document)) if _PATH.fullmatch(text)} - _EXAMPLES
    # SQL files and modules that the text names by their last part alone.
    known = {path.name for folder in ("app/repositories/queries", "app") for path in (_ROOT / folder).iterdir()}
    assert {path for path in named if path not in known and not any(_ROOT.glob(path))} == set()


@documents
def test_links_in_documents_lead_somewhere(document: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", _prose(document)):
        url = urlsplit(link)
        if url.scheme:
            continue
        target = (document.parent / url.path).resolve() if url.path else document
        if not target.is_file() or (url.fragment and url.fragment not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_readme_is_short_and_names_the_two_commands() -> None:
    text = _README.read_text("utf-8")
    assert len(text.splitlines()) <= _README_LINES
    assert "make run" in text and "make test" in text


def test_settings_in_the_table_of_the_deployment_exist() -> None:
    text = (_ROOT / "docs" / "deployment.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|", text, re.MULTILINE)
    named = {name for row in rows for name in _in_code(row)}
    assert len(named) > 20
    assert named <= {name.upper() for name in Settings.model_fields}


def test_log_events_and_metrics_in_the_operations_exist() -> None:
    text = (_ROOT / "docs" / "operations.md").read_text("utf-8")
    section = text[text.index("## Logs") : text.index("## When something is unavailable")]
    named = {name for row in re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE) for name in _in_code(row)}
    code = "".join(path.read_text("utf-8") for folder in ("app", "workers") for path in (_ROOT / folder).rglob("*.py"))
    assert len(named) > 10
    assert {name for name in named if f'"{name}"' not in code} == set()
