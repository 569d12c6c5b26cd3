"""Practice against evidence: is what services use what the trials say works?

`read_survey` reads a table of use shares and pooled odds ratios; `template` is an empty one, `simulated_survey` an
example that is simulated and says so. `against_evidence` gives the posterior of the shares, of the effects, and of the
rank correlation between them, and the probability that the most used intervention is among the most effective.
"""

from bayesmeta.practice.against_evidence import PracticeAgainstEvidence, against_evidence
from bayesmeta.practice.reader import read_survey, template
from bayesmeta.practice.simulated import simulated_survey
from bayesmeta.practice.survey import Survey

__all__ = [
    "PracticeAgainstEvidence",
    "Survey",
    "against_evidence",
    "read_survey",
    "simulated_survey",
    "template",
]
