def fit(sequences):
    return sequences.new_ones(1)


def predict(weights, inputs):
    return weights[0] * inputs
