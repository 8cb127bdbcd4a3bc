"""Typed evolution of program source: what `evolver` is made of.

Reading a program, without running it:
- `tree`: address and rewrite concrete syntax by path
- `kinds`, `infer`: the kinds of value in a training program, and the kind of each expression
- `scope`, `flow`, `reader`: what is visible, what statements do, and a whole module
- `program`: the records that come of it
- `names`: which names are read, bound and free
- `branches`: which kinds of tensor get to a place

Changing it:
- `constants`, `edits`: numbers, and edits that need nothing but the program
- `binder`, `toplevel`, `slots`, `weave`: a motif of the task put into the terms of the program
- `uses`, `factors`: a constant is divided by use, by kind or shape of tensor, and over the run
- `forks`: a value is computed in two ways for two kinds of tensor, and merged again
- `needs`, `crossover`: a part of another program becomes a motif
- `steps`: how far a program steps, and the step brought back to its parent's size
- `settings`: the constants that can be tuned together, and a program under a setting of them
- `guide`, `places`: what draws edits, motifs and places; how a place is named
- `credit`, `thompson`: what each proposal was made of and has brought, and a bandit that learns it
- `learned`, `ideas`: what earlier runs taught, in a file; what older proposals were made of
- `fit`: proposals that do nothing are passed over, and so are most that can hardly pay
- `tidy`, `effects`: what nothing reads any more is removed, unless it also does something
"""
