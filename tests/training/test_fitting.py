"""The regressions, and that a question that is held out does not influence its own estimates."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.training.agreement_table import agreement_by_corpus, thirds_by_confidence
from app.training.baselines import BASELINES, predict_baselines
from app.training.cross_validation import cross_validate
from app.training.feature_matrix import COLUMNS, FeatureMatrix, Numbers, longer_answers
from app.training.fitting import (
    align,
    binary_rows,
    corpus_weights,
    fit_linear,
    fit_share,
    fit_within_corpora,
    graded_rows,
    predict,
    predict_shares,
    remaining_share,
)
from tests.training.scored_answers import scored_answers


def make_table(seed: int = 3, rows: int = 240, questions: int = 6) -> FeatureMatrix:
    """Scores that rise with "gain" and fall with "length", against its sign."""
    dice = np.random.default_rng(seed)
    columns = dice.normal(size=(rows, len(COLUMNS)))
    columns[:, [COLUMNS.index(name) for name in DISCOUNTS]] = 0.0
    value = 1.5 * columns[:, COLUMNS.index("gain")] - columns[:, COLUMNS.index("length")]
    scores: Numbers = 1 / (1 + np.exp(-value))
    ids = np.array([f"q{row % questions}" for row in range(rows)])
    corpora = np.array([f"c{row % questions % 2}" for row in range(rows)])
    flags = np.ones(rows, bool)
    return FeatureMatrix(columns, scores, corpora, ids, flags, flags.copy(), flags, np.zeros(rows))


def with_scores(table: FeatureMatrix, scores: Numbers) -> FeatureMatrix:
    return replace(table, scores=scores)


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


@pytest.mark.parametrize("split", ["corpus", "question"])
def test_what_is_held_out_does_not_influence_its_own_estimates(split: str) -> None:
    table = make_table()
    folds = table.corpus_folds if split == "corpus" else table.question_folds(6)
    held = folds[1]
    inverted = with_scores(table, np.where(held, 1 - table.scores, table.scores))
    before, after = (cross_validate(variant, folds, lambda: None) for variant in (table, inverted))
    assert np.array_equal(before.machine[held], after.machine[held])
    assert np.array_equal(before.confidence[held], after.confidence[held])
    assert not np.array_equal(before.machine[~held], after.machine[~held])


def test_folds_of_questions_have_every_row_once_and_questions_of_each_corpus() -> None:
    table = make_table()
    folds = table.question_folds(3)
    assert np.sum(folds, axis=0).tolist() == [1] * len(table.scores)
    assert all(set(table.corpora[held]) == {"c0", "c1"} for held in folds)
    assert all(set(table.questions[held]).isdisjoint(table.questions[~held]) for held in folds)


def test_all_corpora_weigh_the_same() -> None:
    table = make_table()
    table.corpora[:] = np.where(np.arange(len(table.corpora)) < 10, "small", "large")
    weights = corpus_weights(table)
    assert weights[:10].sum() == pytest.approx(weights[10:].sum())
    assert weights.mean() == pytest.approx(1)


def test_a_stricter_corpus_moves_its_own_intercept_only() -> None:
    table = make_table()
    strict = table.corpora == "c1"
    # Without partial credit, and hardly ever right.
    scores = np.where(strict, (table.column("gain") > 1.5).astype(float), table.scores)
    alone, both = (fit_share(rows, ("gain",), 1.0) for rows in (table.rows(~strict), with_scores(table, scores)))
    shares = [float(predict_shares(function, table.rows(~strict)).mean()) for function in (alone, both)]
    assert shares[1] == pytest.approx(shares[0], abs=0.03)


def test_the_regression_within_corpora_ignores_how_they_differ() -> None:
    table = make_table()
    x = table.column("gain")
    function = fit_within_corpora(table, {"x": x}, 0.5 * x + np.where(table.corpora == "c1", 3.0, 0.0), 1e-9)
    assert function.terms["x"].coefficient / function.terms["x"].scale == pytest.approx(0.5)


def test_aligned_shares_have_the_mean_of_the_scores_and_their_order() -> None:
    shares, scores = np.linspace(0.1, 0.9, 9), np.full(9, 0.8)
    aligned = align(shares, scores)
    assert aligned.mean() == pytest.approx(0.8, abs=1e-3)
    assert np.all(np.diff(aligned) > 0)


def test_agreement_is_told_for_each_corpus_and_scorer() -> None:
    table = make_table()
    estimates = cross_validate(table, table.corpus_folds, lambda: None)
    told = agreement_by_corpus(estimates, {"mean": np.full(240, 0.5)}, table.corpora, table.longer)
    assert set(told) == {"c0", "c1"}
    assert all(set(scorers) == {"this scorer", "mean"} for scorers in told.values())
    assert all(scorers["this scorer"]["pearson"] > 0.5 for scorers in told.values())


def test_thirds_are_ordered_by_confidence() -> None:
    table = make_table()
    estimates = cross_validate(table, table.corpus_folds, lambda: None)
    for thirds in thirds_by_confidence(estimates, table.corpora, table.longer).values():
        confidences = [third["confidence"] for third in thirds]
        assert confidences == sorted(confidences)
        errors = [third["expected_error"] for third in thirds]
        assert errors == sorted(errors, reverse=True)


def test_grades_of_right_or_wrong_have_expected_errors_of_their_own() -> None:
    table = make_table()
    binary = table.corpora == "c1"
    mixed = with_scores(table, np.where(binary, (table.scores > 0.5).astype(float), table.scores))
    assert np.array_equal(binary_rows(mixed), binary)
    assert np.array_equal(graded_rows(mixed), ~binary)
    estimates = cross_validate(mixed, mixed.question_folds(3), lambda: None)
    actual = np.abs(estimates.human - estimates.machine)
    assert estimates.expected_binary_error[binary].mean() == pytest.approx(actual[binary].mean(), abs=0.05)
    assert estimates.expected_error[~binary].mean() == pytest.approx(actual[~binary].mean(), abs=0.05)
    assert estimates.expected_binary_error.mean() > 1.5 * estimates.expected_error.mean()


def test_unusual_texts_have_larger_expected_errors() -> None:
    table = make_table()
    unusual = np.where(np.arange(len(table.scores)) < 20, 0.15, 0.0)
    before, after = (
        cross_validate(variant, table.question_folds(3), lambda: None)
        for variant in (table, replace(table, unusual_text_errors=unusual))
    )
    assert after.expected_error - before.expected_error == pytest.approx(unusual)
    assert np.all(after.confidence[:20] < before.confidence[:20])


def test_baselines_do_not_see_the_question_they_score() -> None:
    answers = scored_answers()
    inverted = tuple(
        answer.model_copy(update={"score": 1 - answer.score}) if answer.question_id == "lock" else answer
        for answer in answers
    )
    lock = np.array([answer.question_id == "lock" for answer in answers])
    cosines = np.linspace(0, 1, len(answers))
    before, after = (predict_baselines(variant, cosines, [lock, ~lock]) for variant in (answers, inverted))
    for name in BASELINES:
        assert np.array_equal(before[name][lock], after[name][lock])
        assert not np.array_equal(before[name][~lock], after[name][~lock])


def test_refusals_are_recognized() -> None:
    assert longer_answers(["No response.", "It does not lose packets."]).tolist() == [False, True]
