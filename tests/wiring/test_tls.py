"""Connections with TLS to a PgBouncer and a Valkey whose certificate is for 127.0.0.1 alone."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from redis.exceptions import RedisError

from app.clients.redis import job_queue
from app.database_url import parse_database_url
from app.network_errors import describe_error
from app.repositories.sql import DATABASE_UNAVAILABLE
from app.settings import WrongSetting, load_settings
from app.wiring.pool import open_pool
from tests.fakes.breakable_proxy import breakable_proxy
from tests.fakes.self_signed import self_signed
from tests.pgbouncer import pgbouncer


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The file with the certificate."""
    self_signed(tmp_path)
    return tmp_path / "server.pem"


@pytest.fixture
async def postgres_url(database_url: str, certificate: Path) -> AsyncIterator[str]:
    """The database through a PgBouncer that demands TLS."""
    async with pgbouncer(database_url, "session", certificate=certificate) as url:
        yield url


async def connects(url: str) -> bool:
    """Whether the service connects; `assay migrate` has to agree."""
    try:
        async with open_pool(url, "tests", 1) as pool:
            served = await pool.fetchval("SELECT true")
    except DATABASE_UNAVAILABLE as error:
        served = False
        assert "certificate is not valid" in describe_error(error), error
    try:
        with psycopg.connect(**parse_database_url(url).for_libpq()) as connection:
            assert connection.execute("SELECT true").fetchone() == (served,)
    except psycopg.OperationalError:
        assert not served
    return bool(served)


@pytest.mark.parametrize(
    ("query", "at_address", "at_name"),
    [
        ("sslmode=require", True, True),
        ("sslmode=require&sslrootcert={file}", True, True),
        ("sslmode=verify-ca&sslrootcert={file}", True, True),
        ("sslmode=verify-full&sslrootcert={file}", True, False),
        ("sslmode=verify-full&sslrootcert=system", False, False),
        ("sslrootcert=system", False, False),
    ],
)
async def test_postgres(postgres_url: str, certificate: Path, query: str, at_address: bool, at_name: bool) -> None:
    url = f"{postgres_url}?{query.format(file=certificate)}"
    assert await connects(url) == at_address
    assert await connects(url.replace("127.0.0.1", "localhost")) == at_name


async def test_root_certificates_of_the_system(
    postgres_url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    url = f"{postgres_url}?sslrootcert=system"
    assert await connects(url)
    assert not await connects(url.replace("127.0.0.1", "localhost"))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("sslmode=verify-full", "sslmode=verify-full needs sslrootcert"),
        ("sslmode=verify-ca", "sslmode=verify-ca needs sslrootcert"),
        ("sslmode=require&sslrootcert=system", "sslrootcert=system needs sslmode=verify-full"),
        ("sslmode=verify-full&sslrootcert=/no/such/file", "sslrootcert names no file that can be read"),
        ("sslcert=/no/such/file", "sslcert names no file that can be read"),
        ("sslkey=/etc", "sslkey names no file that can be read"),
        ("sslcrl=", "sslcrl names no file that can be read"),
    ],
)
def test_what_cannot_be_checked_is_refused_at_the_start(
    query: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    with pytest.raises(WrongSetting, match=f"^DATABASE_URL: option {named}"):
        load_settings({}, database_url=f"postgresql://u:p4ss@h/d?{query}")


async def test_root_certificates_in_the_usual_place(
    postgres_url: str, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".postgresql").mkdir()
    shutil.copy(certificate, tmp_path / ".postgresql" / "root.crt")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert await connects(f"{postgres_url}?sslmode=verify-full")


@pytest.mark.parametrize(
    ("query", "at_address", "at_name"),
    [
        ("ssl_ca_certs={file}", True, False),
        ("ssl_ca_certs={file}&ssl_check_hostname=yes", True, False),
        ("ssl_ca_certs={file}&ssl_check_hostname=no", True, True),
        ("ssl_ca_certs={file}&ssl_cert_reqs=optional", True, False),
        ("ssl_cert_reqs=none", True, True),
        ("", False, False),
    ],
)
async def test_redis(redis_url: str, tmp_path: Path, query: str, at_address: bool, at_name: bool) -> None:
    async with breakable_proxy(redis_url, tls=self_signed(tmp_path)) as proxy:
        address = proxy.url.replace("redis://", "rediss://") + "?" + query.format(file=tmp_path / "server.pem")
        for url, expected in ((address, at_address), (address.replace("127.0.0.1", "localhost"), at_name)):
            async with job_queue.connect(url) as redis:
                try:
                    assert await redis.ping() is expected
                except RedisError as error:
                    assert not expected and "certificate is not valid" in describe_error(error), error
