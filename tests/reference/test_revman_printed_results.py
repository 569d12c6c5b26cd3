"""Pooled results that were printed by reviews made with Review Manager 5 (data/attachment.csv, column derivation).

Macdonald 2016: Cicchetti 2006 (infant-parent psychotherapy v control), Bernard 2012, Moss 2011. O'Hara 2019: Moss
2011, Moran 2005. Printed to two decimals, by random effects with tau2 from Q about the Mantel-Haenszel estimate.
"""

import numpy as np
import pandas as pd
import pytest

from bayesmeta.frequentist import pool
from bayesmeta.trials import Trials

# events treated, treated, events control, control
DISORGANISED = {"Cicchetti": (9, 28, 42, 54), "Bernard": (19, 60, 34, 60), "Moss": (7, 35, 18, 32)}
INSECURE = {"Cicchetti": (11, 28, 53, 54), "Bernard": (29, 60, 40, 60), "Moss": (12, 35, 23, 32)}
AVOIDANT = {"Cicchetti": (2, 28, 10, 54), "Moss": (5, 35, 2, 32)}
SECURE = {"Moss": (23, 35, 9, 32), "Moran": (28, 49, 19, 50)}


def trials_of(tables):
    columns = ["events_treated", "total_treated", "events_control", "total_control"]
    frame = pd.DataFrame(list(tables.values()), columns=columns)
    frame.insert(0, "study", list(tables))
    return Trials(frame)


def odds_ratio(tables, method):
    row = pool(trials_of(tables)).row(method)
    return [round(float(np.exp(x)), 2) for x in (row.estimate, row.lower, row.upper)]


@pytest.mark.parametrize(
    ("tables", "printed"),
    [
        pytest.param(DISORGANISED, [0.23, 0.13, 0.42], id="Macdonald 2016, disorganised"),
        pytest.param(INSECURE, [0.14, 0.03, 0.70], id="Macdonald 2016, insecure"),
        pytest.param(AVOIDANT, [0.90, 0.13, 6.37], id="Macdonald 2016, avoidant"),
        pytest.param(SECURE, [3.04, 1.39, 6.67], id="O'Hara 2019, secure"),
    ],
)
def test_printed_results(tables, printed):
    assert odds_ratio(tables, "RevMan") == printed


def test_der_simonian_laird_is_not_what_revman_printed():
    # The same tables by ordinary DerSimonian-Laird give 0.030 to 0.681, which would print as 0.68.
    row = pool(trials_of(INSECURE)).row("DL")
    assert [float(np.exp(x)) for x in (row.lower, row.upper)] == pytest.approx([0.030, 0.681], abs=5e-4)
    assert odds_ratio(INSECURE, "DL") != odds_ratio(INSECURE, "RevMan")
