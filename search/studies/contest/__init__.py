"""Agents against each other: searches of equal budget, measured alike.

searches      begin the searches of a bench, or take them up, and grow them
compare       what every search handed over, and a table of agents
sealed        the seeds on which that is measured
improvement   how likely one agent ends above another
"""
