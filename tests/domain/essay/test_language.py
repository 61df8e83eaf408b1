"""Which answers count as English."""

import pytest

from app.domain.essay.language import is_supported


@pytest.mark.parametrize(
    "text",
    [
        "Der Index hilft der Datenbank, die Zeilen zu finden, ohne die ganze Tabelle zu lesen.",
        "Je pense que la base de données doit lire toute la table parce que rien ne dit où sont les lignes.",
        "Un índice permite que la base de datos encuentre las filas sin leer la tabla completa.",
        "L'indice permette al database di trovare le righe senza leggere tutta la tabella.",
        "Um índice permite que o banco de dados encontre as linhas sem ler a tabela inteira.",
        "Een index zorgt ervoor dat de database de rijen vindt zonder de hele tabel te lezen.",
        "Indeks pozwala bazie danych znaleźć wiersze bez czytania całej tabeli, ale zapis jest wolniejszy.",
        "Индекс позволяет базе данных находить строки",
        "索引使数据库无需读取整个表即可找到行",
        "الفهرس يساعد قاعدة البيانات على العثور على الصفوف",
    ],
)
def test_other_languages_are_told_apart(text: str) -> None:
    assert not is_supported(text)


@pytest.mark.parametrize(
    "text",
    [
        "An index lets the database find rows without reading the whole table.",
        "index, table, rows, write, update, queue, consumer, producer, credit",
        "p10 = ((1 - rho) * rho^n) / (1 - rho^(N+1)), λ/μ = 0.9",
        "The German word Warteschlange means queue, and der, die and das are its articles.",
        "asdf jkl; qwer asdf jkl; qwer",
        "No come on per van",
        "1, 2, 3",
        "No.",
    ],
)
def test_english_lists_and_formulas_are_not(text: str) -> None:
    assert is_supported(text)
