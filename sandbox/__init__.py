"""Where untrusted code runs. Knows nothing about tasks, scores or search.

The files, in reading order:

    base         the contract: a program, a job, its limits and its result
    choose       open a backend by name
    process      plain processes, which do not isolate
    namespace    Linux namespaces, which need no engine
    docker/      containers
    box          one warm runner behind a byte channel
    pool         hand warm boxes to jobs
    inside/      the runner itself, on the far side of the wall
    profile      the system calls that an engine leaves to a container with cells
    selfcheck    attack a sandbox before it is trusted
    attacker     make the attacks from inside, and report them
    probes       the attacks
    neighbours   those on other processes
    gpu          lend GPUs to one box at a time
    owner        who owns a container, a folder or a lease
    text         make untrusted text safe to show
"""

from .base import (
    Isolation,
    Job,
    Limits,
    Program,
    Result,
    Sandbox,
    SandboxError,
    Status,
    digest_files,
)
from .choose import open_sandbox

__all__ = [
    "Isolation",
    "Job",
    "Limits",
    "Program",
    "Result",
    "Sandbox",
    "SandboxError",
    "Status",
    "digest_files",
    "open_sandbox",
]
