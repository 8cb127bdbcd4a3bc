"""Train a small network under the schedule in schedule.py, with an optimizer of torch's own."""

import schedule
import torch

STEPS = 400


def main():
    """Fit a sine with Adam, and print how well."""
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 256)[:, None]
    y = torch.sin(6 * x)
    model = torch.nn.Sequential(torch.nn.Linear(1, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: schedule.lr_scale(min(step, STEPS - 1), STEPS)
    )
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        rate.step()
    print(f"loss after {STEPS} steps: {(model(x) - y).square().mean():.5f}")


if __name__ == "__main__":
    main()
