"""What a figure shows, read back from its artists."""

import numpy as np
import pandas as pd
from matplotlib.text import Text

import bayesmeta as bm


def normal(trials, **parts):
    return bm.fit(trials, bm.Model("normal", **parts))


def by_gid(figure, gid):
    """Artists with a gid, from top to bottom of the picture where they have a height."""
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def lines(figure, gid):
    """(n, 2, 2): x and y of the ends of each line with this gid, in the order of y."""
    found = [np.asarray(line.get_xydata(), dtype=float) for line in by_gid(figure, gid)]
    return sorted(found, key=lambda ends: ends[0, 1])


def diamonds(figure, gid):
    """Left corner, middle and right corner of each diamond, as log odds ratios, from top to bottom."""
    corners = sorted((patch.get_xy()[:4] for patch in by_gid(figure, gid)), key=lambda xy: xy[0, 1])
    return np.log([[xy[0, 0], xy[1, 0], xy[2, 0]] for xy in corners])


def points(figure, gid):
    """(n, 2): x and y of markers, from top to bottom."""
    found = np.array([line.get_xydata()[0] for line in by_gid(figure, gid)], dtype=float)
    return found[np.argsort(found[:, 1])]


def words(figure, gid=None):
    """Texts that are not empty, as the reader sees them."""
    texts = figure.findobj(lambda artist: isinstance(artist, Text) and (gid is None or artist.get_gid() == gid))
    return [text.get_text().replace(r"\$", "$") for text in texts if text.get_text()]


def simulated(k, names=None, seed=1, **other):
    """A table of k trials about as large as those of a field."""
    rng = np.random.default_rng(seed)
    total = rng.integers(30, 400, k)
    theta = rng.normal(0.4, 0.4, k)
    treated = rng.binomial(total, 1 / (1 + np.exp(1 - theta)))
    control = rng.binomial(total, 1 / (1 + np.exp(1.0)), k)
    columns = {"study": names or [f"Trial {i + 1}" for i in range(k)]}
    columns |= {"events_treated": treated, "total_treated": total, "events_control": control, "total_control": total}
    return bm.read_trials(pd.DataFrame(columns | other), name="simulated")


AWKWARD = [
    "Müller-Østergård & Łukasiewicz $100_{a}^2 <group> study of the northern region, second wave 2003",
    "$x^2$",
    "100% \\alpha_1 $",
    "山田 2001",
    "two\nlines\tand a tab",
    "עברית 1999",
    "😀🫠 emoji",
    "e\u0301 combined",
    "x" * 300,
]
