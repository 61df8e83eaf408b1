"""The pages of API keys: made and rotated keys are shown once, and revoked ones are refused."""

import re

from app.repositories.sql import Pool
from tests.api import Api
from tests.api_keys import new_api_key, with_key
from tests.pages.conftest import Person, Shown

GOOD = [("name", "Grade book"), ("roles", "advisor"), ("days", "30")]


def _secret(page: Shown) -> str:
    match = re.search(r'id="key" value="([^"]+)"', page.html)
    assert match, page.text
    return match[1]


async def test_a_made_key_is_shown_once_and_works(operator: Person, api: Api, pool: Pool) -> None:
    made = await operator.post("/dashboard/api-keys", GOOD)
    key = _secret(made)
    assert (made.status, made.headers["Cache-Control"]) == (200, "no-store")
    assert (await with_key(api, key).get("/assessments")).status == 200
    listed = await operator.get("/dashboard/api-keys")
    assert "Grade book" in listed.text and key not in listed.html
    key_id = await pool.fetchval("SELECT id FROM api_keys")
    assert key not in (await operator.get(f"/dashboard/api-keys/{key_id}")).html
    assert key not in (await operator.get("/dashboard/audit")).html


async def test_what_is_wrong_stands_beside_the_field_and_what_was_typed_stays(operator: Person, pool: Pool) -> None:
    wrong = await operator.post("/dashboard/api-keys", [("name", "two\nlines"), ("roles", "advisor"), ("days", "many")])
    assert wrong.status == 422 and "must be one line" in wrong.text and 'aria-invalid="true"' in wrong.html
    assert 'id="days-error"' in wrong.html and 'value="many"' in wrong.html
    assert 'value="advisor" checked' in wrong.html
    assert "Choose at least one role" in (await operator.post("/dashboard/api-keys", {"name": "a", "days": "1"})).text
    for days in ("", "0", "nan", "1e9", "inf"):
        answer = await operator.post("/dashboard/api-keys", [*GOOD[:2], ("days", days)])
        assert (answer.status, 'id="days-error"' in answer.html) == (422, True), days
    assert await pool.fetchval("SELECT count(*) FROM api_keys") == 0


async def test_a_rotated_key_goes_on_for_a_while(operator: Person, api: Api, pool: Pool) -> None:
    old = await new_api_key(pool, "advisor")
    path = f"/dashboard/api-keys/{old.record.key_id}"
    rotated = await operator.post(f"{path}/rotate", {"overlap_seconds": "3600"})
    assert rotated.status == 200
    assert "replaced by a newer one" in (await operator.get("/dashboard/api-keys")).text
    newer = await pool.fetchval("SELECT replaced_by FROM api_keys WHERE id = $1", old.record.key_id)
    assert f'href="/dashboard/api-keys/{newer}"' in (await operator.get(path)).html
    for key in (old.key, _secret(rotated)):
        assert (await with_key(api, key).get("/assessments")).status == 200
    assert (await operator.post(f"{path}/rotate", {"overlap_seconds": "soon"})).status == 422


async def test_a_revoked_key_is_refused(operator: Person, api: Api, pool: Pool) -> None:
    new = await new_api_key(pool, "advisor")
    path = f"/dashboard/api-keys/{new.record.key_id}"
    revoked = await operator.post(f"{path}/revoke", {})
    assert (revoked.status, revoked.target) == (303, "/dashboard/api-keys?done=key-revoked")
    assert (await with_key(api, new.key).get("/assessments")).status == 401
    assert "The key is revoked" in (await operator.get(revoked.target)).text
    assert (await operator.get(path)).status == 404


async def test_names_show_as_text(operator: Person) -> None:
    name = "<img src=x onerror=alert(1)> \u05d0\u05d1 🚀"
    await operator.post("/dashboard/api-keys", [("name", name), *GOOD[1:]])
    page = await operator.get("/dashboard/api-keys")
    assert "<img" not in page.html and "&lt;img src=x onerror=alert(1)&gt;" in page.html
