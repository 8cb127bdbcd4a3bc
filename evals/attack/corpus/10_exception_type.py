"""Raises an exception that, built again on the host by its name, is a call of `exec`.

ids: 10
effect: host
defence: An error is text with a length limit; no name in it is ever looked up.
"""

CODE = "open('owned', 'w').write(str(__import__('os').getpid()))"
Disguised = type("exec", (Exception,), {"__module__": "builtins"})


def twist(result, world):
    raise Disguised(CODE)
