"""ResNet18 in PyTorch, on arrays."""

SOLVED = "GDNAKFMBJPCHL"


def lines(order):
    return "order = " + repr(list(order))


APART = "np.abs(first - second).max(axis=1) > 1e-6"
V, U = "v = beta * v + g", "u = beta * u - alpha * g"
MOVED, MOVED_KERAS = "of_pytorch[-1] - alpha * v", "of_keras[-1] + u"
PARTED = "np.argmax(apart) + 1 if apart.any() else 0"
L2, SHRUNK = "g + decay * coupled", "(1 - alpha * decay) * decoupled - alpha * step"
STATE = "coupled, m, v = theta, np.zeros(len(theta)), np.zeros(len(theta))"
IN_COUPLED = "step, m, v = adam(g + decay * coupled, m, v, t)"
IN_DECOUPLED = "step, m, v = adam(g, m, v, t)"
ZEROS = "np.zeros(len(theta)), np.zeros(len(theta))"
OWN = 'name.startswith("fc.")'
FROZEN = 'name.startswith(layer + ".")'
BARE = "(len(shape) > 1) == many_axes"
ALL = "if own == part and (len(shape) > 1) == many_axes and not is_frozen"
SIDES = "(n + 2 * p - k) // s + 1"
POOLS = "if others or len(shape) != 4 or min(shape[2:]) + 2 * p < k:"
FITS = "len(shape) != 4 or min(shape[2:]) + 2 * p < k"
LINEAR = (
    "if shape[-1] != sizes[0]:\n                break\n            shape = [*shape[:-1], sizes[1]]"
)
AVERAGE = "shape = [*shape[:2], sizes[0], sizes[0]]"
FLAT = "shape = [shape[0], int(np.prod(shape[1:]))]"
HEAD, AWAY = "strength, away = mu, w", "strength, away = lam, w - start[name]"
R, SLOPE = "strength / 2 * np.sum(away**2)", "gradients[name] = strength * away"


def steps_apart(condition):
    """Each step judged by itself, with a and b for both θ."""
    return {APART: f"np.array([{condition} for a, b in zip(first, second)])"}


def pool_alone(condition):
    """Another condition for MaxPool2d, and the right one for Conv2d."""
    return {POOLS: f"if {condition} if kind == 'MaxPool2d' and len(shape) == 4 else {POOLS[3:-1]}:"}


