"""What somebody else may have left in Redis: keys of the wrong type, members that are no text, endless values."""

from uuid import uuid4

from redis.asyncio import Redis

SCORES = (float("-inf"), -1.0, 0.0, 1e300, float("inf"), 1.5)
# Members of a queue. Some name a job that does not exist, or an owner that cannot be one.
MEMBERS: tuple[bytes, ...] = (
    b"\xff\xfe", b"", b":", b"::", b":::::", b"\x00", b"a" * 100_000, b"a:b:" + b"\xff" * 100_000, b"a:0:\xf0\x28",
    b"nan", "ä:1:ö".encode(), str(uuid4()).encode(), b"%s:0" % str(uuid4()).encode(), b"*", b"[a-z]+:(.*)",
)  # fmt: skip
# Contents of messages, in arq's form and in others.
CONTENTS: tuple[bytes, ...] = (
    b"", b"\xff\x00", b"null", b"[]", b"1", b'"text"', b"{}", b'{"f":"run_job"}', b"[" * 100_000, b"9" * 1_000_000,
    b"\x80\x04\x8c\x05posix\x8c\x06system\x93.",
    b'{"t":1,"f":"no_such_function","a":[],"k":{},"et":1}', b'{"t":1,"f":["run_job"],"a":[],"k":{},"et":1}',
    b'{"t":1,"f":"run_job","a":[],"k":{},"et":1}', b'{"t":1,"f":"run_job","a":["x"],"k":{},"et":1}',
    b'{"t":1,"f":"run_job","a":[[1]],"k":{},"et":1}', b'{"t":1,"f":"run_job","a":[null],"k":{},"et":1}',
    b'{"t":1,"f":"run_job","a":[1,2,3],"k":{},"et":1}', b'{"t":1,"f":"run_job","a":7,"k":{},"et":1}',
    b'{"t":1,"f":"run_job","a":["x"],"k":[1],"et":1}', b'{"t":1,"f":"run_job","a":[],"k":{"job_id":"x","y":1},"et":1}',
    b'{"t":null,"f":null,"a":null,"k":null,"et":null}',
)  # fmt: skip
# What a key of another type is written with.
KINDS: tuple[tuple[str | bytes, ...], ...] = (
    ("SET", b"\xff\x00 nobody's"), ("SET", b"9" * 1_000_000), ("RPUSH", "a", "b"), ("SADD", "a", "b"),
    ("HSET", "a", "1", "until", "inf", "open_until", "nan", "pause", "1e308"), ("XADD", "*", "a", "b"),
    ("ZADD", "-inf", b"\xff", "inf", b"", "1e300", "::"),
)  # fmt: skip
# Messages of channels.
PUBLISHED: tuple[bytes, ...] = (b"", b"\xff", b"x" * 17, b"\x00" * 16, b"y" * 1_000_003, b"{}", b"[null]")


async def spoil_key(redis: Redis, key: str, kind: tuple[str | bytes, ...]) -> None:
    """Replaces the key by garbage."""
    await redis.delete(key)
    await redis.execute_command(kind[0], key, *kind[1:])  # type: ignore[no-untyped-call]


async def spoil_queue(redis: Redis, queue: str) -> None:
    """Fills a queue with members that are no ids, and with messages that cannot be read."""
    await redis.delete(queue)
    for number, content in enumerate(CONTENTS):
        await redis.set(f"arq:job:garbage-{number}:0:nobody", content)
        await redis.zadd(queue, {f"garbage-{number}:0:nobody": SCORES[number % len(SCORES)]})
    for number, kind in enumerate(KINDS):
        await spoil_key(redis, f"arq:job:spoilt-{number}", kind)
        await redis.zadd(queue, {f"spoilt-{number}": 1})
    await redis.zadd(queue, dict(zip(MEMBERS, SCORES * 10, strict=False)))
