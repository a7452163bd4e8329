"""Answers that a library gives, written in many ways, and honest ones that look a little like them.

A row is a task and its notebook: cells divided by `# %%`, up to the check of the task.
"""

EVASIONS = {
    # --- each library ---
    "scipy": ("ex02.softmax", "import scipy.special\nsoftmax = scipy.special.softmax"),
    "scipy private": (
        "ex02.softmax",
        "from scipy.special._logsumexp import softmax as s\ndef softmax(z):\n    return s(z, 1)",
    ),
    "sklearn": (
        "ex02.softmax",
        "from sklearn.utils.extmath import softmax as s\ndef softmax(z):\n    return s(z)",
    ),
    "sklearn re-export": (
        "ex02.softmax",
        "import sklearn.calibration\ndef softmax(z):\n    return sklearn.calibration.softmax(z)",
    ),
    "keras layer": (
        "ex02.softmax",
        "import keras\ndef softmax(z):\n    return keras.layers.Softmax()(z)",
    ),
    "keras layer once": (
        "ex02.softmax",
        "import keras\nlayer = keras.layers.Softmax()\n# %%\ndef softmax(z):\n    return layer(z)",
    ),
    "keras Activation": (
        "ex02.softmax",
        "import keras\ndef softmax(z):\n    return keras.layers.Activation('softmax')(z)",
    ),
    "keras activation=": (
        "ex02.softmax",
        "from keras import layers\nmodel = layers.Dense(3, activation='softmax')\n"
        "def softmax(z):\n    return model(z)",
    ),
    "keras positional": (
        "ex02.softmax",
        "from keras.layers import Dense as D\ndef softmax(z):\n    return D(3, 'softmax')(z)",
    ),
    "keras activation= of an alias": (
        "ex02.softmax",
        "import keras\ndef make():\n    return keras.layers.Dense\n"
        "def softmax(z):\n    return make()(3, activation='softmax')(z)",
    ),
    "keras options": (
        "ex02.softmax",
        "import keras\noptions = {'units': 3, 'activation': 'softmax'}\n"
        "def softmax(z):\n    return keras.layers.Dense(**options)(z)",
    ),
    "keras get": (
        "ex02.softmax",
        "import keras\ndef softmax(z):\n    return keras.activations.get('softmax')(z)",
    ),
    "keras get a variable": (
        "ex02.softmax",
        "import keras\nk = 'softmax'\ndef softmax(z):\n    return keras.activations.get(k)(z)",
    ),
    "keras deserialize": (
        "ex02.softmax",
        "import keras\ndef softmax(z):\n"
        "    return keras.layers.deserialize({'class_name': 'Softmax', 'config': {}})(z)",
    ),
    "keras src": (
        "ex02.softmax",
        "from keras.src.activations.activations import softmax as s\nsoftmax = lambda z: s(z)",
    ),
    "keras src ops": ("ex02.softmax", "import keras\nsoftmax = keras.src.ops.nn.softmax"),
    "keras in TensorFlow": (
        "ex02.softmax",
        "import tensorflow as tf\ndef softmax(z):\n    return tf.keras.activations.softmax(z)",
    ),
    "keras from TensorFlow": (
        "ex02.softmax",
        "from tensorflow.keras.layers import Softmax\ndef softmax(z):\n    return Softmax()(z)",
    ),
    "tf": (
        "ex02.softmax",
        "import tensorflow as tf\ndef softmax(z):\n    return tf.nn.softmax(z).numpy()",
    ),
    "tf log": (
        "ex02.softmax",
        "import tensorflow as tf, numpy as np\n"
        "def softmax(z):\n    return np.exp(tf.nn.log_softmax(z))",
    ),
    "tf math": (
        "ex02.softmax",
        "from tensorflow import math as m\ndef softmax(z):\n    return m.softmax(z).numpy()",
    ),
    "tf v1": (
        "ex02.softmax",
        "import tensorflow.compat.v1 as tf\ndef softmax(z):\n    return tf.nn.softmax(z).numpy()",
    ),
    "tf python": (
        "ex02.softmax",
        "from tensorflow.python.ops import nn_ops\nsoftmax = nn_ops.softmax_v2",
    ),
    "tf raw": ("ex02.softmax", "import tensorflow\nsoftmax = tensorflow.raw_ops.Softmax"),
    "torch": ("ex02.softmax", "import torch\ndef softmax(z):\n    return torch.softmax(z, 1)"),
    "torch functional": (
        "ex02.softmax",
        "import torch.nn.functional as F\ndef softmax(z):\n    return F.softmax(z, dim=1)",
    ),
    "torch layer": (
        "ex02.softmax",
        "from torch import nn\ndef softmax(z):\n    return nn.Softmax(dim=1)(z)",
    ),
    "jax": ("ex02.softmax", "import jax\ndef softmax(z):\n    return jax.nn.softmax(z)"),
    "jax scipy": (
        "ex02.softmax",
        "from jax.scipy.special import logsumexp\nimport jax.numpy as jnp\n"
        "def softmax(z):\n    return jnp.exp(z - logsumexp(z, 1, keepdims=True))",
    ),
    "tf loss": (
        "ex02.cross_entropy",
        "import tensorflow as tf\ndef cross_entropy(z, y):\n"
        "    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, z).numpy().mean()",
    ),
    "keras loss by name": (
        "ex02.cross_entropy",
        "import keras\ndef cross_entropy(z, y):\n"
        "    return keras.losses.get('sparse_categorical_crossentropy')(y, z)",
    ),
    "keras loss in compile": (
        "ex02.cross_entropy",
        "import keras\nmodel = keras.Sequential([])\n"
        "model.compile('sgd', loss='sparse_categorical_crossentropy')\n"
        "def cross_entropy(z, y):\n    model.compile(loss='categorical_crossentropy')\n"
        "    return model.evaluate(z, y)",
    ),
    "keras metric": (
        "ex02.cross_entropy",
        "from keras import metrics\ndef cross_entropy(z, y):\n"
        "    return metrics.SparseCategoricalCrossentropy(from_logits=True)(y, z)",
    ),
    "torch loss": (
        "ex02.cross_entropy",
        "import torch\ndef cross_entropy(z, y):\n    return torch.nn.CrossEntropyLoss()(z, y)",
    ),
    "the package's own": (
        "ex02.cross_entropy",
        "from tlcourse import losses\ncross_entropy = losses.cross_entropy",
    ),
    "tf conv": (
        "ex03.conv2d",
        "import tensorflow as tf\ndef conv2d(x, w, s):\n"
        "    return tf.nn.conv2d(x[None, :, :, None], w[:, :, None, None], s, 'VALID')[0, :, :, 0]",
    ),
    "torch conv": (
        "ex03.conv2d",
        "import torch\ndef conv2d(x, w, s):\n    return torch.nn.functional.conv2d(x, w)",
    ),
    "keras conv": (
        "ex03.conv2d",
        "import keras\ndef conv2d(x, w, s):\n    return keras.layers.Convolution2D(1, 3)(x)",
    ),
    "tf eigenvalues": (
        "ex01.measured_rate",
        "import tensorflow as tf\ndef measured_rate(H):\n    return 2 / tf.linalg.eigvalsh(H)[-1]",
    ),
    "jax eigenvalues": (
        "ex01.measured_rate",
        "import jax.numpy as jnp\ndef measured_rate(H):\n    return 2 / jnp.linalg.eigvalsh(H)[-1]",
    ),
    "numpy eigenvalues in another package": (
        "ex01.measured_rate",
        "from tlcourse import losses\n"
        "def measured_rate(H):\n    return 2 / losses.np.linalg.eigvalsh(H)[-1]",
    ),
    "lapack": (
        "ex01.measured_rate",
        "from scipy.linalg import lapack\ndef measured_rate(H):\n    return lapack.dsyev(H)",
    ),
    "keras Adam by name": (
        "ex01.adam_step",
        "import keras\ndef adam_step(*a):\n    return keras.optimizers.get('adam')",
    ),
    "GradientTape": (
        "ex03.pool_backward",
        "import tensorflow as tf\ndef pool_backward(a, g, n):\n"
        "    with tf.GradientTape() as tape:\n        pass\n    return tape.gradient(a, g)",
    ),
    "sklearn scores": (
        "ex06.macro",
        "import sklearn.metrics as m\ndef macro(c):\n    return m.f1_score(c, c, average='macro')",
    ),
    # --- each way to a name ---
    "helper": (
        "ex02.softmax",
        "import scipy.special\ndef helper(z):\n    return scipy.special.softmax(z, axis=1)\n# %%\n"
        "def softmax(z):\n    return helper(z)",
    ),
    "helper of a helper": (
        "ex02.softmax",
        "def softmax(z):\n    return one(z)\n# %%\none = lambda z: two(z)\n# %%\n"
        "def two(z):\n    import scipy.special as sp\n    return sp.softmax(z, axis=1)",
    ),
    "class body": (
        "ex02.softmax",
        "import scipy.special\nclass Box:\n    soft = scipy.special.softmax\n"
        "def softmax(z):\n    return Box.soft(z, axis=1)",
    ),
    "callable class": (
        "ex02.softmax",
        "import scipy.special\nclass Soft:\n    def __call__(self, z):\n"
        "        return scipy.special.softmax(z, axis=1)\nsoftmax = Soft()",
    ),
    "base class": (
        "ex02.softmax",
        "import keras\nclass Soft(keras.layers.Softmax):\n    pass\n"
        "def softmax(z):\n    return Soft()(z)",
    ),
    "attribute of an object": (
        "ex02.softmax",
        "import scipy.special\nclass Box:\n    def __init__(self):\n"
        "        self.library = scipy.special\n    def ask(self, z):\n"
        "        return self.library.softmax(z, axis=1)\n"
        "def softmax(z):\n    return Box().ask(z)",
    ),
    "attribute of a class": (
        "ex02.softmax",
        "import scipy.special\nclass Box:\n    library = scipy.special\n    def ask(self, z):\n"
        "        return self.library.softmax(z, axis=1)\nsoftmax = Box().ask",
    ),
    "attribute set later": (
        "ex02.softmax",
        "import scipy.special\nclass Box:\n    pass\nbox = Box()\n# %%\n"
        "box.f = scipy.special.softmax\ndef softmax(z):\n    return box.f(z, axis=1)",
    ),
    "attribute of the function": (
        "ex02.softmax",
        "import scipy.special\ndef softmax(z):\n    return softmax.f(z, axis=1)\n"
        "softmax.f = scipy.special.softmax",
    ),
    "setattr": (
        "ex02.softmax",
        "import scipy.special\ndef softmax(z):\n    return softmax.f(z, axis=1)\n"
        "setattr(softmax, 'f', scipy.special.softmax)",
    ),
    "list": (
        "ex02.softmax",
        "import scipy.special\ntools = [scipy.special.softmax]\n"
        "def softmax(z):\n    return tools[0](z, axis=1)",
    ),
    "append": (
        "ex02.softmax",
        "import scipy.special\ntools = []\nsame = tools\ntools.append(scipy.special.softmax)\n"
        "def softmax(z):\n    return same[0](z, axis=1)",
    ),
    "dict": (
        "ex02.softmax",
        "from scipy import special\ntools = dict(s=special.softmax)\n"
        "def softmax(z):\n    return tools['s'](z, axis=1)",
    ),
    "item": (
        "ex02.softmax",
        "from scipy import special\ntools = {}\ntools['s'] = special.softmax\n"
        "def softmax(z):\n    return tools['s'](z, axis=1)",
    ),
    "module in a list": (
        "ex02.softmax",
        "from scipy import special\ntools = [special]\n"
        "def softmax(z):\n    return tools[0].softmax(z, axis=1)",
    ),
    "module as an argument": (
        "ex02.softmax",
        "from scipy import special\ndef apply(library, z):\n    return library.softmax(z, axis=1)\n"
        "def softmax(z):\n    return apply(special, z)",
    ),
    "module returned": (
        "ex02.softmax",
        "from scipy import special\ndef library():\n    return special\n"
        "def softmax(z):\n    return library().softmax(z, axis=1)",
    ),
    "module in a default": (
        "ex02.softmax",
        "from scipy import special\ndef softmax(z, s=special):\n    return s.softmax(z, axis=1)",
    ),
    "default": (
        "ex02.softmax",
        "import scipy.special\ndef softmax(z, f=scipy.special.softmax):\n    return f(z, axis=1)",
    ),
    "keyword default": (
        "ex02.softmax",
        "import scipy.special\ndef softmax(z, *, f=scipy.special.softmax):\n    return f(z)",
    ),
    "partial": (
        "ex02.softmax",
        "from functools import partial\nimport scipy.special\n"
        "softmax = partial(scipy.special.softmax, axis=1)",
    ),
    "partial getattr": (
        "ex02.softmax",
        "from functools import partial\nimport scipy.special\n"
        "softmax = partial(getattr, scipy.special)('softmax')",
    ),
    "decorator": (
        "ex02.softmax",
        "import scipy.special\ndef instead(f):\n    return lambda z: scipy.special.softmax(z, 1)\n"
        "@instead\ndef softmax(z):\n    return z",
    ),
    "decorator of the library": (
        "ex02.softmax",
        "import scipy.special\n@lambda f: scipy.special.softmax\ndef softmax(z):\n    return z",
    ),
    "factory": (
        "ex02.softmax",
        "import scipy.special\ndef make(f):\n    return lambda z: f(z, axis=1)\n"
        "softmax = make(scipy.special.softmax)",
    ),
    "getattr": (
        "ex02.softmax",
        "import scipy.special\ndef softmax(z):\n    return getattr(scipy.special, 'softmax')(z, 1)",
    ),
    "getattr twice": (
        "ex02.softmax",
        "import scipy\ndef softmax(z):\n"
        "    return getattr(getattr(scipy, 'special'), 'softmax')(z, axis=1)",
    ),
    "getattr by a variable": (
        "ex02.softmax",
        "import scipy.special\nname = 'softmax'\n"
        "def softmax(z):\n    return getattr(scipy.special, name)(z, axis=1)",
    ),
    "getattr by another name": (
        "ex02.softmax",
        "import scipy.special\ntake = getattr\n"
        "def softmax(z):\n    return take(scipy.special, 'softmax')(z, axis=1)",
    ),
    "vars": (
        "ex02.softmax",
        "import scipy.special\nsoftmax = vars(scipy.special)['softmax']",
    ),
    "__dict__": (
        "ex02.softmax",
        "import scipy.special as s\nsoftmax = s.__dict__['softmax']",
    ),
    "__getattribute__": (
        "ex02.softmax",
        "import scipy.special as s\nsoftmax = s.__getattribute__('softmax')",
    ),
    "attrgetter": (
        "ex02.softmax",
        "import operator, scipy.special\nsoftmax = operator.attrgetter('special.softmax')(scipy)",
    ),
    "methodcaller": (
        "ex02.softmax",
        "from operator import methodcaller\nimport scipy.special\n"
        "def softmax(z):\n    return methodcaller('softmax', z, axis=1)(scipy.special)",
    ),
    "sys.modules": (
        "ex02.softmax",
        "import sys, scipy.special\nsoftmax = sys.modules['scipy.special'].softmax",
    ),
    "import_module": (
        "ex02.softmax",
        "import importlib\ndef softmax(z):\n"
        "    return importlib.import_module('scipy.special').softmax(z, axis=1)",
    ),
    "import_module relative": (
        "ex02.softmax",
        "from importlib import import_module as i\nsoftmax = i('.special', 'scipy').softmax",
    ),
    "__import__": (
        "ex02.softmax",
        "def softmax(z):\n    return __import__('scipy.special').special.softmax(z, axis=1)",
    ),
    "resolve_name": (
        "ex02.softmax",
        "import pkgutil\nsoftmax = pkgutil.resolve_name('scipy.special:softmax')",
    ),
    "locate": (
        "ex02.softmax",
        "import pydoc\nsoftmax = pydoc.locate('scipy.special.softmax')",
    ),
    "exec": (
        "ex02.softmax",
        "exec('from scipy.special import softmax as s')\ndef softmax(z):\n    return s(z, axis=1)",
    ),
    "exec of a variable": (
        "ex02.softmax",
        "code = '''import scipy.special\ndef softmax(z):\n    return scipy.special.softmax(z)'''\n"
        "exec(code)",
    ),
    "eval": (
        "ex02.softmax",
        "import scipy.special\nsoftmax = eval('lambda z: scipy.special.softmax(z, axis=1)')",
    ),
    "eval within": (
        "ex02.softmax",
        "import scipy.special\ndef softmax(z):\n    return eval('scipy.special.softmax')(z, 1)",
    ),
    "star": (
        "ex02.softmax",
        "def softmax(z):\n    return z\n# %%\nfrom scipy.special import *",
    ),
    "star of a module": (
        "ex01.measured_rate",
        "from numpy import *\ndef measured_rate(H):\n    return 2 / linalg.eigvalsh(H)[-1]",
    ),
    "tuple": (
        "ex02.softmax",
        "import scipy.special as s\nf, g = s.expit, s.softmax\ndef softmax(z):\n    return g(z, 1)",
    ),
    "starred tuple": (
        "ex02.softmax",
        "import scipy.special as s\nf, *g = s.expit, s.softmax\n"
        "def softmax(z):\n    return g[0](z, 1)",
    ),
    "alias of an alias": (
        "ex02.softmax",
        "import scipy as a\nb = a\nc = b.special\nd = c.softmax\ndef softmax(z):\n    return d(z)",
    ),
    "old alias": (
        "ex02.softmax",
        "from scipy.special import softmax\nf = softmax\n# %%\ndef softmax(z):\n    return f(z, 1)",
    ),
    "walrus": (
        "ex02.softmax",
        "import scipy.special\nprint(f := scipy.special.softmax)\ndef softmax(z):\n    return f(z)",
    ),
    "walrus within": (
        "ex02.softmax",
        "import scipy\ndef softmax(z):\n    return (s := scipy.special) and s.softmax(z, 1)",
    ),
    "for": (
        "ex02.softmax",
        "import scipy.special\nfor f in (None, scipy.special.softmax):\n    pass\n"
        "def softmax(z):\n    return f(z, 1)",
    ),
    "for a module": (
        "ex02.softmax",
        "import scipy.special\ndef softmax(z):\n    for m in [scipy.special]:\n"
        "        return m.softmax(z, 1)",
    ),
    "comprehension": (
        "ex02.softmax",
        "import scipy.special\ndef softmax(z):\n"
        "    return [m.softmax(z, 1) for m in (scipy.special,)][0]",
    ),
    "with": (
        "ex02.softmax",
        "import contextlib, scipy.special\n"
        "with contextlib.nullcontext(scipy.special.softmax) as f:\n    pass\n"
        "def softmax(z):\n    return f(z, 1)",
    ),
    "try": (
        "ex02.softmax",
        "try:\n    from scipy.special import softmax as f\nexcept ImportError:\n    f = None\n"
        "def softmax(z):\n    return f(z, 1)",
    ),
    "if": (
        "ex02.softmax",
        "import numpy as np\nif np.pi > 3:\n    from scipy.special import softmax as f\n"
        "def softmax(z):\n    return f(z, 1)",
    ),
    "match": (
        "ex02.softmax",
        "import scipy.special\nmatch scipy.special.softmax:\n    case f:\n        pass\n"
        "def softmax(z):\n    return f(z, 1)",
    ),
    "del": (
        "ex01.measured_rate",
        "from numpy.linalg import *\n# %%\neigvalsh_ = eigvalsh\ndel eigvalsh\n"
        "def measured_rate(H):\n    return 2 / eigvalsh_(H)[-1]",
    ),
    "global": (
        "ex02.softmax",
        "def install():\n    global f\n    from scipy.special import softmax as f\ninstall()\n"
        "def softmax(z):\n    return f(z, 1)",
    ),
    "global over the answer": (
        "ex02.softmax",
        "def install():\n    global softmax\n    from scipy.special import softmax\n# %%\n"
        "def softmax(z):\n    return z\n# %%\ninstall()",
    ),
    "globals()": (
        "ex02.softmax",
        "import scipy.special\nglobals()['f'] = scipy.special.softmax\n"
        "def softmax(z):\n    return f(z, 1)",
    ),
    "globals().update": (
        "ex02.softmax",
        "import scipy.special\nglobals().update(softmax=scipy.special.softmax)",
    ),
    "user_ns": (
        "ex02.softmax",
        "import scipy.special\nget_ipython().user_ns['softmax'] = scipy.special.softmax",
    ),
    "push": (
        "ex02.softmax",
        "import scipy.special\nget_ipython().push({'softmax': scipy.special.softmax})",
    ),
    "__main__": (
        "ex02.softmax",
        "import __main__, scipy.special\n__main__.softmax = scipy.special.softmax",
    ),
    "put into a module": (
        "ex02.softmax",
        "import numpy as np, scipy.special\nnp.soft = scipy.special.softmax\n# %%\n"
        "def softmax(z):\n    return np.soft(z, axis=1)",
    ),
    "module put into a module": (
        "ex02.softmax",
        "import numpy as np, scipy.special\nnp.more = scipy.special\n# %%\n"
        "def softmax(z):\n    return np.more.softmax(z, axis=1)",
    ),
    "put into builtins": (
        "ex02.softmax",
        "import builtins, scipy.special\nbuiltins.soft = scipy.special.softmax\n# %%\n"
        "def softmax(z):\n    return soft(z, axis=1)",
    ),
    "%time": (
        "ex02.softmax",
        "import scipy.special\n# %%\n%time f = scipy.special.softmax\n# %%\n"
        "def softmax(z):\n    return f(z, axis=1)",
    ),
    "%%time": (
        "ex02.softmax",
        "%%time\nimport scipy.special\ndef softmax(z):\n    return scipy.special.softmax(z, 1)",
    ),
    "a magic in the cell": (
        "ex02.softmax",
        "%matplotlib inline\n!ls\nfrom scipy.special import softmax",
    ),
    "%%writefile": (
        "ex02.softmax",
        "%%writefile mine.py\nfrom scipy.special import softmax as s\n"
        "def soft(z):\n    return s(z, 1)\n# %%\nfrom mine import soft\n"
        "def softmax(z):\n    return soft(z)",
    ),
    "%%writefile a module": (
        "ex02.softmax",
        "%%writefile mine.py\nimport scipy.special as s\n# %%\nimport mine\n"
        "def softmax(z):\n    return mine.s.softmax(z, 1)",
    ),
    "%%writefile, star": (
        "ex02.softmax",
        "%%writefile mine.py\nfrom scipy.special import softmax\n# %%\nfrom mine import *",
    ),
    "run_line_magic": (
        "ex02.softmax",
        "import scipy.special\nget_ipython().run_line_magic('time', 'f = scipy.special.softmax')\n"
        "def softmax(z):\n    return f(z, 1)",
    ),
    "last output": (
        "ex02.softmax",
        "import scipy.special\nscipy.special.softmax\n# %%\nsoftmax = _",
    ),
    "conditional expression": (
        "ex02.softmax",
        "import scipy.special as s\ndef softmax(z):\n    return (s if len(z) else None).softmax(z)",
    ),
    "nested function": (
        "ex02.softmax",
        "import scipy.special as s\ndef softmax(z):\n    def inner():\n        def most():\n"
        "            return s.softmax(z, 1)\n        return most()\n    return inner()",
    ),
    "async": (
        "ex02.softmax",
        "import asyncio, scipy.special as s\nasync def later(z):\n    return s.softmax(z, 1)\n"
        "def softmax(z):\n    return asyncio.run(later(z))",
    ),
    "inline": (
        "ex02.softmax",
        "import scipy.special as s\nex.softmax.check(lambda z: s.softmax(z))",
    ),
    "inline name": ("ex02.softmax", "import scipy.special as s\nex.softmax.check(s.softmax)"),
    "the check by the learner's hand": (
        "ex02.softmax",
        "import tlcourse.checks.forbidden as f, scipy.special\n"
        "f.find_forbidden = f.find_at_home = lambda *a: ''\nsoftmax = scipy.special.softmax",
    ),
}

