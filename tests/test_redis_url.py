"""REDIS_URL is read by one parser, which names what it does not know and repeats no secret."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis, SSLConnection, UnixDomainSocketConnection

from app.clients.redis import job_queue
from app.redis_url import parse_redis_url
from app.settings import WrongSetting, load_settings
from tests.fakes.breakable_proxy import breakable_proxy

SECRET = "p4ss"


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        ("redis://", {"host": "localhost", "port": 6379}),
        ("redis://h/3", {"host": "h", "port": 6379, "db": 3}),
        ("redis://h/3?db=4", {"host": "h", "port": 6379, "db": 4}),
        ("redis://[::1]:7", {"host": "::1", "port": 7}),
        ("rediss://u%40x:a%2Fb@h:1/0",
         {"host": "h", "port": 1, "db": 0, "username": "u@x", "password": "a/b", "ssl_check_hostname": True}),
        ("rediss://h?ssl_cert_reqs=none",
         {"host": "h", "port": 6379, "ssl_cert_reqs": "none", "ssl_check_hostname": False}),
        ("rediss://h?ssl_cert_reqs=required&ssl_check_hostname=yes&ssl_min_version=TLSv1.3",
         {"host": "h", "port": 6379, "ssl_cert_reqs": "required", "ssl_check_hostname": True,
          "ssl_min_version": ssl.TLSVersion.TLSv1_3}),
        ("unix:///run/a%20b.sock?db=2&username=u&password=p%26",
         {"path": "/run/a b.sock", "db": 2, "username": "u", "password": "p&"}),
        ("redis://h?socket_timeout=5&socket_connect_timeout=.5&health_check_interval=30&max_connections=50"
         "&client_name=assay&socket_keepalive=true&retry_on_timeout=no",
         {"host": "h", "port": 6379, "socket_timeout": 5.0, "socket_connect_timeout": 0.5, "health_check_interval": 30,
          "max_connections": 50, "client_name": "assay", "socket_keepalive": True, "retry_on_timeout": False}),
    ],
)  # fmt: skip
def test_urls_that_are_read(url: str, arguments: dict[str, Any]) -> None:
    assert parse_redis_url(url)[1] == arguments
    job_queue.connect(url)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("redis://:p4ss@h?no_such_option=1", "no_such_option"),
        ("redis://:p4ss@h?retry=3", "retry"),
        ("redis://:p4ss@h?decode_responses=True", "decode_responses"),
        ("redis://:p4ss@h?parser_class=x", "parser_class"),
        ("redis://:p4ss@h?timeout=5", "timeout"),
        ("redis://:p4ss@h?ssl_cert_reqs=none", "ssl_cert_reqs"),
        ("redis://:p4ss@h?%70%34%73%73%00=1", "not shown"),
        ("redis://:p4ss@h?socket_timeout=p4ss", "socket_timeout"),
        ("redis://:p4ss@h?socket_timeout=0", "socket_timeout"),
        ("redis://:p4ss@h?socket_timeout=nan", "socket_timeout"),
        ("redis://:p4ss@h?max_connections=0", "max_connections"),
        ("redis://:p4ss@h?db=first", "db"),
        ("redis://:p4ss@h?db=", "db"),
        ("redis://:p4ss@h?socket_keepalive=perhaps", "socket_keepalive"),
        ("redis://:p4ss@h/first", "database"),
        ("redis://:p4ss@h:99999", "port"),
        ("redis://:p4ss@[::1", "host"),
        ("redis://h?password=a#p4ss", "#"),
        ("rediss://:p4ss@h?ssl_cert_reqs=p4ss", "ssl_cert_reqs"),
        ("rediss://:p4ss@h?ssl_ca_certs=/no/such/file", "ssl_ca_certs"),
        ("rediss://:p4ss@h?ssl_ca_certs=/etc/passwd", "ssl_"),
        ("rediss://:p4ss@h?ssl_cert_reqs=none&ssl_check_hostname=1", "ssl_check_hostname"),
        ("rediss://:p4ss@h?ssl_certfile=/etc/passwd&ssl_keyfile=/etc/passwd", "ssl_"),
        ("rediss://:p4ss@h?ssl_ciphers=none-of-them", "ssl_"),
        ("unix://", "socket"),
        ("unix:///run/s?socket_keepalive=1", "socket_keepalive"),
    ],
)
def test_urls_that_are_refused(url: str, named: str) -> None:
    with pytest.raises(WrongSetting) as refusal:
        load_settings(redis_url=url)
    line = str(refusal.value)
    assert line.startswith("REDIS_URL: ") and named in line and "\n" not in line
    assert SECRET not in line


def test_each_scheme_has_its_connection() -> None:
    assert issubclass(job_queue.connect("rediss://h").connection_pool.connection_class, SSLConnection)
    assert issubclass(job_queue.connect("unix:///s").connection_pool.connection_class, UnixDomainSocketConnection)


async def test_a_unix_socket_with_user_and_database(redis_url: str, tmp_path: Path) -> None:
    async with breakable_proxy(redis_url, tmp_path / "redis.sock") as proxy, Redis.from_url(redis_url) as admin:
        await admin.acl_setuser("unix", enabled=True, passwords=["+p4ss"], categories=["+@all"], keys=["*"])
        async with job_queue.connect(f"unix://unix:p4ss@{proxy.path}?db=2") as redis:
            await redis.set("key", "value")
        await admin.acl_deluser("unix")
    async with Redis.from_url(f"{redis_url.rsplit('/', 1)[0]}/2") as second:
        assert await second.get("key") == b"value"
