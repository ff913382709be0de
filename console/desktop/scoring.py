"""How well a line of the command palette fits what was typed."""

from typing import NamedTuple

START, INSIDE, SCATTERED = 100, 60, 20


class Match(NamedTuple):
    """A fit: higher `score` is better, `at` are the positions of the letters that fit."""

    score: int
    at: tuple[int, ...]


def match(typed: str, text: str) -> Match | None:
    """Return how well `text` fits, or None. Each word typed must be found: at a word's start, inside, or as letters in order."""
    low = text.lower()
    score, at = 0, set[int]()
    for word in typed.lower().split():
        found = _word(word, low)
        if found is None:
            return None
        score += found.score
        at.update(found.at)
    return Match(score * 100 - len(text), tuple(sorted(at)))


def _word(word: str, low: str) -> Match | None:
    place = low.find(word)
    first = place
    while place >= 0:
        if place == 0 or not low[place - 1].isalnum():
            return Match(START + len(word), tuple(range(place, place + len(word))))
        place = low.find(word, place + 1)
    if first >= 0:
        return Match(INSIDE + len(word), tuple(range(first, first + len(word))))
    return _letters(word, low)


def _letters(word: str, low: str) -> Match | None:
    spots, place = [], -1
    for letter in word:
        place = low.find(letter, place + 1)
        if place < 0:
            return None
        spots.append(place)
    return Match(SCATTERED - (spots[-1] - spots[0]), tuple(spots)) if len(word) > 1 else None
