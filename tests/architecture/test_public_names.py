"""`import bayesmeta` gives every public name, with its documentation, and loads nothing heavy."""

import inspect
import subprocess
import sys

import pytest

import bayesmeta as bm

HEAVY = {
    *("arviz", "joblib", "matplotlib", "nutpie", "pymc", "pytensor", "xarray"),
    *("formulaic", "meta_analyze", "scipy.optimize", "scipy.stats"),
}


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_import_is_light():
    assert loaded_by("import bayesmeta").isdisjoint(HEAVY)


def test_a_heavy_module_would_be_seen():
    assert loaded_by("import scipy.stats") & HEAVY == {"scipy.optimize", "scipy.stats"}


@pytest.mark.parametrize("name", bm.__all__)
def test_a_public_name_is_there_and_says_what_it_is(name):
    thing = getattr(bm, name)
    if name == "__version__":
        assert thing.count(".") == 2
        return
    text = (inspect.isclass(thing) and vars(thing).get("__doc__")) or inspect.getdoc(thing) or ""
    assert text.strip()
    # A dataclass without a docstring of its own gets its signature for one.
    assert not text.startswith(f"{name}(")


def test_the_list_of_names_is_complete_and_without_doubles():
    assert len(set(bm.__all__)) == len(bm.__all__)
    assert dir(bm) == sorted(bm.__all__)


@pytest.mark.parametrize("first", ["import bayesmeta.fit", "import bayesmeta", "from bayesmeta.fit import ENGINES"])
def test_fit_is_the_function_whatever_was_imported_before(first):
    assert "bayesmeta.exact" not in loaded_by(f"{first}\nimport bayesmeta as bm\nassert bm.fit.__name__ == 'fit'")


def test_an_exact_fit_of_the_normal_model_is_light():
    code = "import bayesmeta as bm\nbm.fit(bm.load('crins2014'), bm.Model('normal')).summary()"
    loaded = loaded_by(code)
    assert "bayesmeta.exact" in loaded
    assert loaded.isdisjoint(HEAVY)
