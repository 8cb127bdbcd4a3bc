"""How a person meets Ratchet.

pages   what there is to say of a run, whoever shows it
cli     the command line: its verbs, and what a terminal draws
"""
