"""Were the trials that can be read selected, and what is left of their effect if so? Secure attachment.

Abstracts print percentages mostly where arms differ, so the trials whose counts could be read are not a fair sample.
Three answers side by side: the familiar frequentist row, models of selection, and what the published pool says of the
trials that cannot be read.

    python models/reporting_bias.py --out results/bias
    python models/reporting_bias.py --data trials.csv --direction higher --out results/bias
"""

import bayesmeta as bm

run = bm.script(__doc__)  # --data --direction --seed --out

# 1. Evidence
# 8 of 26 trials, more of them wished: see trials.sources. One row a trial: each has one p value.
trials = run.trials("attachment/secure", rows="main")

# 2. The frequentist row: tests of asymmetry, trim and fill, PET-PEESE
asymmetry = bm.small_study_effects(trials)

# 3. A model of selection: a trial that is not significant in the wished direction is published with probability omega,
#    relative to one that is; before the trials are seen omega is uniform
model = bm.Model(
    selection="one_sided(0.025)",
    omega="cumulative_dirichlet",
    mu=bm.OddsRatioWithin(250),  # weak: 95% for an OR between 1/250 and 250 (Guenhan 2020)
    tau=bm.HalfNormal(0.5),  # heterogeneity up to fairly high (Roever 2020)
)
as_read = bm.fit(trials, model.but(selection=None, likelihood="normal"))
selected = bm.fit(trials, model)

# 4. What do the trials say of the selection? Known weights ask: how strong would it have to be?
run.table(selected.weights(), "weights")
for remark in selected.remarks:
    run.say(remark)
assumed = [bm.fit(trials, model.but(omega=f"fixed({omega})")) for omega in (0.5, 0.2, 0.05)]

# 5. Averaged over effect, heterogeneity and bias (RoBMA-PSMA: six selection models, PET, PEESE)
averaged = bm.sensitivity.bias(selected)
run.table(averaged.questions, "bias-questions")
run.table(averaged.averages, "bias-averages")

# 6. One trial may carry all of it: without the least precise one
effects = bm.effect_sizes(trials)
least_precise = max(zip(effects.se, effects.studies))[1]
if trials.k > 1:
    without = bm.sensitivity.bias(trials.without(least_precise))
    run.say(f"Without {least_precise}, the least precise trial: {without.sentence}")

# 7. Beside it: how many trials does the selection model miss, and what must those have shown that cannot be read?
unpublished = selected.unpublished(seed=run.seed)
low, high = unpublished.interval()
run.say(f"Trials done and not published, by the selection model: {unpublished.median:.1f} ({low:.1f} to {high:.0f}).")
results = [as_read, selected, *assumed, asymmetry, averaged]
pictures = [bm.plots.sensitivity_bias(averaged), bm.plots.forest(selected)]
if trials.published is not None and trials.published.k > trials.k:
    unread = bm.sensitivity.unread_trials(trials)
    results.append(unread)
    pictures.append(bm.plots.unread_trials(unread))

# 8. Pictures and tables
run.save(*pictures)
run.report(*results)
