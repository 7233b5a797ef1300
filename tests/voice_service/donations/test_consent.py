"""What donors are asked to read."""

import random
import re

from voice_service.donations.consent import read_consent


def test_it_says_that_the_donor_agrees_and_cannot_be_foreseen() -> None:
    consent = read_consent()
    texts = [consent.text(random.SystemRandom()) for _ in range(20)]
    assert all(text.startswith(f"{consent.agreement} ") for text in texts)
    assert "my voice may be used" in consent.agreement
    assert len(set(texts)) > 15
    for text in texts:
        first, second = (each for each in consent.sentences if each in text)
        assert text in (f"{consent.agreement} {first} {second}", f"{consent.agreement} {second} {first}")


def test_the_sentences_can_be_read_aloud() -> None:
    sentences = read_consent().sentences
    assert len(sentences) >= 100
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z][A-Za-z ,]+\.", sentence), sentence
        assert 7 <= len(sentence.split()) <= 20, sentence
