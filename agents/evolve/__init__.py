"""Typed evolution of program source: what the evolver is made of."""
