"""Code and the table of docs/architecture.md say the same."""

import pytest

from tests.architecture.rooms import PACKAGE, TOP, bare, faults, sources, table

ROOMS = table()


def test_every_room_has_a_row_and_every_row_its_room():
    there = {bare(path.relative_to(PACKAGE).parts[0]) for path in PACKAGE.rglob("*.py")}
    assert there == {room.name for room in ROOMS.values() if not room.planned}


def test_the_table_reads_from_the_evidence_to_the_command_line():
    order = ["trials", "frequentist", "priors", "model", "exact", "nuts", "checks", "plots", "report", "cli"]
    assert [name for name in ROOMS if name in order] == order


@pytest.mark.parametrize(("path", "module"), [pytest.param(*source, id=source[1]) for source in sources()])
def test_a_module_imports_only_what_the_table_lets_it(path, module):
    assert faults(path.read_text(encoding="utf-8"), module, ROOMS, is_package=path.stem == TOP) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("bayesmeta.trials.readers", "from bayesmeta.priors import Normal", "from a room below"),
        ("bayesmeta.trials.readers", "from bayesmeta import priors", "from a room below"),
        ("bayesmeta.trials.readers", "import bayesmeta.posterior.marginal as m", "from a room below"),
        ("bayesmeta.trials.readers", "from ..priors import Normal", "from a room below"),
        ("bayesmeta.trials.readers", "def f():\n    from bayesmeta.cli import main", "from a room below"),
        ("bayesmeta.trials.readers", "import importlib as i\ni.import_module('bayesmeta.nuts')", "from a room below"),
        ("bayesmeta.trials.readers", "import bayesmeta as bm", "from a room below"),
        ("bayesmeta.trials.readers", "from bayesmeta import Normal", "from a room below"),
        (
            "bayesmeta.frequentist.pools",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bayesmeta.posterior import Posterior",
            "from a room below",
        ),
        ("bayesmeta.nuts.sample", "from bayesmeta.exact import nodes", "never imports from exact"),
        ("bayesmeta.exact.nodes", "def f():\n    import bayesmeta.frequentist", "never imports from frequentist"),
        ("bayesmeta.checks.convergence", "def f():\n    import pymc", "the table does not let it"),
        ("bayesmeta.checks.convergence", "import arviz as az", "at the top; the table does not let it"),
        ("bayesmeta.priors.families", "from scipy import stats", "at the top; the table does not let it"),
        ("bayesmeta.priors.families", "import scipy.special_effects", "at the top; the table does not let it"),
        ("bayesmeta.attic.things", "x = 1", "has no row"),
    ],
)
def test_an_import_against_the_table_is_found(module, source, fault):
    found = faults(source, module, ROOMS)
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bayesmeta.priors.families", "from bayesmeta.trials import Trials\nfrom bayesmeta.errors import PriorError"),
        ("bayesmeta.priors.families", "from bayesmeta.priors.base import Prior\nfrom . import base"),
        ("bayesmeta.priors.families", "import json\nimport numpy as np\nfrom scipy import special"),
        ("bayesmeta.priors.families", "def f():\n    from scipy import optimize"),
        ("bayesmeta.checks.convergence", "import typing\nif typing.TYPE_CHECKING:\n    import xarray as xr"),
        ("bayesmeta.workflow.reanalysis", "from bayesmeta import checks, plots\nfrom bayesmeta.fit import fit"),
    ],
)
def test_an_import_from_above_is_no_fault(module, source):
    assert faults(source, module, ROOMS) == []


def test_a_relative_import_in_an_init_file_starts_from_its_own_folder():
    assert faults("from .readers import read_trials", "bayesmeta.trials", ROOMS, is_package=True) == []
    assert len(faults("from ..plots import forest", "bayesmeta.trials", ROOMS, is_package=True)) == 1
