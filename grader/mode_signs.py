"""What in a notebook speaks for which mode; see modes.py, which reads these tables."""

from __future__ import annotations

KERAS3, LEGACY, TF1, TORCH, NUMPY = "keras3", "legacy", "tf1", "torch", "numpy"
EAGER = "eager"  # not a mode: what graphs of TensorFlow 1 refuse
# Full names, of modules or of what is in them; a dot at the end: all below.
IMPORTED = {
    "tf_keras": LEGACY, "keras_core": KERAS3, "keras_hub": KERAS3, "keras_nlp": KERAS3, "keras_cv": KERAS3,
}  # fmt: skip
SUGGESTED = {
    **dict.fromkeys((
        "keras.preprocessing.image.ImageDataGenerator", "keras.layers.core.", "keras.layers.convolutional.",
        "keras.layers.normalization.", "keras.layers.pooling.", "keras.layers.advanced_activations.",
        "keras.utils.np_utils.", "keras.engine.", "keras.utils.image_utils.", "keras.wrappers.",
        "keras.layers.experimental.", "keras.backend.softmax", "keras.backend.set_value",
        "keras.backend.get_value", "keras.backend.function", "keras.backend.sum", "keras.backend.mean",
        "keras.backend.exp", "keras.backend.log", "keras.backend.square", "keras.backend.sqrt",
        "keras.backend.dot", "keras.backend.flatten",
    ), LEGACY),
    **dict.fromkeys((
        "tensorflow.ConfigProto", "tensorflow.Session", "tensorflow.InteractiveSession", "tensorflow.placeholder",
        "tensorflow.variable_scope", "tensorflow.get_variable", "tensorflow.global_variables_initializer",
        "tensorflow.local_variables_initializer", "tensorflow.initialize_all_variables", "tensorflow.layers.",
        "tensorflow.losses.huber_loss", "tensorflow.losses.mean_squared_error",
        "tensorflow.losses.softmax_cross_entropy", "tensorflow.losses.sparse_softmax_cross_entropy",
        "tensorflow.train.AdamOptimizer", "tensorflow.train.GradientDescentOptimizer",
        "tensorflow.train.MomentumOptimizer", "tensorflow.train.RMSPropOptimizer", "tensorflow.train.Saver",
        "tensorflow.set_random_seed", "tensorflow.nn.softmax_cross_entropy_with_logits_v2", "tensorflow.log",
        "tensorflow.to_float", "tensorflow.to_int32", "tensorflow.sparse_to_dense", "tensorflow.random_normal",
        "tensorflow.random_uniform", "tensorflow.truncated_normal", "tensorflow.div",
        "tensorflow.get_default_graph", "tensorflow.reset_default_graph", "tensorflow.GPUOptions",
        "tensorflow.trainable_variables", "tensorflow.contrib.", "tensorflow.examples.", "tensorflow.app.",
        "tensorflow.summary.FileWriter", "tensorflow.enable_eager_execution", "keras.backend.set_session",
        "keras.backend.get_session",
    ), TF1),
    **dict.fromkeys(("tensorflow.GradientTape", "tensorflow.function", "tensorflow.config."), EAGER),
}  # fmt: skip
METHODS = dict.fromkeys(
    ("fit_generator", "evaluate_generator", "predict_generator", "reset_states", "predict_classes"), LEGACY
)
KEYWORDS = {
    "workers": (LEGACY, "fit"), "use_multiprocessing": (LEGACY, "fit"), "max_queue_size": (LEGACY, "fit"),
    "keep_dims": (TF1, ""), "reduction_indices": (TF1, ""),
}  # fmt: skip
OPTIMIZERS = frozenset("Adam SGD RMSprop Adagrad Adadelta Adamax Nadam Ftrl".split())
OLD_FILES = (".h5", ".hdf5")
