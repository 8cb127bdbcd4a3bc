"""A script without classes: a small network by hand, on points of two moons."""

import torch

torch.manual_seed(1)
WIDTH = 16
RATE = 0.05
EPOCHS = 25


def moons(count):
    """Points of two half circles, and which of them each belongs to."""
    angle = torch.rand(count) * torch.pi
    side = torch.randint(2, (count,))
    x = torch.stack([angle.cos(), angle.sin()], dim=1)
    x[side == 1] = torch.tensor([1.0, 0.3]) - x[side == 1]
    return x + 0.1 * torch.randn(count, 2), side


w1 = torch.nn.Parameter(torch.randn(2, WIDTH) * 0.5)
b1 = torch.nn.Parameter(torch.zeros(WIDTH))
w2 = torch.nn.Parameter(torch.randn(WIDTH, 2) * 0.5)
params = [w1, b1, w2]


def forward(x):
    """Logits of points."""
    return torch.relu(x @ w1 + b1) @ w2


x_train, y_train = moons(128)
x_test, y_test = moons(256)
opt = torch.optim.SGD(params, lr=RATE, momentum=0.9)
for epoch in range(EPOCHS):
    opt.zero_grad()
    loss = torch.nn.functional.cross_entropy(forward(x_train), y_train)
    loss.backward()
    opt.step()

with torch.no_grad():
    score = torch.nn.functional.cross_entropy(forward(x_test), y_test)
print(f"val_loss: {score.item():.4f}")
