"""The setting that names the model of summaries."""

import pytest

from app.settings import WrongSetting, load_settings

PRICED = {"gpt-5-mini": {"in": 1, "out": 2}}


def test_none_is_named_unless_somebody_asks_for_it() -> None:
    assert load_settings().summary_model is None


def test_a_budget_needs_its_price_where_it_has_an_effect() -> None:
    told = {"summary_model": "gpt-words", "model_budget_usd": 1.0, "model_prices": PRICED}
    with pytest.raises(WrongSetting, match="MODEL_BUDGET_USD: needs the price of gpt-words in MODEL_PRICES"):
        load_settings(openai_api_key="sk-test", **told)
    assert load_settings(**told).summary_model == "gpt-words"
    both = PRICED | {"gpt-words": {"in": 1, "out": 2}}
    assert load_settings(openai_api_key="sk-test", **told | {"model_prices": both}).model_budget_usd == 1.0


@pytest.mark.parametrize("wrong", [" ", "gpt words", "x" * 201])
def test_what_is_no_name_is_refused(wrong: str) -> None:
    with pytest.raises(WrongSetting, match="SUMMARY_MODEL"):
        load_settings(summary_model=wrong)
