# %% [markdown]
# # Exercises 08 · Trust
#
# Five tasks and an open question on chapter 08, about 65 minutes. Each task has a cell for your answer and
# below it a cell that checks it, as often as you like, on numbers that are new each time. Write each answer yourself,
# without the library function that does the task.
#
# - `ex.ece.hint()` gives a hint; call it again for the next. There are three.
# - `ex.progress()` shows what is done. Each task is worth 10 points, all or nothing, and its last check counts,
#   until `tlcourse reset ex08` in a terminal gives you a fresh copy of the set (and keeps yours).
# - An answer does not change the arrays that it is given. What it prints is not shown by its check.
# - Leave the names of the functions and the cells that check as they are.
# - A check cell that is not yet right stops nothing: Run All goes on.
# - Run each cell, save, then `tlcourse submit ex08` in a terminal of JupyterLab writes the file to hand in.
#
# NumPy is all that you need.

# %% tags=["setup"]
import numpy as np

from tlcourse import exercise

ex = exercise("ex08", edition=1)


# %% [markdown]
# ## 1 · The calibration error
#
# N answers have the confidences `confidence`, shape (N,), and `right` says of each whether it was right, shape (N,), True or
# False. Divide the confidences from 0 to 1 into `bins` bins of equal width; a confidence of exactly 1 belongs into the last. Return
#
# $$ \mathrm{ECE} = \sum_b \frac{n_b}{N}\, \bigl|\,\text{accuracy}_b - \text{confidence}_b\,\bigr|, $$
#
# where $n_b$ answers lie in bin b, with their share of right ones and their mean confidence. Empty bins count nothing.

# %%
def ece(confidence, right, bins):
    ### BEGIN SOLUTION
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for b in range(bins):
        inside = place == b
        if inside.any():
            gap = right[inside].mean() - confidence[inside].mean()
            total += inside.mean() * abs(gap)
    return total
    ### END SOLUTION


# %%
ex.ece.check(ece)


# %% [markdown]
# ## 2 · Log loss and Brier score
#
# `p` holds the probabilities of K classes for N examples, shape (N, K), all above 0, and `y` the right classes, shape (N,). Return an
# array of two numbers, first the log loss and then the Brier score:
#
# $$ -\frac1N \sum_i \log p_{i, y_i}, \qquad \frac1N \sum_i \sum_k \bigl(p_{ik} - [k = y_i]\bigr)^2, $$
#
# where $[k = y_i]$ is 1 for the right class and 0 for the others.

# %%
def scores(p, y):
    ### BEGIN SOLUTION
    given = p[np.arange(len(y)), y]
    truth = np.eye(p.shape[1])[y]
    log_loss = -np.log(given).mean()
    brier = ((p - truth) ** 2).sum(axis=1).mean()
    return np.array([log_loss, brier])
    ### END SOLUTION


# %%
ex.scores.check(scores)


# %% [markdown]
# ## 3 · Where does it look?
#
# A convolution returned `maps`, shape (n, H, W, C), for n images. `slopes`, of the same shape, holds how much the logit of a class rises
# with each of these numbers. Return the heat of Grad-CAM, shape (n, H, W), in four steps:
#
# 1. The weight of each channel, in each image, is the mean of its slopes over all places.
# 2. Add the maps of all channels, each with its weight.
# 3. Cut off at 0 what speaks against the class.
# 4. Scale each image's heat to a maximum of 1. If nothing speaks for the class, it stays 0 everywhere.

# %%
def heat(maps, slopes):
    ### BEGIN SOLUTION
    weights = slopes.mean(axis=(1, 2), keepdims=True)
    raw = np.maximum((maps * weights).sum(axis=3), 0)
    top = raw.max(axis=(1, 2), keepdims=True)
    return raw / np.where(top > 0, top, 1)
    ### END SOLUTION


# %%
ex.heat.check(heat)


# %% [markdown]
# ## 4 · Predict, then measure: the best of several
#
# Eight networks are equally good: each reads 70 % of all images. Each is tested on 50 images of its own. The best
# score is reported as the accuracy of its network.
#
# **Predict**, before you read on: by how many points is that report too good on average? And with 500 images each?
# Write your two guesses down.
#
# Now measure it. `p` holds the true accuracies of M networks, shape (M,), which may differ. Each network is tested on
# n images of its own, so the number of its right answers is binomially distributed: `rng.binomial(n, p)`, with
# `rng = np.random.default_rng()`, draws one for each network. The network with the best score wins (of equals, the first). Return the mean, over at least 20,000
# repetitions, of the winner's score minus the *winner's* true accuracy.

# %%
def optimism(p, n):
    ### BEGIN SOLUTION
    rng = np.random.default_rng(0)
    scores = rng.binomial(n, p, (20_000, len(p))) / n
    winner = scores.argmax(1)
    return np.mean(scores.max(1) - p[winner])
    ### END SOLUTION


# %%
ex.optimism.check(optimism)

# %% [markdown]
# Were your guesses right? `optimism(np.full(8, 0.7), 50)` tells.
#
# ## 5 · Put the lines in order
#
# M trained networks gave logits: `z_val`, of shape (M, V, K), for V validation images, and `z_test`, of shape
# (M, N, K), for N test images. An honest evaluation chooses the best network, fits a temperature to it, and then says
# how accurate it is and how far its mean confidence lies from that. `softmax(z)` turns logits (N, K) into
# probabilities; `fit_temperature(z, y)` returns the number T by which logits should be divided.
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
order = ["F", "J", "B", "H", "D", "K", "A", "I", "E"]
### END SOLUTION

# %%
ex.order.check(order)

# %% [markdown]
# ## 6 · An experiment of your own
#
# A nature reserve has cameras at forty watering places. A network was fine-tuned on photographs of thirty of them, to count
# lions, and reads 95 % of the test photographs, drawn from the same thirty. It is to run at all forty, for years, and where
# it is sure nobody will look. Plan what you would measure before you trust it: on which photographs, whether its confidence
# may be believed, what becomes of the photographs of which it is unsure, where it looks, and which result would stop the
# plan. Five to ten sentences.

# %% [markdown]
# <!-- BEGIN SOLUTION -->
# The ten other places are what will be new in use, so they are the test, and nothing is chosen on them. I split the thirty by
# place as well, and keep five for validation; night, rain and the dry season are reported each by itself. On validation places I
# fit one temperature, and on the ten test places I measure calibration error, log loss and Brier score with it, because a temperature that suits known places
# need not suit new ones. Photographs below a confidence that I choose on validation go to a ranger; I report how many that are,
# and the accuracy on the rest. A shift makes networks too sure, so I draw 200 of the sure photographs at random each month and have
# them read by a person. With Grad-CAM I measure which share of the heat falls on the animal rather than on a post or the camera's
# date stamp, over a hundred photographs, and compare with another network and with random weights. I would
# stop if, on the new places, fewer than nine in ten of the sure answers are right, or if covering the date stamp changes answers.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
ex.progress()
