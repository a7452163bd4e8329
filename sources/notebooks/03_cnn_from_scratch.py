# %% [markdown]
# # 03 · A convolutional network from scratch
#
# ## What you will be able to do
#
# - write convolution, ReLU and max-pooling by hand, forward *and* backward, and prove them right;
# - predict the shape and count the parameters of a convolutional network without running it;
# - train one in Keras, look inside it, and read its learning curves;
# - see over-fitting when it happens, and choose an augmentation that fits the data.
#
# **Time:** 60 minutes to read and try, about a minute and a half to run. You need chapters 01
# (gradient descent) and 02 (cross-entropy).

# %% tags=["setup"]
import numpy as np

from tlcourse import backend, models, plotting, quiz, training
from tlcourse.data import few_labels, load_digits28, make_cluttered_digits

import keras

# %% [markdown]
# What these results were computed with (yours may differ, and so may the last digit of a score):

# %% tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown]
# ## Before you start: what do you remember?
#
# Answer from memory before you look anything up. Recalling is what makes it stick.

# %%
quiz.ask("03")

# %% [markdown]
# ## 1 · A picture is an array of numbers
#
# The course's data are 1,797 handwritten digits that come with scikit-learn: real handwriting,
# 8×8 pixels, enlarged here to 28×28. One image has the shape (height, width, channels), here
# (28, 28, 1); a batch puts N of them in front.

# %%
digits = load_digits28()
digits

# %%
names = [digits.class_names[k] for k in digits.y_train[:20]]
ax = plotting.image_grid(digits.x_train[:20], names, title="Real handwriting, at 28×28 pixels")
plotting.show(ax, "Twenty handwritten digits, two of each class, blurred by enlargement")

# %% [markdown]
# A *dense* layer would look at these 784 numbers as a list: move the digit by one pixel and every
# weight meets another number. A convolution uses two facts about pictures instead:
#
# - what belongs together lies together (it looks at a small window);
# - a stroke is a stroke wherever it stands (it uses the *same* weights in every window).
#
# ## 2 · Convolution by hand
#
# Slide a small array of weights, the **kernel**, over the image. At every place multiply the
# window by the kernel, element by element, and add up:
#
# $$ z_{ij} = b + \sum_{u}\sum_{v} x_{i+u,\,j+v}\; w_{uv} $$
#
# **Predict.** The image below is dark on the left and bright on the right, the kernel is
# $(-1, 0, 1)$ in each of its three rows. How large is the output (rows × columns)? Where is it
# not zero?

# %%
image = np.array([[0, 0, 0, 1, 1, 1]] * 4, float)
kernel = np.array([[-1, 0, 1]] * 3, float)


# %%
# Convolution for one image and one kernel, exactly as the formula says.
def convolve(x, w, b=0.0):
    k = len(w)
    rows, columns = x.shape[0] - k + 1, x.shape[1] - k + 1
    z = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            z[i, j] = b + np.sum(x[i : i + k, j : j + k] * w)
    return z


convolve(image, kernel)

# %% [markdown]
# Two rows and four columns: a 3×3 window fits into six columns at four places. The output is
# large where the image goes from dark to bright *within the window*, and zero where nothing
# changes. This kernel answers one question, "is there a vertical edge?", at every place.
#
# **Look closer.** Four questions asked of the same digit:

# %%
digit = digits.x_train[3, :, :, 0]
kernels = {
    "bright right": [[-1, 0, 1]] * 3,
    "bright below": [[-1] * 3, [0] * 3, [1] * 3],
    "blur": [[1 / 9] * 3] * 3,
    "detail": [[0, -1, 0], [-1, 4, -1], [0, -1, 0]],
}

# %%
answers = [digit[1:-1, 1:-1]] + [convolve(digit, np.array(k)) for k in kernels.values()]
stretched = [(a - a.min()) / np.ptp(a) for a in answers]
ax = plotting.image_grid(
    np.array(stretched), ["image", *kernels], columns=5, title="Four kernels, four questions"
)
plotting.show(
    ax,
    "A handwritten 3 and its response to four kernels: edges to the right, edges "
    "below, a blurred copy, and fine detail",
)


# %% [markdown]
# **Change it.** Move the window over the digit and watch one output pixel at a time being
# computed. The red frame is the window; the number in the title is its sum of products.

