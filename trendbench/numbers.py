"""How the board's numbers are written for people, on a terminal and on a page."""

NARROWEST = 80  # columns that a table of the board needs


def fixed(value: float | None, digits: int) -> str:
    """So many decimals; nothing for an absent value."""
    return "" if value is None else f"{value:.{digits}f}"


def with_half_width(value: float | None, low: float, high: float, digits: int) -> str:
    """A value and half its interval: ``1.32 ±0.03``."""
    return "" if value is None else f"{value:.{digits}f} ±{(high - low) / 2:.{digits}f}"


def percent(value: float | None) -> str:
    """A share in per cent, with a decimal where it is small."""
    if value is None:
        return ""
    return f"{100 * value:.{1 if value < 0.0995 else 0}f} %"


def plain(value: float | None) -> str:
    """A count as it is, a broken one to four digits; a dash for an absent one."""
    return "–" if value is None else f"{value:.4g}" if value % 1 else f"{value:g}"


def short(number: float, digits: int = 3) -> str:
    """A few digits; two for what is so small that it needs an exponent."""
    return f"{number:.1e}" if 0 < abs(number) < 1e-3 else f"{number:.{digits}g}"
