"""An honest candidate of the naive evaluator: logistic regression by gradient descent."""

import torch


def train(task, seed):
    """Spend the budget of gradients and return a predictor."""
    weights = torch.zeros(8, 3)
    for _ in range(task.budget):
        weights = weights - 0.5 * task.gradient(weights)

    def predict(inputs):
        return (inputs @ weights).argmax(1)

    return predict
