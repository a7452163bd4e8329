# %% [markdown]
# # Exercises 03 · A CNN from scratch
#
# Eight tasks and an open question on chapter 03, about 100 minutes. Each task has a cell for your answer and
# below it a cell that checks it, as often as you like, on numbers that are new each time. Write each answer yourself,
# without the library function that does the task.
#
# - `ex.summary.hint()` gives a hint; call it again for the next. There are three.
# - `ex.progress()` shows what is done. Each task is worth 10 points, all or nothing, and its last check counts,
#   until `tlcourse reset ex03` in a terminal gives you a fresh copy of the set (and keeps yours).
# - An answer does not change the arrays that it is given. What it prints is not shown by its check.
# - Leave the names of the functions and the cells that check as they are.
# - A check cell that is not yet right stops nothing: Run All goes on.
# - Run each cell, save, then `tlcourse submit ex03` in a terminal of JupyterLab writes the file to hand in.

# %% tags=["setup"]
import numpy as np

from tlcourse import exercise

ex = exercise("ex03", edition=2)


# %% [markdown]
# ## 1 · Shapes and parameters
#
# Chapter 03 has shown two settings of a convolution. **Padding** p puts p rows and columns of zeros on
# *each* side of the image. With the **stride** s the window moves on by s pixels at a time; where it no longer lies
# wholly in the padded image, it stops.
#
# A network is given as a list of layers, and each layer as a list of four whole numbers: how many kernels (filters) it has,
# the side k of its square kernels, its stride and its padding. Each kernel looks at all channels of its input and has one bias.
# `shape` is the input's [height, width, channels], without the axis of the examples. The windows fit into the image.
#
# Complete the three lines: height and width of each layer's output, and the number of parameters of all layers together.
# They are whole numbers, so `//` is the division to use.

# %%
def summary(shape, layers):
    height, width, channels = shape
    parameters = 0
    for filters, kernel, stride, padding in layers:
        ### BEGIN SOLUTION
        height = (height + 2 * padding - kernel) // stride + 1
        width = (width + 2 * padding - kernel) // stride + 1
        parameters += filters * (kernel * kernel * channels + 1)
        ### END SOLUTION
        channels = filters
    return [height, width, channels], parameters


# %%
ex.summary.check(summary)


# %% [markdown]
# ## 2 · Convolution, forward
#
# Convolve one image `x` of shape (H, W), without channels, with one kernel `w` of shape (k, l), which need not be square:
#
# $$ z_{ij} = \sum_{u=0}^{k-1}\sum_{v=0}^{l-1} x_{i s+u,\;j s+v}\; w_{uv} $$
#
# Here s is the `stride`. There is no padding and no bias. Return z for all i and j whose window lies wholly in the image:
# an array of shape ((H − k) // s + 1, (W − l) // s + 1). Loops are welcome.

