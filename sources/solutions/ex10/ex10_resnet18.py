# %% [markdown]
# # Exercises 10 · ResNet18 in PyTorch
#
# Six tasks and an open question on chapter 10, about 90 minutes. Each task has a cell for your answer and
# below it a cell that checks it, as often as you like, on numbers that are new each time. Write each answer yourself,
# without the library function that does the task.
#
# - `ex.momentum.hint()` gives a hint; call it again for the next. There are three.
# - `ex.progress()` shows what is done. Each task is worth 10 points, all or nothing, and its last check counts,
#   until `tlcourse reset ex10` in a terminal gives you a fresh copy of the set (and keeps yours).
# - An answer does not change the arrays, lists and dicts that it is given. What it prints is not shown by its check.
# - Leave the names of the functions and the cells that check as they are.
# - A check cell that is not yet right stops nothing: Run All goes on.
# - Run each cell, save, then `tlcourse submit ex10` in a terminal of JupyterLab writes the file to hand in.
#
# The tasks are about PyTorch, but NumPy is all that you need: you compute what PyTorch does, and so you will know it.

# %% tags=["setup"]
import numpy as np

from tlcourse import exercise

ex = exercise("ex10", edition=1)


# %% [markdown]
# ## 1 · Two definitions of momentum
#
# Both libraries call it SGD with momentum, and they do not define it alike. With the gradient g, the learning rate α and the momentum β,
# one step is
#
# $$ \text{PyTorch:} \quad v \leftarrow \beta v + g, \quad \theta \leftarrow \theta - \alpha v \qquad\qquad
# \text{Keras:} \quad v \leftarrow \beta v - \alpha g, \quad \theta \leftarrow \theta + v . $$
#
# Both begin at the same `theta`, shape (D,), with v = 0. `gradients`, shape (T, D), holds the gradients of T steps, the same for both,
# and `alphas`, shape (T,), the learning rate of each step. Return three values:
#
# 1. PyTorch's path: θ after each of the T steps, shape (T, D), without the start;
# 2. Keras' path, of the same shape;
# 3. the number of the first step after which the two θ differ by more than 10⁻⁶ in at least one entry.
#    The first step has the number 1. If there is no such step, it is 0.

# %%
def momentum(theta, gradients, alphas, beta):
    ### BEGIN SOLUTION
    v = np.zeros(len(theta))
    u = np.zeros(len(theta))
    of_pytorch, of_keras = [theta], [theta]
    for g, alpha in zip(gradients, alphas, strict=True):
        v = beta * v + g
        of_pytorch.append(of_pytorch[-1] - alpha * v)
        u = beta * u - alpha * g
        of_keras.append(of_keras[-1] + u)
    first, second = np.array(of_pytorch[1:]), np.array(of_keras[1:])
    apart = np.abs(first - second).max(axis=1) > 1e-6
    parted = np.argmax(apart) + 1 if apart.any() else 0
    return first, second, parted
    ### END SOLUTION


# %%
ex.momentum.check(momentum)


# %% [markdown]
# When do they part, then? Compare your third value with `alphas`. In Keras a velocity remembers the rates of the steps in which it was
# made; in PyTorch a smaller rate slows down all of it at once. So a schedule is not quite the same schedule in the other library.
#
# ## 2 · Weight decay, coupled and decoupled
#
# PyTorch's `Adam(weight_decay=…)` and `AdamW(weight_decay=…)` take the same number λ, and mean something else by it:
#
# - **coupled** (an L2 term): λθ is added to the gradient, and Adam sees the sum;
# - **decoupled** (AdamW, Loshchilov & Hutter 2019): each step first shrinks θ to (1 − αλ) θ, and then takes α times what Adam makes of the gradient *alone*.
#
# Here is Adam, to use as it is.

# %%
def adam(g, m, v, t):
    """What Adam makes of the gradient g in step t = 1, 2, 3, …; and the new m and v."""
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    return m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


# %% [markdown]
# Without decay a step is θ ← θ − α · (the first of the three values). `theta` has the shape (D,), and `gradients`, shape (T, D), holds the gradients of
# the data in T steps, the same for both. `alpha` and `decay` are the numbers α and λ. Return two arrays of shape (D,): θ after the T steps
# with coupled decay, and θ after the T steps with decoupled decay. Both begin at `theta`, with m = 0 and v = 0.

# %%
def decays(theta, gradients, alpha, decay):
    ### BEGIN SOLUTION
    coupled, m, v = theta, np.zeros(len(theta)), np.zeros(len(theta))
    for t, g in enumerate(gradients, start=1):
        step, m, v = adam(g + decay * coupled, m, v, t)
        coupled = coupled - alpha * step
    decoupled, m, v = theta, np.zeros(len(theta)), np.zeros(len(theta))
    for t, g in enumerate(gradients, start=1):
        step, m, v = adam(g, m, v, t)
        decoupled = (1 - alpha * decay) * decoupled - alpha * step
    return coupled, decoupled
    ### END SOLUTION


