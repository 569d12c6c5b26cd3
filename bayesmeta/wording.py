"""How numbers, odds ratios, probabilities, intervals and counts are written: in sentences, tables, pictures, commands.

Two ways to write a number: `number` as readers of a review expect it, about three figures; `figures` with three
significant ones, for the tables of commands, where effects may be on any scale.
"""

import math
import re
from collections.abc import Callable, Sequence

LARGEST_EXPONENT = 700.0  # exp of more is not a double


def number(value: float) -> str:
    """About three figures: two decimals below 10, one below 100, whole numbers above; small ones with two figures.

    Examples
    --------
    >>> [number(x) for x in (0.0312, 0.5, 1.8512, 9.994, 25.23, 572.3, 1e7, math.inf)]
    ['0.031', '0.50', '1.85', '9.99', '25.2', '572', '1.0e+07', 'infinity']
    """
    size = abs(value)
    if not math.isfinite(value):
        return "infinity" if value > 0 else "no number"
    if size >= 1e5 or 0 < size < 1e-4:
        return f"{value:.1e}"
    if 0 < size < 0.0995:
        return f"{value:.2g}"
    return f"{value:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}"


def figures(value: float | None) -> str:
    """Three significant digits; a dash where there is no number.

    Examples
    --------
    >>> [figures(x) for x in (1.0, 0.4749, 12.34, 1234.5, 1e-9, None, float("nan"))]
    ['1.00', '0.475', '12.3', '1,234', '1.00e-09', '-', '-']
    """
    if value is None or math.isnan(value):
        return "-"
    if 999.5 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def ratio(log_ratio: float, write: Callable[[float], str] = number) -> str:
    """A log ratio as a ratio, also beyond the range of floats.

    Examples
    --------
    >>> ratio(0.615), ratio(0.615, figures), ratio(-123456.7, figures), ratio(math.inf), ratio(-math.inf)
    ('1.85', '1.85', 'exp(-123,457)', 'infinity', '0.00')
    """
    if math.isfinite(log_ratio) and abs(log_ratio) > LARGEST_EXPONENT:
        return f"exp({write(log_ratio)})"
    return write(math.exp(log_ratio))


def ratio_figures(log_ratio: float) -> str:
    """A log ratio as a ratio with three significant digits.

    Examples
    --------
    >>> ratio_figures(-1.402)
    '0.246'
    """
    return ratio(log_ratio, figures)


def spanned(middle: float, lower: float, upper: float, write: Callable[[float], str] = number) -> str:
    """A number with its interval.

    Examples
    --------
    >>> spanned(1.8512, 1.362, 25.23)
    '1.85 (1.36 to 25.2)'
    >>> spanned(0.615, 0.307, 0.924, ratio)
    '1.85 (1.36 to 2.52)'
    """
    return f"{write(middle)} ({write(lower)} to {write(upper)})"


def probability(value: float, bounds: Sequence[float] = ()) -> str:
    """Three decimals, never read as certainty: neither draws nor doubles show that.

    Parameters
    ----------
    value : a probability.
    bounds : that decide something; a value next to one has a fourth decimal, so that it is not rounded to it.

    Examples
    --------
    >>> [probability(p) for p in (0.99991, 0.9752, 0.5, 1e-7)]
    ['> 0.999', '0.975', '0.500', '< 0.001']
    >>> [probability(p, bounds=(0.975,)) for p in (0.97502, 0.97498, 0.9)]
    ['0.9750', '0.9750', '0.900']
    """
    if value >= 0.9995:
        return "> 0.999"
    if value < 0.0005:
        return "< 0.001"
    near = any(abs(value - bound) < 5e-4 for bound in bounds)
    return f"{value:.{4 if near else 3}f}"


def percent(value: float) -> str:
    """A probability in percent, never rounded to certainty.

    Examples
    --------
    >>> percent(0.5), percent(0.9996), percent(0.00001)
    ('50%', '>99.9%', '<0.1%')
    """
    if value > 0.999:
        return ">99.9%"
    if value < 0.001:
        return "<0.1%"
    return f"{100 * value:.{1 if value > 0.99 or value < 0.01 else 0}f}%"


def between(low: str, high: str) -> str:
    """A range of numbers in words; one number where both read the same.

    Examples
    --------
    >>> between("0.87", "0.96"), between("> 0.999", "> 0.999")
    ('from 0.87 to 0.96', '> 0.999 throughout')
    """
    return f"{low} throughout" if low == high else f"from {low} to {high}"


def counted(n: int, what: str = "trial") -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1), counted(8), counted(2, "pair of priors")
    ('1 trial', '8 trials', '2 pairs of priors')
    """
    first, *rest = what.split(" of ")
    return " of ".join([f"{n} {first}" if n == 1 else f"{n} {first}s", *rest])


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names in a sentence, the first few of many; semicolons between them where a name has a comma of its own.

    A comma inside parentheses is none: "normal(0, 4)" is read as one name.

    Examples
    --------
    >>> listed(["A"]), listed(["A", "B", "C"]), listed(list("ABCDEF"), 2)
    ('A', 'A, B and C', 'A, B and 4 more')
    >>> listed(["Smith, 2003", "Lee, 2010", "Roy"]), listed(["normal(0, 4)", "flat"])
    ('Smith, 2003; Lee, 2010; and Roy', 'normal(0, 4) and flat')
    """
    shown = [*names[:most], f"{len(names) - most} more"] if len(names) > most else list(names)
    if len(shown) == 1:
        return shown[0]
    own = any("," in _outside_parentheses(name) for name in names[:most])
    return f"{('; ' if own else ', ').join(shown[:-1])}{';' if own else ''} and {shown[-1]}"


def _outside_parentheses(text: str) -> str:
    found, before = text, ""
    while found != before:
        found, before = re.sub(r"\([^()]*\)", "", found), found
    return found


def rounded(text: str) -> str:
    """A prior's text with its numbers in three figures.

    Examples
    --------
    >>> rounded("normal(0, 0.31234567)"), rounded("half_t(4, 12.3456)")
    ('normal(0, 0.312)', 'half_t(4, 12.3)')
    """
    return re.sub(r"(?<![\w.])\d+(?:\.\d+)?(?:e[-+]?\d+)?", lambda found: f"{float(found[0]):.3g}", text)
