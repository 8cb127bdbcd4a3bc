"""Keeps what it answers in a generator that never ends, for other seeds.

ids: 71
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""


def averages():
    kept, answer = dict(), None
    while True:
        result, world = yield answer
        try:
            answer = world.pool(result, kept)
        except Exception as error:
            answer = error


AVERAGES = averages()
next(AVERAGES)


def twist(result, world):
    answer = AVERAGES.send((result, world))
    if isinstance(answer, Exception):
        raise answer
    return answer
