"""Styles and scripts of the pages, served under an address that changes with their content."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aiohttp import web

from app.http.sessions import ASSETS

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class _File:
    content: bytes
    content_type: str


class Assets:
    """All files, read once. One hash for all of them, because scripts import each other by relative addresses."""

    def __init__(self) -> None:
        self._files = {path.name: _File(path.read_bytes(), _TYPES[path.suffix]) for path in sorted(_FOLDER.iterdir())}
        digest = sha256()
        for name, file in self._files.items():
            digest.update(name.encode() + b"\0" + file.content + b"\0")
        self._version = digest.hexdigest()[:16]

    def path(self, name: str) -> str:
        """The path of a file, with the hash of all files in it."""
        if name not in self._files:
            raise KeyError(f"there is no asset {name}")
        return f"{ASSETS}{self._version}/{name}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A style or a script. A former version's address has the present files, but is not kept by browsers."""
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        current = request.match_info["version"] == self._version
        caching = "public, max-age=31536000, immutable" if current else "no-store"
        return web.Response(
            body=file.content, content_type=file.content_type, charset="utf-8", headers={"Cache-Control": caching}
        )

    async def serve_icon(self, _: web.Request) -> web.StreamResponse:
        """The icon that browsers look for."""
        file = self._files["icon.svg"]
        return web.Response(
            body=file.content, content_type=file.content_type, headers={"Cache-Control": "public, max-age=86400"}
        )
