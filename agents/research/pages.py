"""Prompts of agents that have steps of their own, beside those that the researchers share."""

from .prompts import FOLDER, PLACEHOLDER


def page(name: str, **values: str) -> str:
    """The Markdown document of that name, filled; braces in the values stay as they are.

    Raises KeyError for a placeholder without a value.
    """
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    return PLACEHOLDER.sub(lambda found: values[found[1]], text).strip()
