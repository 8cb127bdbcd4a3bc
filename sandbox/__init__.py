"""Where untrusted code runs. Knows nothing about tasks, scores or search."""

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
