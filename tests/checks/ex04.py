"""Weight transfer."""

FITS = "name in source and [a.shape for a in source[name]] == shapes"
COPIED = "new[name] = [a.copy() for a in (source[name] if fits else arrays)]"
LOGS = "np.exp(np.interp(accuracy, scores, np.log(labels)))"
FOUND = "return [gamma, beta, mean, variance]"
STARTS = "layer.set_weights(start[layer.name])"
FLAGS = "layer.trainable = layer.name not in frozen"
TRAINS = "size > 0 and name not in still"
STEP = "    target.train_on_batch(x, y)\n"
FINE = "training.restart(target, seed)"
COPY = (
    '    for name in ("hidden1", "hidden2"):\n'
    "        target.get_layer(name).set_weights(weights[name])\n"
)


def lines(order):
    return "order = " + repr(list(order))


def repair(target, before, after="", restart=f"    {FINE}\n"):
    """The broken function, with another target and other lines before and after the restart."""
    return (
        "def repaired(weights, x, y, seed, steps):\n"
        "    source = network(classes=26)\n"
        "    for layer in source.layers:\n"
        "        layer.set_weights(weights[layer.name])\n"
        "    head = keras.layers.Dense(10, name='head')\n"
        f"    target = {target}\n"
        f"{before}"
        "    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
        "    target.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)\n"
        f"{restart}{after}"
        "    for _ in range(steps):\n"
        "        target.train_on_batch(x, y)\n"
        "    nets = {'source': source, 'target': target}\n"
        "    return {k: {d.name: d.get_weights() for d in n.layers} for k, n in nets.items()}\n"
    )


SHARED = "keras.Sequential([keras.Input((6,)), *source.layers[:-1], head])"
FROZEN = "    for layer in target.layers[:-1]:\n        layer.trainable = False\n"

