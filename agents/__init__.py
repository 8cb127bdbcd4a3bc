"""Who proposes: a module with `create()` is an agent, and `ratchet agents` lists those here.

In reading order:
- `base`: what an agent is, what it is given, and which errors it may raise
- `opening`: a name becomes an agent
- `seed_only`, `random_tweak`, `best_of_n`: the controls, and the shortest examples
- `evolver`: typed evolution without a language model, made of `evolve`
- `aide`, `adas`, `dgm`: published agents that ask a language model
- `researcher`, `researcher_roles`, `researcher_conductor`, `hybrid`, `toolsmith`: those of Ratchet
- `archived`, `itself`: agents that are programs of an archive

What they are made of:
- `evolve`: reading and editing programs
- `research`, `prompts`: steps of agents that ask a language model, and the texts they send
- `llm`: the model server
- `bandit`: which of several models to ask next
- `learning`: what earlier runs taught, from archives and for new ones
- `conformance`: checks that an agent keeps the contract of `base`
"""
