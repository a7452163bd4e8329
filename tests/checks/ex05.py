"""ResNet50 fine-tuning."""

BATCHES = "np.concatenate([lower.predict_on_batch(x) for x in draws])"
LOGITS = "lower.predict_on_batch(photos) @ kernel + bias"
TRAINED = "train_head(features, np.tile(labels, len(draws))"
NEAR = "np.all(np.abs(losses[-3:] - np.log(K)) < 0.1)"
STEPS = "np.log(0.5) / np.log(momenta)"


def lines(order):
    return "order = " + repr(list(order))


WRONG = {
    "preprocess": [
        ("RGB", {"[..., ::-1]": ""}, "still in the order red, green, blue"),
        ("RGB, and so the means", {"x[..., ::-1] - means": "x - means[::-1]"},
         "and so are the means"),
        ("means reversed", {"- means": "- means[::-1]"}, "each channel loses another one's mean"),
        ("means first", {"x[..., ::-1] - means": "(x - means)[..., ::-1]"}, "another one's mean"),
        ("no means", {" - means": ""}, "the means are still to be subtracted"),
        ("1/255", {"x[..., ::-1] - means": "x / 255"}, "scaled by 1/255"),
        ("±1", {"x[..., ::-1] - means": "x / 127.5 - 1"}, "from −1 to 1 is another network's"),
        ("pixels by 255", {"x[..., ::-1] - means": "x[..., ::-1] / 255 - means"},
         "the means are those of pixels from 0 to 255"),
        ("only pixels by 255", {"x[..., ::-1] - means": "x[..., ::-1] / 255"},
         "nothing is divided, and the means are still to be subtracted"),
        ("all and 1/255", {"x[..., ::-1] - means": "(x[..., ::-1] - means) / 255"},
         "nothing is divided"),
        ("wrong axis", {"x[..., ::-1]": "x[:, ::-1]"}, "still in the order red, green, blue"),
        ("own means", {"- means": "- x[..., ::-1].mean((0, 1, 2))"},
         "the means are of the source's"),
        ("adds", {"- means": "+ means"}, "the means are added"),
        ("whole numbers", {"- means": "- means.astype(int)"}, "cut to whole numbers"),
        ("wraps round", {"- means": "- means.astype(x.dtype)"}, "wrap around below 0"),
        ("an array like x", {"return x[..., ::-1] - means":
         "new = np.zeros_like(x); np.copyto(new, x[..., ::-1] - means, 'unsafe'); "
         "return new"}, "return floats"),
        ("in place", {"return x[..., ::-1] - means": "x -= means[::-1]; return x[..., ::-1]"},
         "your function changes its argument"),
        ("the course's", {"x[..., ::-1] - means": "models.preprocess(x)"},
         "solve this task without tlcourse.models.preprocess"),
        ("Keras'", {"x[..., ::-1] - means": "keras.applications.resnet50.preprocess_input(+x)"},
         "preprocess_input"),
    ],
    "diagnose": [
        ("log10", {"np.log(": "np.log10("}, "the natural logarithm"),
        ("log2", {"np.log(": "np.log2("}, "the natural logarithm"),
        ("one-sided", {NEAR: "np.all(losses[-3:] < np.log(K) + 0.1)"}, "ends far below ln K"),
        ("first", {"losses[-3:]": "losses[:1]"}, "in the last three epochs"),
        ("last", {"losses[-3:]": "losses[-1:]"}, "only the last loss lies at ln K"),
        ("all", {"losses[-3:]": "losses"}, "only the last three epochs count"),
        ("any", {"np.all": "np.any"}, "not one of them"),
        ("mean", {NEAR: "abs(np.mean(losses[-3:]) - np.log(K)) < 0.1"}, "nor their mean"),
        ("NaN", {"not np.isfinite(losses[-1]) or ": ""}, "every comparison with NaN is false"),
        ("never diverges", {" or losses[-1] > np.log(K) + 0.1": ""}, "worse than guessing"),
        ("fallen, or above ln K", {"losses[-1] > np.log(K) + 0.1":
         "losses[-1] > np.log(K) + 0.1 and losses[-1] > losses[0]"}, "not where the run began"),
        ("risen", {"losses[-1] > np.log(K) + 0.1":
         "losses[-1] > np.log(K) + 0.1 or losses[-1] > losses[0] + 0.15"},
         "not where the run began"),
        ("NaN anywhere", {"np.isfinite(losses[-1])": "np.all(np.isfinite(losses))"},
         "only if the last loss is NaN"),
        ("with a capital", {'"guessing"': '"Guessing"'}, "mind capitals and spaces"),
        ("a wider band", {"< 0.1)": "< 0.11)"}, "the bound is 0.1"),
        ("last two", {"losses[-3:]": "losses[-2:]"}, "only the last two losses lie at ln K"),
        ("one word", {"return words": "return words[name]"}, "a text instead of a dict"),
    ],
    "trainable": [
        ("trains BN", {' and kind != "BatchNormalization"': ""}, "BatchNormalization trains"),
        ("stage alone", {"reached or ": ""}, "the head among them"),
        ("stage alone, with BN", {"reached or ": "", ' and kind != "BatchNormalization"': ""},
         "the layers after the stage train too, and BatchNormalization never"),
        ("BN alone", {"reached and ": ""}, "only BatchNormalization stays still here"),
        ("exchanged", {"reached and kind !=": "not reached or kind =="}, "the flags are exchanged"),
        ("alphabet", {"reached or name.startswith(stage)": "name >= stage"}, "by the alphabet"),
        ("by name", {'kind != "BatchNormalization"': '"bn" not in name'}, "look at the kind"),
        ("contains", {"name.startswith(stage)": "stage in name"}, "not one that contains it"),
        ("whole name", {"name.startswith(stage)": "name == stage"}, "nothing trains"),
        ("all", {'reached and kind != "BatchNormalization"': "True"}, "everything trains"),
        (
            "too late",
            "def trainable(layers, stage):\n"
            "    flags, reached = {}, False\n"
            "    for name, kind in layers:\n"
            "        flags[name] = reached and kind != 'BatchNormalization'\n"
            "        reached = reached or name.startswith(stage)\n"
            "    return flags",
            "the first layer of the stage trains as well",
        ),
        ("list", {"return flags": "return list(flags.values())"},
         "instead of a dict with the keys"),
    ],
    "cached": [
        ("old head", {"@ kernel + bias": '@ weights["head"][0] + weights["head"][1]'}, "as it was"),
        ("repeat", {"np.tile": "np.repeat"}, "labels and features are apart"),
        ("one draw", {BATCHES: "lower.predict_on_batch(draws[0])",
                      "np.tile(labels, len(draws))": "labels"}, "not of one draw alone"),
        ("trained on one draw", {TRAINED: "train_head(features[: len(labels)], labels"},
         "trained on the first draw alone"),
        ("mean draw", {TRAINED: "train_head(features.reshape(len(draws), -1, 6).mean(0), labels"},
         "a blurred one"),
        ("random network", {'lower = keras.Model(model.': "model = network()\n"
                            '    lower = keras.Model(model.'}, "build it by network(weights)"),
        ("preprocessed again", {"predict_on_batch(x)": "predict_on_batch(models.preprocess(x))"},
         "have they been preprocessed before"),
        ("labels not repeated", {"np.tile(labels, len(draws))": "labels"},
         "as many labels as features are wanted (np.tile)"),
        ("not pooled", {'"pool"': '"conv2_relu"'}, "your function raises"),
        ("training=True", {"lower.predict_on_batch(x) for":
                           "np.array(lower(x, training=True)) for"}, "not with training=True"),
        ("image by image", {BATCHES: "lower.predict_on_batch("
                            "draws.swapaxes(0, 1).reshape(-1, 8, 8, 3))"}, "put draw below draw"),
        ("softmax", {f"return features, {LOGITS}": f"y = np.exp({LOGITS})\n"
                     "    return features, y / y.sum(1, keepdims=True)"}, "without a softmax"),
        ("new head", {'*weights["head"]': "np.zeros((6, 3)), np.zeros(3)"}, "the head starts over"),
        ("no bias", {" + bias": ""}, "the bias is missing"),
        ("features alone", {f", {LOGITS}": ""},
         "instead of 2 values"),
        ("the course's", {"lower = ": "from tlcourse import transfer\n    lower = ",
                          BATCHES: "transfer.features(lower, draws[0], np.asarray)"},
         "solve this task without tlcourse.transfer.features"),
    ],
    "repaired": [
        ("as it was", "repaired = broken", "trains from the next compile on"),
        ("1/255", {"models.preprocess(photos)": "photos / 255"}, "pixels divided by 255"),
        ("1/255 in prediction", {"model(x)": "model(photos / 255)"},
         "pixels divided by 255"),
        ("1/255 in training", {"train_on_batch(x,": "train_on_batch(photos / 255,"},
         "did not learn"),
        ("pixels as they are", {"models.preprocess(photos)": "photos"}, "sees pixels as they are"),
        ("labels apart", {"train_on_batch(x,": "train_on_batch(x[np.random.default_rng(0)."
                          "permutation(len(x))],"}, "have its own label"),
        ("trains BN", {'["conv2_conv", "head"]': '["conv2_conv", "conv2_bn", "head"]'},
         "BatchNormalization trains"),
        ("compiled once", {"        model.compile": "        if rate == 0.5:\n"
                           "            model.compile"}, "trains from the next compile on"),
        ("trains conv1", {'["conv2_conv", "head"]': '["conv1_conv", "conv2_conv", "head"]'},
         "conv1 comes before"),
        ("large steps", {"0.01, 5": "0.5, 5"}, "has a learning rate of 0.01"),
        ("small steps", {"0.5, 20": "0.01, 20"}, "keeps its learning rate of 0.5"),
        ("Adam", {"SGD(rate)": "Adam(rate)"}, "plain gradient descent (SGD)"),
        ("one step", {"0.01, 5": "0.01, 1"}, "has five steps"),
        ("four steps", {"0.01, 5": "0.01, 4"}, "and 5 more with 0.01"),
        ("21 steps", {"0.5, 20": "0.5, 21"}, "these weights do not come from 20 steps"),
        ("batches", {"model.train_on_batch(x, labels)":
                     "model.fit(x, labels, batch_size=16, verbose=0)"}, "each on all photos"),
        ("head still", {'["conv2_conv", "head"]': '["conv2_conv"]'}, "it trains on, together"),
        ("no first training", {"0.5, 20": "0.5, 0"}, "the first training is missing"),
        ("both from the start", {'(["head"], 0.5': '(["conv2_conv", "head"], 0.5'},
         "the head trains alone"),
        ("logits alone", {"weights_of(model), logits": "logits"}, "instead of 2 values"),
    ],
    "half_life": [
        ("floor", {"np.ceil": "np.floor"}, "a little more than half is left"),
        ("floor and one", {f"np.ceil({STEPS})": f"np.floor({STEPS}) + 1"},
         "exactly half is enough"),
        ("nearest", {"np.ceil": "np.round"}, "not to the nearest"),
        ("a broken step", {f"np.ceil({STEPS})": STEPS}, "steps are whole"),
        ("1 − β", {"np.log(momenta)": "np.log(1 - momenta)"}, "the share that is kept"),
        ("1/(1 − β)", {f"np.ceil({STEPS})": "1 / (1 - momenta)"}, "37 % is left, not half"),
        ("straight line", {STEPS: "0.5 / (1 - momenta)"}, "by the same factor"),
        ("no sign", {"np.log(0.5)": "np.log(2)", "np.ceil": "np.floor"}, "the sign is reversed"),
        ("one number", {"momenta))": "momenta[0]))"}, "a number instead of an array"),
        (
            "one too many",
            "def half_life(momenta):\n"
            "    n, left = np.ones(len(momenta)), np.ones(len(momenta))\n"
            "    while (left > 0.5).any():\n"
            "        n, left = n + (left > 0.5), left * momenta\n"
            "    return n",
            "one step too many",
        ),
        (
            "endless",
            "def half_life(momenta):\n"
            "    n = 0\n"
            "    while (momenta**n != 0.5).all():\n"
            "        n += 1\n"
            "    return n * np.ones(len(momenta))",
            "a loop that never ends?",
        ),
    ],
    "measured": [
        ("as in prediction", {"training=True": "training=False"}, "nothing moves"),
        ("no mode", {", training=True": ""}, "nothing moves"),
        ("always trains", {"    norm.trainable = trains\n": ""}, "the layer still trains"),
        ("training=False", {"    norm.trainable = trains\n": "", "training=True":
                            "training=trains"}, "you called it with training=False"),
        ("too late", {"    norm.trainable = trains\n": "",
                      "    return": "    norm.trainable = trains\n    return"}, "still trains"),
        ("Keras' momentum", {"momentum=momentum": ""}, "the momentum is Keras' own"),
        ("1 − β", {"momentum=momentum": "momentum=1 - momentum"}, "are exchanged"),
        ("mean and variance swapped", {"one, mean, one]": "one, one, mean]"}, "begins at 1"),
        ("mean for β", {"0 * one, mean, one]": "mean, 0 * one, one]"}, "begins at 0"),
        ("no beginning", {"[mean]": "[]"}, "the mean at the beginning belongs to it"),
        ("one too many", {"range(steps)": "range(steps + 1)"}, "there are steps + 1 rows"),
        ("no copy", {"keras.ops.convert_to_numpy(norm.moving_mean)": "norm.moving_mean"},
         "all rows are the last one"),
        ("one thing", {", len(norm.trainable_weights)": ""}, "instead of 2 values"),
        ("the end", {"np.array(path)": "path[-1]"}, "instead of an array of shape"),
    ],
    "order": [
        ("everything trains", lines("FCIGAEDKJ"), "with line E BatchNormalization trains"),
        ("1/255", lines("FHIGABDKJ"), "photos divided by 255"),
        ("pixels as they are", lines("FCIGLBDKJ"), "photos as they are"),
        ("compiled once", lines("FCIGABKJ"), "not compiled again"),
        ("head after", lines("FCBDAIGKJ"), "the head is trained first, alone"),
        ("rates exchanged", lines("FCIDABGKJ"), "the head takes the larger rate"),
        ("head alone", lines("FCIGAJ"), "there are two trainings"),
        ("head twice", lines("FCIGADKJ"), "that of conv5 and the head"),
        ("three trainings", lines("FCIGABDKLJ"), "there are two trainings"),
        ("return too early", lines("FCIGAJBDK"), "there are two trainings"),
        ("no preprocessing", lines("FIGABDKJ"), "line A fails in this order"),
        ("everything, then less", lines("FECIGABDKJ"), "line E has no effect here"),
        ("1/255, then not", lines("FHCIGABDKJ"), "line H has no effect here"),
        ("not compiled", lines("FCIAGBDKJ"), "must be compiled before it is trained"),
        ("no return", lines("FCIGABDK"), "is there a return?"),
        ("a text", "order = 'FCIGABDKJ'", "write a list of labels"),
    ],
}  # fmt: skip

