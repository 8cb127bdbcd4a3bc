"""What there is to say of a run, whoever shows it. Nothing here draws on a terminal.

sentences   what was measured, for readers without statistics
findings    the report of a run, section by section
curves      gain against trials, as an SVG
"""
