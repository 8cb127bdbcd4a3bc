"""The command line: the verbs, and what a terminal draws."""
