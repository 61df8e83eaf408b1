"""Results and settings as a person likes to read them."""

from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.sample_data import SampleStudent
from app.settings import Settings

_SHOWN_PROMPT = 70


def print_result(console: Console, student: SampleStudent, result: dict[str, Any]) -> None:
    """Scores with reasons, recommendations with their quotes, and what was degraded."""
    console.rule(f"Result of {student.name}, {result['track']}")
    console.print(_totals(result))
    for sentence in result["summary"]:
        console.print(f"• {escape(sentence['text'])}")
    prompts = {question["question_id"]: question["prompt"] for question in result["questions"]}
    for essay in result["breakdown"]["essay"]["questions"]:
        console.print(_essay(essay, prompts))
    console.print(_skills(result["skills"]))
    console.print("\n[bold]Recommended[/]")
    for recommendation in result["recommendations"]:
        console.print(_recommendation(recommendation))
    for reason in result["degraded_reasons"]:
        console.print(f"[yellow]degraded[/] ({reason['stage']}) {reason['code']}: {escape(reason['detail'])}")
    console.print(f"took {result['processing']['duration_ms']} ms: {result['processing']['stages']}")


def print_settings(settings: Settings) -> None:
    """All settings with their meaning, value and default; secrets masked."""
    table = Table("setting", "value", "default", "meaning")
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        shown = "" if default is PydanticUndefined else _plain(default)
        value = _plain(getattr(settings, name))
        table.add_row(name.upper(), Text(value), Text(shown), Text(field.description or ""))
    Console(width=160).print(table)


def _plain(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, list):
        return ",".join(f"{each:g}" if isinstance(each, float) else str(each) for each in value)
    return "" if value is None else str(value)


def _totals(result: dict[str, Any]) -> Table:
    table = Table("", "points", "of", "%")
    for name in ("theoretical", "profile", "essay"):
        table.add_row(name, *_points(result["breakdown"][name]))
    table.add_row("[bold]overall[/]", *_points(result["overall"]))
    return table


def _points(part: dict[str, Any]) -> tuple[str, str, str]:
    score, share = part["score"], part["percentage"]
    return (
        "–" if score is None else f"{score:g}",
        f"{part['max_score']:g}",
        "–" if share is None else f"{share:g}",
    )


def _essay(essay: dict[str, Any], prompts: dict[str, str]) -> Panel:
    prompt = prompts[essay["question_id"]]
    title = escape(prompt if len(prompt) <= _SHOWN_PROMPT else prompt[:_SHOWN_PROMPT] + "…")
    if not essay["dimensions"]:
        return Panel("no answer" if essay["missing"] else f"not scored: {essay['reason']}", title=title)
    lines: list[Any] = [
        f"[bold]{essay['score']:g} of {essay['max_score']:g}[/] by {essay['scorer']} "
        f"({escape(essay['model'])}, confidence {essay['confidence']:g})"
    ]
    for name, dimension in essay["dimensions"].items():
        lines.append(f"[bold]{name}[/] {dimension['score']}/25: {escape(dimension['rationale'])}")
        lines += [Padding(f"[dim]“{escape(evidence['quote'])}”[/]", (0, 4)) for evidence in dimension["evidence"]]
    return Panel(Group(*lines), title=title)


def _skills(skills: list[dict[str, Any]]) -> Table:
    table = Table("skill", "level", "range", "gap")
    for skill in skills:
        table.add_row(
            escape(skill["skill"]),
            f"{100 * skill['level']:.0f} %",
            f"{100 * skill['low']:.0f}–{100 * skill['high']:.0f} %",
            "yes" if skill["gap"] else "",
        )
    return table


def _recommendation(recommendation: dict[str, Any]) -> Group:
    head = f"{recommendation['rank']}. [bold]{escape(recommendation['title'])}[/], {escape(recommendation['provider'])}"
    quotes = [Padding(f"[dim]“{escape(source['quote'])}”[/]", (0, 4)) for source in recommendation["sources"]]
    return Group(
        f"{head} (relevance {recommendation['relevance']:.2f})",
        f"   {escape(recommendation['reason'])} {escape(recommendation['url'])}",
        *quotes,
    )
