"""`assay evaluate` makes tables, a JSON file and a picture from human scores, without a database and without Redis."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_forks import CommandForks, shell_environment
from tests.evaluation.builders import LINE, write_lines
from tests.fakes.conditions import until
from tests.fakes.model_server import ModelServer, failure, hang, model_server, scores, text

OTHERS = (
    "It makes reads faster because not every row must be read, but each write has to change it too.",
    "Because of the colours.",
    "An index is like the one of a book: the database looks up where the rows are. It costs space and slower writes.",
    "Reading is quicker.",
)
LINES = [
    LINE,
    *(LINE | {"answer": answer, "score": score} for answer, score in zip(OTHERS, (1, 0, 1, 0.5), strict=True)),
]


class Evaluate:
    """Runs `assay evaluate` in a folder of its own, with these settings alone."""

    def __init__(self, folder: Path, forks: CommandForks) -> None:
        self.folder = folder
        self._forks = forks
        self.file = write_lines(folder / "essays.jsonl", LINES)

    async def run(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Runs the command to its end. The file comes first unless the arguments begin with another."""
        words = arguments if arguments[0].endswith(".jsonl") else (str(self.file), *arguments)
        return await asyncio.to_thread(self._forks.run, ["evaluate", *words], settings, self.folder)

    def figures(self, name: str = "essays.evaluation.json") -> dict[str, Any]:
        """The JSON file that the command wrote."""
        figures: dict[str, Any] = json.loads((self.folder / name).read_text("utf-8"))
        return figures


@pytest.fixture
def evaluate(tmp_path: Path, forks: CommandForks) -> Evaluate:
    """The command, with a file of five answers to one question."""
    return Evaluate(tmp_path, forks)


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """The model's provider."""
    async with model_server() as server:
        yield server


def by_model(provider: ModelServer, **settings: str) -> dict[str, str]:
    """The settings for this provider."""
    environment = {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": provider.url,
        "OPENAI_MODEL": "m",
        "JOB_RETRY_DELAY": "0.01",
    }
    return environment | settings


