"""What an agent may use while it proposes, and who pays for it.

desk       one proposal's models, sandbox and records, behind the contract in `agents.base`
cassette   every request to a model with its reply: asked once, then read
gateway    the questions that candidates themselves ask
roster     the models of a run, by role and price          wanted    how they are chosen
consent    a person who is asked before work goes on       purse     what a session pays from
"""
