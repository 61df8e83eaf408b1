"""Prints the result of the sample assessment in a terminal."""

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.domain.states import JobType, ReasonCode
from app.sample_data import SampleStudent
from assay_client import Assessment, EssayScore, Processing, Recommendation, Result, SkillEstimate

_MAX_PROMPT = 70


def print_result(console: Console, student: SampleStudent, assessment: Assessment, result: Result) -> None:
    """Prints scores with reasons, recommendations with quotes, and what was degraded."""
    console.rule(f"Result of {student.name}, {result.track}")
    console.print(_totals(result))
    for sentence in result.summary:
        console.print(f"• {escape(sentence.text)}")
    prompts = {question.question_id: question.prompt for question in assessment.questions}
    for essay in result.breakdown.essay.questions:
        console.print(_essay(essay, prompts[essay.question_id]))
    console.print(_skills(result.skills))
    console.print("\n[bold]Recommended[/]")
    for recommendation in result.recommendations:
        console.print(_recommendation(recommendation))
    for reason in result.degraded_reasons:
        console.print(f"[yellow]degraded[/]: {escape(reason.detail)} ({reason.code})")
        if reason.code == ReasonCode.ESSAY_SCORED_LOCALLY:
            console.print("With OPENAI_API_KEY set, a language model scores the essays.")
    console.print(_duration(result.processing))


def _duration(processing: Processing) -> str:
    names: dict[str, str] = {JobType.GPT: "essays", JobType.RAG: "recommendations", JobType.FUSION: "fusion"}
    parts = ", ".join(f"{names.get(stage, stage)} {ms} ms" for stage, ms in processing.stages.items())
    return f"\nTook {processing.duration_ms / 1000:.1f} s ({parts})."


def _totals(result: Result) -> Table:
    table = Table("", "points", "of", "%")
    parts = {name: getattr(result.breakdown, name) for name in ("theoretical", "profile", "essay")}
    for name, part in (parts | {"[bold]overall[/]": result.overall}).items():
        table.add_row(name, *_points(part.score, part.max_score, part.percentage))
    return table


def _points(score: float | None, maximum: float, percentage: float | None) -> tuple[str, str, str]:
    return (
        "–" if score is None else f"{score:.2f}",
        f"{maximum:.2f}",
        "–" if percentage is None else f"{percentage:.1f}",
    )


def _essay(essay: EssayScore, prompt: str) -> Panel:
    title = escape(prompt if len(prompt) <= _MAX_PROMPT else prompt[:_MAX_PROMPT] + "…")
    if not essay.dimensions:
        return Panel("no answer" if essay.missing else f"not scored: {essay.reason}", title=title)
    lines: list[RenderableType] = [
        f"[bold]{essay.score:g} of {essay.max_score:g}[/] by {essay.scorer} "
        f"({escape(str(essay.model))}, confidence {essay.confidence:g})"
    ]
    for name, dimension in essay.dimensions:
        lines.append(f"[bold]{name}[/] {dimension.score}/25: {escape(dimension.rationale)}")
        # One quote is enough in a terminal; the result has all.
        quotes = dimension.evidence[:1]
        lines += [Padding(f"[dim]“{escape(evidence.quote)}”[/]", (0, 4)) for evidence in quotes]
    return Panel(Group(*lines), title=title)


def _skills(skills: Iterable[SkillEstimate]) -> Table:
    table = Table("skill", "level", "range", "gap")
    for skill in skills:
        table.add_row(
            escape(skill.skill),
            f"{100 * skill.level:.0f} %",
            f"{100 * skill.low:.0f}–{100 * skill.high:.0f} %",
            "yes" if skill.gap else "",
        )
    return table


def _recommendation(recommendation: Recommendation) -> Group:
    head = f"{recommendation.rank}. [bold]{escape(recommendation.title)}[/], {escape(recommendation.provider)}"
    quotes = [Padding(f"[dim]“{escape(source.quote)}”[/]", (0, 4)) for source in recommendation.sources]
    return Group(
        f"{head} (relevance {recommendation.relevance:.2f})",
        f"   {escape(recommendation.reason)}",
        *quotes,
        *([Text(f"    {recommendation.url}", no_wrap=True, overflow="ignore")] if recommendation.url else ()),
    )