# %%
def conv2d(x, w, stride):
    ### BEGIN SOLUTION
    (k, m), s = w.shape, stride
    z = np.zeros(((x.shape[0] - k) // s + 1, (x.shape[1] - m) // s + 1))
    for i, j in np.ndindex(z.shape):
        z[i, j] = np.sum(x[i * s : i * s + k, j * s : j * s + m] * w)
    return z
    ### END SOLUTION


# %%
ex.conv2d.check(conv2d)


# %% [markdown]
# ## 3 · Convolution, backward
#
# z comes from x and w as in task 2. Some loss J is computed from z, and its gradient `g`, with $g_{ij} = \partial J / \partial z_{ij}$,
# is given; it has the shape of z. Return two arrays, in this order: $\partial J / \partial x$, of the shape of `x`,
# and $\partial J / \partial w$, of the shape of `w`.
#
# The stride may be smaller or larger than the kernel, so that a pixel may be part of several windows or of none.

# %%
def conv2d_backward(x, w, g, stride):
    ### BEGIN SOLUTION
    (k, m), s = w.shape, stride
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for i, j in np.ndindex(g.shape):
        window = np.s_[i * s : i * s + k, j * s : j * s + m]
        dx[window] += g[i, j] * w
        dw += g[i, j] * x[window]
    return dx, dw
    ### END SOLUTION


# %%
ex.conv2d_backward.check(conv2d_backward)


# %% [markdown]
# ## 4 · Max-pooling, backward
#
# Max-pooling cuts the map `a` of shape (H, W) into blocks of `size` × `size`, beginning at the upper left corner, and keeps
# the largest value of each. Rows and columns at the end that do not fill a block are left out. So the pooled map has the
# shape (H // size, W // size), and so has `g`, the gradient of the loss for the pooled map.
#
# Return the gradient for `a`, of shape (H, W). If several values of a block are the largest, the first of them in
# reading order counts: the uppermost, and in its row the leftmost.

# %%
def pool_backward(a, g, size):
    ### BEGIN SOLUTION
    da = np.zeros(a.shape)
    for i, j in np.ndindex(g.shape):
        block = a[i * size : (i + 1) * size, j * size : (j + 1) * size]
        row, column = np.unravel_index(block.argmax(), block.shape)
        da[i * size + row, j * size + column] = g[i, j]
    return da
    ### END SOLUTION


# %%
ex.pool_backward.check(pool_backward)


# %% [markdown]
# ## 5 · Repair it
#
# This function prepares the data of a classifier. `x_train` of shape (N, H, W) and `x_test` of shape (M, H, W) hold pixels
# from 0 to 255, `y_train` of shape (N,) the class of each training image. It shall do this and nothing else:
#
# 1. Divide all pixels by 255.
# 2. Augment the training set to 2N images: beside each image a copy that is moved one pixel to the right, with the same label.
#    (`np.roll` brings back on the left what leaves on the right; here that is meant.)
# 3. Shuffle the 2N training images together with their labels, in an order that is drawn from `seed`.
# 4. Subtract from *all* images the mean of the training pixels after step 1: one number.
#
# It has four faults. Below are two training images of one row: a dark one of class 1 and a bright one of class 2.
# The bright one serves as the only test image, too. Look at what comes back.

# %%
# With four faults.
def broken(x_train, y_train, x_test, seed):
    rng = np.random.default_rng(seed)
    x_train, x_test = x_train / 255, x_test / 255
    mean, test_mean = x_train.mean(), x_test.mean()
    x_train = np.concatenate([x_train, np.roll(x_train, 1, axis=2)])
    y_train = np.concatenate([y_train, y_train])
    x_test = np.roll(x_test, 1, axis=2)
    x_train = x_train[rng.permutation(len(x_train))]
    y_train = y_train[rng.permutation(len(y_train))]
    x_train, x_test = x_train / 255 - mean, x_test / 255 - test_mean
    return x_train, y_train, x_test


images = np.array([[[0, 51, 0]], [[0, 255, 0]]])
found = broken(images, np.array([1, 2]), images[1:], seed=0)
for name, value in zip(("x_train", "y_train", "x_test"), found, strict=True):
    print(name, np.round(value, 3).tolist())


# %% [markdown]
# Write the repaired version here. It returns the three arrays `x_train`, `y_train` and `x_test`, in this order.
# (Copy it, and mend one fault after the other.)

# %%
def repaired(x_train, y_train, x_test, seed):
    ### BEGIN SOLUTION
    mean = np.mean(x_train / 255)
    both = np.concatenate([x_train, np.roll(x_train, 1, axis=2)]) / 255 - mean
    order = np.random.default_rng(seed).permutation(len(both))
    return both[order], np.tile(y_train, 2)[order], x_test / 255 - mean
    ### END SOLUTION


# %%
ex.repaired.check(repaired)


# %% [markdown]
# ## 6 · Predict: how much of the image does one number see?
#
# One number in the output of a network is computed from a square part of the input. This part is the number's **receptive
# field**. After one 3×3 convolution its side is 3; after a second one it is 5, because three windows of
# side 3, each one pixel farther on, cover five pixels.
#
# Each layer is given as [kernel side, stride], in the order in which the data pass them. A pooling layer is such a layer too: 2×2
# max-pooling is [2, 2]. There is no padding. Return the side of the receptive field of one number in the last layer's output, for
# any list of layers.

# %%
def receptive_field(layers):
    ### BEGIN SOLUTION
    side, step = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * step
        step *= stride
    return side
    ### END SOLUTION


# %%
ex.receptive_field.check(receptive_field)


# %% [markdown]
# ## 7 · Measure: which pixels really count?
#
# The receptive field says what a number *can* see. What it does see depends on the weights as well. This network works on images of a single
# row, to keep things short: layers of convolution without padding and bias, each followed by a ReLU. `kernels` is a list of
# arrays of shape (k,), `strides` a list of whole numbers. A kernel may hold zeros. Pixels may be negative here.

# %%
# x (..., length) -> (..., length of the output); every layer is a convolution and a ReLU.
def network(x, kernels, strides):
    for w, stride in zip(kernels, strides, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(x, len(w), axis=-1)
        x = np.maximum(windows[..., ::stride, :] @ w, 0)
    return x


row = np.array([0.0, 1.0, 3.0, 2.0, 0.0, 1.0])
network(row, [np.array([1.0, 0.0, -1.0])], [1])


# %% [markdown]
# Find out by experiment, with this `network`, which of the `length` input pixels can change the output number `at` (its
# place in the output, counted from 0): the pixels for which there is *some* row of pixels in which a change of this pixel alone
# changes that number. A hundred random rows are enough. Return an array of shape (length,), True for these pixels and False for the others.
#
# Predict first: with the one kernel (1, 0, −1) above, which pixels does output number 1 depend on? And in the row above, does a slightly brighter
# pixel 1 change it?

# %%
def influence(kernels, strides, length, at):
    ### BEGIN SOLUTION
    x = np.random.default_rng(0).normal(size=(100, length))
    before = network(x, kernels, strides)[:, at]
    moves = []
    for pixel in range(length):
        changed = x + np.eye(length)[pixel]
        after = network(changed, kernels, strides)[:, at]
        moves.append(np.abs(after - before).max() > 1e-9)
    return np.array(moves)
    ### END SOLUTION


# %%
ex.influence.check(influence)

# %% [markdown]
# Was your prediction right? `influence([np.array([1.0, 0.0, -1.0])], [1], 6, 1)` tells which pixels count, and
# `network(row + [0, 0.1, 0, 0, 0, 0], [np.array([1.0, 0.0, -1.0])], [1])` what a slightly brighter pixel 1 does in this row.
#
# ## 8 · Put the lines in order
#
# A tiny network looks at one image `x` and returns one number: a convolution of stride 1 with the kernel `w`, a ReLU, and a sum of its map
# weighted by `v`, an array of the map's shape. Its loss for the true number `y` is half the squared error, ½(ŷ − y)².
#
# The lines below make one step of gradient descent, by the gradient at the weights before the step. They are out of order, and three of
# them are not needed. `conv(x, w)` is the convolution of task 2 with stride 1; `da` and `dz` are the gradients for `a` and `z`. (With stride 1 the gradient for a kernel is itself a
# convolution: of the image by the gradient for `z`.)

# %%
ex.order.show()

# %% [markdown]
# Give the labels of the lines in order: `order = ["A", "B", …]`. In Jupyter the buttons above write the list for you
# to copy.

# %%
order = ...
### BEGIN SOLUTION
order = ["D", "H", "B", "K", "A", "F", "L", "C", "I"]
### END SOLUTION

# %%
ex.order.check(order)

# %% [markdown]
# ## 9 · An experiment of your own
#
# A colleague classifies 600 photos of leaves by species. The photos are taken from above, the leaves lie in any direction, and
# there are about ten photos of each leaf. He splits the photos at random into a training and a test set, trains once without and once with augmentation
# (random turns by up to 180°, and random changes of colour), for 20 epochs each, and finds 91 % and 93 % on the test set. "Augmentation helps."
#
# Say what each of the two augmentations claims about the data, and whether you believe it. Then plan a comparison that you would
# trust: how the photos are split, what is compared with what, what is held equal, how often it is repeated, and what you would look at. Five to nine sentences.

# %% [markdown]
# <!-- BEGIN SOLUTION -->
# Turning claims that the direction of a leaf says nothing about its species: true here. Changing the colour claims that colour says nothing:
# doubtful, since species differ in it; a small change of brightness, as from the light, would be the safer claim.
#
# Ten photos of one leaf are nearly alike. With a random split the test asks for leaves that were trained on, so I would split by leaf: all photos
# of a leaf go into training, validation or test together. I would compare four ways: no augmentation, turns, colours, both, so that a
# gain of one does not hide a loss of the other. All four get the same network, the same number of steps (as the augmented
# ones learn more slowly, enough for all to converge) and the same effort of tuning on validation data. Each is repeated with at least five seeds that set the split, the initial
# weights and the order, the same seeds for all four. I would look at training and test accuracy of each seed, the paired differences to no augmentation with their
# spread, and the confusion between species that differ in colour alone. Two points on a test set of a hundred photos are two photos, so
# one run shows nothing. The test set is used once, after everything is chosen.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
ex.progress()
