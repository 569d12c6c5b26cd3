"""Whole analyses: the reanalysis of the command line, and what model scripts stand on."""

from bayesmeta.workflow.reanalysis import ATTACHMENT, Options, reanalyse
from bayesmeta.workflow.script import Script, script

__all__ = ["ATTACHMENT", "Options", "Script", "reanalyse", "script"]
