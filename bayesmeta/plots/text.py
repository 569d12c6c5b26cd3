"""Text in pictures: names as they are, whatever signs they hold, and numbers as readers expect them."""

import math
import unicodedata
from functools import cache

from matplotlib import font_manager
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.ft2font import FT2Font

from bayesmeta import wording

FAMILY = "DejaVu Sans"
#: Drawn in place of a sign that the font lacks.
UNKNOWN_SIGN = "\N{WHITE SQUARE}"
LONGEST = 200
ELLIPSIS = "…"


def plain_text(text: object, longest: int = LONGEST) -> str:
    r"""Text for matplotlib that is drawn as it stands: no formulas, one line, only signs that the font has.

    Parameters
    ----------
    text : a name from the data.
    longest : signs that are kept; a longer text loses its middle.

    Returns
    -------
    str, with dollar signs escaped.

    Examples
    --------
    >>> plain_text("cost $5\n& up")
    'cost \\$5 & up'
    """
    signs = []
    for sign in unicodedata.normalize("NFC", str(text)):
        kind = unicodedata.category(sign)
        if kind in ("Cc", "Zl", "Zp", "Zs"):
            signs.append(" ")
        elif kind != "Cf":  # marks of direction and joining have no picture
            signs.append(_with_glyph(sign))
    line = " ".join("".join(signs).split())
    return without_middle(line, longest).replace("$", r"\$")


def without_middle(text: str, longest: int) -> str:
    """The beginning and the end, where names and years stand, of a text that is too long."""
    if len(text) <= longest:
        return text
    tail = min(12, max(longest - 1, 0) // 3)
    return text[: max(longest - 1 - tail, 0)].rstrip() + ELLIPSIS + (text[-tail:].lstrip() if tail else "")


def fitted(text: str, inches: float, size: float, *, bold: bool = False) -> str:
    """Plain text that is no wider than a column, its middle left out where it must be."""
    whole = plain_text(text)
    if width(whole, size, bold=bold) <= inches:
        return whole
    fits, too_long = 1, min(len(str(text)), LONGEST)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if width(plain_text(text, middle), size, bold=bold) <= inches:
            fits = middle
        else:
            too_long = middle
    return plain_text(text, fits)


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of one line of plain text, in inches."""
    properties = font_manager.FontProperties(family=[FAMILY], size=size, weight="bold" if bold else "normal")
    pixels, _, _ = _renderer().get_text_width_height_descent(  # type: ignore[no-untyped-call]
        text.replace(r"\$", "$"), properties, False
    )
    return float(pixels) / 72.0 / _SCALE


def number(value: float) -> str:
    """An odds ratio in about three figures: 0.034, 0.54, 1.85, 12.3, 572.

    Examples
    --------
    >>> [number(value) for value in (0.0341, 0.54, 1.849, 12.34, 571.6, 123456)]
    ['0.034', '0.54', '1.85', '12.3', '572', '1.2e+05']
    """
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    if value >= 9999.5:
        return f"{value:.2g}"
    return wording.number(value) if value > 0 else "0"


def odds_ratio(estimate: float, lower: float, upper: float) -> str:
    """A log odds ratio with its limits as text on the scale of odds ratios.

    Examples
    --------
    >>> odds_ratio(0.615, 0.307, 0.924)
    '1.85 [1.36, 2.52]'
    """
    return f"{number(_exp(estimate))} [{number(_exp(lower))}, {number(_exp(upper))}]"


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf


def _with_glyph(sign: str) -> str:
    if _has_glyph(sign):
        return sign
    simpler = "".join(part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part))
    return simpler if simpler and all(_has_glyph(part) for part in simpler) else UNKNOWN_SIGN


@cache
def _has_glyph(sign: str) -> bool:
    """Whether the font has the sign, upright and bold."""
    return all(font.get_char_index(ord(sign)) > 0 for font in _fonts())


@cache
def _fonts() -> tuple[FT2Font, FT2Font]:
    regular, bold = (
        font_manager.findfont(font_manager.FontProperties(family=[FAMILY], weight=weight))
        for weight in ("normal", "bold")
    )
    return FT2Font(regular), FT2Font(bold)


_SCALE = 4  # measure at four times 72 dpi: hinting rounds widths to whole pixels


@cache
def _renderer() -> RendererAgg:
    return RendererAgg(8, 8, 72 * _SCALE)  # type: ignore[no-untyped-call]
