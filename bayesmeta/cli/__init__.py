"""The command line: options in, one call, tables for people or JSON for machines out."""
