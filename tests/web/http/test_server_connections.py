"""Requests that reach no route, and bytes that are not HTTP: all are answered with problems."""

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson
from prometheus_client.parser import text_string_to_metric_families

from tests.api import Api
from tests.web.problems import problem

GARBAGE = {
    "words": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "version": b"GET / HTTP/9.9\r\n\r\n",
    "method": b"BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "negative length": b"POST /tracks HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "length of letters": b"POST /tracks HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    "two lengths": b"POST /tracks HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": b"POST /tracks HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunk size": b"POST /tracks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
    "folded header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "control in the path": b"GET /a\x01b HTTP/1.1\r\nHost: x\r\n\r\n",
    "path of high bytes": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "broken address": b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
}


# Much more than an answer takes on an idle machine.
SECONDS = 60.0
HOST = b" HTTP/1.1\r\nHost: x\r\n"
# What is too long, with the status and the type of the problem.
TOO_LONG = {
    "address": (b"GET /" + b"a" * 9000 + HOST + b"\r\n", 414, "address-too-long"),
    "header": (b"GET /healthz" + HOST + b"X-A: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers-too-large"),
    "name": (b"GET /healthz" + HOST + b"a" * 9000 + b": a\r\n\r\n", 431, "headers-too-large"),
    "token": (b"GET /tracks" + HOST + b"Authorization: Bearer " + b"a" * 10240 + b"\r\n\r\n", 431, "headers-too-large"),
    "number": (b"GET /healthz" + HOST + b"X-A: a\r\n" * 500 + b"\r\n", 431, "headers-too-large"),
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """An answer that was read from the socket."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.raw)


async def send(api: Api, raw: bytes) -> Answer:
    """The first answer to the bytes."""
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    try:
        writer.write(raw)
        async with asyncio.timeout(SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("Content-Length", 0)))
        return Answer(int(head[0].split()[1]), headers, body)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_bytes_that_are_not_http_are_answered_with_a_problem(api: Api) -> None:
    for name, raw in GARBAGE.items():
        answer = await send(api, raw)
        assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json"), name
        assert answer.body["type"] == "/problems/malformed-request"
        assert answer.headers["X-Request-ID"] == answer.body["request_id"]
        assert b"BadHttp" not in answer.raw
    assert (await api.get("/healthz")).status == 200


async def test_what_is_too_long_is_answered_with_its_own_problem(api: Api) -> None:
    for name, (raw, status, kind) in TOO_LONG.items():
        answer = await send(api, raw)
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json"), name
        assert (answer.body["type"], answer.body["status"]) == (f"/problems/{kind}", status)
        assert b"aaaa" not in answer.raw
    fits = b"GET /healthz" + HOST + b"X-A: " + b"a" * 8000 + b"\r\n\r\n"
    assert (await send(api, fits)).status == 200


async def test_no_answer_names_versions_or_can_be_taken_for_another_type(api: Api) -> None:
    requests = [*GARBAGE.values(), *(raw for raw, _, _ in TOO_LONG.values())]
    requests += [
        b"GET " + path + HOST + b"\r\n" for path in (b"/healthz", b"/docs", b"/docs/docs.js", b"/tracks", b"/x")
    ]
    requests += [b"GET /healthz" + HOST + b"Expect: wonders\r\n\r\n"]
    for raw in requests:
        headers = (await send(api, raw)).headers
        assert (headers["Server"], headers["X-Content-Type-Options"]) == ("assay", "nosniff"), raw[:40]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


async def test_an_unknown_expectation_is_answered_with_a_problem(api: Api) -> None:
    for path in (b"/healthz", b"/nowhere"):
        answer = await send(
            api, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\nX-Request-ID: mine\r\n\r\n"
        )
        assert (answer.status, answer.headers["Content-Type"]) == (417, "application/problem+json")
        assert answer.headers["X-Request-ID"] == answer.body["request_id"] == "mine"


async def test_unknown_paths_are_answered_with_a_problem(api: Api) -> None:
    for path in ("/nowhere", "/tracks/", "/tracks/a/b", "/docs/../docs.js", "/docs/%2e%2e%2fapp.py", "/docs/x.js",
                 "/assessments//status", "/%00", "/%ED%A0%80"):  # fmt: skip
        body = problem(await api.get(path), 404, "not-found")
        assert body["instance"].startswith("/")
    for target in (b"*", b"//tracks", b"//x/y", b"/a?b=%zz", b"/%zz"):
        answer = await send(api, b"OPTIONS " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.status == 404 and answer.body["instance"].startswith("/")


async def test_unsupported_methods_are_answered_with_a_problem(api: Api) -> None:
    allowed = {
        "/tracks": {"GET", "HEAD", "POST"}, "/tracks/a": {"GET", "HEAD", "PATCH", "DELETE"},
        "/assessments/a/submit": {"POST"}, "/assessments/a/responses": {"PATCH"}, "/docs/docs.js": {"GET", "HEAD"},
        "/healthz": {"GET", "HEAD"}, "/assessments/a/scores/b/override": {"PUT"}, "/assessments/a/rescore": {"POST"},
    }  # fmt: skip
    for path, methods in allowed.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - methods:
            reply = await api.send(method, path)
            problem(reply, 405, "method-not-allowed")
            assert set(reply.headers["Allow"].replace(" ", "").split(",")) == methods


async def test_the_clients_request_id_comes_back_if_its_form_is_accepted(api: Api) -> None:
    for sane in ("abc", "A-1_2.3:4/5+6=", "x" * 128):
        for path in ("/healthz", "/nowhere", "/tracks"):
            assert (await api.get(path, X_Request_ID=sane)).headers["X-Request-ID"] == sane
    for insane in ("", " ", "x" * 129, "a b", "é", "<script>", '"', "a;b", "${jndi}"):
        request_id = (await api.get("/nowhere", X_Request_ID=insane)).headers["X-Request-ID"]
        assert (len(request_id), request_id != insane) == (36, True)


async def test_each_request_has_an_id_of_its_own(api: Api) -> None:
    ids = {(await api.get("/healthz")).headers["X-Request-ID"] for _ in range(5)}
    assert len(ids) == 5


async def test_a_client_that_disconnects_during_its_body_is_not_a_database_error(api: Api) -> None:
    _, writer = await asyncio.open_connection(api.client.host, api.client.port)
    head = f"POST /assessments HTTP/1.1\r\nHost: x\r\nAuthorization: {api.bearer}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: 99\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(SECONDS):
        while not (statuses := await statuses_of(api, "/assessments")):
            pass
    assert statuses == {"400"}


async def statuses_of(api: Api, route: str) -> set[str]:
    """The statuses that a route has answered with."""
    families = text_string_to_metric_families((await api.get("/metrics")).raw.decode())
    samples = [sample.labels for family in families for sample in family.samples if "route" in sample.labels]
    return {labels["status"] for labels in samples if labels["route"] == route}
