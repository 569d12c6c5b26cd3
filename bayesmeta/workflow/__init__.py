"""Whole analyses: the reanalysis of the command line, and what model scripts stand on."""

from bayesmeta.workflow.reanalysis import ATTACHMENT, Options, open_trials, reanalyse
from bayesmeta.workflow.script import Script, script

__all__ = ["ATTACHMENT", "Options", "Script", "open_trials", "reanalyse", "script"]
