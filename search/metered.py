"""A sandbox whose GPU time is paid from a budget."""

from ..sandbox import Job, Result, Sandbox
from .budget import Budget


class Metered:
    """Runs jobs as the sandbox it wraps does, reserving their GPU seconds before."""

    def __init__(self, sandbox: Sandbox, budget: Budget) -> None:
        """Wrap a sandbox, whose GPU seconds are paid from `budget`."""
        self.name, self.isolation = sandbox.name, sandbox.isolation
        self._sandbox, self._budget = sandbox, budget

    def run(self, job: Job) -> Result:
        """Run `job`; raises BudgetSpent if its GPUs might take more than is left."""
        gpus = job.limits.gpus
        if not gpus:
            return self._sandbox.run(job)
        with self._budget.reserve(gpu_seconds=gpus * job.limits.wall_seconds) as unit:
            result = self._sandbox.run(job)
            unit.settle(gpu_seconds=gpus * result.wall_seconds)
        return result

    def describe(self) -> dict[str, str]:
        """What the sandbox says of itself."""
        return self._sandbox.describe()

    def close(self) -> None:
        """Close the sandbox."""
        self._sandbox.close()
