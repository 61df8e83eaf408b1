"""The pure core: rules, prompts, checks and ranking as functions of values. No I/O, no aiohttp, no asyncpg."""
