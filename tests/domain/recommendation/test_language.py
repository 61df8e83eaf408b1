"""In which language a student writes."""

import pytest

from app.domain.recommendation.language import language_of, same_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I want to learn more about SQL and the way databases work.", "en"),
        ("Ich möchte mehr über Datenbanken lernen und nicht nur SQL.", "de"),
        ("Je veux apprendre le SQL et les bases de données, pas Tableau.", "fr"),
        ("Quiero aprender más sobre bases de datos y que sea para principiantes.", "es"),
        ("Vorrei imparare come funzionano i database e non solo SQL, perché è utile.", "it"),
        ("Eu quero aprender mais sobre bancos de dados e não só SQL, para o trabalho.", "pt"),
        ("Ik wil meer leren over databases en niet alleen SQL, het is voor mijn werk.", "nl"),
        ("Chcę nauczyć się więcej o bazach danych, i nie tylko SQL, bo to jest do pracy.", "pl"),
        ("我想学习数据库", "zh"), ("データベースを学びたい", "ja"), ("데이터베이스를 배우고 싶어요", "ko"),
        ("Хочу изучать базы данных", "ru"),
        ("SQL, Python", None), ("Kubernetes", None), ("", None), ("12 %", None), ("𓀀𓀁", None),
    ],
)  # fmt: skip
def test_a_sentence_shows_its_language_and_names_do_not(text: str, language: str | None) -> None:
    assert language_of([text]) == language


def test_all_texts_count_and_regions_do_not() -> None:
    assert language_of(["SQL", "Python", "I would like to learn that for my work."]) == "en"
    assert same_language("pt-BR", "pt") and not same_language("pt", "pl")
