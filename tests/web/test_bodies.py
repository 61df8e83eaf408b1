"""Bodies that are not JSON, cannot be stored, are too large or compressed: each is refused with its own problem."""

import gzip
import io
import zlib
from uuid import uuid4

from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.web.problems import invalid, problem

JSON = {"Content-Type": "application/json"}
MIB = 1024 * 1024


async def start(api: Api, raw: bytes, **headers: str) -> Reply:
    """A request to start an assessment, with these bytes as its body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.send_raw("POST", "/assessments", raw, JSON | named)


def padded(size: int) -> bytes:
    """A valid body of so many bytes."""
    body = f'{{"track":"{SLUG}"}}'.encode()
    return body + b" " * (size - len(body))


MALFORMED = (
    b"{", b"not JSON", b"{'track':'x'}", b'{"track":"gardener",}', b'{"track":"gardener"}{}', b"   ", b"\x00", b"\xff",
    b'{"track":"\xe9"}', b'{"track":"\xed\xa0\x80"}', b'{"track":"\xc0\x80"}', b'\xef\xbb\xbf{"track":"gardener"}',
    '{"track":"gardener"}'.encode("utf-16"), b'{"track":"a\x00b"}', b'{"track":"a\nb"}', b'{"track":"\\x"}',
    b'{"track":"gardener","track":"gardener"}', b'{"a":{"b":1,"b":1}}', b'{"track":NaN}', b'{"track":Infinity}',
    b'{"track":-Infinity}', b'{"track":1e999}', b'{"track":-1e999}', b'{"track":' + b"9" * 5000 + b"}",
    b'{"track":9223372036854775808}', b'{"track":01}', b'{"track":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"[" * 100_000, b'{"a":' * 100_000, b"/* no */ {}",
)  # fmt: skip


async def test_malformed_and_ambiguous_json_is_refused(api: Api, bank: Bank) -> None:
    for raw in MALFORMED:
        detail = problem(await start(api, raw), 400, "malformed-request")["detail"]
        assert len(detail) < 200, raw[:40]


async def test_unstorable_texts_and_deep_nesting_are_pointed_at(api: Api, bank: Bank) -> None:
    wrong: list[tuple[bytes, list[str]]] = [
        (rb'{"track":"\u0000"}', ["/track"]), (rb'{"track":"\ud800"}', ["/track"]),
        (rb'{"track":"\udfffx"}', ["/track"]),
        (rb'{"a/b":["x",{"~":"\u0000"}]}', ["/a~1b/1/~0"]), (rb'{"a\u0000":1}', [""]), (rb'{"a":{"\ud800":1}}', ["/a"]),
        (b'{"track":' + b"[" * 30 + b"]" * 30 + b"}", [""]), (b'{"track":' * 25 + b"1" + b"}" * 25, [""]),
    ]  # fmt: skip
    for raw, pointers in wrong:
        assert invalid(await start(api, raw)) == pointers, raw
    problem(await start(api, rb'{"track":"\ud83c\udf39"}'), 404, "not-found")


async def test_the_number_of_errors_is_bounded(api: Api, path: str) -> None:
    """Each of these bodies of a megabyte would get a much longer answer: pointers repeat the keys."""
    long_key = b'{"' + b"k" * 500_000 + b'":['
    wide = b"{" + b",".join(b'"a%d":1' % number for number in range(90_000)) + b"}"
    assert invalid(await start(api, wide)) == [""]
    assert invalid(await start(api, b"[" + b"{}," * 300_000 + b"{}]")) == [""]
    assert invalid(await start(api, long_key + b"0," * 2_000 + b"0]}")) == ["/" + "k" * 500_000]
    assert len(invalid(await start(api, long_key + rb'"\u0000",' * 900 + b"0]}"))) == 20
    unknown = b"{" + b",".join(b'"a%d":1' % number for number in range(15)) + b"}"
    many = b'{"responses":[' + b",".join([unknown] * 500) + b"]}"
    assert len(invalid(await api.send_raw("PATCH", f"{path}/responses", many, JSON))) == 500


async def test_only_json_is_accepted(api: Api, bank: Bank) -> None:
    body = padded(40)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json",
                 "json", "application/jsonp", "application/problem+json", "*/*", ";"):  # fmt: skip
        problem(await start(api, body, Content_Type=kind), 415, "unsupported-media-type")
    for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        assert (await start(api, body, Content_Type=kind)).status in (200, 201)


async def test_every_route_with_a_body_accepts_only_json(api: Api, path: str, bank: Bank) -> None:
    for role, method, where in (
        ("student", "PATCH", f"{path}/responses"), ("student", "POST", f"{path}/submit"), ("admin", "POST", "/tracks"),
        ("admin", "PATCH", f"/tracks/{SLUG}"), ("admin", "POST", "/questions"), ("admin", "POST", "/credentials"),
        ("admin", "PATCH", f"/questions/{bank.ids['right']}"),
    ):  # fmt: skip
        caller = api.as_(role)
        problem(
            await caller.send_raw(method, where, b"{}", {"Content-Type": "text/plain"}), 415, "unsupported-media-type"
        )
        problem(await caller.send_raw(method, where, b"{", JSON), 400, "malformed-request")
        assert invalid(await caller.send_raw(method, where, b"[]", JSON)) == [""]
        big = await send_stream(caller, method, where, padded(MIB + 1))
        problem(big, 413, "body-too-large")


async def test_a_body_may_have_one_mebibyte_and_no_more(api: Api, bank: Bank) -> None:
    assert (await send_stream(api, "POST", "/assessments", padded(MIB))).status == 201
    for size in (MIB + 1, 3 * MIB):
        problem(await send_stream(api, "POST", "/assessments", padded(size)), 413, "body-too-large")


async def test_a_chunked_body_may_have_one_mebibyte_and_no_more(api: Api, bank: Bank) -> None:
    for size, status in ((MIB, 201), (MIB + 1, 413), (3 * MIB, 413)):
        reply = await send_stream(api, "POST", "/assessments", padded(size), chunked=True)
        assert reply.status == status, reply.raw


async def test_compressed_bodies_are_refused(api: Api, bank: Bank) -> None:
    body = padded(40)
    bomb = gzip.compress(b" " * 50 * MIB)
    coded = [
        ("gzip", gzip.compress(body)), ("gzip", b"broken"), ("gzip", gzip.compress(body)[:-9]), ("gzip", bomb),
        ("gzip", b""),
        ("deflate", zlib.compress(body)), ("br", b"x"), ("zstd", b"x"), ("gzip, gzip", body), ("unheard-of", body),
        ("", body),
    ]  # fmt: skip
    for coding, raw in coded:
        reply = await start(api, raw, Content_Encoding=coding)
        problem(reply, 415, "unsupported-media-type")
        assert reply.headers["Accept-Encoding"] == "identity"
    assert (await start(api, body, Content_Encoding="identity")).status == 201


async def test_extreme_numbers(api: Api, path: str, bank: Bank) -> None:
    number = str(bank.ids["number"])
    for text, status in (
        (b"1e15", 200),
        (b"-0.0", 200),
        (b"1E-300", 200),
        (b"0.1", 200),
        (b"1e308", 422),
        (b"1e16", 422),
    ):
        raw = b'{"responses":[{"question_id":"%s","answer":%s}]}' % (number.encode(), text)
        assert (await api.send_raw("PATCH", f"{path}/responses", raw, JSON)).status == status, text


async def test_malformed_ids_in_bodies_are_pointed_at(api: Api, path: str) -> None:
    body = {"responses": [{"question_id": str(uuid4())[:-1], "answer": 1}]}
    assert invalid(await api.patch(f"{path}/responses", body)) == ["/responses/0/question_id"]


async def send_stream(api: Api, method: str, path: str, raw: bytes, *, chunked: bool = False) -> Reply:
    """Sends the bytes as a stream, so that the client does not check their size."""
    headers = JSON | {"Authorization": api.bearer} | api.headers
    data = io.BytesIO(raw)
    async with api.client.request(method, path, data=data, headers=headers, chunked=chunked or None) as answer:
        return Reply(answer.status, answer.headers, await answer.read())
