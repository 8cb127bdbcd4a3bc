def fit(sequences):
    past, following = sequences[:, :-1], sequences[:, 1:]
    return ((past * following).sum() / past.square().sum()).reshape(1)


def predict(weights, inputs):
    return weights[0] * inputs
