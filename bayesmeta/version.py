"""The version, in the one place from which the package, its metadata and its records take it."""

__version__ = "0.1.0"