# %%
# The window on the image, the products, and the output with the same place marked.
def sliding_window(row=8, column=10, name="bright right"):
    w = np.array(kernels[name])
    return plotting.kernel_window(digit, w, row, column)


plotting.show(
    sliding_window(),
    "A digit with a 3 by 3 window framed, the nine products in that "
    "window, and the output map with the window's place framed",
)

# %% tags=["nbval-ignore-output"]
from ipywidgets import IntSlider, interact

_ = interact(
    lambda row, column, name: plotting.show(sliding_window(row, column, name), "As above"),
    row=IntSlider(8, 0, 25),
    column=IntSlider(10, 0, 25),
    name=list(kernels),
)


# %% [markdown]
# One kernel gives one **feature map**. A layer has many kernels, and each looks at all channels of
# its input. For N images, C input channels and F kernels the sum runs over the channels too:
#
# $$ z_{n,i,j,f} = b_f + \sum_{u,v,c} x_{n,\,i+u,\,j+v,\,c}\; w_{u,v,c,f} $$
#
# The same formula without Python loops: a *view* of all windows, then one `einsum` that names the
# sums.

# %%
def conv_forward(x, w, b):
    """x (N, H, W, C), w (k, k, C, F), b (F,) -> (N, H-k+1, W-k+1, F)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[:2], axis=(1, 2))
    return np.einsum("nijcuv,uvcf->nijf", windows, w, optimize=True) + b


# %% [markdown]
# **Is it right?** Two independent witnesses: our own loops, and Keras' layer with the same weights.

# %%
rng = np.random.default_rng(3)
x = rng.normal(size=(4, 9, 8, 3))
w, b = rng.normal(size=(3, 3, 3, 5)), rng.normal(size=5)
z = conv_forward(x, w, b)
by_loops = sum(convolve(x[2, :, :, c], w[:, :, c, 4]) for c in range(3)) + b[4]
np.testing.assert_allclose(z[2, :, :, 4], by_loops)

# %%
layer = keras.layers.Conv2D(5, 3)
layer.build(x.shape)
layer.set_weights([w, b])
np.testing.assert_allclose(z, keras.ops.convert_to_numpy(layer(x)), rtol=1e-3, atol=1e-4)
z.shape

# %% [markdown]
# (Mathematicians flip the kernel before they slide it and call what we did *cross-correlation*.
# Keras does not flip either; since the weights are learned, nothing is lost.)
#
# ## 3 · ReLU and max-pooling
#
# $\mathrm{ReLU}(z) = \max(0, z)$ keeps what the kernel found and drops what it found *not*. Without
# it two convolutions in a row would be one larger convolution, however many are stacked:

# %%
first, second = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
two_layers = convolve(convolve(digit, first), second)
merged = convolve(np.pad(first, 2), second[::-1, ::-1])
assert merged.shape == (5, 5)
np.testing.assert_allclose(convolve(digit, merged), two_layers, atol=1e-9)


# %% [markdown]
# The two 3×3 kernels did exactly what one 5×5 kernel does. A ReLU between them breaks that up.
#
# **Max-pooling** cuts the map into 2×2 blocks and keeps the largest value of each: a quarter of the
# numbers, and a stroke that moves by a pixel often stays in its block.
#
# **Predict.** What does 2×2 max-pooling make of a map of 5 rows and 6 columns? What happens to the
# fifth row?

# %%
def pool_forward(a):
    """a (N, H, W, F) -> (N, H//2, W//2, F), the largest of each 2×2 block."""
    n, h, w, f = a.shape
    blocks = a[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, f)
    return blocks.max((2, 4))


a = np.maximum(rng.normal(size=(2, 5, 6, 3)), 0)
keras_pooled = keras.ops.convert_to_numpy(keras.layers.MaxPooling2D(2)(a))
np.testing.assert_allclose(pool_forward(a), keras_pooled, rtol=1e-6)
pool_forward(a).shape


# %% [markdown]
# Two rows: an odd row at the end is left out, in Keras too.
#
# ## 4 · Backward: where did this error come from?
#
# Training needs the gradient of the loss for every weight (chapter 01). Going backward, each
# operation receives $g = \partial J / \partial\,\text{output}$ and passes
# $\partial J/\partial\,\text{input}$ on. Three short rules:
#
# - **convolution**: a weight $w_{uvcf}$ met every window, so its gradient is a sum over all places,
#   $\sum_{n,i,j} x_{n,i+u,j+v,c}\, g_{nijf}$: again a convolution;
# - **ReLU**: passes $g$ where the input was positive, nothing elsewhere;
# - **max-pooling**: passes $g$ to the winner of each block; the losers had no say.

# %%
def conv_backward(x, w, g):
    """Gradients for x, w and b, given g = dJ/dz (N, H-k+1, W-k+1, F)."""
    k = len(w)
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
    dw = np.einsum("nijcuv,nijf->uvcf", windows, g, optimize=True)
    padded = np.pad(g, ((0, 0), (k - 1, k - 1), (k - 1, k - 1), (0, 0)))
    dx = conv_forward(padded, w[::-1, ::-1].transpose(0, 1, 3, 2), 0)
    return dx, dw, g.sum((0, 1, 2))


# %% [markdown]
# The gradient for the input is a convolution with the kernel turned by 180°: each input pixel
# collects from all the windows that it was part of.

# %%
# Pass g (N, H//2, W//2, F) to the largest value of each 2×2 block; to the first, if two are equal.
def pool_backward(a, g):
    n, h, w, f = g.shape
    blocks = a[:, : 2 * h, : 2 * w].reshape(n, h, 2, w, 2, f)
    blocks = blocks.transpose(0, 1, 3, 5, 2, 4).reshape(n, h, w, f, 4)
    winners = np.eye(4)[blocks.argmax(-1)] * g[..., None]
    da = np.zeros_like(a)
    da[:, : 2 * h, : 2 * w] = (
        winners.reshape(n, h, w, f, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(n, 2 * h, 2 * w, f)
    )
    return da


# %% [markdown]
# **Is it right?** The witness for a gradient is the difference quotient: move one number by a tiny
# $\varepsilon$ in both directions and see how the loss changes.

# %%
# The gradient of f at x, one number at a time.
def numerical_gradient(f, x, epsilon=1e-5):
    gradient = np.empty_like(x)
    for place in np.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * epsilon
            ends.append(f(moved))
        gradient[place] = (ends[0] - ends[1]) / (2 * epsilon)
    return gradient


# %%
# A small J that runs through convolution, ReLU and pooling.
target = rng.normal(size=(4, 3, 3, 5))


def loss(x, w, b):
    a = np.maximum(conv_forward(x, w, b), 0)
    return 0.5 * np.sum((pool_forward(a) - target) ** 2)


def gradients(x, w, b):
    z = conv_forward(x, w, b)
    a = np.maximum(z, 0)
    g = pool_backward(a, pool_forward(a) - target)
    return conv_backward(x, w, g * (z > 0))


# %%
dx, dw, db = gradients(x, w, b)
np.testing.assert_allclose(dx, numerical_gradient(lambda x: loss(x, w, b), x), atol=1e-6)
np.testing.assert_allclose(dw, numerical_gradient(lambda w: loss(x, w, b), w), atol=1e-6)
np.testing.assert_allclose(db, numerical_gradient(lambda b: loss(x, w, b), b), atol=1e-6)
dx.size + dw.size + db.size


# %% [markdown]
# All of these gradients, for the input, the kernels and the biases, agree with the difference
# quotient.
#
# ## 5 · A network without a framework
#
# Add a dense layer with a softmax and the cross-entropy of chapter 02, whose gradient for the
# logits is $\hat y - y$, and we have a whole network: the **article network** that
# introductions to transfer learning like to print, here with 8 kernels instead of 32.

# %%
def forward(x, theta):
    z = conv_forward(x, theta["w"], theta["b"])
    pooled = pool_forward(np.maximum(z, 0))
    logits = pooled.reshape(len(x), -1) @ theta["v"] + theta["c"]
    e = np.exp(logits - logits.max(1, keepdims=True))
    return z, pooled, e / e.sum(1, keepdims=True)


# %%
# One pass back through all layers: the gradient for every parameter.
def backward(x, y, theta):
    z, pooled, y_hat = forward(x, theta)
    g = (y_hat - np.eye(10)[y]) / len(x)
    dv, dc = pooled.reshape(len(x), -1).T @ g, g.sum(0)
    g = (g @ theta["v"].T).reshape(pooled.shape)
    g = pool_backward(np.maximum(z, 0), g) * (z > 0)
    _, dw, db = conv_backward(x, theta["w"], g)
    return {"w": dw, "b": db, "v": dv, "c": dc}


# %% [markdown]
# **Is it right?** Keras offers no call for a gradient, but there is a way to see one: a single step
# of plain gradient descent with learning rate 1 moves every weight by exactly minus its gradient.

# %%
# The same network in Keras, given our parameters.
twin = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
twin.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")

# %%
keras.utils.set_random_seed(3)
before = training.restart(twin, seed=3).get_weights()
theta = dict(zip("wbvc", before, strict=True))
x, y = digits.x_train[:32], digits.y_train[:32]
ours = backward(x, y, theta)
twin.train_on_batch(x, y)
for name, old, new in zip("wbvc", before, twin.get_weights(), strict=True):
    np.testing.assert_allclose(old - new, ours[name], rtol=1e-3, atol=1e-5)

# %% [markdown]
# Every gradient is the one that Keras computed. Now train it, with NumPy and nothing else:

# %%
# Two epochs of mini-batch gradient descent.
rng = np.random.default_rng(0)
for _ in range(2):
    for batch in rng.permutation(1200).reshape(-1, 30):
        step = backward(digits.x_train[batch], digits.y_train[batch], theta)
        theta = {name: value - 0.3 * step[name] for name, value in theta.items()}

# %% tags=["atol-0.03"]
y_hat = forward(digits.x_test, theta)[2]
by_hand = np.mean(y_hat.argmax(1) == digits.y_test)
print(f"test accuracy of the network without a framework: {by_hand:.2f}")
assert by_hand > 0.8


# %% [markdown]
# ## 6 · The same in Keras
#
# From here on Keras does the work. This is the article network in full, with 32 kernels.
#
# **Predict.** Before you run the next cell, write down for each layer the output's shape and the
# number of parameters. (A kernel has 3·3·1 weights and one bias.)

# %%
def article_network():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu", name="conv"),
            keras.layers.MaxPooling2D(2, name="pool"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(10, activation="softmax", name="head"),
        ]
    )


# %%
model = article_network()
for layer in model.layers:
    print(f"{layer.name:8} {str(layer.output.shape):22} {layer.count_params():6,} parameters")

# %%
assert model.get_layer("conv").count_params() == 32 * (3 * 3 * 1 + 1) == 320
assert model.get_layer("head").count_params() == (13 * 13 * 32 + 1) * 10 == 54_090
assert model.count_params() == 54_410
assert 54_090 / 54_410 > 0.99

# %% [markdown]
# More than 99 of 100 parameters sit in the dense head, which does not know that pixels have neighbours. The
# part that does, the convolution, has 320. Remember this when chapter 04 asks *which* weights are
# worth copying.
#
# `fit` wants labels that match the loss: `categorical_crossentropy` takes one-hot rows,
# `sparse_categorical_crossentropy` takes the class numbers. The figure below is redrawn after every
# epoch; part of the training data is kept out of training to watch (**validation**).

# %% tags=["nbval-ignore-output"]
keras.utils.set_random_seed(0)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    digits.x_train,
    np.eye(10)[digits.y_train],
    batch_size=32,
    epochs=10,
    validation_split=0.2,
    verbose=0,
    callbacks=[training.LiveCurves()],
)