WRONG = {
    "copied": [
        ("unchecked", {FITS: "name in source"}, "the head's shapes differ"),
        (
            "by place",
            {
                FITS: "[a.shape for a in other] == shapes",
                "source[name] if": "other if",
                "        shapes": "        other = list(source.values())[-1]\n        shapes",
            },
            "from a layer of another name",
        ),
        ("kernel alone", {FITS: "name in source and source[name][0].shape == shapes[0]"},
         "has no bias, and so the target's is lost"),
        ("first two", {FITS: "name in source and all(a.shape == s for a, s in zip(source[name], "
         "shapes))", "source[name] if": "source[name] + arrays[len(source[name]):] if"},
         "half a layer is copied"),
        ("sizes", {FITS: "name in source and [a.size for a in source[name]] == "
         "[a.size for a in arrays]"}, "are not the same shape"),
        ("reshapes", {FITS: "name in source and [a.size for a in source[name]] == "
         "[a.size for a in arrays]", "source[name] if":
         "[a.reshape(s) for a, s in zip(source[name], shapes)] if"}, "reshaping mixes them up"),
        (
            "array by array",
            "def copied(source, target):\n"
            "    new = {}\n"
            "    for name, arrays in target.items():\n"
            "        new[name] = list(arrays)\n"
            "        for i, array in enumerate(source.get(name, [])):\n"
            "            if i < len(arrays) and array.shape == arrays[i].shape:\n"
            "                new[name][i] = array\n"
            "    return new",
            "half a layer",
        ),
        ("kernel and number", {FITS: "name in source and len(source[name]) == len(arrays) and "
         "source[name][:1] and source[name][0].shape == shapes[0]"}, "only the kernel's shape"),
        ("drops", {COPIED: "if fits:\n            new[name] = source[name]"}, "the layer is gone"),
        ("merges", {"return new": "return {**new, **source}"}, "and no others"),
        ("all or nothing", {COPIED: COPIED +
         "\n        if not fits:\n            return target"}, "one layer does not fit"),
        ("cuts", {FITS: "name in source", "source[name] if":
         "[a[..., : b.shape[-1]] for a, b in zip(source[name], arrays)] if"}, "is cut to fit"),
        ("not copied", {"source[name] if fits else arrays": "arrays"}, "nothing is copied"),
        ("no question", {"name in source and ": ""}, "your function raises KeyError"),
        ("in place", {"return new": "target.update(new)\n    return target"}, "work on a copy"),
    ],
    "reordered": [
        ("as they came", {FOUND: "return arrays"}, "the order in which they came"),
        ("mean and β", {FOUND: "return [gamma, mean, beta, variance]"}, "mean and β are exchanged"),
        ("mean first", {FOUND: "return [mean, variance, gamma, beta]"},
         "Keras begins with γ and β"),
        ("γ last", {FOUND: "return [variance, beta, mean, gamma]"}, "γ and the variance are"),
        (
            "wrong way round",
            "def reordered(arrays, x, y):\n"
            "    for p in permutations(range(4)):\n"
            "        g, b, m, v = (arrays[i] for i in p)\n"
            "        if np.allclose(g * (x - m) / np.sqrt(v + 0.001) + b, y):\n"
            "            back = [None] * 4\n"
            "            for i, place in enumerate(p):\n"
            "                back[place] = arrays[i]\n"
            "            return back",
            "applied the wrong way round",
        ),
        ("one number of y", {"np.allclose(returned, y)": "np.isclose(returned, y)[0, 0]"},
         "compare all of y"),
        ("last column", {"np.allclose(returned, y)": "np.allclose(returned[:, -1], y[:, -1])"},
         "compare all of y"),
        ("best fit without the root", "def reordered(arrays, x, y):\n"
         "    def distance(p):\n"
         "        g, b, m, v = p\n"
         "        return abs(g * (x - m) / (v + 0.001) + b - y).max()\n"
         "    return list(min(permutations(arrays), key=distance))",
         "this order fits best without the root"),
        ("no ε", {" + 0.001": ""}, "with 0.001 under the root?"),
        ("numbers", {FOUND: "return [0, 1, 2, 3]"}, "a number instead of an array of shape"),
    ],
    "labels_needed": [
        ("straight", {LOGS: "np.interp(accuracy, scores, labels)"},
         "this is straight over the labels"),
        ("still a logarithm", {LOGS: "np.interp(accuracy, scores, np.log(labels))"},
         "still the logarithm"),
        ("base 10", {LOGS: "np.interp(accuracy, scores, np.log10(labels))"}, "to base 10"),
        ("rounded up", {LOGS: f"np.ceil({LOGS})"}, "do not round"),
        ("whole", {LOGS: f"round({LOGS})"}, "do not round"),
        ("exchanged logarithms", {LOGS: "np.exp(np.interp(accuracy, np.log(labels), scores))"},
         "scores are looked up, labels come out"),
        ("next", {LOGS: "labels[np.searchsorted(scores, accuracy)]"}, "the next one above"),
        ("nearest", {LOGS: "labels[np.argmin(abs(scores - accuracy))]"},
         "the nearest; read between"),
        ("exchanged", {LOGS: "np.interp(accuracy, labels, scores)"},
         "labels and scores are exchanged"),
        ("the chapter's", {"if accuracy > scores[-1]:\n        return np.inf\n    ": ""},
         "say np.inf"),
        ("NaN", {"np.inf": "np.nan"}, "NaN says that you do not know"),
        ("two ends", {LOGS: "labels[0] * (labels[-1] / labels[0]) ** "
         "max(0, (accuracy - scores[0]) / (scores[-1] - scores[0]))"},
         "from the first point to the last"),
        ("fitted", {LOGS: "np.exp(np.polyval(np.polyfit(scores, np.log(labels), 1), accuracy)) "
         "if accuracy > scores[0] else labels[0]"}, "fitted to all points"),
        ("drawn on", {"    if accuracy > scores[-1]:\n        return np.inf\n":
         "    if accuracy > scores[-1]:\n        return labels[-1] * (labels[-1] / labels[-2]) ** "
         "((accuracy - scores[-1]) / (scores[-1] - scores[-2]))\n"}, "beyond what was measured"),
        ("drawn on below", {"    if accuracy > scores[-1]": "    if accuracy < scores[0]:\n"
         "        return labels[0] * (labels[0] / labels[1]) ** "
         "((scores[0] - accuracy) / (scores[1] - scores[0]))\n    if accuracy > scores[-1]"},
         "below the fewest labels"),
    ],
    "repaired": [
        ("only the flag", repair(SHARED, ""), "own the same layer objects"),
        ("only the order", repair(SHARED, FROZEN, restart=""), "in fine-tuning they train too"),
        ("restart first, shared", repair(SHARED, "", "    for layer in source.layers:\n"
         "        layer.set_weights(weights[layer.name])\n"), "own the same layer objects"),
        ("copied too early", repair("network(10)", COPY), "after the restart"),
        ("not copied", {COPY: ""}, "after the restart"),
        ("still frozen", repair("network(10)", FROZEN, COPY), "in fine-tuning they train too"),
        ("all frozen", {"    target.compile": "    target.trainable = False\n    target.compile"},
         "in fine-tuning they train too"),
        ("no restart", {f"    {FINE}\n": ""}, "the head begins differently"),
        ("one seed", {FINE: "training.restart(target, 0)"}, "at another seed the head is the same"),
        ("no logits", {"(from_logits=True)": "()"}, "the loss takes them for probabilities"),
        ("one step", {"range(steps)": "range(min(steps, 1))"}, "takes one step, however many"),
        ("one too many", {"range(steps)": "range(steps + (steps > 0))"}, "one step too many"),
        ("target twice", {'"source": weights': '"source": tuned'}, "instead of an array of shape"),
        ("the target alone", {'{"source": weights, "target": tuned}': "tuned"},
         "a dict with the keys"),
        ("from the package", {"    for name in (":
         "    from tlcourse.transfer import copy_weights\n    for name in ("},
         "solve this task without tlcourse.transfer.copy_weights"),
    ],
    "trains": [
        ("all but the last", {TRAINS: "name == list(sizes)[-1]"}, "were not copied hold random"),
        ("never frozen", {TRAINS: "size > 0"}, "all layers train, and the way is frozen"),
        ("always frozen", {'copied if way == "frozen" else []': "copied"},
         "only the way frozen does"),
        ("weightless", {"size > 0 and ": ""}, "have nothing to train"),
        ("reverse", {TRAINS: "name in still"}, "this is the reverse"),
        ("head in all ways", {TRAINS: "name == list(sizes)[-1] if way == 'fine-tuned' else "
         f"{TRAINS}"}, "only the last layer trains"),
        ("the new alone", {TRAINS: f"name in copied if way == 'fine-tuned' else {TRAINS}"},
         "only the copied layers train"),
        ("a list", {"{name: ": "[", "sizes.items()}": "sizes.items()]"},
         "3 values (a list or tuple) instead of a dict"),
        ("more than one", {"size > 0": "size > 1"}, "not as it should be"),
        ("everything", {TRAINS: "True"}, "and the way is frozen"),
        ("words", {TRAINS: f"'yes' if {TRAINS} else 'no'"}, "a text instead of a number"),
    ],
    "trained": [
        ("not copied", {STARTS: "if layer.name == 'head':\n            layer.set_weights(head)"},
         "is it copied?"),
        ("one forgotten", {STARTS: "if layer.name != 'hidden2':\n            " + STARTS},
         "hidden2 should come back as in the source"),
        ("head forgotten", {STARTS: "if layer.name != 'head':\n            " + STARTS},
         "the head should come back as it was given"),
        ("the source's head", {'{**source, "head": head}': "source"},
         "your function raises ValueError"),
        ("nothing frozen", {FLAGS: "layer.trainable = True"}, "a layer that is frozen moves"),
        ("reverse", {FLAGS: "layer.trainable = layer.name in frozen"}, "it is the reverse"),
        ("always frozen", {FLAGS: "layer.trainable = layer.name == 'head'"}, "whichever are named"),
        ("head frozen", {FLAGS: "layer.trainable = layer.name not in [*frozen, 'head']"},
         "the head is still, and it is not frozen"),
        ("no logits", {"(from_logits=True)": "()"}, "the loss takes them for probabilities"),
        ("Adam", {"SGD": "Adam"}, "a step of Adam: use SGD"),
        ("own rate", {"SGD(rate)": "SGD()"}, "SGD takes its own rate"),
        ("no step", {STEP: ""}, "nothing moves: is a step taken"),
        ("two steps", {STEP: 2 * STEP}, "two steps are taken"),
        ("from the package", {"    start = ": "    from tlcourse import transfer\n"
         "    transfer.copy_weights\n    start = "},
         "solve this task without tlcourse.transfer.copy_weights"),
    ],
    "compared": [
        ("scratch alone", {"patient if patient.mean() > scratch.mean() else scratch": "scratch"},
         "against the weaker rival"),
        ("patient alone", {"patient if patient.mean() > scratch.mean() else scratch": "patient"},
         "against the weaker rival"),
        ("median", {"patient.mean() > scratch.mean()": "np.median(patient) > np.median(scratch)"},
         "the larger mean decides"),
        ("best seed", {"patient.mean() > scratch.mean()": "patient.max() > scratch.max()"},
         "the larger mean decides"),
        ("weaker", {"patient.mean() >": "patient.mean() <"}, "against the weaker rival"),
        ("averaged", {"patient if patient.mean() > scratch.mean() else scratch":
         "(patient + scratch) / 2"}, "the two rivals are averaged"),
        ("best of each seed", {"patient if patient.mean() > scratch.mean() else scratch":
         "np.maximum(patient, scratch)"}, "chosen seed by seed"),
        ("sign", {"transfer - rival": "rival - transfer"}, "the sign is reversed"),
        ("sd", {" / np.sqrt(len(d))": ""}, "divide it by the root of S"),
        ("S for root", {"np.sqrt(len(d))": "len(d)"}, "not by S"),
        ("ddof", {"ddof=1": ""}, "ddof=1"),
        ("unpaired", {"d.std(ddof=1) / np.sqrt(len(d))":
         "np.sqrt((transfer.var(ddof=1) + rival.var(ddof=1)) / len(d))"},
         "the pairs are torn apart"),
        ("transfer's spread", {"d.std(": "transfer.std("}, "that of the transfer alone"),
        ("points", {"d = transfer - rival": "d = 100 * (transfer - rival)"}, "are in points"),
        ("sign decides", {"3 * error": "0 * error"}, "a gain is undecided"),
        ("two errors", {"3 * error": "2 * error"}, "a gain is undecided"),
        ("no negative", {'"negative" if gain < -3 * error else ': ""}, "a loss is a result too"),
        ("size alone", {"gain > 3 * error": "abs(gain) > 3 * error"},
         "the sign of the gain is lost"),
        ("with a capital", {'"negative"': '"Negative"'}, "mind capitals and spaces"),
        ("four errors of loss", {"-3 * error": "-4 * error"}, "a loss is a result too"),
        ("verdict alone", {'{"gain": gain, "error": error, "verdict": verdict}': "verdict"},
         "a text instead of a dict"),
    ],
    "order": [
        ("own images", lines("JELGAOKDHMB"), "line O draws other images"),
        ("one network", lines("JEILCGKDHMB"), "one network trains on"),
        ("training images", lines("JELCGAKDHFB"), "images just learned"),
        ("luckiest seed", lines("JELCGAKDHMN"), "keeps the luckiest seed"),
        ("copied too early", lines("JELCGKDAHMB"), "the two ways come out alike"),
        ("never copied", lines("JELCGAHMB"), "the two ways come out alike"),
        ("copied too late", lines("JELCGAHKDMB"), "copied after training"),
        ("measured too early", lines("JELCGAKDMHB"), "before they are trained"),
        ("both ways copied", lines("JELCGADHMB"), "this order is not valid Python at line D"),
        ("no start", lines("JLCGAKDHMB"), "line M fails in this order"),
        ("trained before the start", lines("JELCGHAKDMB"), "line H fails in this order"),
        ("no images", lines("JELGAKDHMB"), "line H fails in this order"),
        ("return at once", lines("JEBLCGAKDHM"), "0 values (a list or tuple) instead of"),
        ("no return", lines("JELCGAKDHM"), "nothing (None"),
        ("no def", lines("ELCGAKDHMB"), "is not valid Python"),
        ("unknown line", lines("JELCGAKDHMBZ"), "there is no line 'Z'"),
        ("twice", lines("JELCGAKDHHMB"), "line H is used twice"),
        ("a text", "order = 'JELCGAKDHMB'", "write a list of labels"),
    ],
}  # fmt: skip

