"""Numbers as people read them; the page's templates know these functions as filters."""

import math

FEW = 20  # images on which an accuracy is no percentage: one of them would be five points

__all__ = [
    "accuracy",
    "bytes_short",
    "count",
    "fraction",
    "log_ticks",
    "millions",
    "milliseconds",
    "percent",
    "probability",
    "shape",
    "short",
    "shortened",
    "signed",
    "signed_fraction",
    "ticks",
    "two_decimals",
]


def count(number: int) -> str:
    """``5,602,474``"""
    return f"{number:,}"


def short(number: float) -> str:
    """A large count to three figures: ``940``, ``650 k``, ``313 M``, ``1.58 G``, ``3.2 T``."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * size:  # what rounds to 1000 of the unit below
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f}"


def shortened(text: str, most: int) -> str:
    """A name for the eye: of one of more than ``most`` letters only both ends, so that it has as
    many: ``IMG_2024…copy.jpg``."""
    half = most // 2
    return text if len(text) <= most else f"{text[: most - half - 1]}…{text[-half:]}"


def two_decimals(number: float) -> str:
    """A large count with two decimals: ``940,800`` in full, ``12.04 M``, ``1.58 G``, ``3.20 T``."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if number >= size:
            return f"{number / size:,.2f} {unit}"
    return f"{number:,}"


def millions(number: int) -> str:
    """``138 M``, ``5.6 M``, ``0.06 M``: always in millions, so that nets compare at a glance."""
    value = number / 1e6
    digits = 0 if value >= 100 else 1 if value >= 1 else 2
    return f"{value:.{digits}f} M"


def milliseconds(seconds: float) -> str:
    """A time in milliseconds to two figures: ``0.84``, ``6.3``, ``39``, ``170``."""
    value = float(f"{1000 * seconds:.2g}")
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def probability(value: float) -> str:
    """A probability 0..1 as ``97.3 %``; what would round to nothing or to certainty says so."""
    if value >= 0.9995:
        return "> 99.9 %"
    if value < 0.0005:
        return "< 0.1 %"
    return f"{value * 100:.1f} %"


def fraction(value: float, digits: int = 0) -> str:
    """A share 0..1 as ``68 %``."""
    return f"{100 * value:.{digits}f} %"


def signed(value: float, digits: int = 1) -> str:
    """A difference as ``+5.3`` or ``−0.7``; what rounds to nothing has no sign: ``0.0``."""
    rounded = round(value, digits) or 0.0  # no −0.0
    return f"{rounded:{'+' if rounded else ''}.{digits}f}".replace("-", "−")


def signed_fraction(value: float) -> str:
    """A difference of shares as ``+5.3 %`` or ``−0.7 %``; what rounds to nothing is ``0.0 %``."""
    return f"{signed(100 * value)} %"


def percent(value: float, digits: int = 1) -> str:
    """A figure that is in percent already, such as an accuracy: ``91.3 %``."""
    return f"{value:.{digits}f} %"


def is_few(images: int | None) -> bool:
    """Whether ``images``, None where unknown, are too few for a percentage."""
    return images is not None and images < FEW


def accuracy(
    value: float, images: int | None = None, digits: int = 1, few: str = "{right} of {total}"
) -> str:
    """An accuracy in percent that was measured on ``images`` images: ``91.3 %``, but ``5 of 6``
    where they are few, and ``–`` where there were none. ``images`` None is unknown;
    ``few`` is the wording."""
    if not is_few(images):
        return percent(value, digits)
    return few.format(right=round(value * images / 100), total=images) if images else "–"


def bytes_short(number: int) -> str:
    """Memory: ``588.0 KiB``, ``3.1 MiB`` (2¹⁰ and 2²⁰ bytes)."""
    return f"{number / 1024:,.1f} KiB" if number < 1024**2 else f"{number / 1024**2:,.1f} MiB"


def shape(sides) -> str:
    """``64 × 28 × 28``"""
    return " × ".join(f"{side:,}" for side in sides)


def ticks(low: float, high: float, least: float = 0) -> list[float]:
    """Round numbers for an axis, evenly spaced, from ``low`` or just below to ``high`` or just
    above, with six steps at most, none smaller than ``least``. Needs low < high."""
    power = 10.0 ** math.floor(math.log10((high - low) / 6))
    step = power * next(f for f in (1, 2, 5, 10, 20) if f * power * 6 >= (high - low) * (1 - 1e-9))
    step = max(step, least)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers between ``low`` > 0 and ``high`` for a logarithmic axis: powers of ten, and
    where these are fewer than three, their doubles and fivefolds too."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [(f, f * 10.0**p) for p in powers for f in (1, 2, 5) if low <= f * 10.0**p <= high]
    tens = [value for factor, value in values if factor == 1]
    return tens if len(tens) >= 3 else [value for _, value in values]