# %% [markdown]
# One run is one number. Five runs from five seeds tell how far to trust it, and a model with no
# convolution at all, logistic regression on the 784 pixels, tells what the convolution is worth.

# %%
from sklearn.linear_model import LogisticRegression

flat = digits.x_train.reshape(1200, -1), digits.x_test.reshape(597, -1)
baseline = LogisticRegression(max_iter=2000).fit(flat[0], digits.y_train)
baseline_accuracy = baseline.score(flat[1], digits.y_test)

# %%
# The same network from five seeds; `restart` gives it new weights without building it again.
scores = []
for seed in range(5):
    training.restart(model, seed)
    model.fit(digits.x_train, np.eye(10)[digits.y_train], batch_size=32, epochs=10, verbose=0)
    scores.append(training.accuracy(model, digits.x_test, digits.y_test))

# %% tags=["atol-0.02"]
print(f"logistic regression  {baseline_accuracy:.3f}")
print(f"article network      {np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}  (5 seeds)")

# %%
assert abs(np.mean(scores) - baseline_accuracy) < 0.03, "no clear difference"

# %% [markdown]
# **A surprise.** The convolution buys nothing here. Each of these digits stands upright in the middle
# of its image, so that a pixel means the same in every picture: exactly the case in which a list of
# pixels is good enough. Section 8 takes the digits out of the middle.
#
# Without the logistic regression we would have praised the convolution. A result needs a rival.
#
# ## 7 · Look inside
#
# **Predict.** The 32 kernels began as random numbers. What will they look like after training: edges
# and strokes, or still like noise?

