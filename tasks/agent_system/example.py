"""Put one problem to system.py, with you in the place of the language model."""

import system

PROBLEM = (
    "Mina counts 48 coins in her jar. Her uncle adds 3 rolls with 25 coins in each, and the walk "
    "home takes 20 minutes. She spends 6 of the coins. How many coins does Mina have now?"
)


def model(prompt):
    """Show a prompt, and read the reply up to an empty line."""
    print(f"--- prompt\n{prompt}\n--- your reply, ended by an empty line")
    return "\n".join(iter(input, ""))


if __name__ == "__main__":
    print("answer:", system.solve(PROBLEM, model))
