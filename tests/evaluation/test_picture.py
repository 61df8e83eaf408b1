"""The picture is there, as large as it is said to be, and drawn from the scores."""

import struct
from pathlib import Path

import matplotlib.image
import numpy as np

from app.evaluation.picture import draw
from tests.evaluation.scored import human, machine, reported


def test_is_a_png_of_its_size_and_shows_the_scores(tmp_path: Path) -> None:
    answers = [human(line, line / 10) for line in range(10)]
    good, bad = tmp_path / "good.png", tmp_path / "bad"
    draw(reported(answers, [machine(10 * line) for line in range(10)]), good)
    draw(reported(answers, [machine(90 - 10 * line) for line in range(10)]), bad)
    for path in (good, bad):
        head = path.read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", head[16:24]) == (1650, 750)
    assert not np.array_equal(matplotlib.image.imread(good), matplotlib.image.imread(bad, format="png"))


def test_the_same_report_is_the_same_picture(tmp_path: Path) -> None:
    found = reported([human(line, line / 10) for line in range(10)], [machine(50)] * 10)
    draw(found, tmp_path / "one.png")
    draw(found, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_one_score_can_be_drawn_without_figures(tmp_path: Path) -> None:
    draw(reported([human(1, 0.5)], [machine(50)]), tmp_path / "one.png")
    assert (tmp_path / "one.png").exists()