async def test_the_local_estimate(evaluate: Evaluate) -> None:
    done = await evaluate.run("--scorer", "local", "--picture", "both.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert "essays.jsonl: 5 of 5 answers scored by local" in done.stdout
    assert "All figures and scores: essays.evaluation.json" in done.stdout
    figures = evaluate.figures()
    assert figures["agreement"]["pearson"]["value"] > 0.5, "even of five answers it can tell the good from the bad"
    assert [line["human"] for line in figures["scores"]] == [0.75, 1, 0, 1, 0.5]
    assert figures["cost"]["dollars"] == 0
    assert (evaluate.folder / "both.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


async def test_the_model_gets_the_products_own_prompt(evaluate: Evaluate, provider: ModelServer) -> None:
    provider.default = scores(20)
    provider.script.extend([scores(5), failure(500), scores(25)])
    prices = json.dumps({"m": {"in": 2, "out": 10}})
    arguments = ("--scorer", "gpt", "--json", "here.json", "--max-score", "2")
    done = await evaluate.run(*arguments, **by_model(provider, MODEL_PRICES=prices))
    assert (done.returncode, done.stderr) == (0, "")
    prompts = [json.loads(request["messages"][1]["content"]) for request in provider.requests]
    assert {prompt["question"] for prompt in prompts} == {LINE["question"]}
    assert provider.requests[0]["response_format"]["json_schema"]["strict"] is True
    figures = evaluate.figures("here.json")
    assert figures["cost"]["tries"] == 6
    assert (figures["cost"]["tokens_in"], figures["cost"]["tokens_out"]) == (5000, 500)
    assert figures["cost"]["dollars"] == pytest.approx(0.015)
    assert "6 calls, 5000 tokens in, 500 out; $0.0150, $0.003000 a score" in done.stdout
    assert sorted(line["machine"] for line in figures["scores"]) == [0.2, 0.8, 0.8, 0.8, 1.0]
    assert [line["human"] for line in figures["scores"]] == [0.375, 0.5, 0, 0.5, 0.25]


async def test_scores_that_never_differ(evaluate: Evaluate, provider: ModelServer) -> None:
    done = await evaluate.run("--scorer", "gpt", **by_model(provider))
    assert done.returncode == 0
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("Pearson r")]
    assert line.split()[2:] == ["–", "–"]
    assert "dollars unknown" in done.stdout
    assert evaluate.figures()["agreement"]["pearson"] == {"value": None, "low": None, "high": None}


async def test_unscored_answers_are_named_and_never_0(evaluate: Evaluate, provider: ModelServer) -> None:
    provider.script.append(text(None, refusal="No."))
    write_lines(evaluate.file, [*LINES, LINE | {"answer": "  ", "score": 0}])
    done = await evaluate.run("--scorer", "gpt", **by_model(provider))
    assert done.returncode == 0
    figures = evaluate.figures()
    assert (figures["chosen"], figures["scored"]) == (6, 4)
    assert {reason["code"]: reason["count"] for reason in figures["unscored"]} == {
        "model_refused": 1,
        "answer_blank": 1,
    }
    assert {line["machine"] for line in figures["scores"]} == {0.8}
    assert "not scored, not part of the statistics" in done.stdout


async def test_a_model_that_refuses_everything_is_a_failure(evaluate: Evaluate, provider: ModelServer) -> None:
    provider.default = failure(401)
    done = await evaluate.run("--scorer", "gpt", "--picture", "both.png", **by_model(provider))
    assert done.returncode == 1
    assert evaluate.figures()["scored"] == 0
    assert "nothing to plot" in done.stderr and not (evaluate.folder / "both.png").exists()


async def test_groups_and_a_sample(evaluate: Evaluate, provider: ModelServer) -> None:
    lines = [LINES[number % 5] | {"question_id": number % 7, "school": "ab"[number % 2]} for number in range(60)]
    write_lines(evaluate.file, lines)
    arguments = ("--scorer", "gpt", "--group", "school", "--limit", "40")
    done = await evaluate.run(*arguments, **by_model(provider))
    assert done.returncode == 0
    figures = evaluate.figures()
    assert (figures["source"]["in_file"], figures["chosen"], figures["questions"]) == (60, 40, 7)
    assert [(group["name"], group["bias"]["low"] is not None) for group in figures["groups"]] == [
        ("a", True),
        ("b", True),
    ]
    assert "by school" in done.stdout and "7 questions" in done.stdout
    again = await evaluate.run(*arguments, "--json", "again.json", **by_model(provider))
    assert again.returncode == 0
    assert {**evaluate.figures("again.json"), "cost": None} == {**figures, "cost": None}


@pytest.mark.parametrize(
    ("lines", "arguments", "why"),
    [
        ([LINE, LINE | {"score": 7}], (), "line 2: score: 7 is above 1 (--max-score)"),
        ([LINE, "{"], (), "line 2: Invalid JSON"),
        ([], (), "at least two scored answers are needed, not 0"),
        (LINES, ("--group", "school"), "no line has a value in the column 'school'"),
        (LINES, ("--json", "missing/there.json"), "missing/there.json: cannot be written"),
        (LINES, ("--picture", "."), ".: cannot be written"),
        (LINES, ("--max-score", "0"), "must be a number above 0"),
        (LINES, ("--limit", "none"), "must be a whole number above 0"),
    ],
)
async def test_wrong_input_is_named_and_no_model_is_called(
    evaluate: Evaluate, provider: ModelServer, lines: list[dict[str, Any] | str], arguments: tuple[str, ...], why: str
) -> None:
    write_lines(evaluate.file, lines)
    done = await evaluate.run("--scorer", "gpt", *arguments, **by_model(provider))
    assert done.returncode == 2
    assert why in done.stderr and "Traceback" not in done.stderr
    assert (provider.requests, done.stdout) == ([], "")
    assert not (evaluate.folder / "essays.evaluation.json").exists()


async def test_a_missing_file(evaluate: Evaluate) -> None:
    done = await evaluate.run("missing.jsonl", "--scorer", "local")
    assert (done.returncode, done.stderr) == (2, "assay: missing.jsonl: No such file or directory\n")


async def test_the_model_needs_a_key(evaluate: Evaluate) -> None:
    done = await evaluate.run("--scorer", "gpt")
    assert (done.returncode, done.stderr) == (2, "assay: OPENAI_API_KEY is not set\n")


async def test_ctrl_c_ends_it_with_one_line(evaluate: Evaluate, provider: ModelServer) -> None:
    provider.script.append(scores(20))
    provider.default = hang()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "evaluate", str(evaluate.file), "--scorer", "gpt",
        env=shell_environment() | by_model(provider), cwd=evaluate.folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # In the background of a shell tests ignore SIGINT, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip

    async def all_called() -> bool:
        return len(provider.requests) == 5

    try:
        await until(all_called)
        process.send_signal(signal.SIGINT)
        _, errors = await asyncio.wait_for(process.communicate(), 90)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 130
    assert errors.decode().startswith("assay: interrupted; ")
    assert "of 5 answers were scored" in errors.decode() and "Traceback" not in errors.decode()
    assert not (evaluate.folder / "essays.evaluation.json").exists()
