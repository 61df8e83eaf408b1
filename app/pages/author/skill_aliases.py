"""The page of other names of skills, by which the skills of credentials, tracks and students are compared."""

from aiohttp import web

from app.domain.recommendation.skill_aliases import default_pairs
from app.http.app_keys import ACCESS, CONTEXT
from app.http.sessions import PAGES
from app.pages.forms import read_file, read_form
from app.pages.rendering import redirect, render
from app.services.catalog import skill_aliases
from app.services.catalog.table_file import UnreadableFile

SKILL_ALIASES = f"{PAGES}/skill-aliases"


async def show_aliases(request: web.Request) -> web.StreamResponse:
    """The list that counts, and a form to replace it by a file."""
    return await _page(request)


async def download_aliases(request: web.Request) -> web.StreamResponse:
    """The list that counts, as a table that the form takes."""
    text = skill_aliases.aliases_table(await skill_aliases.pairs_that_count(request.app[CONTEXT].pool))
    headers = {"Content-Disposition": 'attachment; filename="skill-aliases.csv"'}
    return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)


async def replace_aliases(request: web.Request) -> web.StreamResponse:
    """Puts the list of the file in the place of the one that counts, or goes back to that of the software."""
    form, pool, actor = await read_form(request), request.app[CONTEXT].pool, request[ACCESS].caller.principal
    if form.get("then") == "reset":
        await skill_aliases.replace(pool, actor, [])
        return redirect(f"{SKILL_ALIASES}?done=reset")
    file = await read_file(request, "file")
    if file is None:
        return await _page(request, error="Choose a file first.")
    try:
        pairs = skill_aliases.parse_aliases(file.name, file.content)
    except UnreadableFile as error:
        return await _page(request, error=f"The file cannot be used. {error}")
    await skill_aliases.replace(pool, actor, pairs)
    return redirect(f"{SKILL_ALIASES}?done=saved")


async def _page(request: web.Request, *, error: str = "") -> web.Response:
    pairs = await skill_aliases.pairs_that_count(request.app[CONTEXT].pool)
    values = {"pairs": pairs, "is_default": pairs == default_pairs(), "error": error}
    return render(request, "author/skill_aliases.html", values, status=422 if error else 200)
