"""Evolution of ordinary programs, for tasks that name no types: what `evolver` does with a script.

Nothing is known of such a program but its text. So its edits are those that fit many programs, and
each checks that its own pattern is there. Code is read and never run.

- `script`: a program as a list of its parts, with the function and the loops that each is in
- `numbers`: the numbers of a program with their names, and the edit that scales one
- `edits`: statements left out, repeated and swapped; functions and numbers of other programs
- `training`: where a program makes its optimizer, and where it steps
- `changes`: published changes of PyTorch programs, as transformations of the text
- `pack`, `pytorch.toml`: the motifs that name and describe these changes
- `breeding`: draws edits until one makes a difference
"""
