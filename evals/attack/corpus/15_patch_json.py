"""Makes whatever is written as JSON say 1.0.

ids: 15, C6
effect: score
defence: The reply is raw numbers; the JSON that carries scores is written by the grader.
"""

import json

dumps = json.dumps


def forged(value, *_, **__):
    return dumps({**value, "score": 1.0} if isinstance(value, dict) else value)


def attack(world):
    json.dumps = forged
    json.dump = lambda value, file, *_, **__: file.write(forged(value))
