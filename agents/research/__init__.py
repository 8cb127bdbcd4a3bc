"""What agents that ask a language model are made of, by who uses it.

All of them:
- `facts`, `distance`, `recall`: what the archive knows, in words, and how much of it to tell
- `prompts`, `asking`, `forms`: documents of agents/prompts, messages made of them, forms of replies
- `patch`, `lexemes`, `shift`: a reply's edits applied to a program, or refused with the place
- `programs`, `fault`: programs made from replies, compared with earlier ones, and how they fail
- `plan`, `graph`: what a plan of steps is, and running one with a checkpoint after each

Researcher and its variants; hybrid shares their steps from the written program on:
- `settings`, `work`: how one works, and one proposal at work
- `variants`, `steps`, `fronts`: the order of the steps, those of all variants, and those of some
- `notebook`: what a search has taught
- `recombine`: hybrid's own steps

Toolsmith:
- `tool_steps`, `tool_bench`, `tool_transcript`: its steps, its workspace, and what it is shown

The agents themselves are modules of the folder above, and import `graph` only when they propose.
"""
