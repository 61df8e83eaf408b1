"""Styles and scripts: few, cached for ever under an address of their content, and from this server alone."""

import re
from pathlib import Path

import app.pages
from tests.pages.conftest import SIGN_IN, NewPerson

_FOLDER = Path(app.pages.__file__).parent
_SCRIPT_LINES = 500
_STYLE_LINES = 600
_ASSET = re.compile(r'(?:href|src)="([^"]*)"')


def lines(pattern: str) -> int:
    """The lines of these files together."""
    return sum(len(path.read_text("utf-8").splitlines()) for path in (_FOLDER / "static").glob(pattern))


def test_scripts_and_styles_are_few() -> None:
    assert 0 < lines("*.js") < _SCRIPT_LINES
    assert 0 < lines("*.css") < _STYLE_LINES


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    for path in (_FOLDER / "templates").rglob("*.html"):
        html = path.read_text("utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\bsrc=)|javascript:", html), path
        assert not re.search(r'(?:src|action)="https?:', html), path
        assert "|safe" not in html and "autoescape" not in html, path


async def test_assets_are_kept_for_ever_and_change_their_address(person: NewPerson) -> None:
    somebody = await person()
    page = await somebody.get(SIGN_IN)
    paths = [path for path in _ASSET.findall(page.html) if "/assets/" in path]
    assert len(paths) >= 3
    for path in paths:
        answer = await somebody.get(path)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        former = await somebody.get(re.sub(r"/assets/[0-9a-f]+/", "/assets/0000/", path))
        assert (former.status, former.headers["Cache-Control"]) == (200, "no-store")
    for path in ("x/style.css/..", "x/../routes.py", "x/%2e%2e%2froutes.py", "x/none.css"):
        assert (await somebody.get(f"/dashboard/assets/{path}")).status == 404
    assert (await somebody.get("/favicon.ico")).headers["Content-Type"] == "image/svg+xml"
