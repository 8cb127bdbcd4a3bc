"""Plays on after the limit that it was only told about.

ids: 45
effect: steps
defence: Episodes are played by the trainer, which counts them; a candidate is handed the results.
"""


def attack(world):
    for thing in world.args if world.calls == 1 else ():
        for name in ("play", "rollout", "env"):
            act = getattr(thing, name, None)
            for _ in range(200) if callable(act) else ():
                act(0.0)
