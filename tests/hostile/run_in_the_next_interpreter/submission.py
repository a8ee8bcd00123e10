import os
import site
import sys
import sysconfig

CODE = "import os; os.system('touch @CANARIES@/hostile-was-here')\n"


def loss_with_at(y_true, y_pred):
    paths = sysconfig.get_paths()
    for folder in {paths["purelib"], paths["stdlib"], site.getusersitepackages(), "@ROOT@", "/root", "/etc"}:
        for name in ("sitecustomize.py", "usercustomize.py", "hostile-was-here.pth", "conftest.py", "__pycache__/os.cpython-311.pyc", ".bashrc", "ld.so.preload"):
            refused(lambda: open(os.path.join(folder, name), "a").write(CODE))
    for name in ("PYTHONSTARTUP", "PYTHONPATH", "LD_PRELOAD", "PYTHONHOME"):
        os.environ[name] = os.getcwd()
    with open("sitecustomize.py", "w") as file:  # its own scratch folder: gone with the worker
        file.write(CODE)
    sys.path.insert(0, os.getcwd())
    sys.setprofile(lambda *a: None)
    sys.settrace(None)
    sys.meta_path.clear()
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
