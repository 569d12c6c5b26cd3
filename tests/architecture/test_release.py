"""What stands in two places says the same in both."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bayesmeta.version import __version__
from tests.architecture.rooms import ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = SETTINGS["project"]
GROUPS = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
REQUIREMENTS = [text for group in GROUPS for text in group if not text.startswith("bayesmeta[")]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


def pins() -> dict[str, Version]:
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in (line.split("==") for line in lines)}


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_the_exact_versions_lie_within_the_bounds(text):
    requirement = Requirement(text)
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_the_exact_versions_name_no_address():
    assert "//" not in CONSTRAINTS
    assert " @ " not in CONSTRAINTS


def test_the_version_is_the_one_to_cite_and_the_changelog_knows_it():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.M)[1].strip("\"'") == __version__
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_python_that_is_asked_for_is_one_that_is_allowed():
    asked = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(asked)


def test_every_data_set_is_in_the_wheel():
    inside = SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    files = [path.name for path in (ROOT / "data").iterdir() if path.name != "reference"]
    assert inside == {f"data/{name}": f"bayesmeta/data/{name}" for name in files}
