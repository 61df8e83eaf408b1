"""Memory and imports of a server and of a worker: the SDK of the models and the embedding runtime stay out."""

import asyncio
import json
import sys
from typing import Any

from tests.conftest import SECRET
from tests.workers.conftest import ROOT

HEAVY = ("openai", "onnxruntime", "tokenizers", "numpy")
# Measured: about 75. The SDK alone would take 58 more.
MOST_MEGABYTES = 120
PROGRAM = f"""
import json, sys
from pathlib import Path
import app.server
from app.settings import load_settings
from app.server import create_app
urls = {{"database_url": "postgresql://127.0.0.1:1/none", "redis_url": "redis://127.0.0.1:1"}}
create_app(load_settings(**urls, jwt_secret={SECRET!r}))
# Not getrusage, which begins with the parent's memory at the fork.
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print(json.dumps({{"peak_kb": peak, "loaded": [name for name in {HEAVY!r} if name in sys.modules]}}))
"""


async def run(program: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)


async def test_a_server_stays_small() -> None:
    measured = await run(PROGRAM)
    assert measured["loaded"] == []
    assert measured["peak_kb"] < MOST_MEGABYTES * 1024


async def test_a_worker_without_a_key_does_not_load_the_sdk() -> None:
    """Nor does it load the embedding runtime before there is something to embed."""
    loaded = f"import json, sys; import workers.main; print(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    assert await run(loaded) == []
