"""What notebooks show: texts of others stay text."""

from html.parser import HTMLParser

import pytest
from scenarios.hostile import TEXTS

from backsweep.figures.card import make_card


def elements(page):
    seen = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: seen.append((tag, *(name for name, _ in attrs)))
    parser.feed(page)
    return seen


@pytest.mark.parametrize("text", [*TEXTS.values(), "<script>alert(1)</script>", '" onload="a', "</table><b>"])
def test_a_hostile_text_adds_no_element_and_no_attribute(text):
    def card(word):
        return make_card(word, [word], {word: word}, (word, word), [(word, word)])

    assert elements(card(text)) == elements(card("a"))
