"""Pictures to files: whole or absent, and the same bytes for the same picture."""

from pathlib import Path

from matplotlib.figure import Figure

from bayesmeta.errors import BayesmetaError
from bayesmeta.files import written
from bayesmeta.plots.style import DPI, styled

# Neither the date nor the version of the library, so that a repeated analysis gives files that compare equal.
METADATA: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, SVG or PDF, by the suffix of the path.

    Parameters
    ----------
    figure : any matplotlib figure.
    path : file to write; its folder is made if needed.

    Returns
    -------
    The path.

    Raises
    ------
    BayesmetaError
        A suffix that is none of the three.

    Examples
    --------
    >>> import tempfile
    >>> from bayesmeta.plots.style import new_figure
    >>> save_figure(new_figure("empty", 2, 1), Path(tempfile.mkdtemp()) / "empty.png").name
    'empty.png'
    """
    from matplotlib import rc_context

    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in METADATA:
        raise BayesmetaError(f"{target.name}: a picture ends in {', '.join(METADATA)}.")
    with written(target) as temporary, styled(), rc_context({"svg.hashsalt": "bayesmeta", "svg.fonttype": "none"}):
        figure.savefig(temporary, dpi=DPI, metadata=METADATA[suffix], bbox_inches="tight", pad_inches=0.1)
    return target
