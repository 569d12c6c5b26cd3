"""Print the tables of control-risk.md: python docs/decisions/control_risk.py"""

import bayesmeta as bm

trials = bm.load("crins2014")
posterior = bm.fit(trials, bm.Model("binomial"))

print("| trial | events/total, control arm | risk given all data (95%) |\n|---|---|---|")
for row in posterior.baselines().to_dict("records"):
    print(
        f"| {row['study']} | {row['events']:.0f}/{row['total']:.0f} |"
        f" {row['median']:.2f} ({row['lower']:.2f} to {row['upper']:.2f}) |"
    )

print("\n| control risk | risk difference of mu (95%) | in a new setting (95%) |\n|---|---|---|")
risk = posterior.control_risk("new_setting")
for asked in (risk.median, "new_setting", "beta(9, 11)"):
    table = posterior.absolute(asked)
    first = table.iloc[0]
    shown = f"{first['control_risk']:.2f}"
    if isinstance(asked, str):
        shown = f"{asked}: {shown} ({first['control_lower']:.2f} to {first['control_upper']:.2f})"
    cells = [
        f"{row['difference_median']:.2f} ({row['difference_lower']:.2f} to {row['difference_upper']:.2f})"
        for row in table.to_dict("records")
    ]
    print(f"| {shown} | {' | '.join(cells)} |")
