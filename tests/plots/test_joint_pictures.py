"""Pictures of two outcomes show the numbers of their tables."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.plots.joint_density import grid_of, region_level
from bayesmeta.posterior.bivariate import kernel_density
from tests.plots.reading import by_gid, words


@pytest.fixture(scope="module")
def joint():
    return bm.fit(bm.load("attachment/classification"), bm.JointModel("normal"))


def test_moved_children_are_drawn_as_in_their_table(joint):
    moved = joint.moved_children((0.3, 0.4), new_setting=True)
    figure = bm.plots.moved_children(moved)
    for i, row in enumerate(moved.table.to_dict("records")):
        (bar,) = by_gid(figure, f"control {i}")
        assert bar.get_height() == pytest.approx(row["control"])
        (hill,) = by_gid(figure, f"change {i}")
        x, y = np.asarray(hill.get_xdata()), np.asarray(hill.get_ydata()) - (2.0 - i)
        middle = np.cumsum(y) / y.sum()
        assert x[np.searchsorted(middle, 0.5)] == pytest.approx(100 * row["change"], abs=1.5)
    assert any("in a new setting" in text for text in words(figure))
    assert any("is left out" in " ".join(text.split()) for text in words(figure))


def test_pictures_of_two_outcomes_say_which_likelihood_of_which_trials_and_that_it_is_no_replication(joint):
    pictures = [bm.plots.joint_density(joint), bm.plots.moved_children(joint.moved_children("observed"))]
    for figure in pictures:
        text = " ".join(" ".join(words(figure)).split())
        assert "Normal likelihood, exact posterior; 8 trials, 3 with both outcomes." in text
        assert (
            "8 of 26 for secure attachment and 3 of 20 for disorganised attachment. This is not a replication." in text
        )
    assert "Control arm: 146 people of 3 trials together, taken as known." in text
    stated = " ".join(words(bm.plots.moved_children(joint.moved_children((0.3, 0.4)))))
    assert "as stated" in stated


def test_the_joint_density_has_trials_median_and_probability(joint):
    figure = bm.plots.joint_density(joint)
    (median,) = by_gid(figure, "median")
    expected = [np.exp(joint[f"mu[{outcome}]"].median) for outcome in joint.outcomes]
    assert [median.get_xdata()[0], median.get_ydata()[0]] == pytest.approx(expected)
    assert len(by_gid(figure, "trial")) == 3
    assert any("P(both as wished)" in text for text in words(figure))


def test_regions_hold_their_share(joint):
    draws = joint.draws(40_000)["mu"]
    x, y = grid_of(joint)
    density = joint.density(x, y)
    assert density.sum() * (x[1] - x[0]) * (y[1] - y[0]) == pytest.approx(1.0, abs=0.01)
    assert kernel_density(x, y, draws, smooth=0.2) == pytest.approx(density, abs=0.12 * density.max())
    level = region_level(density, 0.8)
    i = np.clip(np.searchsorted(x, draws[:, 0]), 0, len(x) - 1)
    j = np.clip(np.searchsorted(y, draws[:, 1]), 0, len(y) - 1)
    assert (density[i, j] >= level).mean() == pytest.approx(0.8, abs=0.02)