RIGHT = {
    "preprocess": [
        (
            "loops",
            "def preprocess(x):\n"
            "    new = np.zeros(x.shape)\n"
            "    for i, mean in enumerate((103.939, 116.779, 123.68)):\n"
            "        new[:, :, :, i] = x[:, :, :, 2 - i] - mean\n"
            "    return new",
        ),
        ("float32", {"x[..., ::-1] - means": "x[..., [2, 1, 0]].astype('float32') - means"}),
        (
            "what Keras computes",
            "def preprocess(x):\n"
            "    way = getattr(keras.applications.resnet50, 'preprocess_' + 'input')\n"
            "    return way(np.array(x, 'float32'))",
        ),
    ],
    "diagnose": [
        (
            "loops",
            "def diagnose(runs, K):\n"
            "    words = dict.fromkeys(runs, 'learns')\n"
            "    for name in runs:\n"
            "        far = [loss - np.log(K) for loss in runs[name]]\n"
            "        if not far[-1] <= 0.1 or far[-1] == -np.inf:\n"
            "            words[name] = 'diverges'\n"
            "        if all(-0.1 < distance < 0.1 for distance in far[-3:]):\n"
            "            words[name] = 'guessing'\n"
            "    return words",
        ),
        ("probabilities", {"np.log(K)": "-np.log(1 / K)"}),
    ],
    "trainable": [
        (
            "places",
            "def trainable(layers, stage):\n"
            "    first = [name.startswith(stage) for name, _ in layers].index(True)\n"
            "    return {\n"
            "        layer[0]: np.bool_(i >= first and layer[1] != 'BatchNormalization')\n"
            "        for i, layer in enumerate(layers)\n"
            "    }",
        ),
        ("numbers", {"reached and kind": "int(reached) and kind"}),
    ],
    "cached": [
        ("one call", {BATCHES: "lower.predict(draws.reshape(-1, 8, 8, 3), verbose=0)"}),
        (
            "layer by layer",
            "def cached(weights, draws, labels, photos):\n"
            "    def below(x):\n"
            "        for layer in network(weights).layers[:-1]:\n"
            "            x = layer(x)\n"
            "        return keras.ops.convert_to_numpy(x)\n"
            "    features = np.vstack([below(x) for x in draws])\n"
            "    kernel, bias = train_head(features, [*labels] * len(draws), *weights['head'])\n"
            "    return [features, below(photos) @ kernel + bias]",
        ),
        (
            "whole",
            "def cached(weights, draws, labels, photos):\n"
            "    model = network(weights)\n"
            "    lower = keras.Sequential(model.layers[:-1])\n"
            "    features = lower.predict(draws.reshape(-1, 8, 8, 3), verbose=0)\n"
            "    model.layers[-1].set_weights(\n"
            "        train_head(features, np.tile(labels, len(draws)), *weights['head'])\n"
            "    )\n"
            "    return features, model.predict(photos, verbose=0)",
        ),
    ],
    "repaired": [
        (
            "labels along",
            "def repaired(weights, photos, labels):\n"
            "    model = network(weights)\n"
            "    x = photos[..., ::-1] - np.array([103.939, 116.779, 123.68])\n"
            "    order = np.random.default_rng(0).permutation(len(x))\n"
            "    for stage, rate, steps in (('head', 0.5, 20), ('conv2', 0.01, 5)):\n"
            "        for layer in model.layers:\n"
            "            layer.trainable = layer.name in (f'{stage}_conv', 'head')\n"
            "        model.compile(keras.optimizers.SGD(rate), cross_entropy, jit_compile=False)\n"
            "        for _ in range(steps):\n"
            "            model.train_on_batch(x[order], labels[order])\n"
            "    return weights_of(model), model.predict(x, verbose=0)",
        ),
        (
            "the course's",
            {
                "for each in model.layers:": "from tlcourse import transfer",
                "    each.trainable = each.name in names": (
                    "transfer.unfreeze_from(model, names[0])"
                ),
            },
        ),
    ],
    "half_life": [
        (
            "loops",
            "def half_life(momenta):\n"
            "    steps = np.zeros(len(momenta), int)\n"
            "    for i, momentum in enumerate(momenta):\n"
            "        while momentum ** steps[i] > 0.5:\n"
            "            steps[i] += 1\n"
            "    return steps",
        ),
        ("log2", {STEPS: "-1 / np.log2(momenta)"}),
    ],
    "measured": [
        (
            "filled",
            "def measured(mean, x, momentum, steps, trains):\n"
            "    norm = keras.layers.BatchNormalization(momentum=momentum, trainable=trains)\n"
            "    norm(x)\n"
            "    norm.moving_mean.assign(mean)\n"
            "    path = np.empty((steps + 1, len(mean)), 'float32')\n"
            "    for k in range(steps + 1):\n"
            "        path[k] = norm.get_weights()[2]\n"
            "        norm(x, training=True)\n"
            "    return path, 2 * trains",
        ),
    ],
    "order": [
        ("the other fit first", lines("FCIGKBDAJ")),
        ("preprocessed later", lines("FIGCABDKJ")),
        ("unfrozen after compile", lines("FCIGADBKJ")),
        ("head alone after compile", lines("FCGIABDKJ")),
    ],
}  # fmt: skip
