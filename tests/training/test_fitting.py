"""The regressions, and that a question that is held out does not influence its own estimates."""

import numpy as np
import pytest

from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.training.baselines import log_length, mean_of_others, tf_idf_cosine
from app.training.cross_validation import agreement_by_confidence, cross_validate, no_refusals
from app.training.feature_matrix import COLUMNS, FeatureMatrix, Numbers
from app.training.fitting import fit_linear, fit_share, predict, predict_shares, remaining_share
from tests.training.scored_answers import scored_answers


def make_table(seed: int = 3, rows: int = 240, questions: int = 6) -> FeatureMatrix:
    """Scores that rise with "gain" and fall with "length", against its sign."""
    dice = np.random.default_rng(seed)
    columns = dice.normal(size=(rows, len(COLUMNS)))
    columns[:, [COLUMNS.index(name) for name in DISCOUNTS]] = 0.0
    value = 1.5 * columns[:, COLUMNS.index("gain")] - columns[:, COLUMNS.index("length")]
    scores: Numbers = 1 / (1 + np.exp(-value))
    ids = np.array([f"q{row % questions}" for row in range(rows)])
    return FeatureMatrix(columns, scores, ids, np.ones(rows, bool), np.ones(rows, bool))


def with_scores(table: FeatureMatrix, scores: Numbers) -> FeatureMatrix:
    return FeatureMatrix(table.measures, scores, table.questions, table.real, table.own)


def test_coefficients_fit_the_data_within_their_signs() -> None:
    function = fit_share(make_table(), ("gain", "length", "meaning"), penalty=1.0)
    assert function.terms["gain"].coefficient > 0.5
    assert function.terms["length"].coefficient == 0.0
    assert abs(function.terms["meaning"].coefficient) < 0.3


def test_a_measure_that_only_correlates_with_another_gets_no_weight() -> None:
    table = make_table()
    gain = table.column("gain")
    table.measures[:, COLUMNS.index("ideas")] = gain + 0.5 * table.column("meaning")
    # Alone, "ideas" correlates with the score; beside "gain" only its noise is left, which has the wrong sign.
    scores: Numbers = 1 / (1 + np.exp(-(2.0 * gain - 1.0 * table.column("meaning"))))
    function = fit_share(with_scores(table, scores), ("ideas", "gain"), penalty=1.0)
    assert function.terms["ideas"].coefficient == 0.0
    assert function.terms["gain"].coefficient > 0.5


def test_the_logistic_fit_recovers_the_coefficients_that_made_the_scores() -> None:
    table = make_table()
    scores: Numbers = 1 / (1 + np.exp(-(0.5 + 2.0 * table.column("gain") + 1.0 * table.column("ideas"))))
    function = fit_share(with_scores(table, scores), ("gain", "ideas"), penalty=1e-6)
    coefficients = {name: term.coefficient / term.scale for name, term in function.terms.items()}
    assert coefficients == pytest.approx({"gain": 2.0, "ideas": 1.0}, abs=1e-3)
    assert predict_shares(function, with_scores(table, scores)) == pytest.approx(scores, abs=1e-4)


def test_a_larger_penalty_makes_coefficients_smaller() -> None:
    lightly, heavily = (
        fit_share(make_table(), ("gain",), penalty).terms["gain"].coefficient for penalty in (1.0, 100.0)
    )
    assert 0 < heavily < lightly


def test_a_constant_measure_gets_no_weight() -> None:
    table = make_table()
    table.measures[:, COLUMNS.index("demands")] = 2.0
    assert fit_share(table, ("gain", "demands"), 1.0).terms["demands"].coefficient == 0.0


def test_the_linear_fit_recovers_a_line() -> None:
    x = np.linspace(0, 1, 20)
    function = fit_linear({"x": x}, 0.2 + 0.5 * x, penalty=1e-9)
    assert predict(function, {"x": np.array([0.0, 2.0])}) == pytest.approx([0.2, 1.2])


def test_discounts_reduce_shares_and_copies_of_the_question_get_nothing() -> None:
    table = make_table()
    table.measures[0, COLUMNS.index("disorder")] = 1.0
    table.own[1] = False
    function = fit_share(table, ("gain",), 1.0)
    assert remaining_share(table)[0] == pytest.approx(1 - DISCOUNTS["disorder"])
    assert predict_shares(function, table)[1] == 0.0


def test_a_question_does_not_influence_its_own_held_out_estimates() -> None:
    table = make_table()
    held = table.questions == "q2"
    inverted = with_scores(table, np.where(held, 1 - table.scores, table.scores))
    before, after = (cross_validate(variant, lambda: None) for variant in (table, inverted))
    assert np.array_equal(before.machine[held], after.machine[held])
    assert np.array_equal(before.confidence[held], after.confidence[held])
    assert not np.array_equal(before.machine[~held], after.machine[~held])


def test_thirds_are_ordered_by_confidence() -> None:
    thirds = agreement_by_confidence(cross_validate(make_table(), lambda: None))
    confidences = [third["confidence"] for third in thirds]
    assert confidences == sorted(confidences)


def test_baselines_do_not_see_the_question_they_score() -> None:
    answers = scored_answers()
    inverted = tuple(
        answer.model_copy(update={"score": 1 - answer.score}) if answer.question_id == "lock" else answer
        for answer in answers
    )
    lock = np.array([answer.question_id == "lock" for answer in answers])
    for baseline in (mean_of_others, log_length, tf_idf_cosine):
        assert np.array_equal(baseline(answers)[lock], baseline(inverted)[lock])
        assert not np.array_equal(baseline(answers)[~lock], baseline(inverted)[~lock])


def test_refusals_are_recognized() -> None:
    assert no_refusals(["No response.", "It does not lose packets."]).tolist() == [False, True]
