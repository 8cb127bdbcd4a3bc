"""Agents against each other: searches of equal budget, measured alike."""
