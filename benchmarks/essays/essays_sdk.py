"""The same calls through the SDK alone, all at once; says the seconds until the last answer."""

import asyncio
import time

import openai
import uvloop

from app.domain.essay.prompt import build_prompt
from benchmarks.child_messages import say, told
from tests.bank import ESSAY, essay


async def _call(url: str, count: int) -> float:
    question = essay()
    async with openai.AsyncOpenAI(api_key="none", base_url=url, timeout=60, max_retries=0) as client:

        async def ask(number: int) -> None:
            prompt = build_prompt(question, f"{ESSAY} It is number {number}.")
            completion = await client.chat.completions.create(
                model="bare",
                messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "essay_score", "strict": True, "schema": prompt.schema},
                },
            )
            assert completion.choices[0].message.content

        # The first call of a client loads what the others find loaded.
        await ask(0)
        started = time.perf_counter()
        await asyncio.gather(*(ask(number) for number in range(1, count + 1)))
        return time.perf_counter() - started


if __name__ == "__main__":
    say(uvloop.run(_call(**told())))
