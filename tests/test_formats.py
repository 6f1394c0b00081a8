"""Numbers as people read them."""

import pytest

from cnn_space import formats


@pytest.mark.parametrize(
    "number, text", [(62_006, "0.06 M"), (5_602_474, "5.6 M"), (138_357_544, "138 M")]
)
def test_millions(number, text):
    assert formats.millions(number) == text


@pytest.mark.parametrize(
    "seconds, text", [(0.000841, "0.84"), (0.00628, "6.3"), (0.0388, "39"), (0.1688, "170")]
)
def test_a_time_has_two_figures(seconds, text):
    assert formats.milliseconds(seconds) == text


@pytest.mark.parametrize(
    "value, text",
    [(1.0, "> 99.9 %"), (0.99949, "99.9 %"), (0.973, "97.3 %"), (0.0005, "0.1 %"), (0, "< 0.1 %")],
)
def test_a_probability_is_never_rounded_to_certainty(value, text):
    assert formats.probability(value) == text


@pytest.mark.parametrize(
    "images, text",
    [(None, "83.3 %"), (20, "83.3 %"), (19, "16 of 19"), (6, "5 of 6"), (1, "1 of 1"), (0, "–")],
)
def test_an_accuracy_of_few_images_is_no_percentage(images, text):
    assert formats.accuracy(100 * 5 / 6, images) == text


@pytest.mark.parametrize(
    "number, text",
    [
        (0, "0"), (940, "940"), (999_400, "999 k"), (999_600, "1 M"), (650_000, "650 k"),
        (1_580_000_000, "1.58 G"), (3.2e12, "3.2 T"),
    ],
)  # fmt: skip
def test_short_counts_have_three_figures(number, text):
    assert formats.short(number) == text


@pytest.mark.parametrize(
    "low, high, values",
    [
        (0, 2.3, [0, 0.5, 1, 1.5, 2, 2.5]),
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (0, 0.004, [0, 0.001, 0.002, 0.003, 0.004]),
        (62.1, 95.9, [60, 70, 80, 90, 100]),
        (0, 180, [0, 50, 100, 150, 200]),
        (90, 91.3, [90, 90.5, 91, 91.5]),
    ],
)
def test_ticks_are_round_and_cover_the_values(low, high, values):
    assert formats.ticks(low, high) == values


def test_ticks_in_whole_steps():
    assert formats.ticks(0, 3, least=1) == [0, 1, 2, 3]
    assert formats.ticks(0, 1, least=1) == [0, 1]
    assert formats.ticks(0, 40, least=1) == formats.ticks(0, 40)


def test_a_difference_in_points_has_its_sign():
    assert [formats.signed(x, 2) for x in (2.149, -0.3, 0.001, -0.001)] == [
        "+2.15", "−0.30", "0.00", "0.00",
    ]  # fmt: skip


def test_a_long_name_is_shortened_in_its_middle():
    assert formats.shortened("x" * 8, 8) == "x" * 8
    assert formats.shortened("IMG_2024-11-27 copy.jpg", 15) == "IMG_202…opy.jpg"
    assert [len(formats.shortened("x" * 99, most)) for most in (7, 8)] == [7, 8]


def test_ticks_of_a_logarithmic_axis():
    assert formats.log_ticks(3e5, 4e9) == [1e6, 1e7, 1e8, 1e9]
    assert formats.log_ticks(2e8, 9e8) == [2e8, 5e8]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (940_800, "940,800"),
        (128_049_152, "128.05 M"),
        (1_582_671_872, "1.58 G"),
        (3.2e12, "3.20 T"),
    ],
)
def test_counts_with_two_decimals(number, text):
    assert formats.two_decimals(number) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.053, "+5.3 %"), (-0.007, "−0.7 %"), (-0.0004, "0.0 %"), (0, "0.0 %")]
)
def test_a_difference_has_its_sign(value, text):
    assert formats.signed_fraction(value) == text
