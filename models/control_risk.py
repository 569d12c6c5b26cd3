"""Does the effect depend on the risk without treatment?

Two sets of trials: BCG vaccine against tuberculosis, the usual example, and secure attachment, the trials whose counts
could be read: 8 of 26, so not a replication of the published result, and one of them (1 of 54 secure in its control
arm) pulls the line.

    python models/control_risk.py --out results/control-risk
    python models/control_risk.py --data trials.csv --out results/control-risk

Regressing observed effects on observed control risks is biased: the control arm is in both. The model regresses the
true effect on the true log odds of the control arm (Sharp & Thompson 1997; Arends 2000).
"""

import bayesmeta as bm

run = bm.script(__doc__)  # --data --draws --seed --out

for name in ["attachment/secure"] if run.data else ["bcg", "attachment/secure"]:
    # 1. Evidence
    trials = run.trials(name, rows="main")  # one row a trial: each has one control arm

    # 2. Model: what is believed before the data, and why
    model = bm.Model(
        likelihood="binomial",
        control_risk=True,  # theta_i ~ N(mu + control_risk (gamma_i - centre), tau^2)
        mu=bm.OddsRatioWithin(250),  # at the mean control risk; weak (Guenhan 2020)
        beta={"control_risk": bm.Normal(0, 1)},  # log OR for one unit more of the control log odds
        tau=bm.HalfNormal(0.5),  # heterogeneity that control risk does not explain
        baseline=bm.Exchangeable(bm.Normal(0, 5), bm.HalfNormal(1)),  # true control log odds ~ N(m, s^2): Arends 2000
    )
    independent = model.but(baseline="normal(0, 5)")  # each by itself: about as biased as the naive regression

    # 3. Posterior, by sampling: the baselines tie the trials together, so there is no exact fit
    run.say("NUTS (half a minute where PyMC compiles for the first time)")
    options = {"engine": "nuts", "seed": run.seed, "draws": run.draws}
    fit = bm.fit(trials, model, **options)
    without = bm.fit(trials, model.but(control_risk=False), **options)
    by_itself = bm.fit(trials, independent, **options)

    # 4. May we believe it? And what would the naive regression have said?
    converged = [bm.checks.convergence(one).require() for one in (fit, without, by_itself)]
    beside_naive = bm.checks.control_risk(fit)
    run.say(f"{by_itself.label}: {bm.checks.control_risk(by_itself).sentence.split(';')[0]}.")

    # 5. What it means: odds ratios and risks at low, middling and high control risk
    by_risk = fit.by_control_risk()  # or at risks of your own: fit.by_control_risk(0.1, 0.3, 0.5)
    run.say(by_risk.to_string(index=False, float_format="{:.3g}".format))  # three figures: risks may be small

    # 6. Picture, tables, draws
    run.table(by_risk, "effect by control risk")
    run.table(fit.control_risks(), "control risks of the trials")
    run.save(bm.plots.control_risk(fit), bm.plots.forest(fit), *bm.plots.diagnostics(fit))
    run.report(fit, without, by_itself, *converged, beside_naive)
