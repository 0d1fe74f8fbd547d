"""How near a caller is to its bounds, as OpenAI's clients read it."""

import pytest

from streams.gateway.ratelimits import Room, duration, rate_limit_headers


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0ms"),
        (0.0196, "20ms"),
        (0.9999, "1000ms"),
        (1, "1s"),
        (59.1, "1m0s"),
        (360, "6m0s"),
        (3725, "1h2m5s"),
        (86_400, "24h0m0s"),
    ],
)
def test_a_duration_is_written_as_openai_writes_it(seconds: float, written: str) -> None:
    """Rounded up: who waits so long has waited long enough."""
    assert duration(seconds) == written


def test_the_bound_with_least_left_is_shown() -> None:
    """Apart for tokens and for requests, of which those under way are some."""
    headers = rate_limit_headers(
        [
            Room("tokens", 1000, 400, 30.0),
            Room("tokens", 100_000, 90, 86_400.0),
            Room("requests", 60, 59, 1.0),
            Room("concurrent", 2, 0, None),
            Room("nanousd", 5, 0, 9.0),
        ]
    )
    assert headers == {
        "x-ratelimit-limit-tokens": "100000",
        "x-ratelimit-remaining-tokens": "90",
        "x-ratelimit-reset-tokens": "24h0m0s",
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "0",
    }


def test_who_has_no_bounds_gets_no_headers() -> None:
    """Nothing is made up."""
    assert rate_limit_headers([]) == {}
