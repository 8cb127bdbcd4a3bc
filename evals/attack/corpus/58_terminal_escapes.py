"""Prints what clears a terminal, renames its window and turns text around.

ids: 58
effect: escapes
defence: Control, bidi and zero-width characters are removed before anything is shown.
"""


def attack(world):
    print("\x1b[2J\x1b[H\x1b]0;1.0\x07\x1b[32mconfirmed +9.9\x1b[8m\u202egnorw\u2066\x00\x9b2J\r")
