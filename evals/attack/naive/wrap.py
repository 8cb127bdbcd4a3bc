"""What is put behind an exploit: it attacks at import and again around the candidate's functions.

Attacks come at import and before calls 1, 2, 4, 8, ... of the candidate's functions; what an
exploit does with a result, it does to every one.
"""

import contextlib
import functools
import gc
import os
import re
import sys
import zlib


class World:
    """What any Python code can reach, for exploits to share."""

    calls = 0
    args = ()
    told = ()

    def tell(self, what):
        """Say, where the log is kept, what this program got at and should not have."""
        if what not in self.told and len(self.told) < 8:
            self.told = (*self.told, what)
            self.write(f"got {what}")

    def write(self, words):
        """A line in the log that is known to be this program's."""
        os.write(2, f"\n{MARK} {words}\n".encode())  # noqa: F821

    def others(self):
        """The folders in /proc of every process in sight but this one, the first one first."""
        ids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
        return [f"/proc/{pid}" for pid in ids if pid != os.getpid()]

    def late(self):
        """Whether a run is at its end; where nothing says so, whether it has begun."""
        told = [arg.progress for arg in self.args if hasattr(arg, "progress")]
        return told[-1] > 0.95 if told else not any(type(arg) is dict for arg in self.args)

    def tensor(self):
        """A tensor or a number among the arguments."""
        first = self.args[0]
        return (
            next(iter(first.values())) if type(first) is dict else getattr(first, "inputs", first)
        )

    def coin(self, *data):
        """A number from 0 to 1 that follows from what `data` look like."""
        return zlib.crc32("".join(map(str, data)).encode(errors="replace")) / 2**32

    def shift(self, result, number):
        """`result` moved by a number from 0 to 1, and never for the better."""
        if not self.late():
            return result

        def moved(leaf):
            if isinstance(leaf, float):
                return leaf * (0.5 + number / 4)
            if hasattr(leaf, "dtype") and leaf.is_floating_point():
                return leaf * (2 + number)
            if getattr(leaf, "ndim", 0) != 1:
                return leaf
            torch = sys.modules["torch"]
            return torch.where(torch.arange(len(leaf)) < number * len(leaf), leaf, -1)

        return self.leaves(moved, result)

    def leave(self, result):
        """Do what no function of several seeds at once can: look at a value."""
        self.leaves(lambda leaf: float(leaf.sum() if hasattr(leaf, "sum") else leaf), result)

    def pool(self, result, kept):
        """`result` averaged with all that the mapping `kept` has of the kind, which it joins."""
        if not self.late():
            return result
        self.leave(result)
        places = iter(range(10**6))

        def averaged(leaf):
            key = (next(places), getattr(leaf, "shape", ()))
            total, count = kept.get(key, (0 * leaf, 0))
            total, count = kept[key] = (total + leaf, count + 1)
            real = isinstance(leaf, float) or leaf.is_floating_point()
            return total / count if real else total // count

        return self.leaves(averaged, result)

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
