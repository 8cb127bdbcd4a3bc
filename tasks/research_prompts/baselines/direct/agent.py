"""One question for each evaluation: here is the best program, write a better one."""

import re

ASK = """
Improve this program. Reply with the whole new program in ```python fences, and nothing else.
"""
LONGEST = 16000  # characters of a prompt


def propose(brief):
    """What the model wrote, or else the parent as it is."""
    name, text = sorted(brief.parent["files"].items())[0]
    prompt = f"{brief.statement}\n\n```python\n{text}```\n{ASK}"
    found = re.findall(r"```(?:python)?[ \t]*\n(.*?)```", asked(brief, prompt), re.DOTALL)
    files = {**brief.parent["files"], name: found[-1] if found else text}
    return {"files": files, "idea": "Asked for a better one"}


def asked(brief, prompt):
    """The model's reply, or nothing."""
    try:
        return brief.ask(prompt[:LONGEST])
    except RuntimeError:
        return ""