# %%
learned = model.get_layer("conv").get_weights()[0][:, :, 0]
ax = plotting.feature_maps(learned, columns=16, title="The 32 kernels of the article network")
plotting.show(
    ax,
    "Thirty-two 3 by 3 kernels in grey; some have a dark and a bright side like an "
    "edge detector, many look irregular",
)

# %%
first_layer = keras.Model(model.inputs, model.get_layer("conv").output)
maps = first_layer.predict(digits.x_train[3:4], verbose=0)[0]
ax = plotting.feature_maps(maps, columns=16, title="The same digit, seen by each of them")
plotting.show(
    ax,
    "Thirty-two feature maps of a handwritten 3: outlines from different sides, "
    "filled strokes, and some empty maps",
)

# %% [markdown]
# Few kernels are clean edge detectors, but their *answers* are readable: strokes, left edges, right
# edges, background. Some maps are empty; their ReLU never fires for this digit.
#
# ## 8 · Over-fitting, and what helps
#
# Now a harder task: the same handwriting, moved, turned, sheared and covered with fragments of other
# digits and noise. The images are cheap, labels are not: suppose you have 20 for each class.

# %%
cluttered = make_cluttered_digits(2_000, 1_500, random_state=3)
few = few_labels(cluttered, per_class=20, random_state=0)
names = [cluttered.class_names[k] for k in few.y_train[:20]]
ax = plotting.image_grid(few.x_train[:20], names, title="Can you read them all?")
plotting.show(
    ax,
    "Twenty handwritten digits off the centre, turned, and covered with fragments of other digits",
)


