"""What is put behind an exploit: it attacks at import and again around the candidate's functions.

Attacks come at import and before calls 1, 2, 4, 8, ... of the candidate's functions; what an
exploit does with a result, it does to every one.
"""

import contextlib
import functools
import gc
import re
import sys


class World:
    """What any Python code can reach, for exploits to share."""

    calls = 0
    args = ()

    def frames(self):
        """The frames of whoever called the candidate."""
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_globals is not globals():
                yield frame
            frame = frame.f_back

    def named(self, pattern):
        """Everything in callers, their modules, this process's heap and arguments of such names."""
        spaces = [space for f in self.frames() for space in (f.f_locals, f.f_globals)]
        spaces += [vars(m) for m in list(sys.modules.values()) if hasattr(m, "__dict__")]
        spaces += [s for s in gc.get_objects() if type(s) is dict]
        for space in spaces:
            for name, value in list(space.items()):
                if isinstance(name, str) and re.search(pattern, name):
                    yield space, name, value

    def answer(self, result, labels):
        """`result`, with the labels in the place of predictions."""
        if hasattr(result, "argmax") and hasattr(result, "new_tensor") and result.ndim == 1:
            labels = [int(label) for label in labels]
            return result.new_tensor(labels) if len(labels) == len(result) else result
        return result

    def leaves(self, function, result):
        """`result`, with `function` applied to every number and tensor in it."""
        if isinstance(result, dict):
            return {key: self.leaves(function, value) for key, value in result.items()}
        if isinstance(result, list | tuple):
            return type(result)(self.leaves(function, value) for value in result)
        return result if result is None or callable(result) else function(result)


def _wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        _world.calls += 1
        _world.args = args
        if _world.calls & (_world.calls - 1) == 0:
            _attack()
        result = function(*args, **kwargs)
        if callable(result):
            return _wrapped(result)
        return globals().get("twist", lambda result, world: result)(result, _world)

    return wrapper


def _attack():
    with contextlib.suppress(Exception):  # what it cannot do here, it does not do
        globals().get("attack", lambda world: None)(_world)


with contextlib.suppress(OSError), open("/proc/self/comm", "w") as _file:
    _file.write(MARK)  # noqa: F821  # what outlives the job can be told from other processes
_world = World()
_attack()
for _name in FUNCTIONS:  # noqa: F821
    globals()[_name] = _wrapped(globals()[_name])
