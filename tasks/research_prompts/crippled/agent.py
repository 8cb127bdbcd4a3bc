"""An agent that asks nobody and changes a comment: worse on purpose, to try the judge on."""


def propose(brief):
    """The parent, with a remark."""
    (name, text), *_ = sorted(brief.parent["files"].items())
    return {"files": {**brief.parent["files"], name: text + "\n# as before\n"}, "idea": "Remark"}
