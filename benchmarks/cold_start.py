"""A cold `bayesmeta fit FILE --likelihood normal` against importing numpy, scipy and pandas, each in a new process.

    python benchmarks/cold_start.py [RUNS]

The two are run in turn, so that a busy machine slows both; the ratio of each pair is what counts (aim: at most 2).
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

TABLE = "study,estimate,se\n" + "".join(f"trial {i},{0.1 * (i % 7):.1f},{0.2 + 0.02 * i:.2f}\n" for i in range(26))


COUNTS = "study,events_treated,total_treated,events_control,total_control\n" + "".join(
    f"trial {i},{12 + i % 7},{40 + i},{9 + i % 5},{42 + i}\n" for i in range(26)
)


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trials.csv"
        path.write_text(TABLE)
        counts = Path(folder) / "counts.csv"
        counts.write_text(COUNTS)
        command_line = str(Path(sys.executable).with_name("bayesmeta"))
        commands = {
            "imports": [sys.executable, "-c", "import numpy, scipy, pandas"],
            "light": [sys.executable, "-c", "import bayesmeta"],
            "fit": [command_line, "fit", str(path), "--likelihood", "normal", "--json"],
            "table": [command_line, "fit", str(path), "--likelihood", "normal"],
            "counts": [command_line, "fit", str(counts), "--likelihood", "hypergeometric"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(runs + 1):
            for name, command in commands.items():
                spent = seconds(command)
                if run:  # the first round warms the disk
                    times[name].append(spent)
    print(f"{'command':8} {'median s':>9} {'over imports: median (min to max)':>36}")
    for name, spent in times.items():
        ratios = [a / b for a, b in zip(spent, times["imports"], strict=True)]
        print(f"{name:8} {median(spent):9.2f} {median(ratios):18.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
