"""What do the published pooled results say, and what must the trials have shown that cannot be read?

Secure and disorganised attachment, the pools of review 1 in Health Technol Assess 2023;27(2), doi 10.3310/IVCN8847.
The abstract prints two odds ratios with their intervals: these are data. Together with the trials whose counts could be
read they fix what the other trials pooled to, and how far effects differ between settings, which no abstract says.

    python models/published_pools.py --out results/published

With more of the trials in a table (`bayesmeta data --template secure > secure.csv`) add --data secure.csv.
"""

import bayesmeta as bm

run = bm.script(__doc__)  # --data --seed --out

for outcome in run.outcomes("attachment/secure", "attachment/disorganised"):
    # 1. Evidence: the published pool, and the trials of it that can be read
    trials = run.trials(outcome)  # of a table from --data: the rows whose column outcome names it

    # 2. The published result under priors from none to sceptical: what does it take to doubt it?
    pool = bm.sensitivity.published_pool(
        trials,
        priors=[
            bm.Flat(),  # the published interval again
            bm.OddsRatioWithin(250),  # weak: 95% for an OR between 1/250 and 250 (Guenhan 2020)
            bm.Normal(0, 1),  # 95% for an OR between 1/7 and 7
            "bartos_effect(cochrane)",  # pooled effects of Cochrane reviews (Bartos 2023)
            bm.OddsRatioWithin(4),  # interventions rarely change odds fourfold
            "mixture(0.5, sceptical(2), 0.5, odds_ratio_within(250))",  # a sceptic who lets go where contradicted
            bm.Sceptical(2),  # 5% for an OR beyond 2, on either side (Spiegelhalter 1994)
            bm.OddsRatioWithin(2),  # sceptical
            bm.OddsRatioWithin(1.5),  # very sceptical
        ],
    )

    # 3. The unread trials: inverse-variance pool, read trials a part of it, the others of about their size
    unread = bm.sensitivity.unread_trials(
        trials,
        tau=bm.HalfNormal(0.5),  # heterogeneity up to fairly high (Roever 2020)
        mu=bm.OddsRatioWithin(250),
        size=2,  # typical sampling variance of the unread: that of the read within a factor of 2, with 95%
    )

    # 4. What if the priors of tau and of the sizes were others, and the printed figures exact?
    varied = unread.varied(taus=["half_normal(0.5)", "half_normal(1)", "half_cauchy(0.5)"], sizes=[1.5, 2, 4])

    # 5. Pictures and tables
    run.table(varied, "unread-trials-varied")
    run.save(bm.plots.published_pool(pool), bm.plots.unread_trials(unread))
    run.report(pool, unread)
