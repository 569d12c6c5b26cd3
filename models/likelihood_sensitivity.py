"""Does the answer hang on the model, or on one trial? Disorganised attachment, the trials whose counts could be read.

The counts by exact likelihoods (no corrections for zeros) beside the normal likelihood, random effects beside a common
effect, the frequentist methods below them; then each trial left out, and the trials as they came in.

    python models/likelihood_sensitivity.py --out results/models
    python models/likelihood_sensitivity.py --data trials.csv --out results/models
"""

import bayesmeta as bm

run = bm.script(__doc__)  # --data --direction --out

# 1. Evidence: events are children classified as disorganised; fewer of them is wished
trials = run.trials("attachment/disorganised")
pools = bm.pool(trials)

# 2. The analysis as given
model = bm.Model(
    likelihood="auto",  # hypergeometric: margins fixed, no baseline needs a prior; normal for estimates only
    mu=bm.OddsRatioWithin(250),  # weak: 95% for an OR between 1/250 and 250 (Guenhan 2020)
    tau=bm.HalfNormal(0.5),  # heterogeneity up to fairly high (Roever 2020)
)
posterior = bm.fit(trials, model)

# 3. Other likelihoods, zero-cell rules, random effects, baselines; cross=True for every combination
models = bm.sensitivity.model_grid(posterior, pools=pools)

# 4. Other trials
left_out = bm.sensitivity.leave_one_out(posterior)
as_they_came = bm.sensitivity.cumulative(posterior)  # by year; without that column, the most precise first

# 5. How many trials carry the conclusion?
tipping = bm.sensitivity.tipping_point(posterior)

# 6. The verdict, pictures and tables
results = [models, left_out, as_they_came, tipping]
run.say(bm.sensitivity.verdict(results))
run.table(models.table, "model-grid")
run.table(models.refused, "models-not-fitted")
run.save(
    bm.plots.sensitivity_models(models),
    bm.plots.sensitivity_leave_one_out(left_out),
    bm.plots.sensitivity_cumulative(as_they_came),
    bm.plots.sensitivity_tipping(tipping),
)
run.report(pools, posterior, *results)