# %%
ex.decays.check(decays)


# %% [markdown]
# Try it without any gradient: `decays(np.array([2.0, 0.1]), np.zeros((50, 2)), 0.01, 0.1)`. What becomes of the large weight, and what of the small one?
#
# ## 3 · Parameter groups
#
# You fine-tune a network from the source task. An optimiser of PyTorch takes a list of groups, each with settings of its own. `parameters` is a
# list with a pair [name, shape] for each parameter, such as `["layer1.0.conv1.weight", [64, 64, 3, 3]]`. Put the names into groups by these rules:
#
# - A parameter **belongs to a layer** if its name begins with the layer's name and a dot. Layers may be nested (`layer1.0`).
# - The **head** is what belongs to the layer `fc`. It learns with the rate `alpha`, the rest of the
#   network, the backbone, with a tenth of it.
# - What has **one axis** gets `weight_decay` 0: the biases, and the scales and shifts of BatchNorm. (In ResNet18 some of them hide behind names
#   such as `layer2.0.downsample.1.weight`. Their shape gives them away.) All else gets `decay`.
# - `frozen` is a list of layers, such as `["conv1", "bn1", "layer1"]`. What belongs to one of them is in **no** group.
#   `frozen` may contain `fc`.
#
# Return a list of dicts `{"params": […], "lr": …, "weight_decay": …}`, in this order: the backbone with decay, the backbone without, the head with
# decay, the head without. The names in a group stand in the order of `parameters`. Leave out a group that would be empty.

# %%
def groups(parameters, frozen, alpha, decay):
    ### BEGIN SOLUTION
    made = []
    for part, rate in (("backbone", alpha / 10), ("head", alpha)):
        for strength, many_axes in ((decay, True), (0, False)):
            names = []
            for name, shape in parameters:
                own = "head" if name.startswith("fc.") else "backbone"
                is_frozen = any(name.startswith(layer + ".") for layer in frozen)
                if own == part and (len(shape) > 1) == many_axes and not is_frozen:
                    names.append(name)
            if names:
                made.append({"params": names, "lr": rate, "weight_decay": strength})
    return made
    ### END SOLUTION


# %%
ex.groups.check(groups)


# %% [markdown]
# ## 4 · The lost flatten
#
# `nn.Sequential(*list(model.children())[:-1], nn.Linear(512, 10))` is often printed as the way to give a network a new head. But
# `children()` lists the *layers* of a network, and not what its `forward` does between them. Here you find out what becomes of the shape. `shape` is that
# of the input, [N, channels, height, width], and `layers` is a list of layers like those in the table.
#
# A window of side k with stride s and padding p turns a side n into ⌊(n + 2p − k) / s⌋ + 1. It fits if k is at most n + 2p, in height and in width.
#
# | layer | what it needs | what it returns |
# |---|---|---|
# | `["Conv2d", channels_in, channels_out, k, s, p]` | four axes, `channels_in` channels, a window that fits | [N, channels_out, new height, new width] |
# | `["MaxPool2d", k, s, p]` | four axes, a window that fits | [N, channels, new height, new width] |
# | `["ReLU"]` | nothing | the shape as it is |
# | `["AdaptiveAvgPool2d", a]` | four axes (here it always gets them) | [N, channels, a, a] |
# | `["Flatten"]` | nothing | [N, product of all other axes] |
# | `["Linear", features_in, features_out]` | a *last* axis of `features_in` | the shape with `features_out` as its *last* axis |
#
# Return the list of shapes after each layer, each a list of whole numbers. A layer that does not get what it needs refuses its input, and PyTorch stops there with an
# error: stop at the first layer that refuses, and return the shapes made so far. (If it is the first of all, the list is empty.)

