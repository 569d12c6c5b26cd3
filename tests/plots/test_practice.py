"""Practice against evidence: what is drawn is what the table says, and no name covers another."""

from itertools import pairwise

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.plots.practice import apart
from tests.plots.reading import by_gid, lines, points, words


@pytest.fixture(scope="module")
def found():
    return bm.practice.against_evidence(bm.practice.simulated_survey(), draws=4000)


def test_points_and_intervals_are_those_of_the_table(found):
    figure = bm.plots.practice(found)
    tried = found.table[found.table["k"] > 0].sort_values("use")
    assert points(figure, "point") == pytest.approx(tried[["odds_ratio", "use"]].to_numpy())
    effects = np.array([ends[:, 0] for ends in lines(figure, "effect")])
    assert effects == pytest.approx(tried[["odds_ratio_lower", "odds_ratio_upper"]].to_numpy())
    uses = np.array(sorted(tuple(line.get_ydata()) for line in by_gid(figure, "use interval")))
    assert uses == pytest.approx(np.array(sorted(zip(found.table["use_lower"], found.table["use_upper"]))))
    assert len(by_gid(figure, "untried")) == 1


def test_a_simulated_survey_is_called_so_in_the_picture(found):
    figure = bm.plots.practice(found)
    assert figure.get_label().startswith("simulated")
    assert any("SIMULATED" in text for text in words(figure))
    own = bm.practice.read_survey(found.survey.table.assign(source="letter", intervention=list("ABCDEFGHI")))
    plain = bm.plots.practice(bm.practice.against_evidence(own, draws=400))
    assert plain.get_label() == "practice-and-evidence"
    assert not any("SIMULATED" in text for text in words(plain))


@pytest.mark.parametrize("interventions", [4, 9, 30])
def test_no_name_covers_another(interventions):
    survey = bm.practice.simulated_survey(seed=4, interventions=interventions)
    figure = bm.plots.practice(bm.practice.against_evidence(survey, best=2, draws=400))
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in by_gid(figure, "name")), key=lambda box: box.y0)
    assert len(boxes) == interventions
    assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))
    inside = figure.bbox
    assert all(inside.y0 <= box.y0 and box.y1 <= inside.y1 for box in boxes)


def test_labels_stay_near_what_they_name():
    at = np.array([0.1, 0.5, 0.5, 0.51, 0.9])
    moved = np.array(apart(at, 0.1, 0.0, 1.0))
    assert np.all(np.diff(moved) >= 0.1 - 1e-12)
    assert moved[[0, 4]] == pytest.approx([0.1, 0.9])
