"""What agents that ask a language model are made of, by who uses it.

All of them:
- `facts`, `distance`, `recall`: what the archive knows, in words, and how much of it to tell
- `prompts`, `asking`, `forms`: documents of agents/prompts, messages made of them, forms of replies
- `patch`, `programs`, `fault`: programs made from replies, held against what is known, and tried
- `plan`, `graph`: what a plan of steps is, and running one with a checkpoint after each

Researcher, its variants, and hybrid, which goes the second half of the way with them:
- `settings`, `work`: how one works, and one proposal at work
- `steps`, `fronts`, `variants`: what is done, what the other variants do first, and in which order
- `notebook`: what a search has taught
- `recombine`: hybrid's own steps

Toolsmith:
- `tool_bench`, `tool_steps`, `tool_transcript`: its workspace, its steps, and what it is shown

The agents themselves are modules of the folder above, and import `graph` only when they propose.
"""
