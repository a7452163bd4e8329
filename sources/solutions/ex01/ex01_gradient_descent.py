# %% [markdown]
# # Exercises 01 · Gradient descent
#
# Eight tasks and an open question on chapter 01, about 90 minutes. Each task has a cell for your answer and
# below it a cell that checks it, as often as you like, on numbers that are new each time.
#
# - `ex.gradient.hint()` gives a hint; call it again for the next. There are three.
# - `ex.progress()` shows what is done. Each task is worth 10 points, all or nothing, and its last check counts,
#   until `tlcourse reset ex01` in a terminal gives you a fresh copy of the set (and keeps yours).
# - An answer does not change the arrays that it is given. What it prints is not shown by `check`: to look inside,
#   call it yourself in a new cell.
# - To hand the set in, run each cell, save the notebook, then run `tlcourse submit ex01` in a terminal of JupyterLab.
# - Leave the names of the functions and the cells that check as they are.

# %% tags=["setup"]
import numpy as np

from tlcourse import exercise

ex = exercise("ex01", edition=2)


# %% [markdown]
# ## 1 · The gradient
#
# A linear model forecasts ŷ = xθ, and its loss is half the mean squared error over the N examples:
#
# $$ J(\theta) = \frac{1}{2N}\sum_{i=1}^{N} (\hat y_i - y_i)^2 . $$
#
# Complete the last line: return ∇J(θ), of shape (D,). `theta` has the shape (D,), `x` (N, D), `y` (N,).

# %%
def gradient(theta, x, y):
    error = x @ theta - y
    ### BEGIN SOLUTION
    return x.T @ error / len(y)
    ### END SOLUTION


# %%
ex.gradient.check(gradient)


# %% [markdown]
# ## 2 · Momentum
#
# One step of descent with momentum (Polyak 1964) is
#
# $$ v \leftarrow \beta v - \alpha g, \qquad \theta \leftarrow \theta + v , $$
#
# where g is the gradient at θ. Return the new θ and the new v, in this order. All three arrays have one shape.

# %%
def momentum_step(theta, v, g, alpha, beta):
    ### BEGIN SOLUTION
    v = beta * v - alpha * g
    return theta + v, v
    ### END SOLUTION


# %%
ex.momentum_step.check(momentum_step)


# %% [markdown]
# ## 3 · Adam
#
# One step of Adam (Kingma and Ba 2015), number t = 1, 2, 3, …:
#
# $$ m \leftarrow \beta_1 m + (1-\beta_1) g, \qquad v \leftarrow \beta_2 v + (1-\beta_2) g^2, $$
# $$ \theta \leftarrow \theta - \alpha \frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t} \cdot
# \frac{m}{\sqrt{v} + \varepsilon} $$
#
# Return the new θ, m and v, in this order.

# %%
def adam_step(theta, m, v, g, t, alpha, beta_1, beta_2, epsilon):
    ### BEGIN SOLUTION
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    rate = alpha * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return theta - rate * m / (np.sqrt(v) + epsilon), m, v
    ### END SOLUTION


# %%
ex.adam_step.check(adam_step)


# %% [markdown]
# ## 4 · The gradients of one epoch
#
# In an epoch the N examples are taken in a new order and cut into mini-batches. `order` holds the numbers 0 to N−1
# in this order; the first batch is the first `size` of them, and so on. The last batch holds what is left over.
#
# Return an array with one row for each batch: the gradient of task 1 on the examples of this batch alone, at
# the same `theta` for all. If all batches are of one size, the mean of the rows is the gradient on all examples:
# a mini-batch gradient is right on average.

# %%
def minibatch_gradients(theta, x, y, order, size):
    ### BEGIN SOLUTION
    rows = []
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        error = x[batch] @ theta - y[batch]
        rows.append(x[batch].T @ error / len(batch))
    return np.array(rows)
    ### END SOLUTION


# %%
ex.minibatch_gradients.check(minibatch_gradients)


