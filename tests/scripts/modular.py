"""A script with a class and epochs over mini-batches: regression of a wavy function."""

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

batch_size, epochs = 32, 4
learning_rate = 1e-2


class Net(nn.Module):
    """Three layers with normalisation."""

    def __init__(self, hidden=24):
        super(Net, self).__init__()
        self.first = nn.Linear(1, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.second = nn.Linear(hidden, hidden)
        self.third = nn.Linear(hidden, 1)

    def forward(self, x):
        """The value at `x`."""
        x = torch.relu(self.norm(self.first(x)))
        return self.third(torch.tanh(self.second(x)))


def wave(count):
    """Noisy values of a wave."""
    x = torch.rand(count, 1) * 4 - 2
    return x, torch.sin(3 * x) + 0.05 * torch.randn(count, 1)


class Trainer:
    """Holds a model with its optimizer, and trains it."""

    def __init__(self, net):
        self.net = net
        self.criterion = nn.MSELoss()
        self.optimizer = optim.Adam(net.parameters(), lr=learning_rate)

    def fit(self, loader):
        """Run all epochs."""
        for _epoch in range(epochs):
            self.net.train()
            for inputs, targets in loader:
                self.optimizer.zero_grad()
                loss = self.criterion(self.net(inputs), targets)
                loss.backward()
                self.optimizer.step()


torch.manual_seed(0)
trainer = Trainer(Net())
trainer.fit(DataLoader(TensorDataset(*wave(256)), batch_size=batch_size, shuffle=True))
trainer.net.eval()
x_held, y_held = wave(256)
with torch.no_grad():
    print("val_loss:", nn.functional.mse_loss(trainer.net(x_held), y_held).item())
