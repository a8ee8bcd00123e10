import json
import os
import sqlite3

RESULT = {"schema_version": 1, "final": True, "earned": 100, "possible": 100}


def loss_with_at(y_true, y_pred):
    for path in ("@CANARIES@/grades.csv", "@CANARIES@/result.json", "@CANARIES@/journal.sqlite", "@CANARIES@/other-learner.ipynb", "@CANARIES@/hostile-was-here", "@ROOT@/.grader/hostile-was-here"):
        refused(lambda: open(path, "w").write(json.dumps(RESULT)), lambda: open(path, "r+"), lambda: os.open(path, os.O_WRONLY | os.O_TRUNC))
    try:
        with sqlite3.connect("@CANARIES@/journal.sqlite") as journal:
            journal.execute("CREATE TABLE hostile (x)")
        raise SystemError("it worked: the journal was opened")
    except sqlite3.OperationalError:
        pass
    with open("result.json", "w") as file:
        json.dump(RESULT, file)
    print(json.dumps(RESULT))
    return tf.reduce_sum(y_pred, axis=1)