# %% [markdown]
# ## 5 · Repair it
#
# This function should walk down the bowl ½θᵀHθ − bᵀθ, whose gradient is Hθ − b, and return its path: the start
# and the place after each step, as an array of shape (steps + 1, D). The argument `theta` must stay unchanged.
# It has three faults. Run it and look at what it returns.

# %%
# With three faults.
def broken(H, b, theta, alpha, steps):
    theta = theta.copy()
    path = [theta]
    g = H @ theta - b
    for _ in range(steps):
        theta += alpha * g
        path.append(theta)
    return np.array(path)


broken(np.eye(2), np.zeros(2), np.array([1.0, 2.0]), alpha=0.5, steps=3)


# %% [markdown]
# Write the repaired version here. (Copy it, and mend one fault after the other.)

# %%
def repaired(H, b, theta, alpha, steps):
    ### BEGIN SOLUTION
    path = [theta]
    for _ in range(steps):
        g = H @ path[-1] - b
        path.append(path[-1] - alpha * g)
    return np.array(path)
    ### END SOLUTION


# %%
ex.repaired.check(repaired)


# %% [markdown]
# ## 6 · Predict: how large may the learning rate be?
#
# On the bowl ½θᵀHθ, whose minimum is 0, descent converges for small learning rates and diverges for large ones.
# Return the rate at which the one turns into the other, for any symmetric H with positive eigenvalues, of shape (D, D).

# %%
def largest_rate(H):
    ### BEGIN SOLUTION
    return 2 / np.linalg.eigvalsh(H).max()
    ### END SOLUTION


# %%
ex.largest_rate.check(largest_rate)


# %% [markdown]
# ## 7 · Measure: was the prediction right?
#
# Find the same rate by experiment: walk, and look whether the distance to 0 grows or shrinks; walks of 200 steps
# are long enough. An error of 3 % is allowed. The rate is below 10, and the steepest direction may lie in any direction.
#
# Do not use eigenvalues, nor a norm or factorisation that gives them: also not `np.linalg.norm`. The squared distance
# is `np.sum(theta**2)`.

# %%
def measured_rate(H):
    ### BEGIN SOLUTION
    low, high = 0, 10
    start = np.random.default_rng(0).normal(size=len(H))
    for _ in range(30):
        alpha = (low + high) / 2
        theta = start
        for _ in range(200):
            theta = theta - alpha * H @ theta
        low, high = (low, alpha) if np.sum(theta**2) > np.sum(start**2) else (alpha, high)
    return alpha
    ### END SOLUTION


# %%
ex.measured_rate.check(measured_rate)

# %% [markdown]
# ## 8 · Put the lines in order
#
# These are the lines of stochastic gradient descent for the loss of task 1, out of order. Three of
# them are not needed. Every epoch takes all examples in a new random order.

# %%
ex.order.show()

# %% [markdown]
# Give the labels of the lines in order: `order = ["A", "B", …]`. In Jupyter the buttons above write the list for you
# to copy.

# %%
order = ...
### BEGIN SOLUTION
order = ["G", "E", "B", "D", "I", "K", "A", "F", "C"]
### END SOLUTION

# %%
ex.order.check(order)

# %% [markdown]
# ## 9 · An experiment of your own
#
# A colleague compares batch sizes 1 and 256. She runs each once, with a learning rate of 0.1, for 1,000 steps,
# and finds that 256 reaches the lower loss. "Large batches are better." Plan a comparison that you would believe: what is held equal, what is
# tuned, how often it is repeated, and what you would look at. Four to eight sentences.

# %% [markdown]
# <!-- BEGIN SOLUTION -->
# One thousand steps are 256 times as many examples for the large batch: compare at equal numbers of examples seen (or equal
# computing time), and say which. Each batch size gets its own learning rate, chosen from one list, on the same validation
# data, with the same number of tries; the noisier gradient of a batch of one wants a smaller rate. Each choice is then
# run from at least five new seeds, which set the start and the order of the examples, and the seeds are the same for
# both. I would draw the loss on held-out data against examples seen, all five curves, and report the difference with its spread.
# The result holds for this problem and this budget; with a decaying rate or a longer run it may turn round.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
ex.progress()