WRONG = {
    "momentum": [
        ("exchanged", {"return first, second": "return second, first"}, "this is Keras' path"),
        ("both Keras", {V: "v = beta * v + alpha * g", MOVED: "of_pytorch[-1] - v"},
         "this is Keras' path"),
        ("no momentum", {V: "v = g"}, "this is descent without momentum"),
        ("old velocity", {f"        {V}\n        of_pytorch.append({MOVED})":
                          f"        of_pytorch.append({MOVED})\n        {V}"},
         "θ moves by the v of the step before"),
        ("a mean", {V: "v = beta * v + (1 - beta) * g"}, "PyTorch adds all of it to v"),
        ("Nesterov", {MOVED: "of_pytorch[-1] - alpha * (g + beta * v)"}, "Nesterov's variant"),
        ("uphill", {MOVED: "of_pytorch[-1] + alpha * v"}, "subtract α v"),
        ("rate twice", {V: "v = beta * v + alpha * g"}, "PyTorch has it in the step alone"),
        ("nothing lost", {V: "v = v + g"}, "v adds up all gradients"),
        ("beta times all", {V: "v = beta * (v + g)"}, "β multiplies the new gradient, too"),
        ("first rate", {MOVED: "of_pytorch[-1] - alphas[0] * v"},
         "all steps have the learning rate of the first"),
        ("with the start", {"return first,": "return np.array(of_pytorch),"}, "an array of shape"),
        ("both PyTorch", {U: "u = beta * u - g", MOVED_KERAS: "of_keras[-1] + alpha * u"},
         "this is PyTorch's path"),
        ("Keras without momentum", {U: "u = -alpha * g"}, "Keras' path is descent"),
        ("Keras' old velocity", {f"        {U}\n        of_keras.append({MOVED_KERAS})":
                                 f"        of_keras.append({MOVED_KERAS})\n        {U}"},
         "yours moves by that of the step before"),
        ("Keras' mean", {U: "u = beta * u - (1 - beta) * alpha * g"},
         "Keras subtracts α times all of it"),
        ("Keras' Nesterov", {MOVED_KERAS: "of_keras[-1] + beta * u - alpha * g"},
         "this is Nesterov's variant; θ moves by v alone"),
        ("Keras uphill", {MOVED_KERAS: "of_keras[-1] - u"}, "v holds −αg, so add it"),
        ("Keras' rate twice", {MOVED_KERAS: "of_keras[-1] + alpha * u"}, "Keras has it in v alone"),
        ("Keras loses nothing", {U: "u = u - alpha * g"}, "v adds up all steps"),
        ("Keras' beta", {U: "u = beta * (u - alpha * g)"}, "β multiplies the new αg, too"),
        ("Keras' first rate", {U: "u = beta * u - alphas[0] * g"},
         "all steps of Keras have the learning rate"),
        ("from 0", {"np.argmax(apart) + 1 if": "np.argmax(apart) if"}, "yours counts from 0"),
        ("the last", {PARTED: "len(apart) if apart.any() else 0"}, "this is the last step"),
        ("how many", {PARTED: "np.sum(apart)"}, "this is how many steps end apart"),
        ("never", {PARTED: "0"}, "after some step they differ by more"),
        ("always", {PARTED: "np.argmax(apart) + 1"}, "the number is 0"),
        ("exactly", {"> 1e-6": "> 0"}, "the number is 0"),
        ("nothing for none", {"else 0": "else None"}, "is nothing (None"),
        ("where the rate is another", {APART: "(alphas != alphas[0]) * beta > 0"},
         "where v is still zero, another rate parts nothing"),
        ("10⁻²", steps_apart("max(abs(a - b)) > 1e-2"), "a little more than 10⁻⁶ counts"),
        ("10⁻³", steps_apart("max(abs(a - b)) > 1e-3"), "a little more than 10⁻⁶ counts"),
        ("10⁻⁵", steps_apart("max(abs(a - b)) > 1e-5"), "a little more than 10⁻⁶ counts"),
        ("10⁻⁷", steps_apart("max(abs(a - b)) > 1e-7"), "a little less does not"),
        ("a mean", steps_apart("np.mean(abs(a - b)) > 1e-6"), "a little more than 10⁻⁶ counts"),
        ("close", steps_apart("not np.allclose(a, b)"), "also beside large numbers"),
        ("close, with 10⁻⁶", steps_apart("not np.allclose(a, b, atol=1e-6)"),
         "also beside large numbers"),
        ("a length", steps_apart("np.linalg.norm(a - b) > 1e-6"), "a little less does not"),
        ("a sum", steps_apart("abs(np.sum(a - b)) > 1e-6"), "opposite amounts are apart"),
        ("through all entries", {APART: "np.abs(first - second) > 1e-6"},
         "argmax goes through the entries"),
        ("one array, changed", {"of_pytorch[1:]": "of_pytorch[-1:] * len(alphas)"},
         "your list holds one array T times"),
        ("one array for Keras", {"of_keras[1:]": "of_keras[-1:] * len(alphas)"},
         "your list for Keras holds one array"),
    ],
    "decays": [
        ("exchanged", {"return coupled, decoupled": "return decoupled, coupled"},
         "this is θ with decoupled decay"),
        ("twice decoupled", {IN_COUPLED: "step, m, v = adam(g, m, v, t)",
                             "coupled - alpha * step\n    decoupled,":
                             "(1 - alpha * decay) * coupled - alpha * step\n    decoupled,"},
         "this is θ with decoupled decay"),
        ("after Adam", {IN_COUPLED: "step, m, v = adam(g, m, v, t)",
                        "coupled - alpha * step\n    decoupled,":
                        "coupled - alpha * (step + decay * coupled)\n    decoupled,"},
         "this is θ with decoupled decay"),
        ("no decay", {L2: "g"}, "without its decay here"),
        ("2 lambda", {L2: "g + 2 * decay * coupled"}, "λθ is counted twice"),
        ("minus", {L2: "g - decay * coupled"}, "λθ is subtracted"),
        ("decay of the start", {L2: "g + decay * theta"}, "that of the start in every step"),
        ("alpha in the gradient", {L2: "g + alpha * decay * coupled"}, "α stands in the decay"),
        ("L1", {L2: "g + decay * np.sign(coupled)"}, "times the sign of θ, an L1 term"),
        ("without theta", {L2: "g + decay"}, "the decay is λ without θ"),
        ("both at once", {"coupled - alpha * step\n    decoupled,":
                          "(1 - alpha * decay) * coupled - alpha * step\n    decoupled,"},
         "yours shrinks θ as well"),
        ("m and v begin again", {"        step, m, v = adam(g + ":
                                "        m, v = 0 * m, 0 * v\n        step, m, v = adam(g + "},
         "m and v begin with zeros in each coupled"),
        ("always step 1", {L2 + ", m, v, t": L2 + ", m, v, 1"},
         "t is 1 in every step of the coupled"),
        ("from step 0", {"enumerate(gradients, start=1)": "enumerate(gradients)"},
         "does t begin with 1?"),
        ("from step 2", {"enumerate(gradients, start=1)": "enumerate(gradients, 2)"},
         "t begins with 2 in the coupled"),
        ("from step 2, decoupled", {IN_DECOUPLED: "step, m, v = adam(g, m, v, t + 1)"},
         "t begins with 2 in the decoupled"),
        ("m and v of both", "def decays(theta, gradients, alpha, decay):\n"
         "    a, b, m, v = theta, theta, 0 * theta, 0 * theta\n"
         "    for t, g in enumerate(gradients, start=1):\n"
         "        step, m, v = adam(g + decay * a, m, v, t)\n"
         "        a = a - alpha * step\n"
         "        step, m, v = adam(g, m, v, t)\n"
         "        b = (1 - alpha * decay) * b - alpha * step\n"
         "    return a, b", "the runs share one m and one v"),
        ("θ of the other run", "def decays(theta, gradients, alpha, decay):\n"
         "    (a, m, v), (b, n, w) = [theta, 0 * theta, 0 * theta], [theta, 0 * theta, 0 * theta]\n"
         "    for t, g in enumerate(gradients, start=1):\n"
         "        step, m, v = adam(g + decay * b, m, v, t)\n"
         "        a = a - alpha * step\n"
         "        step, n, w = adam(g, n, w, t)\n"
         "        b = (1 - alpha * decay) * b - alpha * step\n"
         "    return a, b", "holds the θ of the decoupled run"),
        ("uphill", {"coupled - alpha * step\n    decoupled,":
                    "coupled + alpha * step\n    decoupled,"}, "θ goes uphill in the coupled"),
        ("m and v of the other run, first", {
            STATE: "coupled, m, v = theta, *left(theta, gradients)",
            "def decays": "def left(theta, gradients):\n"
                          "    m, v = 0 * theta, 0 * theta\n"
                          "    for t, g in enumerate(gradients, start=1):\n"
                          "        _, m, v = adam(g, m, v, t)\n"
                          "    return m, v\n\n\ndef decays",
        }, "that the decoupled run has left"),
        ("decoupled is coupled", {IN_DECOUPLED: "step, m, v = adam(g + decay * decoupled, m, v, t)",
                                  SHRUNK: "decoupled - alpha * step"},
         "this is θ with coupled decay"),
        ("decoupled without decay", {SHRUNK: "decoupled - alpha * step"}, "θ does not decay"),
        ("without alpha", {"(1 - alpha * decay)": "(1 - decay)"}, "α is missing in the decay"),
        ("the step, too", {SHRUNK: "(1 - alpha * decay) * (decoupled - alpha * step)"},
         "the step of Adam is shrunk, too"),
        ("grows", {"(1 - alpha * decay)": "(1 + alpha * decay)"}, "θ grows"),
        ("shrinks by the start", {SHRUNK: "decoupled - alpha * decay * theta - alpha * step"},
         "that of the start in every step"),
        ("sign of theta", {
            SHRUNK: "decoupled - alpha * decay * np.sign(decoupled) - alpha * step"},
         "αλ times the sign of θ"),
        ("twice as fast", {"(1 - alpha * decay)": "(1 - 2 * alpha * decay)"},
         "twice as fast as it should"),
        ("decoupled both at once", {
            IN_DECOUPLED: "step, m, v = adam(g + decay * decoupled, m, v, t)"},
         "yours is a part of the gradient as well"),
        ("m and v go on", {f"decoupled, m, v = theta, {ZEROS}": "decoupled = theta"},
         "that the coupled run has left"),
        ("decoupled begins again", {"        step, m, v = adam(g, m":
                                   "        m, v = 0 * m, 0 * v\n        step, m, v = adam(g, m"},
         "m and v begin with zeros in each decoupled"),
        ("decoupled, always step 1", {"adam(g, m, v, t)": "adam(g, m, v, 1)"},
         "t is 1 in every step of the decoupled"),
        ("decoupled uphill", {SHRUNK: "(1 - alpha * decay) * decoupled + alpha * step"},
         "θ goes uphill in the decoupled"),
        ("from where the other ended", {f"decoupled, m, v = theta, {ZEROS}":
                                        f"decoupled, m, v = coupled, {ZEROS}"},
         "it begins where the coupled run has ended"),
        ("once, at the end", {SHRUNK: "decoupled - alpha * step", "return coupled, decoupled":
                              "return coupled, (1 - alpha * decay) * decoupled"},
         "θ decays once, at the end"),
    ],
    "groups": [
        ("bn by its name", {
            BARE: '(not (".bn" in "." + name or name.endswith("bias"))) == many_axes'},
         "its shape tells, not its name"),
        ("biases alone", {BARE: '(not name.endswith("bias")) == many_axes'},
         "'bn1.weight' is a scale of BatchNorm"),
        ("BatchNorm alone", {BARE: '("bn" not in name) == many_axes'},
         "'fc.bias' is a bias or shift"),
        ("everything decays", {BARE: "many_axes"}, "it has one axis, and so no weight decay"),
        ("decay exchanged", {BARE: "(len(shape) > 1) != many_axes"}, "has 4 axes, and so"),
        ("bn in the middle of a name", {BARE: '(len(shape) > 1 and "bn" not in name) == many_axes'},
         "'bn' in its name says nothing"),
        ("frozen anywhere in the name", {FROZEN: "layer in name"},
         "though it does not belong to"),
        ("frozen without the dot", {FROZEN: "name.startswith(layer)"},
         "though it does not belong to 'layer1'"),
        ("frozen by the whole name", {FROZEN: "name == layer"}, "belongs to the frozen layer"),
        ("nothing frozen", {" and not is_frozen": ""}, "belongs to the frozen layer"),
        ("frozen weights alone", {" and not is_frozen":
                                  ' and not (is_frozen and name.endswith("weight"))'},
         "belongs to the frozen layer"),
        ("the head never frozen", {" and not is_frozen": ' and (own == "head" or not is_frozen)'},
         "belongs to the frozen layer 'fc"),
        ("frozen with rate 0", {ALL: "if own == part and (len(shape) > 1) == many_axes"},
         "belongs to the frozen layer"),
        ("rates exchanged", {'("backbone", alpha / 10), ("head", alpha)':
                             '("backbone", alpha), ("head", alpha / 10)'},
         "'conv1.weight' belongs to the backbone"),
        ("one rate", {"alpha / 10": "alpha"}, "learns with a tenth of alpha"),
        ("head without the dot", {OWN: 'name.startswith("fc")'},
         "'fcn.weight' does not belong to the layer 'fc'"),
        ("head anywhere", {OWN: '"fc." in name'}, "'fc.' does not stand at the beginning"),
        ("head's weight alone", {OWN: 'name == "fc.weight"'}, "'fc.bias' belongs to the head"),
        ("head of one layer", {OWN: 'name in ("fc.weight", "fc.bias")'},
         "'fc.0.weight' belongs to the head"),
        ("frozen two levels deep", {
            FROZEN: 'layer in (name.split(".")[0], ".".join(name.split(".")[:2]))'},
         "'layer1.0.conv1.weight' belongs to the frozen layer 'layer1.0.conv1'"),
        ("frozen three levels deep", {
            FROZEN: 'layer in [".".join(name.split(".")[:i]) for i in (1, 2, 3)]'},
         "belongs to the frozen layer 'layer2.0.downsample.1'"),
        ("empty groups", {"            if names:\n                made":
                          "            if True:\n                made"},
         "a group without parameters is to be left out"),
        ("head first", {'("backbone", alpha / 10), ("head", alpha)':
                        '("head", alpha), ("backbone", alpha / 10)'}, "the order of the groups"),
        ("without decay first", {"(decay, True), (0, False)": "(0, False), (decay, True)"},
         "group 1 of yours begins with 'bn1.weight'"),
        ("sorted names", {'"params": names': '"params": sorted(names)'},
         "the names of a group stand in the order"),
        ("one group for each", "def groups(parameters, frozen, alpha, decay):\n"
         "    kept = [p for p in parameters if not any(p[0].startswith(f + '.') for f in frozen)]\n"
         "    return [{'params': [n], 'lr': alpha if n.startswith('fc.') else alpha / 10,\n"
         "             'weight_decay': decay if len(s) > 1 else 0} for n, s in kept]",
         "two groups have the same settings"),
        ("a dict", {"return made": "return made[0]"}, "is a dict with the keys"),
        ("lists", {"made.append({": "made.append([{", "strength})": "strength}])"},
         "each group is a dict"),
        ("other keys", {'"lr"': '"learning_rate"'}, "each dict has the three entries"),
        ("names as a text", {'"params": names': '"params": " ".join(names)'},
         "'params' is a list of names"),
        ("pairs in place of names", {"names.append(name)": "names.append([name, shape])"},
         "'params' is a list of names"),
        ("no decay as None", {"(0, False)": "(None, False)"}, "is nothing (None"),
        ("a name twice", {'"params": names': '"params": names + names[:1]'}, "occurs 2 times"),
        ("head in both", {"if own == part": 'if (own == part or part == "backbone")'},
         "occurs 2 times"),
        ("the head forgotten", {'/ 10), ("head", alpha)': "/ 10),"}, "and it is not frozen"),
        ("layers in place of names", {"names.append(name)":
                                      'names.append(name.rsplit(".", 1)[0])'},
         "there is no parameter"),
    ],
    "shapes": [
        ("rounded up", {SIDES: "-(-(n + 2 * p - k) // s) + 1"}, "rounded up in yours"),
        ("one side padded", {SIDES: "(n + p - k) // s + 1"}, "both sides of the image"),
        ("no padding", {SIDES: "(n - k) // s + 1"}, "the padding is missing"),
        ("no stride", {SIDES: "n + 2 * p - k + 1"}, "the stride is missing"),
        ("no 1", {SIDES: "(n + 2 * p - k) // s"}, "the 1 at the end"),
        ("same", {SIDES: "n // s"}, "for some windows only"),
        ("a decimal number", {SIDES: "(n + 2 * p - k) / s + 1"}, "each a list of whole numbers"),
        ("as Keras averages", {AVERAGE: "shape = shape[:2]"}, "Keras' GlobalAveragePooling2D"),
        ("linear flattens", {LINEAR: "if int(np.prod(shape[1:])) != sizes[0]:\n"
                                     "                break\n"
                                     "            shape = [shape[0], sizes[1]]"},
         "Linear does not flatten"),
        ("linear over channels", {LINEAR: "if shape[1] != sizes[0]:\n"
                                          "                break\n"
                                          "            shape = [shape[0], sizes[1], *shape[2:]]"},
         "yours looks at the channels"),
        ("linear takes any", {LINEAR: "shape = [*shape[:-1], sizes[1]]"}, "yours takes any"),
        ("linear wants two axes", {"if shape[-1] != sizes[0]:":
                                   "if shape[-1] != sizes[0] or len(shape) != 2:"},
         "yours refuses them"),
        ("linear keeps the first", {"[*shape[:-1], sizes[1]]": "[shape[0], sizes[1]]"},
         "yours keeps the first alone"),
        ("any channels", {"shape[1] != sizes[0]": "False"}, "Conv2d refuses other channels"),
        ("channels in", {"channels = sizes[1] if": "channels = sizes[0] if"},
         "channels_out channels, not channels_in"),
        ("any window", {FITS: "len(shape) != 4"}, "yours goes on"),
        ("without the padding", {FITS: "len(shape) != 4 or min(shape[2:]) < k"},
         "yours compares it with n"),
        ("one direction", {FITS: "len(shape) != 4 or max(shape[2:]) + 2 * p < k"},
         "yours looks at one of them"),
        ("height alone", {FITS: "len(shape) != 4 or shape[2] + 2 * p < k"},
         "yours looks at one of them"),
        ("just too large", {FITS: "len(shape) != 4 or min(shape[2:]) + 2 * p <= k"},
         "takes the shape"),
        ("flatten multiplies N", {FLAT: "shape = [int(np.prod(shape))]"},
         "leaves the axis of the images alone"),
        ("flatten loses N", {FLAT: "shape = [int(np.prod(shape[1:]))]"}, "keeps N"),
        ("pool leaves it", {'if kind in ("Conv2d", "MaxPool2d")': 'if kind == "Conv2d"'},
         "makes the sides smaller, too"),
        ("height for width", {"for n in shape[2:]]": "for n in shape[2:3] * 2]"},
         "the height stands for the width"),
        ("width for height", {"for n in shape[2:]]": "for n in shape[3:] * 2]"},
         "the width stands for the height"),
        ("exchanged sides", {"for n in shape[2:]]": "for n in shape[:1:-1]]"},
         "height and width are exchanged"),
        ("the input first", {"return found": "return [given, *found]",
                             "    found = []": "    found, given = [], shape"},
         "the first shape is that of the input"),
        ("the last alone", {"return found": "return found[-1:]"}, "holds the last shape alone"),
        ("one shape", {"return found": "return shape"}, "return a list of shapes"),
        ("flat is taken", {FITS: "min(shape[2:] or [99]) + 2 * p < k"}, "it needs four axes"),
        ("an array", {"return found": "return np.array(found[-1:])"}, "return a list of shapes"),
        ("Linear skipped", {"if shape[-1] != sizes[0]:\n                break":
                            "if shape[-1] != sizes[0]:\n                continue"},
         "goes on after a layer that refuses"),
        ("MaxPool2d skipped", {POOLS + "\n                break":
         f"{POOLS}\n                if kind == 'MaxPool2d':\n                    continue\n"
         "                break"}, "layer 2, ['MaxPool2d', 3, 1, 0], refuses"),
        ("Conv2d skipped", {POOLS + "\n                break":
                            f"{POOLS}\n                continue"},
         "because it needs 3 channels"),
        ("height alone for MaxPool2d", pool_alone("k > shape[2] + 2 * p"),
         "a window of side 5 with padding 0 does not fit"),
        ("width alone for MaxPool2d", pool_alone("k > shape[3] + 2 * p"),
         "and one that is too high"),
        ("MaxPool2d without its padding", pool_alone("k > shape[2] or k > shape[3]"),
         "pools where a window just fits onto the padded image"),
        ("any MaxPool2d", pool_alone("False"), "and one that is too high"),
        ("MaxPool2d one too few", pool_alone("k > min(shape[2:]) + 2 * p + 1"), "refuses"),
        ("Linear in place", {"[*shape[:-1], sizes[1]]": "shape\n            shape[-1] = sizes[1]",
                             "    found = []": "    found, shape = [], list(shape)"},
         "Linear changes a list here"),
    ],
    "l2_sp": [
        ("plain L2", {AWAY: "strength, away = lam, w"}, "R pulls the backbone towards zero"),
        ("to the old head", {HEAD: "strength, away = mu, w - start[name]"},
         "R pulls the head towards the old head"),
        ("no half", {R: "strength * np.sum(away**2)"}, "the factor ½ is missing"),
        ("exchanged", {HEAD: "strength, away = lam, w",
                       AWAY: "strength, away = mu, w - start[name]"},
         "λ and μ are exchanged in R"),
        ("lam for all", {HEAD: "strength, away = lam, w"}, "λ stands before the head as well"),
        ("mu for all", {AWAY: "strength, away = mu, w - start[name]"},
         "μ stands before the backbone as well"),
        ("no strengths", {R: "np.sum(away**2) / 2"}, "R has no λ and no μ"),
        ("backbone alone", {"        penalty = penalty +":
                            '        penalty = penalty + (not name.startswith("fc.")) *'},
         "R is that of the backbone alone"),
        ("head alone", {"        penalty = penalty +":
                        '        penalty = penalty + name.startswith("fc.") *'},
         "R is that of the head alone"),
        ("lengths", {R: "strength / 2 * np.sqrt(np.sum(away**2))"}, "R adds lengths"),
        ("mean", {R: "strength / 2 * np.mean(away**2)"}, "R is a mean over the numbers"),
        ("L1", {R: "strength / 2 * np.sum(np.abs(away))"}, "R adds the numbers without"),
        ("negative", {"penalty = penalty +": "penalty = penalty -"}, "the sign of R is reversed"),
        ("head subtracted", {R: f'(-1 if name.startswith("fc.") else 1) * {R}'},
         "the head is subtracted in R"),
        ("square of the sum", {R: "strength / 2 * np.sum(away) ** 2"},
         "R squares the sum of an array"),
        ("gradient of L2", {SLOPE: "gradients[name] = strength * w"},
         "the gradient of the backbone leads towards zero"),
        ("gradient to the old head", {SLOPE: "gradients[name] = strength * (w - start[name])"},
         "the gradient of the head leads to the old head"),
        ("gradient twice", {SLOPE: "gradients[name] = 2 * strength * away"},
         "the gradient is twice too large"),
        ("gradient halved", {SLOPE: "gradients[name] = strength * away / 2"},
         "the gradient is half of what"),
        ("gradient reversed", {SLOPE: "gradients[name] = -strength * away"},
         "the sign of the gradient is reversed"),
        ("gradient exchanged", {SLOPE: "gradients[name] = (lam + mu - strength) * away"},
         "λ and μ are exchanged in the gradient"),
        ("gradient with lam", {SLOPE: "gradients[name] = lam * away"},
         "λ stands before the head as well in the gradient"),
        ("gradient with mu", {SLOPE: "gradients[name] = mu * away"},
         "μ stands before the backbone as well in the gradient"),
        ("gradient alone", {SLOPE: "gradients[name] = away"}, "the gradient has no λ and no μ"),
        ("head has none", {SLOPE: 'gradients[name] = (not name.startswith("fc.")) * strength * '
                                  "away"}, "the head has no gradient"),
        ("backbone has none", {SLOPE: 'gradients[name] = name.startswith("fc.") * strength * '
                                      "away"}, "the backbone has no gradient"),
        ("sign", {SLOPE: "gradients[name] = strength * np.sign(away)"}, "the gradient is the sign"),
        ("gradient of the mean", {SLOPE: "gradients[name] = strength * away / away.size"},
         "divided by the number of entries"),
        ("backbone reversed", {SLOPE: 'gradients[name] = (1 if name.startswith("fc.") else -1) * '
                                      "strength * away"}, "w − w⁰, not w⁰ − w"),
        ("a step", {SLOPE: "gradients[name] = w - strength * away"},
         "this is the new weight after a step"),
        ("fc anywhere", {OWN: '"fc" in name'}, "'fc' occurs in other names, too"),
        ("fc. anywhere", {OWN: '"fc." in name'}, "'fc.' occurs within other names, too"),
        ("fc without the dot", {OWN: 'name.startswith("fc")'}, "'fc' begins other names, too"),
        ("a head of one layer", {OWN: 'name in ("fc.weight", "fc.bias")'},
         "the head has other layers, too"),
        ("the head is not in start", {OWN: "name not in start"}, "holds the old head, too"),
        ("fc anywhere in the gradient", {
            SLOPE: 'gradients[name] = mu * w if "fc" in name else strength * away'},
         "takes another head: 'fc' occurs in other names"),
        ("no half for the backbone", {R: f"strength / (2 if {OWN} else 1) * np.sum(away**2)"},
         "½ is missing before the backbone alone"),
        ("no half for the head", {R: f"strength / (1 if {OWN} else 2) * np.sum(away**2)"},
         "½ is missing before the head alone"),
        ("backbone's lengths", {
            R: f"strength / 2 * (np.sum(away**2) if {OWN} else np.sum(away**2) ** 0.5)"},
         "the lengths of the backbone are not squared"),
        ("head's lengths", {
            R: f"strength / 2 * (np.sum(away**2) ** 0.5 if {OWN} else np.sum(away**2))"},
         "the lengths of the head are not squared"),
        ("the last term", {"penalty = penalty +": "penalty ="}, "the term of the last array alone"),
        ("backbone's gradient halved", {
            SLOPE: f"gradients[name] = strength * away * (1 if {OWN} else 0.5)"},
         "of the backbone alone is half"),
        ("head's gradient halved", {
            SLOPE: f"gradients[name] = strength * away * (0.5 if {OWN} else 1)"},
         "of the head alone is half"),
        ("backbone's gradient doubled", {
            SLOPE: f"gradients[name] = strength * away * (1 if {OWN} else 2)"},
         "of the backbone alone is twice"),
        ("head's gradient doubled", {
            SLOPE: f"gradients[name] = strength * away * (2 if {OWN} else 1)"},
         "of the head alone is twice"),
        ("over the start", {"for name, w in weights.items():":
                            "for name in start:\n        w = weights[name]"}, "KeyError"),
        ("gradients of the start", {"return penalty, gradients":
                                    "return penalty, {n: gradients.get(n, 0 * start[n]) "
                                    "for n in start}"}, "instead of a dict with the keys"),
        ("one array", {"return penalty, gradients": "return penalty, list(gradients.values())"},
         "instead of a dict with the keys"),
    ],
    "order": [
        ("softmax", lines("GDNAKFEBJPCHL"), "with line E the loss gets probabilities"),
        ("emptied once an epoch", lines("GDNAIKMBJPCHL"), "another gradient than that of its"),
        ("never emptied", lines("GDNAKMBJPCHL"), "needs thirteen, and yours has 12"),
        ("emptied after backward", lines("GDNAKMBFJPCHL"), "another gradient than that of its"),
        ("emptied after the step", lines("GDNAKMBJFPCHL"), "another gradient than that of its"),
        ("step before backward", lines("GDNAKFMJBPCHL"), "another gradient than that of its"),
        ("training mode once", lines("GDONKFMBJPCHL"), "a batch goes through the network in"),
        ("training mode after the epoch", lines("GDNKFMBJPCHAL"),
         "a batch goes through the network in"),
        ("judged in training mode", lines("GDNPAKFMBJCHL"), "in training mode, so that"),
        ("backward before the loss", lines("GDNAKFBMJPCHL"), "fails in this order"),
        ("list emptied in the loop", lines("GNADKFMBJPCHL"), "unexpected indent"),
        ("judged before the batches", lines("GDNPCHAKFMBJL"), "judged before the batches"),
        ("no return", lines("GDNAKFMBJPCH"), "lines are missing"),
        ("two lines", lines("GD"), "lines are missing"),
        ("no def", lines("DNAKFMBJPCHL"), "line D"),
        ("twice", lines("GDNAAKFMBJPCHL"), "line A is used twice"),
        ("unknown line", lines("GDNAKFMBJPCHLZ"), "there is no line 'Z'"),
        ("a text", f"order = '{SOLVED}'", "write a list of labels"),
    ],
}  # fmt: skip

