"""The language of answers: told of sentences, never of names, single words or code."""

import pytest

from keeptune.forgetting.answer_language import language_of, usual_languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Die Hauptstadt von Frankreich ist Paris.", "German"),
        ("Es ist Paris", "German"),
        ("La capital es París", "Spanish"),
        ("Il est né en 1969 à Paris.", "French"),
        ("A capital da França é Paris", "Portuguese"),
        ("Det är Stockholm", "Swedish"),
        ("Dit is de hoofdstad", "Dutch"),
        ("The capital of France", "English"),
        ("Это столица России", "a language in Cyrillic script"),
        ("这是一个回答", "Chinese"),
        ("これは東京です", "Japanese"),
        *((text, "") for text in ("", "Paris", "Los Angeles", "La Paz", "Rio de Janeiro", "Costa de la Luz", "1969")),
        ("for (var i = 0; i <= n; i++) { d = i; s = k; }", ""),
        ("person: Ada; location: Rio de la Plata", ""),
    ],
)
def test_it_is_told_of_sentences_alone(text, language):
    assert language_of(text) == language


def test_a_language_of_few_texts_is_not_usual():
    assert usual_languages(["The cat is on the mat"] * 40 + ["Die Katze ist auf der Matte"]) == {"English"}
