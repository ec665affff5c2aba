"""The score of a profile: what counts, how it fades, and what is kept of it."""

from datetime import UTC, datetime, timedelta

from gateway.grok.errors import ROWS
from gateway.profiles.health import BARS, EVENTS, HARM, HealthBook, health_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_what_counts_is_a_row_of_the_classifier_or_an_event():
    assert set(HARM) <= {row.name for row in ROWS} | set(EVENTS.values())


def test_a_profile_of_which_nothing_is_known_is_well():
    health = health_of({}, NOW)
    assert (health.score, health.good, health.reasons) == (100, 0, ())
    assert list(health.bars) == [None] * BARS


def test_one_refusal_says_little_and_many_say_much():
    few, many = HealthBook(now=Clock()), HealthBook(now=Clock())
    few.saw("p", "rate_limit")
    for _ in range(20):
        many.saw("p", "challenge")
    assert 70 <= few.of("p").score < 100
    assert many.of("p").score < 10
    assert few.band("p") > many.band("p")


def test_a_verdict_on_the_request_is_not_the_profiles_fault():
    book = HealthBook(now=Clock())
    book.saw("p", "moderation")
    assert book.of("p").score == 100
    assert book.take_changed() == {}


def test_it_fades_and_is_forgotten_after_a_day():
    clock = Clock()
    book = HealthBook(now=clock)
    for _ in range(5):
        book.saw("p", "challenge")
    scores = []
    for hours in (0, 6, 12, 25):
        clock.now = NOW + timedelta(hours=hours)
        scores.append(book.of("p").score)
    assert scores == sorted(scores)
    assert scores[0] < scores[1] < scores[-1] == 100


def test_reasons_come_most_harmful_first_and_bars_newest_last():
    book = HealthBook(now=Clock())
    for outcome in ("rate_limit", "rate_limit", "anti_bot", "ok"):
        book.saw("p", outcome)
    health = book.of("p")
    assert health.reasons == (("anti_bot", 1), ("rate_limit", 2))
    assert health.bars[-1] == round(100 * 1 / (1 + 7))
    assert health.bars[0] is None


def test_it_goes_on_where_it_was_after_a_restart_and_survives_a_database_that_is_away():
    book = HealthBook(now=Clock())
    book.saw("p", "login")
    changed = book.take_changed()
    book.put_back(changed)
    assert book.take_changed() == changed
    again = HealthBook(changed, now=Clock())
    assert again.of("p") == book.of("p")
    assert health_of(changed["p"], NOW) == book.of("p")
