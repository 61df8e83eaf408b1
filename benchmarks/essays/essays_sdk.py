"""Process of part "essays": the same model calls by the OpenAI SDK alone, all at once; sends the seconds for all."""

import asyncio
import time

import openai
import uvloop

from app.domain.essay.prompt import build_prompt
from app.domain.essay.visible_text import visible_text
from benchmarks.child_messages import receive, send
from tests.bank import ESSAY, essay


async def _measure(url: str, count: int) -> float:
    question = essay()
    async with openai.AsyncOpenAI(api_key="none", base_url=url, timeout=60, max_retries=0) as client:

        async def score(number: int) -> None:
            prompt = build_prompt(question, visible_text(f"{ESSAY} It is number {number}."))
            completion = await client.chat.completions.create(
                model="bare",
                messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "essay_score", "strict": True, "schema": prompt.schema},
                },
            )
            assert completion.choices[0].message.content

        # The first call imports modules; it is not measured.
        await score(0)
        started = time.perf_counter()
        await asyncio.gather(*(score(number) for number in range(1, count + 1)))
        return time.perf_counter() - started


if __name__ == "__main__":
    send(uvloop.run(_measure(**receive())))
