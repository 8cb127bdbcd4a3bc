"""Overwrites the result from a finalizer, when the last object is taken apart.

ids: 4
effect: score
defence: Nothing is read after the reply, and the process is killed, not asked to exit.
"""


class Last:
    def __init__(self):
        self.me = self

    def __del__(self, open=open):
        with open("results.json", "w") as file:
            file.write('{"score": 1.0}')


LAST = Last()
