# %% [markdown]
# # Exercises 02 · Cross-entropy
#
# Eight tasks and an open question on chapter 02, about 90 minutes. Each task has a cell for your answer and
# below it a cell that checks it, as often as you like, on numbers that are new each time.
#
# - `ex.softmax.hint()` gives a hint; call it again for the next. There are three.
# - `ex.progress()` shows what is done. Each task is worth 10 points, all or nothing, and its last check counts,
#   until `tlcourse reset ex02` in a terminal gives you a fresh copy of the set (and keeps yours).
# - An answer does not change the arrays that it is given. What it prints is not shown by `check`: to look inside,
#   call it yourself in a new cell.
# - To hand the set in, run each cell, save the notebook, then run `tlcourse submit ex02` in a terminal of JupyterLab.
# - Leave the names of the functions and the cells that check as they are.
#
# N is the number of examples, K of classes. Logits `z` have the shape (N, K), and `labels` holds N class numbers from 0
# to K−1.

# %% tags=["setup"]
import numpy as np

from tlcourse import exercise, losses

ex = exercise("ex02", edition=2)


# %% [markdown]
# ## 1 · A softmax that does not overflow
#
# $$ \hat y_k = \frac{e^{z_k}}{\sum_j e^{z_j}} $$
#
# for each row of `z`. The result has the shape (N, K). It is to be right for logits of any size, also where
# $e^{z}$ is too large for the computer. (Do not use a softmax of a library.)

# %%
def softmax(z):
    ### BEGIN SOLUTION
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %%
ex.softmax.check(softmax)


# %% [markdown]
# ## 2 · Cross-entropy from logits
#
# Return the mean over the examples of $-\log \hat y_r$, where r is the label: one number. Take the natural logarithm, and let
# the result be right where $\hat y_r$ rounds to 0. (Do not use a loss of a library, nor its `logsumexp`.)

# %%
def cross_entropy(z, labels):
    ### BEGIN SOLUTION
    z = z - z.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(z).sum(axis=1))
    return np.mean(log_sum - z[np.arange(len(z)), labels])
    ### END SOLUTION


# %%
ex.cross_entropy.check(cross_entropy)


# %% [markdown]
# ## 3 · Its gradient
#
# Return the gradient of the loss of task 2 with respect to the logits, of shape (N, K).

# %%
def logit_gradient(z, labels):
    ### BEGIN SOLUTION
    e = np.exp(z - z.max(axis=1, keepdims=True))
    y_hat = e / e.sum(axis=1, keepdims=True)
    return (y_hat - np.eye(z.shape[1])[labels]) / len(z)
    ### END SOLUTION


# %%
ex.logit_gradient.check(logit_gradient)


# %% [markdown]
# ## 4 · From one logit to two
#
# A model for two classes has a single logit for each example, of shape (N,), and gives class 1 the probability
# $\sigma(z) = 1/(1 + e^{-z})$. Return two logits for each example, of shape (N, 2), whose softmax gives class 1 the same probability.

# %%
def two_logits(z):
    ### BEGIN SOLUTION
    return np.stack([np.zeros_like(z), z], axis=1)
    ### END SOLUTION


# %%
ex.two_logits.check(two_logits)


# %% [markdown]
# ## 5 · Label smoothing
#
# Make targets of shape (N, K) from class numbers: a share ε (0.1, say) of the certainty is taken from the right class and spread over
# all K classes, the right one included.

# %%
def smooth_targets(labels, k, epsilon):
    ### BEGIN SOLUTION
    return (1 - epsilon) * np.eye(k)[labels] + epsilon / k
    ### END SOLUTION


# %%
ex.smooth_targets.check(smooth_targets)


# %% [markdown]
# ## 6 · Repair it
#
# Softmax regression by gradient descent: the logits are `x @ w`, with `x` of shape (N, D) and `w` of shape (D, K); `w` begins
# at zero, and each of the `steps` goes along the gradient of the mean cross-entropy. This version has three faults.
# Look at what it returns: which class would it choose for the first example?

