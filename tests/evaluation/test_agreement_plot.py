"""The plot of the agreement: its size, and that it is drawn from the scores."""

import struct
from pathlib import Path

import matplotlib.image
import numpy as np

from app.evaluation.agreement_plot import draw_agreement
from tests.evaluation.builders import report_of, scored_by_machine, scored_by_person


def test_it_is_a_png_of_the_documented_size_and_shows_the_scores(tmp_path: Path) -> None:
    answers = [scored_by_person(line, line / 10) for line in range(10)]
    good, bad = tmp_path / "good.png", tmp_path / "bad"
    draw_agreement(report_of(answers, [scored_by_machine(10 * line) for line in range(10)]), good)
    draw_agreement(report_of(answers, [scored_by_machine(90 - 10 * line) for line in range(10)]), bad)
    for path in (good, bad):
        head = path.read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", head[16:24]) == (1650, 750)
    assert not np.array_equal(matplotlib.image.imread(good), matplotlib.image.imread(bad, format="png"))


def test_equal_reports_give_equal_pictures(tmp_path: Path) -> None:
    report = report_of([scored_by_person(line, line / 10) for line in range(10)], [scored_by_machine(50)] * 10)
    draw_agreement(report, tmp_path / "one.png")
    draw_agreement(report, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_single_score_can_be_drawn(tmp_path: Path) -> None:
    draw_agreement(report_of([scored_by_person(1, 0.5)], [scored_by_machine(50)]), tmp_path / "one.png")
    assert (tmp_path / "one.png").exists()
