"""Train a bandit policy with the objective in objective.py, and nothing but torch."""

from types import SimpleNamespace

import objective
import torch
from torch.distributions import Categorical

UPDATES, EPOCHS, CONTEXTS, ARMS, BATCH = 40, 4, 8, 5, 512


def main():
    """Find the best arm of every context, and print how often it is taken."""
    torch.manual_seed(0)
    rewards = torch.rand(CONTEXTS, ARMS)
    logits = torch.zeros(CONTEXTS, ARMS, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.05)
    for update in range(UPDATES):
        context = torch.randint(CONTEXTS, (BATCH,))
        with torch.no_grad():
            behaviour = Categorical(logits=logits[context])
            action = behaviour.sample()
            logp_old = behaviour.log_prob(action)
            reward = rewards[context, action]
            adv = (reward - reward.mean()) / reward.std()
        for epoch in range(EPOCHS):
            policy = Categorical(logits=logits[context])
            ctx = SimpleNamespace(
                epoch=epoch,
                epochs=EPOCHS,
                step=update,
                total=UPDATES,
                progress=update / UPDATES,
            )
            log_ratio = policy.log_prob(action) - logp_old
            gain = objective.objective(log_ratio, adv, logp_old, policy.entropy(), ctx)
            optimizer.zero_grad()
            (-gain.mean()).backward()
            optimizer.step()
    best = logits.softmax(-1)[torch.arange(CONTEXTS), rewards.argmax(-1)]
    print(f"probability of the best arm after {UPDATES} updates: {best.mean().item():.3f}")


if __name__ == "__main__":
    main()
