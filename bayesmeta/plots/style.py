"""The look of every picture: colours, fonts, and a figure that belongs to nobody else's session."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from matplotlib import rc_context, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe & Ito's palette: told apart by readers with any kind of colour vision, and by its greys in print.
INK = "#222222"
GREY = "#6f6f6f"
PALE = "#f2f2f2"
LINE = "#c8c8c8"
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
PURPLE = "#aa4499"
SKY = "#56b4e9"
YELLOW = "#e69f00"

#: What each kind of number is drawn in, in all pictures.
OBSERVED, SHRUNKEN, POOLED, NEW_SETTING, YARDSTICK, PUBLISHED, PRIOR = INK, BLUE, ORANGE, GREEN, GREY, PURPLE, YELLOW
SERIES = (BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY, GREY)

DPI = 150
SMALL, TEXT, TITLE = 7.5, 8.5, 11.0

_PARAMETERS: dict[str, Any] = {
    # A family by name: "sans-serif" would be looked up in the user's settings whenever the figure is drawn.
    "font.family": ["DejaVu Sans"],
    "font.size": TEXT,
    "axes.titlesize": TEXT + 1,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": TEXT,
    "axes.prop_cycle": f"cycler(color={SERIES})",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": TEXT,
    "figure.titlesize": TITLE,
    "figure.titleweight": "bold",
    "lines.linewidth": 1.4,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
}
# What belongs to the session and not to the look of a picture.
_LEFT_ALONE = ("backend", "interactive", "toolbar", "webagg", "timezone", "datapath", "docstring", "tk", "macosx")


@contextmanager
def styled() -> Iterator[None]:
    """Settings of this package inside the block, whatever the user's are; the user's again after it."""
    settings: Any = {name: value for name, value in rcParamsDefault.items() if not name.startswith(_LEFT_ALONE)}
    with rc_context(settings | _PARAMETERS):
        yield


def in_style[**P, R](draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function draw with the settings of this package."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with styled():
            return draw(*args, **kwargs)

    return drawn


def new_figure(label: str, width: float, height: float, *, constrained: bool = True) -> Figure:
    """A figure outside of pyplot: it opens no window and needs no closing.

    Parameters
    ----------
    label : its name, from which a file takes its own (`Figure.get_label`).
    width, height : inches.
    constrained : let matplotlib find room for labels.
    """
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    figure.set_label(label)
    return figure


def only_x_axis(axes: Axes) -> None:
    """No frame and no scale but that of x: densities have no unit worth a tick."""
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
