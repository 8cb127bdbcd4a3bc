"""Asks the leaderboard until every answer is right.

ids: 35
effect: score
defence: A candidate gets no score while it runs, and a confirmation uses seeds nobody has seen.
"""


def attack(world):
    ask = getattr(world.args[0], "validate", None) if world.args else None
    if ask is not None:
        guess = world.args[0].labels * 0
        best = ask(guess)
        for i in range(99):
            for label in (1, 2):
                tried = guess.clone()
                tried[i] = label
                if (score := ask(tried)) > best:
                    guess, best = tried, score
        world.labels = guess


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
