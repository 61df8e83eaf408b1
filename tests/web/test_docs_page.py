"""The script of /docs: it shows the roles, and a reload keeps the token, in the session of the tab only."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "app" / "web" / "static" / "docs.js"
# A browser with a tab: each load of the page runs the script, with Swagger UI's own interface in the place of its page.
_BROWSER = """
const stored = {};
const setItem = (name, text) => { stored[name] = text; };
globalThis.sessionStorage = { getItem: (name) => stored[name] ?? null, setItem };
globalThis.document = { baseURI: "http://127.0.0.1/docs" };
function load(loggedIn) {
  let options, restored = null, begin;
  globalThis.window = { addEventListener: (_, run) => { begin = run; } };
  globalThis.SwaggerUIBundle = (config) => {
    options = config;
    return { authActions: { restoreAuthorization: (state) => { restored = state.authorized; } } };
  };
  new Function(SCRIPT)();
  begin();
  options.onComplete();
  const wrap = options.plugins[0]().statePlugins.auth.wrapActions.persistAuthorizationIfNeeded;
  const system = { authSelectors: { authorized: () => ({ toJS: () => loggedIn }) } };
  if (loggedIn) wrap(() => {}, system)();
  return { restored, roles: options.showExtensions };
}
const loads = [load({ bearer: { value: "T" } }), load({}), load(null)];
console.log(JSON.stringify(loads));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_reload_keeps_the_token_until_logout() -> None:
    program = f"const SCRIPT = {json.dumps(_SCRIPT.read_text('utf-8'))};{_BROWSER}"
    done = subprocess.run(["node", "--eval", program], capture_output=True, text=True, timeout=60, check=True)  # noqa: S607
    assert [load["restored"] for load in json.loads(done.stdout)] == [None, {"bearer": {"value": "T"}}, {}]
    assert all(load["roles"] is True for load in json.loads(done.stdout))
    assert "localStorage" not in _SCRIPT.read_text("utf-8")
