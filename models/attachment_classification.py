"""Secure and disorganised attachment together: two cuts of one classification of the same children.

Every child is secure, organised insecure or disorganised. Trials of review 1 in Health Technol Assess 2023;27(2), doi
10.3310/IVCN8847, whose counts could be read: 8 of 26 for secure and 3 of 20 for disorganised attachment, not a fair
sample of them. So this is a reanalysis of what can be read and not a replication of the published results.

    python models/attachment_classification.py --out results/classification

With a table of your own (--data) its column `outcome` tells both outcomes apart: secure first, then disorganised.
"""

import bayesmeta as bm

run = bm.script(__doc__)  # --data --draws --seed --out

# 1. Evidence: both outcomes; trials that report one of them only are kept
trials = run.joint("attachment/classification")
CONTROL_ARM = (0.30, 0.45)  # secure and disorganised children without intervention: change it to your setting

# 2. Models: what is believed before the data, and why
counts = bm.JointModel(
    likelihood="trinomial",  # the three counts of each arm; trials with one cut enter by its two
    mu=bm.OddsRatioWithin(250),  # weak: 95% for an OR between 1/250 and 250 (Guenhan 2020)
    tau=bm.HalfNormal(0.5),  # heterogeneity up to fairly high (Roever 2020)
    rho="uniform(-1, 1)",  # where few trials report both, this prior is most of what is known: vary it
)
# Beside it log odds ratios: their within-trial covariance (delta method) is 19% off for 1 of 54, so report the counts
approximate = counts.but(likelihood="normal")

# 3. Posteriors
run.say("Exact posteriors of both likelihoods")
exact, classified = bm.fit(trials, approximate), bm.fit(trials, counts)
run.say("NUTS, both likelihoods (half a minute each when PyMC compiles for the first time)")
options = {"engine": "nuts", "seed": run.seed, "draws": run.draws}
draws, classified_draws = bm.fit(trials, approximate, **options), bm.fit(trials, counts, **options)

# 4. May we believe it?
pairs = [(classified, classified_draws), (exact, draws)]
converged = [bm.checks.convergence(sampled).require() for _, sampled in pairs]
same = [bm.checks.same_posterior(*pair).require() for pair in pairs]

# 5. Together against apart: what does each outcome learn from the other?
borrowed = [classified.borrowing(), exact.borrowing()]

# 6. Where do the children move?
moved = classified.moved_children(CONTROL_ARM)
moved_elsewhere = classified.moved_children(CONTROL_ARM, new_setting=True)

# 7. What if? Other priors (of rho too, which three trials say little about), the other likelihood, each trial left out.
#    Varied is the normal likelihood, a fit of which takes milliseconds; joint(classified) varies the counts in minutes
run.say("What if: other priors, the other likelihood, and each trial left out")
what_if = bm.sensitivity.joint(exact)

# 8. Pictures and tables
run.save(bm.plots.joint_density(classified), bm.plots.moved_children(moved), bm.plots.sensitivity_joint(what_if))
run.report_joint(*pairs[0], *pairs[1], *converged, *same, *borrowed, moved, moved_elsewhere, what_if)