RIGHT = {
    "momentum": [
        (
            "step by step",
            "def momentum(theta, gradients, alphas, beta):\n"
            "    one = two = theta\n"
            "    v = w = 0 * theta\n"
            "    first, second, parted = np.empty(gradients.shape), 0 * gradients, 0\n"
            "    for t in range(len(alphas)):\n"
            "        v = v * beta + gradients[t]\n"
            "        one = one - v * alphas[t]\n"
            "        w = w * beta - gradients[t] * alphas[t]\n"
            "        two = two + w\n"
            "        first[t], second[t] = one, two\n"
            "        if not parted and max(abs(one - two)) > 1e-6:\n"
            "            parted = t + 1\n"
            "    return first, second, parted",
        ),
        (
            "by sums",
            "def momentum(theta, gradients, alphas, beta):\n"
            "    t = np.arange(len(alphas))\n"
            "    kept = np.tril(beta ** np.maximum(t[:, None] - t, 0.0))\n"
            "    a = np.asarray(alphas)[:, None]\n"
            "    one = theta - np.cumsum(a * (kept @ gradients), axis=0)\n"
            "    two = theta - np.cumsum(kept @ (a * gradients), axis=0)\n"
            "    apart = [i + 1 for i in t if (abs(one - two)[i] > 1e-6).any()]\n"
            "    return one, two, apart[0] if apart else 0",
        ),
        ("minus the velocity of Keras", {U: "u = beta * u + alpha * g",
                                         MOVED_KERAS: "of_keras[-1] - u"}),
    ],
    "decays": [
        (
            "in one loop",
            "def decays(theta, gradients, alpha, decay):\n"
            "    zero = 0 * theta\n"
            "    (a, m, v), (b, n, w) = [theta, zero, zero], [theta, zero, zero]\n"
            "    for t in range(len(gradients)):\n"
            "        g = gradients[t]\n"
            "        step, m, v = adam(g + decay * a, m, v, t + 1)\n"
            "        other, n, w = adam(g, n, w, t + 1)\n"
            "        a = a - alpha * step\n"
            "        b = b - alpha * (other + decay * b)\n"
            "    return [a, b]",
        ),
        ("shrunk first", {SHRUNK: "decoupled - alpha * decay * decoupled - alpha * step"}),
    ],
    "groups": [
        (
            "four lists",
            "def groups(parameters, frozen, alpha, decay):\n"
            "    lists = [], [], [], []\n"
            "    for name, shape in parameters:\n"
            "        if name.startswith(tuple(f'{layer}.' for layer in frozen)):\n"
            "            continue\n"
            "        head = name.split('.')[0] == 'fc'\n"
            "        lists[2 * head + (len(shape) == 1)].append(name)\n"
            "    rates = alpha * 0.1, alpha * 0.1, alpha, alpha\n"
            "    settings = zip(lists, rates, (decay, 0.0, decay, 0.0))\n"
            "    return [dict(params=n, lr=r, weight_decay=d) for n, r, d in settings if n]",
        ),
        ("by another dot", {FROZEN: '(name + ".").startswith(layer + ".")'}),
    ],
    "shapes": [
        (
            "a rule for each kind",
            "def shapes(shape, layers):\n"
            "    def after(s, kind, *a):\n"
            "        if kind == 'ReLU':\n"
            "            return list(s)\n"
            "        if kind == 'Flatten':\n"
            "            product = 1\n"
            "            for n in s[1:]:\n"
            "                product *= n\n"
            "            return [s[0], product]\n"
            "        if kind == 'Linear':\n"
            "            return s[:-1] + [a[1]] if s[-1] == a[0] else None\n"
            "        if kind == 'AdaptiveAvgPool2d':\n"
            "            return s[:2] + [a[0]] * 2\n"
            "        k, stride, p = a[-3:]\n"
            "        if len(s) < 4 or any(n + 2 * p < k for n in s[2:]):\n"
            "            return None\n"
            "        c = s[1]\n"
            "        if kind == 'Conv2d':\n"
            "            if c != a[0]:\n"
            "                return None\n"
            "            c = a[1]\n"
            "        return [s[0], c, *((n + 2 * p - k + stride) // stride for n in s[2:])]\n"
            "    made = []\n"
            "    for layer in layers:\n"
            "        shape = after(shape, *layer)\n"
            "        if shape is None:\n"
            "            return made\n"
            "        made.append(shape)\n"
            "    return made",
        ),
        ("tuples", {"found.append(shape)": "found.append(tuple(shape))"}),
    ],
    "l2_sp": [
        (
            "towards what it is pulled to",
            "def l2_sp(weights, start, lam, mu):\n"
            "    target = {n: 0 if n[:3] == 'fc.' else start[n] for n in weights}\n"
            "    factor = {n: mu if n[:3] == 'fc.' else lam for n in weights}\n"
            "    slopes = {n: factor[n] * (weights[n] - target[n]) for n in weights}\n"
            "    R = sum(np.sum(s * (weights[n] - target[n])) for n, s in slopes.items()) / 2\n"
            "    return [float(R), slopes]",
        ),
        ("norm", {"np.sum(away**2)": "np.linalg.norm(away.ravel()) ** 2"}),
    ],
    "order": [
        ("list of a text", f"order = list('{SOLVED}')"),
        ("emptied after the loss", lines("GDNAKMFBJPCHL")),
        ("twice in training mode", lines("GDONAKFMBJPCHL")),
    ],
}  # fmt: skip
