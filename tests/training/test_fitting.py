"""The regressions, and that a question held out has no say in how it is scored."""

import numpy as np
import pytest

from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.training.baselines import log_length, mean_of_others, tf_idf_cosine
from app.training.fitting import fit_linear, fit_share, kept, shares, values
from app.training.table import COLUMNS, Numbers, Table
from app.training.validation import answered, thirds, validate
from tests.training.making import scored_answers


def table(seed: int = 3, rows: int = 240, questions: int = 6) -> Table:
    """Scores that follow "gain" upwards and "length" downwards, against its sign."""
    dice = np.random.default_rng(seed)
    columns = dice.normal(size=(rows, len(COLUMNS)))
    columns[:, [COLUMNS.index(name) for name in DISCOUNTS]] = 0.0
    value = 1.5 * columns[:, COLUMNS.index("gain")] - columns[:, COLUMNS.index("length")]
    scores: Numbers = 1 / (1 + np.exp(-value))
    asked = np.array([f"q{place % questions}" for place in range(rows)])
    return Table(columns, scores, asked, np.ones(rows, bool), np.ones(rows, bool))


def changed(before: Table, scores: Numbers) -> Table:
    return Table(before.measures, scores, before.questions, before.real, before.own)


def test_coefficients_follow_the_data_and_keep_their_signs() -> None:
    line = fit_share(table(), ("gain", "length", "meaning"), penalty=1.0)
    assert line.terms["gain"].coefficient > 0.5
    assert line.terms["length"].coefficient == 0.0
    assert abs(line.terms["meaning"].coefficient) < 0.3


def test_a_measure_that_seems_to_help_until_another_explains_it_ends_at_nothing() -> None:
    made = table()
    gain = made.column("gain")
    made.measures[:, COLUMNS.index("ideas")] = gain + 0.5 * made.column("meaning")
    # Alone, "ideas" goes with the score; beside "gain" only its noise is left, which goes against it.
    scores: Numbers = 1 / (1 + np.exp(-(2.0 * gain - 1.0 * made.column("meaning"))))
    line = fit_share(changed(made, scores), ("ideas", "gain"), penalty=1.0)
    assert line.terms["ideas"].coefficient == 0.0
    assert line.terms["gain"].coefficient > 0.5


def test_without_a_wrong_sign_the_logistic_fit_finds_what_made_the_scores() -> None:
    made = table()
    scores: Numbers = 1 / (1 + np.exp(-(0.5 + 2.0 * made.column("gain") + 1.0 * made.column("ideas"))))
    line = fit_share(changed(made, scores), ("gain", "ideas"), penalty=1e-6)
    found = {name: term.coefficient / term.scale for name, term in line.terms.items()}
    assert found == pytest.approx({"gain": 2.0, "ideas": 1.0}, abs=1e-3)
    assert shares(line, changed(made, scores)) == pytest.approx(scores, abs=1e-4)


def test_a_larger_penalty_holds_coefficients_back() -> None:
    weak, firm = (fit_share(table(), ("gain",), penalty).terms["gain"].coefficient for penalty in (1.0, 100.0))
    assert 0 < firm < weak


def test_a_constant_measure_does_no_harm() -> None:
    made = table()
    made.measures[:, COLUMNS.index("demands")] = 2.0
    assert fit_share(made, ("gain", "demands"), 1.0).terms["demands"].coefficient == 0.0


def test_a_straight_line_is_found() -> None:
    x = np.linspace(0, 1, 20)
    line = fit_linear({"x": x}, 0.2 + 0.5 * x, penalty=1e-9)
    assert values(line, {"x": np.array([0.0, 2.0])}) == pytest.approx([0.2, 1.2])


def test_discounts_take_away_and_answers_without_own_words_get_nothing() -> None:
    made = table()
    made.measures[0, COLUMNS.index("disorder")] = 1.0
    made.own[1] = False
    line = fit_share(made, ("gain",), 1.0)
    assert kept(made)[0] == pytest.approx(1 - DISCOUNTS["disorder"])
    assert shares(line, made)[1] == 0.0


def test_a_question_held_out_has_no_say_in_its_own_estimates() -> None:
    made = table()
    held = made.questions == "q2"
    turned = changed(made, np.where(held, 1 - made.scores, made.scores))
    one, other = (validate(each, lambda: None) for each in (made, turned))
    assert np.array_equal(one.machine[held], other.machine[held])
    assert np.array_equal(one.confidence[held], other.confidence[held])
    assert not np.array_equal(one.machine[~held], other.machine[~held])


def test_thirds_are_ordered_by_confidence() -> None:
    found = [third["confidence"] for third in thirds(validate(table(), lambda: None))]
    assert found == sorted(found)


def test_baselines_do_not_see_the_question_they_score() -> None:
    answers = scored_answers()
    turned = tuple(
        one.model_copy(update={"score": 1 - one.score}) if one.question_id == "lock" else one for one in answers
    )
    lock = np.array([one.question_id == "lock" for one in answers])
    for baseline in (mean_of_others, log_length, tf_idf_cosine):
        assert np.array_equal(baseline(answers)[lock], baseline(turned)[lock])
        assert not np.array_equal(baseline(answers)[~lock], baseline(turned)[~lock])


def test_refusals_are_told_from_answers() -> None:
    assert answered(["No response.", "It does not lose packets."]).tolist() == [False, True]
