"""A task that is cancelled while it speaks with Redis ends."""

import asyncio

import pytest

from app.clients.redis.connections import open_pool


async def test_a_cancellation_that_arrives_as_a_command_was_sent_is_not_lost(redis_url: str) -> None:
    """Python 3.11 lost it: the task went on as if nothing had happened."""
    pool = open_pool(redis_url, socket_timeout=30)
    connection = await pool.get_connection()
    sent = connection._send_packed_command

    async def cancelled_at_the_end(command: object) -> None:
        await sent(command)
        task.cancel()

    connection._send_packed_command = cancelled_at_the_end
    task = asyncio.create_task(connection.send_command("PING"))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not connection.is_connected
    await pool.release(connection)
    await pool.disconnect()
