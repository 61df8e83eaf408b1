"""Erasing and exporting people reads tables by their indexes, however many assessments there are."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from app.repositories.sql import Connection, statements

# Tables that grow with the number of assessments.
GROWING = {
    "assessments", "assessment_questions", "responses", "scores", "score_overrides", "results", "recommendations",
    "async_jobs", "model_calls", "essay_healing", "review_items", "webhook_deliveries", "webhook_attempts", "feedback",
    "appeals", "idempotency_keys", "audit_log", "erasure_model_calls",
}  # fmt: skip
NOBODY = UUID(int=0)
# The statements with arguments of the right types.
ARGUMENTS: dict[tuple[str, str], tuple[Any, ...]] = {
    ("erasures", "next_assessment"): ("ada",),
    ("erasures", "list_old"): (30, 50),
    ("erasures", "lock_jobs"): (NOBODY,),
    ("erasures", "lock_assessment"): (NOBODY,),
    ("erasures", "lock_parts"): (NOBODY,),
    ("erasures", "lock_deliveries"): (NOBODY,),
    ("erasures", "keep_model_calls"): (NOBODY, NOBODY),
    ("erasures", "delete_assessment"): (NOBODY, [""]),
    ("erasures", "forget_person"): ("ada", "erased", "ada"),
    ("erasures", "find"): (NOBODY,),
    ("people", "is_stored"): ("ada",),
    ("people", "read_person"): ("ada",),
    ("people", "next_assessment"): ("ada", NOBODY),
    ("people", "read_assessment"): (NOBODY, True),
}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node and all below it; what a bitmap reads is a node without the table's name, so it gets that."""
    for child in plan.get("Plans", ()):
        yield from nodes({"Relation Name": plan.get("Relation Name")} | child)
    if plan["Node Type"] != "Bitmap Heap Scan":
        yield plan


@pytest.mark.parametrize(("module", "name"), ARGUMENTS)
async def test_a_statement_reads_no_growing_table_as_a_whole(conn: Connection, module: str, name: str) -> None:
    # The tables are empty, so a plan without an index would be the best one.
    await conn.execute("SET enable_seqscan = off")
    try:
        rows = await conn.fetchval("EXPLAIN (FORMAT JSON) " + statements(module)[name], *ARGUMENTS[module, name])
    finally:
        await conn.execute("RESET enable_seqscan")
    [explained] = json.loads(rows) if isinstance(rows, str) else rows
    scans = [node for node in nodes(explained["Plan"]) if node["Node Type"].endswith("Scan")]
    whole = {node.get("Relation Name") for node in scans if "Index Cond" not in node and "TID Cond" not in node}
    assert whole & GROWING == set()