# %% [markdown]
# The network is deeper now: four convolutions, each pooling step halving the map, so that the last
# layers see large parts of the image.

# %%
# A new `small_cnn`, with layers put before it, and without its dropout if need be.
def build(*augmentation, dropout=True):
    layers = [layer for layer in models.small_cnn().layers if dropout or layer.name != "dropout"]
    network = keras.Sequential([keras.Input((28, 28, 1)), *augmentation, *layers])
    training.compile_classifier(network, learning_rate=2e-3)
    return network


# %% [markdown]
# **Predict.** 200 training images, 60,000 parameters. Sketch the two curves, training and validation
# accuracy, over 40 epochs.

# %% tags=["nbval-ignore-output"]
keras.utils.set_random_seed(0)
plain = build(dropout=False)
history = plain.fit(
    few.x_train,
    few.y_train,
    epochs=40,
    verbose=0,
    validation_data=(few.x_test, few.y_test),
    callbacks=[training.LiveCurves()],
).history

# %%
assert history["accuracy"][-1] > 0.99
assert history["val_accuracy"][-1] < 0.45

# %% [markdown]
# The network knows its 200 images by heart and reads fewer than half of the others: **over-fitting**.
# The gap between the curves opens within a few epochs and training longer does not close it.
#
# Two remedies. **Dropout** switches off half of the features at random in every step, so that none
# can rely on another. **Augmentation** makes new training images from old ones by changes that do
# not matter for the answer. In Keras it is a layer that acts only in training:

# %%
shift = keras.layers.RandomTranslation(0.15, 0.15, fill_mode="constant")
turn = keras.layers.RandomRotation(0.05, fill_mode="constant")
flip = keras.layers.RandomFlip("horizontal")

# %%
# The same image ten times, as each augmentation makes it.
keras.utils.set_random_seed(1)
same = np.repeat(few.x_train[:1], 10, axis=0)
rows = [layer(same, training=True) for layer in (shift, turn, flip)]
ax = plotting.image_grid(
    np.concatenate([keras.ops.convert_to_numpy(row) for row in rows]),
    title="One training image: shifted, turned, flipped",
)
plotting.show(
    ax,
    "Three rows of ten versions of one cluttered digit: moved by a few pixels, turned "
    "by a few degrees, and mirrored half of the time",
)

# %% [markdown]
# **Predict.** Put these five in order of test accuracy: nothing; dropout; dropout and shift; dropout,
# shift and turn; dropout, shift and flip. The flip makes new images too. Why might it not help?

