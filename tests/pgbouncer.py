"""A real PgBouncer in front of the test's Postgres."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from aiohttp.test_utils import unused_port

from tests.debian_packages import debian_program
from tests.fakes.conditions import until


@asynccontextmanager
async def pgbouncer(
    database_url: str, mode: str, pool_size: int = 20, certificate: Path | None = None
) -> AsyncIterator[str]:
    """The URL of the database through a PgBouncer in this mode, whose other settings are its defaults. With a
    `certificate`, a file with its key, clients have to use TLS."""
    program = debian_program("pgbouncer")
    url = urlsplit(database_url)
    assert url.port
    with TemporaryDirectory(prefix="pgbouncer-") as name:
        folder, port = Path(name), unused_port()
        users, configuration = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text(f'"{url.username}" "{url.password}"\n')
        tls = ""
        if certificate:
            copy = folder / "server.pem"
            shutil.copy(certificate, copy)
            copy.chmod(0o644)
            tls = f"client_tls_sslmode = require\nclient_tls_key_file = {copy}\nclient_tls_cert_file = {copy}\n"
        configuration.write_text(
            f"[databases]\n* = host={url.hostname} port={url.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = {mode}\n"
            f"default_pool_size = {pool_size}\n{tls}"
        )
        # It refuses to run as root.
        account = ["-u", "nobody"] if os.geteuid() == 0 else []
        for path in (folder, users, configuration):
            path.chmod(0o755)
        process = await asyncio.create_subprocess_exec(
            program.path, "-q", *account, str(configuration),
            env={**os.environ, **program.environment}, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await until(lambda: _listens(port))
            yield url._replace(netloc=url.netloc.replace(f":{url.port}", f":{port}")).geturl()
        finally:
            process.kill()
            await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