# %%
def shapes(shape, layers):
    ### BEGIN SOLUTION
    found = []
    for kind, *sizes in layers:
        if kind in ("Conv2d", "MaxPool2d"):
            k, s, p = sizes[-3:]
            others = kind == "Conv2d" and shape[1] != sizes[0]
            if others or len(shape) != 4 or min(shape[2:]) + 2 * p < k:
                break
            channels = sizes[1] if kind == "Conv2d" else shape[1]
            shape = [shape[0], channels] + [(n + 2 * p - k) // s + 1 for n in shape[2:]]
        elif kind == "AdaptiveAvgPool2d":
            shape = [*shape[:2], sizes[0], sizes[0]]
        elif kind == "Flatten":
            shape = [shape[0], int(np.prod(shape[1:]))]
        elif kind == "Linear":
            if shape[-1] != sizes[0]:
                break
            shape = [*shape[:-1], sizes[1]]
        found.append(shape)
    return found
    ### END SOLUTION


# %%
ex.shapes.check(shapes)


# %% [markdown]
# An error is the lucky case. Which `features_in` would let the linear layer accept images that nobody has flattened, and what would it do to them?
#
# ## 5 · Stay near the start: L2-SP
#
# Weight decay pulls all weights towards zero, and so away from what was learned from the source. L2-SP (Li et al. 2018) pulls the backbone towards the weights $w^0$ with which
# fine-tuning began, and only the new head, which has no such start, towards zero:
#
# $$ R(w) = \frac{\lambda}{2} \sum_{j \text{ in backbone}} (w_j - w^0_j)^2 + \frac{\mu}{2} \sum_{j \text{ in head}} w_j^2 . $$
#
# `weights` is a dict that gives an array for each parameter's name. `start` is the `state_dict` with which fine-tuning began. It holds more than you need: the
# running means of BatchNorm, which are no parameters, and the weights of the *old* head, for the classes of the source. The head's names begin with
# `fc.`. `lam` and `mu` are the numbers λ and μ. Return two values: R, a number; and a dict that gives for each name in `weights` the gradient of R with respect to
# that array, of the array's shape.

# %%
def l2_sp(weights, start, lam, mu):
    ### BEGIN SOLUTION
    penalty, gradients = 0, {}
    for name, w in weights.items():
        if name.startswith("fc."):
            strength, away = mu, w
        else:
            strength, away = lam, w - start[name]
        penalty = penalty + strength / 2 * np.sum(away**2)
        gradients[name] = strength * away
    return penalty, gradients
    ### END SOLUTION


# %%
ex.l2_sp.check(l2_sp)

# %% [markdown]
# ## 6 · Put the lines in order
#
# PyTorch leaves the loop to you. This function trains `model` for three epochs and returns the accuracy on the validation images after each of them. `loader` gives
# batches of images and labels. `cross_entropy(z, y)` takes logits and labels, as PyTorch's does; `accuracy(z, y)` takes the same and returns a number. The network
# arrives in evaluation mode, and its parameters may still hold a gradient from what was done with it before.
#
# These are the lines, out of order. Three of them are not needed.

# %%
ex.order.show()

# %% [markdown]
# Give the labels of the lines in order: `order = ["A", "B", …]`. In Jupyter the buttons above write the list for you
# to copy.

# %%
order = ...
### BEGIN SOLUTION
order = ["G", "D", "N", "A", "K", "F", "M", "B", "J", "P", "C", "H", "L"]
### END SOLUTION

# %%
ex.order.check(order)

# %% [markdown]
# ## 7 · An experiment of your own
#
# A colleague wants to tell eight kinds of screws apart and has 60 photographs of each. She loads a ResNet18 with ImageNet's weights, replaces `fc`, and
# writes: "Only the last layer is trained." Her optimiser is `SGD(model.parameters(), lr=0.001, momentum=0.9, weight_decay=0.01)`. She makes the photographs 32 pixels wide, normalises them
# with mean 0.5 and standard deviation 0.5, and trains ten epochs with cross-entropy. `model.eval()` occurs nowhere. The training loss falls to 0.2, and her report says: "Transfer works, and weight decay
# keeps the weights near ImageNet's."
#
# **(a)** Which of her sentences do her lines not support?
#
# **(b)** Plan how you would find out what each of her choices costs, and whether L2-SP would serve her better than weight decay: what you change, one thing
# at a time or together, against which rivals, on which photographs, and how you tune.
#
# **(c)** Which result would make you say "we cannot tell", and what would you do then?
#
# Five to ten sentences in all.

# %% [markdown]
# <!-- BEGIN SOLUTION -->
# **(a)** Three sentences have no support. All parameters went to the optimiser, so the whole network is trained and not only its last layer; a falling training loss says nothing about new screws; and weight decay
# pulls towards zero, not towards ImageNet's weights.
#
# **(b)** Before I measure anything I set 15 photographs of each kind aside as the test, call `eval()` and `no_grad()` for every score, and choose everything by validation on the other 45.
# Then I change one thing at a time, beginning with her notebook as it is: ImageNet's mean and standard deviation in place of 0.5; photographs of 224 pixels in place of 32; and only `fc` trained, with the backbone in
# evaluation mode so that its statistics stay too. At last I change all of it together, because two mistakes may hide each other. The rate, the number of steps and the decay are tuned for each arm by the same effort, until the best lies inside its grid: a rate
# of 0.001 that suits one of them would decide the comparison. The rivals are logistic regression on frozen features and a small network from scratch. For L2-SP I compare no penalty, weight decay and L2-SP on the same fine-tuned network, each with its strength tuned, zero among
# the values, and print how far the weights have moved from ImageNet's beside the accuracy. I do this with 10, 20 and 45 photographs of each kind, since a penalty should matter most where labels are few. Five seeds draw the split and the order
# of the batches, the same for every arm, and I report paired differences with their intervals.
#
# **(c)** If the interval of a difference holds zero I say "we cannot tell", keep what costs least, and do not call a mistake harmless because 120 test photographs did not show its harm.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
ex.progress()