# %%
# Each remedy five times, with five draws of the labels.
remedies = {
    "nothing": build(dropout=False),
    "dropout": build(),
    "dropout + shift": build(shift),
    "… and turn": build(shift, turn),
    "… and flip": build(shift, flip),
}
results = {}
for name, network in remedies.items():
    results[name] = training.label_efficiency(
        {name: lambda seed, network=network: training.restart(network, seed)},
        cluttered,
        labels=[20],
        seeds=range(5),
        steps=400,
    )[name][0]

# %% tags=["atol-0.05"]
for name, scores in results.items():
    print(f"{name:24} {scores.mean():.2f} ± {scores.std(ddof=1):.2f}")

# %%
order = list(results)
figure, ax = plotting.plt.subplots(figsize=(7, 2.8))
_ = ax.errorbar(
    [100 * results[name].mean() for name in order],
    order,
    xerr=[100 * results[name].std(ddof=1) for name in order],
    fmt="o",
    ms=8,
    capsize=4,
)
ax.invert_yaxis()
ax.set(
    xlabel="test accuracy (%), mean ± sd of 5 seeds", title="A shift helps most; a flip undoes it"
)
plotting.show(
    figure,
    "Test accuracy of five remedies with error bars: nothing is worst, dropout a "
    "little better, shift far better, turn adds nothing, flip falls back",
)

# %%
means = {name: scores.mean() for name, scores in results.items()}
assert means["dropout + shift"] > means["dropout"] + 0.05, "a shift is worth more than dropout"
assert means["dropout"] > means["nothing"], "dropout helps a little"
assert means["… and flip"] < means["dropout + shift"] - 0.05, "a flip does harm"

# %% [markdown]
# The shift tells the network something true about this data: *where* the digit stands does not
# matter. It is worth far more than dropout, which knows nothing about pictures. The turn is true as
# well, yet adds nothing measurable in so short a training. The flip is **the classic mistake**, often
# copied from code for cats and dogs: it makes the training set twice as rich, and wrong. A mirrored 2
# is no 2.
#
# > An augmentation is a statement about your data. Make only true ones.
#
# And is a shift always good? On the upright, centred digits of section 6 it is true of nothing that
# the test set shows:

# %%
# The article network on centred digits, 20 labels for each class, with and without the shift.
centred = {}
for name, layers in {"plain": [], "shift": [shift]}.items():
    network = keras.Sequential([keras.Input((28, 28, 1)), *layers, *article_network().layers])
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    centred[name] = training.label_efficiency(
        {name: lambda seed, network=network: training.restart(network, seed)},
        digits,
        labels=[20],
        seeds=range(5),
        steps=200,
    )[name][0]

# %% tags=["atol-0.04"]
for name, scores in centred.items():
    print(f"{name:6} {scores.mean():.2f} ± {scores.std(ddof=1):.2f}")
assert centred["shift"].mean() < centred["plain"].mean() + 0.02, "no help where nothing moves"

# %% [markdown]
# **Make one.** Think of another augmentation for these images (noise? a patch set to zero? a change
# of size?). Say first what it claims about the data, then put it into `build(...)` and measure it
# with five seeds. `keras.layers` has `GaussianNoise`, `RandomZoom`, `RandomErasing` and more.
#
# ## Key points
#
# - A convolution asks the same question, its kernel, at every place of the image; ReLU keeps the
#   answers that say yes, pooling makes them robust and small.
# - Backward, each of them passes on a gradient by one short rule. A rule is right when it agrees with
#   the difference quotient, and a network when it agrees with another implementation.
# - `Conv2D(F, k×k)` on C channels has F·(k·k·C + 1) parameters, whatever the image's size.
# - A result needs a rival: on centred digits, logistic regression is as good as this network.
# - Over-fitting shows as a gap between training and validation. An augmentation that is true of the
#   data closes part of it; one that is false does harm.
#
# ## Exercises to do next
#
# 1. Give `conv_forward` and `conv_backward` a stride of 2, and check both against Keras.
# 2. Replace max-pooling by average pooling, backward too. Does section 5 still learn?
# 3. Which of the ten digits suffers most from the flip? Predict, then draw
#    `plotting.confusion_matrix`.
#
# ## Further reading
#
# - LeCun, Bottou, Bengio & Haffner 1998, *Gradient-based learning applied to document recognition*,
#   Proceedings of the IEEE 86(11).
# - Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, *Dropout*, JMLR 15.
# - Dumoulin & Visin 2016, *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285.
