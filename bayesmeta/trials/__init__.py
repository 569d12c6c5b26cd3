"""The evidence: trials as validated tables, readers, the shipped data sets, and pooled results as published."""

from bayesmeta.trials.arms import with_arms_combined
from bayesmeta.trials.datasets import dataset_names, load, published_pools, template
from bayesmeta.trials.joint import JointTrials, join, read_joint
from bayesmeta.trials.published import PublishedPool
from bayesmeta.trials.reader import outcomes_named, read_trials
from bayesmeta.trials.trials import Trials, refuse_other_than_trials

__all__ = [
    "JointTrials",
    "PublishedPool",
    "Trials",
    "dataset_names",
    "join",
    "load",
    "outcomes_named",
    "published_pools",
    "read_joint",
    "read_trials",
    "refuse_other_than_trials",
    "template",
    "with_arms_combined",
]
