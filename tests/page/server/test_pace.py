"""How fast a visitor may send: a burst, then a rate; others do not wait for it."""

from cnn_space.page.server.pace import Pace


def test_a_burst_is_free_and_what_follows_comes_at_the_rate():
    pace = Pace(rate=10, burst=100)
    assert [pace.owed("a", 50, now=1000.0) for _ in range(4)] == [0, 0, 5, 10]
    assert pace.owed("b", 100, now=1000.0) == 0
    assert pace.owed("a", 0, now=1004.0) == 6
    assert pace.owed("a", 100, now=2000.0) == 0  # after a rest the whole burst again
    assert pace.owed("a", 10, now=2000.0) == 1
