"""What all tests share: no display, repeatable searches, and one compile cache for each worker."""

import os
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).parents[1]

os.environ["MPLBACKEND"] = "Agg"

# Two workers that compile one model at once would write into one cache, so each has its own. It is kept between runs:
# only the first one compiles. Scripts that a test starts inherit it through the environment.
worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
flags = [flag for flag in os.environ.get("PYTENSOR_FLAGS", "").split(",") if flag and "base_compiledir" not in flag]
cache = ROOT / ".pytest_cache" / "compiled" / worker
os.environ["PYTENSOR_FLAGS"] = ",".join([*flags, f"base_compiledir={cache.as_posix()}"])

# No deadline: a machine may be busy. Where changes are judged, the same examples are searched each time.
settings.register_profile("default", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("default")