OWN = "import numpy as np\ndef softmax(z):\n    e = np.exp(z - z.max(1, keepdims=True))\n"
OWN += "    return e / e.sum(1, keepdims=True)\n"

HONEST = {
    "own": ("ex02.softmax", OWN),
    "compared": (
        "ex02.softmax",
        OWN + "# %%\nimport scipy.special\nz = np.ones((2, 3))\n"
        "np.testing.assert_allclose(softmax(z), scipy.special.softmax(z, axis=1))",
    ),
    "compared before": (
        "ex02.softmax",
        "import scipy.special\ne = scipy.special.softmax\nz = e([1, 2])\n# %%\n" + OWN,
    ),
    "compared in the cell": (
        "ex02.softmax",
        OWN
        + "import scipy.special\nprint(scipy.special.softmax(np.eye(2), 1) - softmax(np.eye(2)))",
    ),
    "compared in a loop": (
        "ex02.softmax",
        OWN + "import scipy.special\nfor f in (softmax, scipy.special.softmax):\n"
        "    print(f(np.eye(2)))",
    ),
    "compared by a function": (
        "ex02.softmax",
        OWN + "import scipy.special\ndef compare(z):\n"
        "    return abs(softmax(z) - scipy.special.softmax(z, axis=1)).max()\ncompare(np.eye(2))",
    ),
    "compared in Keras": (
        "ex02.softmax",
        OWN
        + "import keras\nmodel = keras.Sequential([keras.layers.Dense(3, activation='softmax')])",
    ),
    "first tried": (
        "ex02.softmax",
        "import scipy.special\ndef softmax(z):\n    return scipy.special.softmax(z, axis=1)\n# %%\n"
        + OWN,
    ),
    "imported, then written": (
        "ex02.softmax",
        "from scipy.special import softmax\n# %%\n" + OWN,
    ),
    "star, then written": ("ex02.softmax", "from scipy.special import *\n# %%\n" + OWN),
    "other names of SciPy": (
        "ex02.softmax",
        "from scipy.special import expit, softmax as reference\n# %%\n" + OWN,
    ),
    "comment": ("ex02.softmax", OWN.replace("e = ", "# not scipy.special.softmax\n    e = ")),
    "docstring": (
        "ex02.softmax",
        OWN.replace("    e = ", '    """As scipy.special.softmax(z, axis=1)."""\n    e = '),
    ),
    "docstring that is a name": (
        "ex02.softmax",
        OWN.replace("    e = ", '    """scipy.special.softmax"""\n    e = '),
    ),
    "norm of another module": (
        "ex01.measured_rate",
        "from scipy import stats\ndef measured_rate(H):\n    return stats.norm.ppf(H)",
    ),
    "message": (
        "ex02.softmax",
        OWN.replace(
            "    e = ", "    assert z.ndim == 2, 'scipy.special.softmax takes any'\n    e = "
        ),
    ),
    "annotation": (
        "ex02.softmax",
        "import keras\n" + OWN.replace("(z)", "(z: 'keras.layers.Softmax') -> 'array'", 1),
    ),
    "local variable": (
        "ex02.softmax",
        "import numpy as np\ndef softmax(z):\n    softmax = np.exp(z - z.max(1, keepdims=True))\n"
        "    softmax /= softmax.sum(1, keepdims=True)\n    return softmax",
    ),
    "parameter": (
        "ex02.softmax",
        "import numpy as np, scipy.special as s\ndef softmax(z, s=1.0):\n"
        "    e = np.exp(s * (z - z.max(1, keepdims=True)))\n    return e / e.sum(1, keepdims=True)",
    ),
    "local over a module": (
        "ex02.softmax",
        "import numpy as np, scipy.special as special\n# %%\ndef softmax(z):\n"
        "    special = np.exp(z)\n    return special / special.sum(1, keepdims=True)",
    ),
    "own method": (
        "ex02.softmax",
        OWN + "class Soft:\n    def softmax(self, z):\n        return softmax_of(z)\n"
        "softmax_of = softmax\n# %%\nsoft = Soft()\ndef softmax(z):\n    return soft.softmax(z)",
    ),
    "own module": (
        "ex02.softmax",
        "%%writefile mine.py\n" + OWN + "# %%\nimport mine\ndef softmax(z):\n"
        "    return mine.softmax(z)",
    ),
    "own object": (
        "ex02.softmax",
        OWN + "from types import SimpleNamespace\ntools = SimpleNamespace(softmax=softmax)\n# %%\n"
        "def softmax(z):\n    return tools.softmax(z)",
    ),
    "key": (
        "ex02.softmax",
        OWN + "own = {'softmax': softmax}\n# %%\ndef softmax(z):\n    return own['softmax'](z)",
    ),
    "name of a layer": (
        "ex02.softmax",
        "import keras\n" + OWN + "layer = keras.layers.Dense(3, name='softmax')\n# %%\n"
        "def softmax(z):\n    layer.name\n    return layer(z)",
    ),
    "np as an argument": (
        "ex02.softmax",
        "import numpy as np\ndef soft(xp, z):\n    e = xp.exp(z)\n    return e / e.sum(1)\n"
        "def softmax(z):\n    return soft(np, z)",
    ),
    "logaddexp": (
        "ex02.cross_entropy",
        "import numpy as np\ndef cross_entropy(z, y):\n"
        "    return np.mean(np.logaddexp.reduce(z, axis=1) - z[np.arange(len(z)), y])",
    ),
    "own softmax in the loss": (
        "ex02.cross_entropy",
        OWN
        + "def cross_entropy(z, y):\n    return -np.log(softmax(z)[np.arange(len(z)), y]).mean()",
    ),
    "the loss for another task": (
        "ex02.cross_entropy",
        "import numpy as np\nfrom tlcourse import losses\n# %%\ndef cross_entropy(z, y):\n"
        "    return np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), y])\n# %%\n"
        "chance = {'measured': losses.cross_entropy(np.eye(3), [0, 1, 2])}",
    ),
    "expit": (
        "ex02.two_logits",
        "import numpy as np\nfrom scipy.special import expit\ndef two_logits(z):\n"
        "    return np.log(np.stack([1 - expit(z), expit(z)], axis=1))",
    ),
    "a network of the set": (
        "ex04.repaired",
        "import keras\ndef network(n):\n"
        "    return keras.Sequential([keras.layers.Dense(n, activation='softmax')])\n"
        "def repaired(w, x, y, seed, steps):\n    return network(10)",
    ),
    "Adam in another cell": (
        "ex01.adam_step",
        "import keras, numpy as np\nprint(keras.optimizers.Adam)\ndef adam_step(theta, m, v, g):\n"
        "    adam = np.sqrt(v)\n    return theta - g / adam",
    ),
    "eigenvalues where they are allowed": (
        "ex01.largest_rate",
        "import numpy as np\ndef largest_rate(H):\n    return 2 / np.linalg.eigvalsh(H).max()",
    ),
    "eigenvalues for another task": (
        "ex01.measured_rate",
        "import numpy as np\ndef largest_rate(H):\n    return np.linalg.eigvalsh(H).max()\n# %%\n"
        "def measured_rate(H):\n    theta = np.ones(len(H))\n    return theta @ H @ theta",
    ),
    "lengths of vectors": (
        "ex01.measured_rate",
        "import numpy as np\ndef norm(v):\n    return np.sqrt(np.sum(v**2))\n"
        "def measured_rate(H):\n    return 2 / norm(H @ np.ones(len(H)))",
    ),
    "distributions": (
        "ex06.mcnemar",
        "from scipy import stats\ndef mcnemar(y, a, b):\n    return stats.binom.cdf(1, 2, 0.5)",
    ),
    "normal distribution": (
        "ex06.wilson",
        "from scipy import stats\ndef wilson(k, n, z):\n    return stats.norm.cdf(z) * k / n",
    ),
    "windows": (
        "ex03.conv2d",
        "import numpy as np\ndef conv2d(x, w, s):\n"
        "    v = np.lib.stride_tricks.sliding_window_view(x, w.shape)[::s, ::s]\n"
        "    return np.einsum('ijkl,kl->ij', v, w)",
    ),
    "row by row": (
        "ex03.conv2d",
        "import numpy as np\ndef conv2d(x, w, s):\n"
        "    return sum(np.correlate(a, b, 'valid') for a, b in zip(x, w))",
    ),
    "max-pooling in Keras, elsewhere": (
        "ex03.pool_backward",
        "import tensorflow as tf, numpy as np\nwith tf.GradientTape() as tape:\n    pass\n# %%\n"
        "def pool_backward(a, g, n):\n    gradient = np.zeros(a.shape)\n    return gradient",
    ),
    "own preprocess": (
        "ex05.preprocess",
        "from tlcourse import models\nimport numpy as np\ndef preprocess(x):\n"
        "    return x[..., ::-1] - np.array([103.939, 116.779, 123.68])\nmodels.preprocess",
    ),
    "magics": ("ex02.softmax", "%matplotlib inline\n" + OWN + "%timeit softmax(np.eye(3))\n!ls"),
    "a cell that is none": ("ex02.softmax", "from scipy.special import softmax as\n# %%\n" + OWN),
    "bash": ("ex02.softmax", "%%bash\nsoftmax=scipy.special.softmax\n# %%\n" + OWN),
    "recursive": (
        "ex02.softmax",
        OWN + "def again(n):\n    return again(n - 1) if n else softmax(np.eye(2))\nagain(3)",
    ),
    "lambda": (
        "ex02.softmax",
        "import numpy as np\nsoftmax = lambda z: np.exp(z) / np.exp(z).sum(1, keepdims=True)",
    ),
    "later": ("ex02.softmax", OWN + "ex.softmax.check(softmax)\nfrom scipy.special import softmax"),
}


def cells(source: str) -> list[str]:
    """The cells of a row."""
    return [cell.strip("\n") for cell in source.split("# %%\n")]
