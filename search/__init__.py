"""One search, file by file, in the order in which a run meets them.

order     what is asked: an Order, a SandboxChoice
begin     task, agent, sandbox, calibration, budget: a run is begun, or taken up where it stopped
plan          the standards that are asked for, and budgets that do not reach for the least
forecast      what the budget can find; a budget that cannot find what matters is refused
series        the chance of error that all runs of a task in an archive share
assemble      the parts of a run, put together in one place
session   hold the run, search it, and record why and when that ended
loop      plant the start and the baselines; then, while the budget lasts:
schedule      action    = a new child, more seeds for a promising one, or a leader's rank
turn          parent    = select(tree, rng)            # select/
tune          candidate = constants tuned together     # now and then, in place of a proposal; or
propose       candidate = agent.propose(brief)         # audited, new in form, alive on tiny tensors
screen        draft     = child against parent on search seeds, look after look
confirm       node      = fresh seeds, look by look, until the e-value decides; then its rank
              archive.add(node)                        # one writer, in the order of turns

Turns are explored in threads, up to `screen`, and up to `lag` turns ahead. They are finished, from
`confirm` on, in order. So a run that was killed and resumed, on any number of workers, grows the
same tree.

What these work with:

run         the parts of one search and its configuration       lab         measure with a memory
budget      reserve before, settle after, refuse beyond          metered     pay for GPU time
pace        how long work takes here, to begin nothing too long  start_cost  CPU time of the start
company     repeat seeds beside others before a claim counts     faults      an agent's failures
planted     where a program stands beside the baselines         further  workloads that only steer
crew        threads that can be waited for                       desk/       models and people

`studies/` holds what is asked of a task before a run, or of a run after it.
"""
