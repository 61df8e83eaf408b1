"""Rendering pages: the templates, what all of them can use, and the headers of every page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import CodeType
from typing import Any
from urllib.parse import urlsplit

import aiohttp_jinja2
import jinja2
from aiohttp import web
from markupsafe import Markup

from app.domain.principal import display_name
from app.domain.states import Role
from app.http.app_keys import IDENTITY, PUBLIC_URL
from app.http.sessions import PAGES
from app.pages.assets import Assets
from app.pages.forms import CSRF_FIELD, csrf_token, remember_visitor
from app.services.caller import Caller

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


class _CompiledTemplates(jinja2.BytecodeCache):
    """The code of templates, for all applications of a process. Tests start hundreds of them, and to compile a template
    takes much longer than to render it."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Called by Jinja before it compiles the template of this name and source."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Called by Jinja when it has compiled the template."""
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED_TEMPLATES = _CompiledTemplates()


@dataclass(frozen=True)
class _Entry:
    """An entry of the navigation with what one does there, for callers with one of these roles."""

    name: str
    about: str
    path: str
    roles: frozenset[Role]


_ADMINS = frozenset({Role.ADMIN})
_STAFF = frozenset({Role.ADVISOR, Role.ADMIN})
_AUTHORS = frozenset({Role.AUTHOR, Role.ADMIN})
_NAVIGATION = (
    _Entry("Assessments", "Answer the questions of a track, and read your results.", PAGES, frozenset({Role.STUDENT})),
    _Entry("Review", "Essays that need a person, and appeals.", f"{PAGES}/review", _STAFF),
    _Entry("All assessments", "Every student's assessments and results.", f"{PAGES}/assessments", _STAFF),
    _Entry(
        "Insights",
        "How scores are spread, which questions are bad, and whether people and machine agree.",
        f"{PAGES}/insights",
        _STAFF | _AUTHORS,
    ),
    _Entry("Grade book", "The results of all students of a track.", f"{PAGES}/gradebook", _STAFF),
    _Entry(
        "Tracks", "The roles that students aim for: make, change, retire and restore them.", f"{PAGES}/tracks", _AUTHORS
    ),
    _Entry(
        "Questions", "Write and correct the questions of a track, and see how they do.", f"{PAGES}/questions", _AUTHORS
    ),
    _Entry(
        "Credentials",
        "Courses that are recommended: search, write, or import a file.",
        f"{PAGES}/credentials",
        _AUTHORS,
    ),
    _Entry("System", "Is everything fine, and what is stuck?", f"{PAGES}/system", _ADMINS),
    _Entry("Jobs", "The work in the background; retry what was given up.", f"{PAGES}/jobs", _ADMINS),
    _Entry("Webhooks", "Tell other systems what happens, and see what they answered.", f"{PAGES}/webhooks", _ADMINS),
    _Entry("API keys", "Let programs use the API.", f"{PAGES}/api-keys", _ADMINS),
    _Entry("People", "Export or erase what is stored of a person.", f"{PAGES}/people", _ADMINS),
    _Entry("Audit log", "Who has changed what, and when.", f"{PAGES}/audit", _ADMINS),
)
# What a page says after something was done: `?done=` names the text, so that no address can put a text on a page.
_NOTICES: dict[str, str] = {
    "signed-out": "You are signed out.",
    "webhook-changed": "The webhook is changed.",
    "webhook-deleted": "The webhook is deleted.",
    "redelivered": "The message is queued and goes out in a moment.",
    "key-revoked": "The key is revoked.",
    "created": "It is created.",
    "saved": "Your changes are saved.",
    "unchanged": "Nothing was different, so nothing was saved.",
    "retired": "It is retired.",
    "restored": "It is active again.",
    "reset": "The list that came with the software counts again.",
    "job-retried": "The job is queued again. This is the job that runs now.",
    "points-saved": "Saved.",
    "points-to-compare": "Saved. This is what the machine gave.",
    "rescoring": "The essays are being scored again. This result stands until then.",
    "skipped": "Skipped; the one before is free for others.",
    "queue-end": "That was the last one. What you skipped, and what others hold, is still in the queue.",
    "queue-begin": "There is none before that one.",
    "answers-saved": "Your answers are saved.",
    "rated": "Thank you, your rating is stored.",
    "appealed": "Your appeal is sent. A person will look at it, and the answer will stand here.",
}


def set_up_templates(app: web.Application, assets: Assets) -> None:
    """Loads the templates of the pages into the application."""
    base = urlsplit(app[PUBLIC_URL]).path
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("app.pages"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        default_helpers=False,
        bytecode_cache=_COMPILED_TEMPLATES,
    )
    environment.globals.update(
        asset=lambda name: base + assets.path(name), link=lambda path: base + path, display_name=display_name, Role=Role
    )
    environment.filters.update(time=time_element, points=points, percent=percent)


def render(
    request: web.Request, template: str, values: Mapping[str, Any] | None = None, *, status: int = 200
) -> web.Response:
    """The page that the template makes of these values, and of who looks at it."""
    identity = request.get(IDENTITY)
    caller = identity if isinstance(identity, Caller) else None
    common = {
        "caller": caller,
        "navigation": [entry for entry in _NAVIGATION if caller and not entry.roles.isdisjoint(caller.roles)],
        "csrf": Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, csrf_token(request)),
        "here": request.path,
        "notice": _NOTICES.get(request.query.get("done", "")),
    }
    response = aiohttp_jinja2.render_template(template, request, common | dict(values or {}), status=status)
    response.headers.update(_HEADERS)
    remember_visitor(request, response)
    return response


def redirect(path: str) -> web.Response:
    """Has the browser get the page at this path, after a form was handled."""
    return web.Response(status=303, headers={"Location": path, "Referrer-Policy": "same-origin"})


def time_element(moment: datetime) -> Markup:
    """A point in time, in UTC; a script shows it in the reader's time zone."""
    return Markup('<time datetime="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), moment.strftime("%Y-%m-%d %H:%M UTC")
    )


def points(value: float) -> str:
    """Points with at most two decimals, without zeros at the end."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def percent(value: float | None) -> str:
    """A percentage without decimals; a dash for none."""
    return "–" if value is None else f"{value:.0f} %"
