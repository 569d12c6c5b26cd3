"""Does the answer hang on the priors? Secure attachment, the trials whose counts could be read.

Every line below is a question about a prior: change it, or add one, and run again.

    python models/prior_sensitivity.py --out results/priors
    python models/prior_sensitivity.py --data trials.csv --out results/priors
"""

import bayesmeta as bm

run = bm.script(__doc__)  # --data --direction --out

# 1. Evidence, and the analysis as given
trials = run.trials("attachment/secure")
model = bm.Model(
    likelihood="auto",  # the counts themselves (hypergeometric); normal where a table has estimates only
    mu=bm.OddsRatioWithin(250),  # weak: 95% for an OR between 1/250 and 250 (Guenhan 2020)
    tau=bm.HalfNormal(0.5),  # heterogeneity up to fairly high (Roever 2020)
)
posterior = bm.fit(trials, model)

# 2. Other priors, each with each
grid = bm.sensitivity.prior_grid(
    posterior,
    tau=[
        bm.HalfNormal(0.25),
        bm.HalfNormal(0.5),
        bm.HalfNormal(1),
        bm.HalfCauchy(0.5),  # heavier tail: the data may say more
        bm.HalfT(4, 0.5),
        bm.Uniform(0, 10),  # "vague", and far from it with few trials (Lambert 2005)
        bm.LogNormal(-1.17, 0.86),  # Cochrane reviews: mental health, not a drug against control (Turner 2015)
        "jeffreys",  # its scale comes from the standard errors
    ],
    mu=[
        bm.OddsRatioWithin(250),
        bm.Normal(0, 1),  # 95% for an OR between 1/7 and 7
        bm.OddsRatioWithin(2),  # sceptical
        bm.Flat(),
    ],
)

# 3. Which parameters listen to their priors, and do prior and trials disagree? (Kallioinen 2024)
scaling = bm.sensitivity.power_scaling(posterior)

# 4. More or less cautious than a reference prior? (Ott 2021)
reference = bm.sensitivity.reference(posterior)

# 5. What would it take to change the conclusion? (sceptical priors: Spiegelhalter 1994)
tipping = bm.sensitivity.tipping_point(posterior)

# 6. And to doubt the published result? (Matthews 2018)
results = [grid, scaling, reference, tipping]
pictures = [
    bm.plots.sensitivity_priors(grid),
    bm.plots.sensitivity_power(scaling),
    bm.plots.sensitivity_tipping(tipping),
]
if trials.published is not None:
    credible = bm.sensitivity.credibility(trials.published)
    results.append(credible)
    pictures.append(bm.plots.sensitivity_credibility(credible))

# 7. The verdict, pictures and tables
run.say(bm.sensitivity.verdict(results))
run.table(grid.table, "prior-grid")
run.table(tipping.curve, "tipping-curve")
run.save(*pictures)
run.report(posterior, *results)