# %%
# With three faults.
def broken(x, labels, k, alpha, steps):
    w = np.zeros((x.shape[1], k))
    y = np.eye(k)[labels]
    for _ in range(steps):
        p = np.exp(x @ w) / np.exp(x @ w).sum(axis=0)
        p = np.exp(p) / np.exp(p).sum(axis=1, keepdims=True)
        w = w + alpha * x.T @ (p - y) / len(y)
    return w


broken(np.eye(2), np.array([0, 1]), k=2, alpha=0.5, steps=3)


# %% [markdown]
# Write the repaired version here. (Copy it, and mend one fault after the other.)

# %%
def train(x, labels, k, alpha, steps):
    ### BEGIN SOLUTION
    w = np.zeros((x.shape[1], k))
    y = np.eye(k)[labels]
    for _ in range(steps):
        p = np.exp(x @ w) / np.exp(x @ w).sum(axis=1, keepdims=True)
        w = w - alpha * x.T @ (p - y) / len(y)
    return w
    ### END SOLUTION


# %%
ex.train.check(train)

# %% [markdown]
# ## 7 · Predict, then measure: the loss of a model that knows nothing
#
# A new network gives every class nearly the same logit. Predict its cross-entropy for 2, 10 and 100 classes, before you run anything.
# Then measure it: logits of random noise with a standard deviation of 0.01, a thousand random labels, and
# `losses.cross_entropy(z, labels)`.
#
# `chance` is a dict with two lists of three numbers, in this order of the classes: `"predicted"` (two decimals are enough) and
# `"measured"` (as they come, not rounded).

# %%
chance = {"predicted": ..., "measured": ...}
### BEGIN SOLUTION
rng = np.random.default_rng(0)
measured = []
for k in (2, 10, 100):
    z = rng.normal(0, 0.01, (1000, k))
    measured.append(losses.cross_entropy(z, rng.integers(0, k, 1000)))
chance = {"predicted": [np.log(k) for k in (2, 10, 100)], "measured": measured}
### END SOLUTION

# %%
ex.chance.check(chance)

# %% [markdown]
# ## 8 · Put the lines in order
#
# Training for a number of epochs, which gives back the weights that had the lowest validation loss. `x` has the
# shape (N, D) and `y` (N, K); `x_val` and `y_val` have as many columns, and rows of their own. `y` and `y_val` are one-hot.
# `softmax` and `cross_entropy` are given; `cross_entropy` takes logits. Three of the lines are not needed.

# %%
ex.order.show()

# %% [markdown]
# Give the labels of the lines in order: `order = ["A", "B", …]`. In Jupyter the buttons above write the list for you
# to copy.

# %%
order = ...
### BEGIN SOLUTION
order = ["H", "J", "C", "E", "L", "D", "A", "I", "G"]
### END SOLUTION

# %%
ex.order.check(order)

# %% [markdown]
# ## 9 · A diagnosis of your own
#
# Three colleagues train networks for ten classes. The loss of the first begins at 2.30 and stays there. That of the second begins at 0.33
# and hardly falls, though its accuracy is reported as 90 % from the start. That of the third falls to 1.47 and no
# further, on training data that it classifies without an error. What do you suspect in each case, and with which one
# measurement would you find out?

# %% [markdown]
# <!-- BEGIN SOLUTION -->
# The first stays at ln 10: the model knows nothing and does not learn. Look at the gradient: if it is zero, something is frozen, saturated
# or cut off (or the inputs are all the same after a wrong scaling); if it is not, the learning rate is too small, or the labels do not belong to
# the inputs. Over-fitting ten examples on purpose tells these apart.
#
# The second uses the binary loss and binary accuracy: 0.33 is the binary loss of the forecast 1/10 for each entry, and nine of ten entries of a
# one-hot row are zeros. Count right classes with argmax: it will be near 10 %.
#
# The third takes softmax twice: a perfect forecast then costs −log(e/(e + 9)) = 1.46. Print the sum of a row of what goes into
# the loss; if it is 1 and the loss expects logits, one softmax has to go.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
ex.progress()
