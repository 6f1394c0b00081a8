"""Numbers as people read them; the page's templates know these functions as filters."""

__all__ = [
    "bytes_short",
    "count",
    "fraction",
    "megabytes",
    "millions",
    "percent",
    "probability",
    "shape",
    "short",
]


def count(number: int) -> str:
    """``5,602,474``"""
    return f"{number:,}"


def short(number: float) -> str:
    """A large count to three figures: ``940``, ``650 k``, ``313 M``, ``1.58 G``, ``3.2 T``."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f}"


def millions(number: int) -> str:
    """``138 M``, ``5.6 M``, ``0.06 M``: always in millions, so that nets compare at a glance."""
    value = number / 1e6
    digits = 0 if value >= 100 else 1 if value >= 1 else 2
    return f"{value:.{digits}f} M"


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


def percent(value: float, digits: int = 1) -> str:
    """A figure that is in percent already, such as an accuracy: ``91.3 %``."""
    return f"{value:.{digits}f} %"


def megabytes(number: int) -> str:
    """The size of a file: ``22.4 MB`` (10⁶ bytes)."""
    return f"{number / 1e6:.1f} MB"


def bytes_short(number: int) -> str:
    """Memory: ``588.0 KiB``, ``3.1 MiB`` (2¹⁰ and 2²⁰ bytes)."""
    return f"{number / 1024:,.1f} KiB" if number < 1024**2 else f"{number / 1024**2:,.1f} MiB"


def shape(sides) -> str:
    """``64 × 28 × 28``"""
    return " × ".join(f"{side:,}" for side in sides)