RIGHT = {
    "copied": [
        ("shared, unseen", {COPIED: "new[name] = source[name] if fits else arrays"}),
        (
            "loops",
            "def copied(source, target):\n"
            "    new = dict(target)\n"
            "    for name in source:\n"
            "        if name not in target or len(source[name]) != len(target[name]):\n"
            "            continue\n"
            "        if all(s.shape == t.shape for s, t in zip(source[name], target[name])):\n"
            "            new[name] = tuple(source[name])\n"
            "    return new",
        ),
    ],
    "reordered": [
        ("stacked", {FOUND: "return np.array([gamma, beta, mean, variance])"}),
        (
            "smallest difference, float32",
            "def reordered(arrays, x, y):\n"
            "    arrays = [np.float32(a) for a in arrays]\n"
            "    def difference(p):\n"
            "        g, b, m, v = p\n"
            "        return abs(g * (x - m) / np.sqrt(v + 0.001) + b - y).max()\n"
            "    return min(permutations(arrays), key=difference)",
        ),
        (
            "four loops",
            "def reordered(arrays, x, y):\n"
            "    for i in range(4):\n"
            "        for j in range(4):\n"
            "            for k in range(4):\n"
            "                rest = {0, 1, 2, 3} - {i, j, k}\n"
            "                if len(rest) == 1:\n"
            "                    g, b, m, v = (arrays[n] for n in (i, j, k, *rest))\n"
            "                    if np.allclose((y - b) ** 2 * (v + 0.001), (g * (x - m)) ** 2):\n"
            "                        if np.allclose(g * (x - m) / (v + 0.001) ** 0.5 + b, y):\n"
            "                            return [g, b, m, v]",
        ),
    ],
    "labels_needed": [
        (
            "loop",
            "def labels_needed(accuracy, labels, scores):\n"
            "    if accuracy <= scores[0]:\n"
            "        return int(labels[0])\n"
            "    for i in range(len(labels) - 1):\n"
            "        if accuracy <= scores[i + 1]:\n"
            "            part = (accuracy - scores[i]) / (scores[i + 1] - scores[i])\n"
            "            return labels[i] * (labels[i + 1] / labels[i]) ** part\n"
            "    return float('inf')",
        ),
        ("base 2", {"np.exp(": "np.exp2(", "np.log(": "np.log2("}),
        ("right", {"return np.inf\n    return": "return np.inf\n    return 1.0 *"}),
    ],
    "repaired": [
        ("mended one by one", repair("network(10)", "", COPY)),
        ("another head on a clone", repair(
            "keras.Sequential([keras.Input((6,)), *[type(d).from_config(d.get_config()) "
            "for d in source.layers[:-1]], head])", "", COPY)),
        ("seeded before it is built", {
            "    target = network": "    keras.utils.set_random_seed(seed)\n    target = network",
            f"    {FINE}\n": ""}),
        ("fit", {"target.train_on_batch(x, y)": "target.fit(x, y, batch_size=len(x), verbose=0)"}),
    ],
    "trains": [
        (
            "loop",
            "def trains(sizes, copied, way):\n"
            "    answer = {}\n"
            "    for name in reversed(list(sizes)):\n"
            "        answer[name] = 1\n"
            "        if way == 'frozen' and name in copied:\n"
            "            answer[name] = 0\n"
            "        if sizes[name] == 0:\n"
            "            answer[name] = 0\n"
            "    return answer",
        ),
        ("NumPy", {TRAINS: f"np.bool_({TRAINS})"}),
    ],
    "trained": [
        ("fit", {"target.train_on_batch(x, y)": "target.fit(x, y, batch_size=len(x), verbose=0)"}),
        ("other order of the answer", {"in target.layers}": "in target.layers[::-1]}"}),
        ("a softmax of its own", {
            "    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n":
            "    def loss(y, z):\n"
            "        one = keras.ops.one_hot(keras.ops.reshape(y, (-1,)), 10)\n"
            "        return -keras.ops.mean(keras.ops.sum(one * keras.ops.log_softmax(z), -1))\n"}),
    ],
    "compared": [
        (
            "loops",
            "def compared(transfer, scratch, patient):\n"
            "    rival = max(list(scratch), list(patient), key=sum)\n"
            "    d = [float(t - r) for t, r in zip(transfer, rival)]\n"
            "    gain = sum(d) / len(d)\n"
            "    error = (sum((v - gain) ** 2 for v in d) / (len(d) - 1) / len(d)) ** 0.5\n"
            "    verdict = 'undecided'\n"
            "    if abs(gain) > 3 * error:\n"
            "        verdict = 'positive' if gain > 0 else 'negative'\n"
            "    return dict(verdict=verdict, error=error, gain=gain)",
        ),
        ("float32", {"d = transfer - rival": "d = np.float32(transfer) - np.float32(rival)"}),
    ],
    "order": [
        ("labels by hand", 'order = ["J", "E", "L", "C", "G", "A", "K", "D", "H", "M", "B"]'),
        ("list of a text", "order = list('JELCGAKDHMB')"),
    ],
}  # fmt: skip
