"""Do parenting interventions raise secure attachment?

Trials of review 1 in Health Technol Assess 2023;27(2), doi 10.3310/IVCN8847, whose counts could be read: 8 of 26. They
are not a fair sample of the 26, so this is a reanalysis of what can be read and not a replication of the published
result.

    python models/secure_attachment.py --out results/secure

Whoever holds the full report types its 26 rows into a table and runs the same analysis on them; the reproduction
check then says whether the published pooled odds ratio comes out, by which method and to how many digits:

    bayesmeta data --template secure > secure.csv
    python models/secure_attachment.py --data secure.csv --out results/secure
"""

import bayesmeta as bm

run = bm.script(__doc__)  # --data --draws --seed --out

# 1. Evidence: events are children classified as secure; more of them is wished
trials = run.trials("attachment/secure", template=True)
published = trials.published  # OR 1.85 (1.36 to 2.52), 26 trials

# 2. Yardstick: every frequentist method on the same trials
pools = bm.pool(trials)

# 3. Models: what is believed before the data, and why
pooled = bm.Model(
    likelihood="hypergeometric",  # the counts, given how many events a trial has: no baselines, no corrections
    mu=bm.OddsRatioWithin(250),  # weak: 95% for an OR between 1/250 and 250 (Guenhan 2020)
    tau=bm.HalfNormal(0.5),  # heterogeneity up to fairly high (Roever 2020)
)
by_focus = pooled.but(
    moderators="~ sensitivity_focused",  # sensitivity-focused against other interventions
    beta=bm.Normal(0, 1),  # ratio of the groups' ORs: 95% between 1/7 and 7
)
# Do these priors expect trials such as these at all?
expected = bm.checks.prior_predictive(trials, pooled)

# 4. Posterior, exactly: no Monte Carlo error
run.say("Exact posteriors")
exact = bm.fit(trials, pooled)
exact_by_focus = bm.fit(trials, by_focus)

# 5. The same by sampling. May we believe it?
run.say("NUTS (half a minute when PyMC compiles for the first time)")
options = {"engine": "nuts", "seed": run.seed, "draws": run.draws}
draws = bm.fit(trials, pooled, **options)
draws_by_focus = bm.fit(trials, by_focus, **options)
converged = [bm.checks.convergence(fit).require() for fit in (draws, draws_by_focus)]
same = [
    bm.checks.same_posterior(exact, draws).require(),
    bm.checks.same_posterior(exact_by_focus, draws_by_focus).require(),
]
agreement = bm.checks.against_pools(exact, pools, published)
reproduced = bm.checks.reproduction(pools, published)

# 6. Other likelihoods: estimates with standard errors; the counts of both arms, a baseline for each trial
normal = bm.fit(trials, pooled.but(likelihood="normal"))
binomial = bm.fit(trials, pooled.but(likelihood="binomial"))
binomial_by_focus = bm.fit(trials, by_focus.but(likelihood="binomial"))

# 7. Pictures and tables
run.save(
    bm.plots.forest(exact_by_focus, pools, plain=exact),
    bm.plots.prior_predictive(expected),
    bm.plots.prior_posterior(exact),
    bm.plots.new_setting(exact),
    bm.plots.subgroups(exact_by_focus),
    *bm.plots.diagnostics(draws_by_focus),
)
fits = [exact, exact_by_focus, normal, binomial, binomial_by_focus, draws, draws_by_focus]
run.report(pools, expected, *fits, *converged, *same, agreement, reproduced)
