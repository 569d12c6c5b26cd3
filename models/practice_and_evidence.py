"""Do services use what works? Use of interventions, from a survey, against their pooled effects.

The counts of the survey in Health Technol Assess 2023;27(2), doi 10.3310/IVCN8847, are not public. Without a table this
script runs on a SIMULATED one, and says so everywhere. Whoever holds counts prints the header of a table, fills in one
row for each intervention, and names it:

    python models/practice_and_evidence.py --out results/practice
    bayesmeta practice --template > survey.csv
    python models/practice_and_evidence.py --data survey.csv --out results/practice

A row holds services_using of services (those that were asked), the pooled odds_ratio with its 95% interval (lower,
upper) and the number k of trials; without trials k is 0 and the odds ratio blank. Column direction says whether odds
ratios above 1 (higher) or below 1 (lower) are wished.
"""

import bayesmeta as bm

run = bm.script(__doc__)  # --data --seed --out

# 1. The survey beside the evidence
survey = run.survey()

# 2. What is believed before the data, and what is asked
found = bm.practice.against_evidence(
    survey,
    answers="several",  # a service may name several interventions: a binomial count each; "one": Dirichlet shares
    concentration=1,  # shares ~ beta(1, 1): uniform
    effect_prior="flat",  # the pooled odds ratios as they are; odds_ratio_within(10) draws wild ones in
    best=3,  # "among the most effective" is one of the first three
    correlation="spearman",
    seed=run.seed,
)

# 3. Does the answer hang on a prior, or on the kind of correlation?
others = {
    "Kendall's tau": {"correlation": "kendall"},
    "Jeffreys' prior of the shares": {"concentration": 0.5},
    "effects drawn together": {"effect_prior": "odds_ratio_within(10)"},
}
for name, change in others.items():
    other = bm.practice.against_evidence(survey, seed=run.seed, **change)
    run.say(f"{name}: {other.correlation.median:.2f}, P(> 0) {other.correlation.probability(above=0):.3f}")
    run.table(other.table, f"interventions {name}")

# 4. Picture, tables, and the answer in words
run.save(bm.plots.practice(found))
run.report_survey(found)
