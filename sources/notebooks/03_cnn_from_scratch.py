# %% [markdown] slideshow={"slide_type": "slide"}
# # 03 · A CNN from scratch
#
# A network that reads pictures, taken apart: first each layer in NumPy, forward and backward, then the
# same in Keras. In the end it learns its few examples by heart, and we ask what helps.
#
# <!-- Notes:
# Ask who has used Conv2D, and who could say what stands in its 320 parameters. Today they
# write it, both ways.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - write convolution, ReLU and max-pooling by hand, forward *and* backward, and check them against Keras;
# - predict the shape and count the parameters of a convolutional network without running it;
# - train one in Keras, look inside it, and read its learning curves;
# - see over-fitting when it happens, and choose an augmentation that fits the data.
#
# <!-- Notes:
# If time is short, leave out the backward pass and keep the last point: over-fitting and
# honest tests are what chapter 04 builds on.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 60 minutes to read and try, 1 min 50 s to run. You need chapters 01
# (gradient descent) and 02 (cross-entropy).

# %% slideshow={"slide_type": "skip"} tags=["setup"]
import numpy as np

from tlcourse import backend, models, plotting, quiz, training
from tlcourse.data import few_labels, load_digits28, make_cluttered_digits

import keras

# %% [markdown] slideshow={"slide_type": "skip"}
# What these results were computed with (yours may differ, and so may the last digit of a score):

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?
#
# Answer from memory before you look anything up. Recalling is what makes it stick.

# %% slideshow={"slide_type": "slide"}
quiz.ask("03")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · A picture is an array of numbers
#
# The course's data are 1,797 handwritten digits that come with scikit-learn: real handwriting,
# 8×8 pixels, enlarged here to 28×28. One image has the shape (height, width, channels), here
# (28, 28, 1); a batch puts N of them in front.
#
# <!-- Notes:
# Say that the blur is honest: the originals are 8×8 pixels. It will explain something odd in
# section 7.
# -->

# %% slideshow={"slide_type": "skip"}
digits = load_digits28()
digits

# %%
names = [digits.class_names[k] for k in digits.y_train[:20]]
ax = plotting.image_grid(digits.x_train[:20], names, title="Real handwriting, at 28×28 pixels")
plotting.show(ax, "Twenty handwritten digits, two of each class, blurred by enlargement")

# %% [markdown] slideshow={"slide_type": "subslide"}
# A *dense* layer takes a weighted sum of all 784 numbers, as a list: move the digit by one pixel and
# every weight meets another number. A convolution uses two facts about pictures instead:
#
# - what belongs together lies together (it looks at a small window);
# - a stroke is a stroke wherever it stands (it uses the *same* weights in every window).
#
# <!-- Notes:
# A good test of understanding: shuffle all pixels in the same way for every image. The dense
# layer does not mind at all, the convolution is lost.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Convolution by hand
#
# Slide a small array of weights, the **kernel**, over the image. At every place multiply the
# window by the kernel, element by element, and add up:
#
# $$ z_{ij} = b + \sum_{u}\sum_{v} x_{i+u,\,j+v}\; w_{uv} $$
#
# Here $b$ is a bias, and $u, v$ run over the rows and columns of the kernel.
#
# <!-- Notes: Do one place with the hand on the board before anybody sees code. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** The image below is dark on the left and bright on the right, the kernel is
# $(-1, 0, 1)$ in each of its three rows. How large is the output (rows × columns)? Where is it
# not zero?
#
# <!-- Notes:
# Answer: two rows and four columns; not zero in the two middle columns, where the window
# holds the step from dark to bright. The common wrong answer is 4 by 6, the size of the
# image.
# -->

# %%
image = np.array([[0, 0, 0, 1, 1, 1]] * 4, float)
kernel = np.array([[-1, 0, 1]] * 3, float)


# %% slideshow={"slide_type": "subslide"}
# Convolution for one image and one kernel, exactly as the formula says.
def convolve(x, w, b=0.0):
    k = len(w)
    rows, columns = x.shape[0] - k + 1, x.shape[1] - k + 1
    z = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            z[i, j] = b + np.sum(x[i : i + k, j : j + k] * w)
    return z


# %%
convolve(image, kernel)

# %% [markdown] slideshow={"slide_type": "notes"}
# Two rows and four columns: a 3×3 window fits into six columns at four places. The output is large
# where the image goes from dark to bright *within the window*, and zero where nothing changes. The
# kernel asks one question at every place: how much brighter is it on the right than on the left?

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Look closer.** Three questions asked of the same digit. Red is positive, blue negative:
#
# <!-- Notes:
# Cover the titles and let them say which question each map answers. Why is one side of a stroke red
# and the other blue? The mean asks nothing, it blurs.
# -->

# %% slideshow={"slide_type": "skip"}
digit = digits.x_train[3, :, :, 0]
kernels = {
    "bright right": [[-1, 0, 1]] * 3,
    "bright below": [[-1] * 3, [0] * 3, [1] * 3],
    "mean": [[1 / 9] * 3] * 3,
}

# %%
# The image and the three answers, each scaled to −1 … 1.
answers = [digit[1:-1, 1:-1]] + [convolve(digit, np.array(k)) for k in kernels.values()]
scaled = np.array([a / abs(a).max() for a in answers])
ax = plotting.image_grid(
    scaled,
    ["image", *kernels],
    columns=4,
    ax=plotting.plt.subplots(figsize=(7, 2.5))[1],
    title="Three questions asked of an image",
    cmap="RdBu_r",
    limits=(-1, 1),
)
plotting.show(ax, "A 3 and its responses: bright on the right, bright below, slightly blurred")


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Change it.** Move the window over the digit and watch one output pixel at a time being
# computed. The frame is the window; the number above the output is its sum of products.
#
# <!-- Notes:
# Open the notebook here and slide the window across the stroke. Let them say before each move
# whether the sum will be positive or negative.
# -->

# %%
# The window on the image, the products, and the output with the same place marked.
def sliding_window(row=8, column=10, name="bright right"):
    w = np.array(kernels[name])
    return plotting.kernel_window(digit, w, row, column)


plotting.show(
    sliding_window(), "A digit with a framed window, the nine products in it, and the output map"
)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
from ipywidgets import IntSlider, interact

_ = interact(
    lambda row, column, name: plotting.show(sliding_window(row, column, name), "As above"),
    row=IntSlider(8, 0, 25),
    column=IntSlider(10, 0, 25),
    name=list(kernels),
)


# %% [markdown] slideshow={"slide_type": "subslide"}
# One kernel gives one **feature map**. A layer has many kernels, and each looks at all channels of
# its input. For N images, C input channels and F kernels the sum runs over the channels too:
#
# $$ z_{n,i,j,f} = b_f + \sum_{u,v,c} x_{n,\,i+u,\,j+v,\,c}\; w_{u,v,c,f} $$
#
# <!-- Notes:
# Ask for the number of weights of a layer with C channels and F kernels before you show w's
# indices. It is easily forgotten that each kernel looks at all channels.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# The same formula without Python loops: a *view* of all windows, with $u, v$ as its last two axes, then
# one `einsum`: letters that are missing after `->` are summed over.

# %% slideshow={"slide_type": "skip"}
def conv_forward(x, w, b):
    """x (N, H, W, C), w (k, k, C, F), b (F,) -> (N, H-k+1, W-k+1, F)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[:2], axis=(1, 2))
    return np.einsum("nijcuv,uvcf->nijf", windows, w, optimize=True) + b


# %% [markdown] slideshow={"slide_type": "skip"}
# **Is it right?** Two independent witnesses: our own loops, and Keras' layer with the same weights.

# %% slideshow={"slide_type": "skip"}
rng = np.random.default_rng(3)
x = rng.normal(size=(4, 9, 8, 3))
w, b = rng.normal(size=(3, 3, 3, 5)), rng.normal(size=5)
z = conv_forward(x, w, b)
by_loops = sum(convolve(x[2, :, :, c], w[:, :, c, 4]) for c in range(3)) + b[4]
np.testing.assert_allclose(z[2, :, :, 4], by_loops)

# %% slideshow={"slide_type": "skip"}
layer = keras.layers.Conv2D(5, 3)
layer.build(x.shape)
layer.set_weights([w, b])
np.testing.assert_allclose(z, keras.ops.convert_to_numpy(layer(x)), rtol=1e-3, atol=1e-4)
z.shape


# %% [markdown] slideshow={"slide_type": "skip"}
# (Mathematicians flip the kernel before they slide it and call what we did *cross-correlation*.
# Keras does not flip either; since the weights are learned, nothing is lost.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · ReLU and max-pooling
#
# $\mathrm{ReLU}(z) = \max(0, z)$ keeps positive answers and sets negative ones to 0. Without something
# like it, two convolutions in a row would be one larger convolution, however many are stacked.

# %% [markdown]
# **Max-pooling** cuts the map into 2×2 blocks and keeps the largest value of each: a quarter of the
# numbers, and a little less sensitive to where exactly a stroke stands.
#
# <!-- Notes:
# Why ReLU at all? Two convolutions in a row are one larger convolution. This is an exercise
# of the chapter.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** What does 2×2 max-pooling make of a map of 5 rows and 6 columns? What happens to the
# fifth row?
#
# <!-- Notes:
# Answer: two rows and three columns; the fifth row is left out, in Keras too. Expect: an
# error, or three rows.
# -->

# %% slideshow={"slide_type": "skip"}
def pool_forward(a):
    """a (N, H, W, F) -> (N, H//2, W//2, F), the largest of each 2×2 block."""
    n, h, w, f = a.shape
    blocks = a[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, f)
    return blocks.max((2, 4))


# %% slideshow={"slide_type": "skip"}
a = np.maximum(rng.normal(size=(2, 5, 6, 3)), 0)
keras_pooled = keras.ops.convert_to_numpy(keras.layers.MaxPooling2D(2)(a))
np.testing.assert_allclose(pool_forward(a), keras_pooled, rtol=1e-6)
pool_forward(a).shape

# %% [markdown] slideshow={"slide_type": "notes"}
# Two rows: an odd row at the end is left out, in Keras too.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** How much less sensitive? Move all digits by one pixel: by how many per cent do the maps
# change, and by how many after pooling?
#
# <!-- Notes:
# Answer: by half, and by a little less after pooling. The usual claim is that pooling makes a network
# blind to shifts. It helps a little, no more.
# -->

# %% slideshow={"code": false, "slide_type": "fragment"}
# The maps of all training digits and of the same digits one pixel to the right.
w = np.array(kernels["bright right"], float)[:, :, None, None]
moved = np.roll(digits.x_train, 1, axis=2)
maps = [np.maximum(conv_forward(x, w, 0), 0) for x in (digits.x_train, moved)]
pooled = [pool_forward(a) for a in maps]
change, after = (np.linalg.norm(a - b) / np.linalg.norm(a) for a, b in (maps, pooled))
print(f"the maps change by {change:.0%}, after pooling by {after:.0%}")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Backward: where did this error come from?
#
# Training needs the gradient of the loss $J$ for every weight (chapter 01). By the chain rule each
# operation receives $g = \partial J / \partial\,\text{output}$ and passes
# $\partial J/\partial\,\text{input}$ on to the one before. Three short rules:
#
# - **max-pooling** passes $g$ to the winner of each block; the losers had no say;
# - **ReLU** passes $g$ where its input was positive, nothing elsewhere;
# - **convolution**: a weight met every window, so its gradient is a sum over all places, and an input
#   pixel was part of several windows, so it collects from each.
#
# <!-- Notes:
# One sentence each: the winner takes the gradient; the gate was open or shut; everybody who
# took part pays his share. Skip the formulas in 45 minutes.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# For the convolution, in formulas:
#
# $$ \frac{\partial J}{\partial w_{uvcf}} = \sum_{n,i,j} x_{n,i+u,j+v,c}\; g_{nijf} \qquad
#    \frac{\partial J}{\partial x_{npqc}} = \sum_{u,v,f} g_{n,\,p-u,\,q-v,\,f}\; w_{uvcf} $$
#
# Both are convolutions again. In the second the indices run backward: it is a convolution of $g$, with
# zeros around it, by the kernel turned by 180°.

# %% slideshow={"slide_type": "skip"}
def conv_backward(x, w, g):
    """Gradients for x, w and b, given g = dJ/dz (N, H-k+1, W-k+1, F)."""
    k = len(w)
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
    dw = np.einsum("nijcuv,nijf->uvcf", windows, g, optimize=True)
    padded = np.pad(g, ((0, 0), (k - 1, k - 1), (k - 1, k - 1), (0, 0)))
    dx = conv_forward(padded, w[::-1, ::-1].transpose(0, 1, 3, 2), 0)
    return dx, dw, g.sum((0, 1, 2))


# %% slideshow={"slide_type": "skip"}
# Pass g (N, H//2, W//2, F) to the largest of each block; to the first, if some are equal.
def pool_backward(a, g):
    h, w = 2 * g.shape[1], 2 * g.shape[2]
    da, largest, free = np.zeros_like(a), pool_forward(a), np.ones(g.shape, bool)
    for u, v in ((0, 0), (0, 1), (1, 0), (1, 1)):
        wins = free & (a[:, u:h:2, v:w:2] == largest)
        da[:, u:h:2, v:w:2] = wins * g
        free &= ~wins
    return da


# %% [markdown] slideshow={"slide_type": "skip"}
# **Is it right?** The witness for a gradient is the difference quotient: move one number by a tiny
# $\varepsilon$ in both directions and see how the loss changes.

# %% slideshow={"slide_type": "skip"}
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


# %% slideshow={"slide_type": "skip"}
# A small loss J that runs through convolution, ReLU and pooling.
x, w, b = rng.normal(size=(4, 9, 8, 3)), rng.normal(size=(3, 3, 3, 5)), rng.normal(size=5)
target = rng.normal(size=(4, 3, 3, 5))


def loss(x, w, b):
    a = np.maximum(conv_forward(x, w, b), 0)
    return 0.5 * np.sum((pool_forward(a) - target) ** 2)


def gradients(x, w, b):
    z = conv_forward(x, w, b)
    a = np.maximum(z, 0)
    g = pool_backward(a, pool_forward(a) - target)
    return conv_backward(x, w, g * (z > 0))


# %% slideshow={"slide_type": "skip"}
dx, dw, db = gradients(x, w, b)
np.testing.assert_allclose(dx, numerical_gradient(lambda x: loss(x, w, b), x), atol=1e-6)
np.testing.assert_allclose(dw, numerical_gradient(lambda w: loss(x, w, b), w), atol=1e-6)
np.testing.assert_allclose(db, numerical_gradient(lambda b: loss(x, w, b), b), atol=1e-6)
dx.size + dw.size + db.size


# %% [markdown] slideshow={"slide_type": "skip"}
# All of these numbers agree with their difference quotients.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · A network without a framework
#
# Add a dense layer with a softmax and the cross-entropy of chapter 02, whose gradient for the
# logits is $\hat y - y$, and we have a whole network: the **article network** that
# introductions to transfer learning like to print, here with 8 kernels instead of 32.
#
# <!-- Notes: Everything in it they have written themselves. Keras confirms each gradient in the notebook. -->

# %% slideshow={"slide_type": "skip"}
def forward(x, theta):
    z = conv_forward(x, theta["kernel"], theta["bias"])
    pooled = pool_forward(np.maximum(z, 0))
    logits = pooled.reshape(len(x), -1) @ theta["dense"] + theta["dense_bias"]
    e = np.exp(logits - logits.max(1, keepdims=True))
    return z, pooled, e / e.sum(1, keepdims=True)


# %% slideshow={"slide_type": "skip"}
# One pass back through all layers: the gradient for every parameter.
def backward(x, y, theta):
    z, pooled, y_hat = forward(x, theta)
    g = (y_hat - np.eye(10)[y]) / len(x)
    dv, dc = pooled.reshape(len(x), -1).T @ g, g.sum(0)
    g = (g @ theta["dense"].T).reshape(pooled.shape)
    g = pool_backward(np.maximum(z, 0), g) * (z > 0)
    _, dw, db = conv_backward(x, theta["kernel"], g)
    return {"kernel": dw, "bias": db, "dense": dv, "dense_bias": dc}


# %% [markdown] slideshow={"slide_type": "skip"}
# **Is it right?** Keras offers no call for a gradient, but there is a way to see one: a single step
# of plain gradient descent with learning rate 1 moves every weight by exactly minus its gradient.

# %% slideshow={"slide_type": "skip"}
# The same network in Keras.
keras.utils.set_random_seed(3)
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

# %% slideshow={"slide_type": "skip"}
before = twin.get_weights()
theta = dict(zip(("kernel", "bias", "dense", "dense_bias"), before, strict=True))
x, y = digits.x_train[:32], digits.y_train[:32]
ours = backward(x, y, theta)
twin.train_on_batch(x, y)
for name, old, new in zip(theta, before, twin.get_weights(), strict=True):
    np.testing.assert_allclose(old - new, ours[name], rtol=1e-3, atol=1e-5)

# %% [markdown] slideshow={"slide_type": "skip"}
# Every gradient is the one that Keras computed. Now train, from the same random weights, with NumPy
# alone: two epochs with a learning rate of 0.1. (A larger rate is a gamble. With 0.3 it depends on the random
# weights: change the seed above a few times, and you will see one that stays at 0.10.)

# %% slideshow={"slide_type": "skip"}
# Mini-batches of 30, in a new order each epoch.
rng = np.random.default_rng(0)
for _ in range(2):
    for batch in rng.permutation(1200).reshape(-1, 30):
        step = backward(digits.x_train[batch], digits.y_train[batch], theta)
        theta = {name: value - 0.1 * step[name] for name, value in theta.items()}

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.03"]
y_hat = forward(digits.x_test, theta)[2]
by_hand = np.mean(y_hat.argmax(1) == digits.y_test)
print(f"test accuracy of the network without a framework: {by_hand:.2f}")
assert by_hand > 0.8


# %% [markdown] slideshow={"slide_type": "skip"}
# ## 6 · The same in Keras
#
# From here on Keras does the work. This is the article network in full, with 32 kernels. (Articles
# give it one-hot labels and the loss `categorical_crossentropy`; class numbers and
# `sparse_categorical_crossentropy` are the same loss with less typing.)

# %% [markdown] slideshow={"slide_type": "slide"}
# **Predict.** Before you go on, write down for each layer the shape of its output and the number of its
# parameters. (A kernel has 3·3·1 weights and one bias.)
#
# <!-- Notes:
# Answer: on the next slide. Give them three minutes with paper first. Typical mistakes: the
# bias forgotten, 28 instead of 26 rows, and the head counted without the 32 channels.
# -->

# %%
# Four layers, two of them with parameters.
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


# %% slideshow={"code": false, "slide_type": "subslide"}
model = article_network()
for layer in model.layers:
    print(f"{layer.name:8} {str(layer.output.shape):22} {layer.count_params():6,} parameters")

# %% slideshow={"slide_type": "skip"}
assert model.get_layer("conv").count_params() == 32 * (3 * 3 * 1 + 1) == 320
assert model.get_layer("head").count_params() == (13 * 13 * 32 + 1) * 10 == 54_090
assert model.count_params() == 54_410
assert 54_090 / 54_410 > 0.99

# %% [markdown] slideshow={"slide_type": "fragment"}
# More than 99 of 100 parameters sit in the dense head, which does not know that pixels have neighbours.
#
# <!-- Notes: Ask where the parameters are before you reveal the sentence. -->

# %% [markdown] slideshow={"slide_type": "notes"}
# The part that does, the convolution, has 320. Remember this when chapter 04 asks *which* weights are
# worth copying.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Ten epochs, drawn as they run. The last fifth of the training data is kept out of training, to watch
# (**validation**).
#
# <!-- Notes:
# So far a success: both curves are near the top. Let them say how good the network is on new
# images, and write the number on the board.
# -->

# %% tags=["nbval-ignore-output"]
# Ten epochs, the curves drawn live.
keras.utils.set_random_seed(0)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    digits.x_train,
    digits.y_train,
    epochs=10,
    validation_split=0.2,
    verbose=0,
    callbacks=[training.LiveCurves()],
).history

# %% [markdown] slideshow={"slide_type": "subslide"}
# One run is one number. Five runs from five seeds tell how far to trust it, and a model without
# convolution, softmax regression on the 784 pixels (chapter 02), tells what the convolution is worth.
#
# **Predict.** By how many points does the convolution win on the test images?
#
# <!-- Notes:
# Answer: by none that could be seen. Expect five or ten. Take the guesses before the next key, and let
# the room find the reason.
# -->

# %% slideshow={"slide_type": "skip"}
from sklearn.linear_model import LogisticRegression


def softmax_regression(x, y, x_test, y_test):
    """Training and test accuracy of a model that sees a list of pixels."""
    flat = [images.reshape(len(images), -1) for images in (x, x_test)]
    model = LogisticRegression(max_iter=2000).fit(flat[0], y)
    return model.score(flat[0], y), model.score(flat[1], y_test)


_, rival = softmax_regression(digits.x_train, digits.y_train, digits.x_test, digits.y_test)

# %% slideshow={"slide_type": "skip"}
# The article network from five seeds; `restart` gives it new weights without building it again.
scores = []
for seed in range(5):
    training.restart(model, seed)
    random_kernels = model.get_layer("conv").get_weights()[0]
    model.fit(digits.x_train, digits.y_train, epochs=10, verbose=0)
    scores.append(training.accuracy(model, digits.x_test, digits.y_test))
learned_kernels = model.get_layer("conv").get_weights()[0]

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.02"]
print(f"softmax regression  {rival:.3f}")
print(
    f"article network     {np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}  (± sd of 5 seeds)"
)
assert abs(np.mean(scores) - rival) < 0.03, "no clear difference"

# %% [markdown] slideshow={"slide_type": "notes"}
# **Two surprises.** First, the convolution buys nothing here. One likely reason: every digit stands
# upright in the middle of its image, so that a pixel means the same in each, and a list of pixels is
# good enough. Without a rival we would have praised the convolution. Section 8 moves the digits and
# asks again.
#
# Second, the validation accuracy above was far better than this test accuracy. Which is right?

# %% slideshow={"slide_type": "skip"}
assert history["val_accuracy"][-1] > np.mean(scores) + 0.03

# %% [markdown] slideshow={"slide_type": "subslide"}
# Neighbours in the file resemble each other. The validation images are the end of the training part,
# close to images that were trained on; the test images come later in the file. If that is the reason,
# a shuffled split must look better too.

# %% slideshow={"slide_type": "skip"}
# Train on 1,200 images chosen at random from all, and test on the others.
every_x = np.concatenate([digits.x_train, digits.x_test])
every_y = np.concatenate([digits.y_train, digits.y_test])
shuffled = []
for seed in range(5):
    order = np.random.default_rng(seed).permutation(1797)
    training.restart(model, seed)
    model.fit(every_x[order[:1200]], every_y[order[:1200]], epochs=10, verbose=0)
    shuffled.append(training.accuracy(model, every_x[order[1200:]], every_y[order[1200:]]))

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.02"]
print(f"split in file order  {np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}")
print(f"shuffled split       {np.mean(shuffled):.3f} ± {np.std(shuffled, ddof=1):.3f}")
assert np.mean(shuffled) > np.mean(scores) + 0.02, "the shuffled split flatters"

# %% [markdown] slideshow={"slide_type": "notes"}
# It does. Same network, same number of images; only the split differs.
#
# <!-- Notes:
# If two of your students had written the same letter on neighbouring lines, would you test on
# one and train on the other?
# -->

# %% [markdown] slideshow={"slide_type": "fragment"}
# > A test is only as honest as its split: what will be new in use must be new in the test.
#
# <!-- Notes:
# Let them name a wrong split from their own field: one patient's scans, one day's
# photographs, one writer's digits.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7 · Look inside
#
# **Predict.** The 32 kernels of the last of the five networks began as random numbers. What do they
# look like after training: edges and strokes, or still like noise?
#
# <!-- Notes:
# Answer: still like noise. Expect: edges, as in textbooks. Those come from photographs with
# edges in them.
# -->

# %% slideshow={"slide_type": "skip"}
both = np.concatenate([random_kernels, learned_kernels], axis=-1)[:, :, 0].transpose(2, 0, 1)
reach = abs(both).max()

# %% slideshow={"slide_type": "subslide"}
ax = plotting.image_grid(
    both,
    columns=16,
    cmap="RdBu_r",
    limits=(-reach, reach),
    title="32 kernels: two rows before training, two rows after",
)
plotting.show(ax, "Thirty-two kernels before and after: same patterns, most redder or bluer")

# %% [markdown] slideshow={"slide_type": "notes"}
# Still like noise, but look at the colours: many kernels have turned redder or bluer *as a whole*.

# %% [markdown] slideshow={"slide_type": "skip"}
# Take the pattern of a kernel (its deviations from its mean) and the mean apart:

# %% slideshow={"slide_type": "skip"} tags=["atol-0.1"]
before, after = (k[:, :, 0].reshape(9, 32).T for k in (random_kernels, learned_kernels))
alike = np.median([np.corrcoef(a, b)[0, 1] for a, b in zip(before, after, strict=True)])
moved = np.median(abs(after.mean(1) - before.mean(1)) / before.std(1))
print(f"pattern before and after: median correlation {alike:.2f}")
print(f"mean moved by {moved:.2f} times the spread of a kernel's weights (median)")
assert alike > 0.9, "the patterns are still the random ones"
assert moved > 0.4, "the means have moved"

# %% [markdown] slideshow={"slide_type": "notes"}
# The patterns are the random ones; training has moved the means alone. The reason is in the data: in
# an image enlarged 3.5 times, neighbouring pixels are nearly equal, so the nine weights of a kernel
# get nearly the same gradient, and move together. Kernels learn edges only from images that have some.

# %% slideshow={"slide_type": "subslide"}
first_layer = keras.Model(model.inputs, model.get_layer("conv").output)
maps = first_layer.predict(digits.x_train[3:4], verbose=0)[0]
ax = plotting.feature_maps(maps, columns=8, title="One digit, as each of the kernels sees it")
plotting.show(ax, "Maps of a 3: most show it slightly blurred, some its background, a few nothing")

# %% [markdown] slideshow={"slide_type": "notes"}
# Most maps are the digit, slightly blurred; some its background, some mixtures of edges. A black one
# never fires for this digit.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 8 · Over-fitting, and what helps
#
# Now a harder task: the same handwriting, moved, turned, sheared and covered with fragments of other
# digits and noise. The images are cheap, labels are not: suppose you have 20 for each class.
#
# <!-- Notes:
# Read them aloud together before you go on; the labels are printed in the notebook. People do
# not read all of them either.
# -->

# %%
cluttered = make_cluttered_digits(2_000, 1_500, random_state=3)
few = few_labels(cluttered, per_class=20, random_state=0)
ax = plotting.image_grid(few.x_train[:20], title="Can you read them all?")
plotting.show(ax, "Twenty digits off the centre, turned, and covered with fragments of others")

# %% slideshow={"slide_type": "skip"}
print(" ".join(cluttered.class_names[k] for k in few.y_train[:10]))
print(" ".join(cluttered.class_names[k] for k in few.y_train[10:20]))

# %% [markdown] slideshow={"slide_type": "skip"}
# The network is deeper now: four convolutions with pooling between them, so that the last ones see
# large parts of the image. `padding="same"` adds a border of zeros, so that a convolution keeps the
# size of its map. The head returns logits (chapter 02).

# %% slideshow={"slide_type": "skip"}
for layer in models.small_cnn().layers:
    print(f"{layer.name:8} {str(layer.output.shape):22} {layer.count_params():6,} parameters")


# %% slideshow={"slide_type": "skip"}
# A new `small_cnn`, with layers put before it, and without its dropout if need be.
def build(*augmentation, dropout=True):
    layers = [layer for layer in models.small_cnn().layers if dropout or layer.name != "dropout"]
    network = keras.Sequential([keras.Input((28, 28, 1)), *augmentation, *layers])
    training.compile_classifier(network, learning_rate=2e-3)
    return network


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** 200 training images, 66,000 parameters. Sketch the two curves, training and validation
# accuracy, over 40 epochs. (The validation images show handwriting that is neither in the training
# nor in the test set.)
#
# <!-- Notes:
# Answer: training climbs to 100 %, validation stays below 40 % and does not come down to meet
# it. Expect a validation curve that follows with a delay.
# -->

# %% slideshow={"slide_type": "subslide"} tags=["nbval-ignore-output"]
# Train on 200 images; watch 1,000 others.
validation = make_cluttered_digits(1, 1_000, held_out="validation", random_state=4)
keras.utils.set_random_seed(0)
plain = build(dropout=False)
history = plain.fit(
    few.x_train,
    few.y_train,
    epochs=40,
    verbose=0,
    validation_data=(validation.x_test, validation.y_test),
    callbacks=[training.LiveCurves()],
).history

# %% slideshow={"slide_type": "skip"}
assert round(plain.count_params(), -3) == 66_000
assert history["accuracy"][-1] > 0.99, "all training images are right"
assert history["val_accuracy"][-1] < 0.4, "fewer than four in ten of the others are"

# %% [markdown] slideshow={"slide_type": "notes"}
# The network knows its 200 images by heart and reads fewer than four in ten of the others:
# **over-fitting**. Once the curves have parted, training longer does not bring them together.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Two remedies. **Dropout** switches off half of the features at random in every step, so that none
# can rely on another. **Augmentation** makes new training images from old ones by changes that do
# not matter for the answer. In Keras it is a layer that acts only in training:
#
# <!-- Notes:
# Ask of each row whether a reader would still give it the same label. Leave the answer for the third
# row open: the next slide asks for it.
# -->

# %% slideshow={"slide_type": "skip"}
shift = keras.layers.RandomTranslation(0.15, 0.15, fill_mode="constant")  # of the size: ±4 pixels
turn = keras.layers.RandomRotation(0.05, fill_mode="constant")  # of a full turn: ±18°
flip = keras.layers.RandomFlip("horizontal")

# %%
# The same image ten times, as each augmentation makes it.
keras.utils.set_random_seed(1)
same = np.repeat(few.x_train[:1], 10, axis=0)
rows = [layer(same, training=True) for layer in (shift, turn, flip)]
ax = plotting.image_grid(
    np.concatenate([keras.ops.convert_to_numpy(row) for row in rows]),
    title="One image; rows: shifted, turned, flipped",
)
plotting.show(ax, "Rows of ten versions of a digit: moved, turned by up to 18°, half mirrored")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** Put these five in order of test accuracy:
#
# - nothing
# - dropout
# - dropout and shift
# - dropout, shift and turn
# - dropout, shift and flip
#
# The flip makes new images too. Why might it not help?
#
# <!-- Notes:
# Go back one slide if they cannot see why a mirrored digit is a lie.
#
# Answer: a shift helps most; the turn makes no visible difference; the flip undoes the gain.
# Expect: the more augmentation, the better.
# -->

# %% slideshow={"slide_type": "skip"}
remedies = {
    "nothing": build(dropout=False),
    "dropout": build(),
    "dropout, shift": build(shift),
    "dropout, shift, turn": build(shift, turn),
    "dropout, shift, flip": build(shift, flip),
}

# %% slideshow={"slide_type": "skip"}
# Training and test accuracy of each, for five seeds and five draws of the labels.
results = {name: [] for name in ["softmax regression", *remedies]}
for seed in range(5):
    few = few_labels(cluttered, per_class=20, random_state=seed)
    splits = (few.x_train, few.y_train), (few.x_test, few.y_test)
    results["softmax regression"].append(softmax_regression(*splits[0], *splits[1]))
    for name, network in remedies.items():
        training.restart(network, seed)
        training.fit_steps(network, few.x_train, few.y_train, steps=300, seed=seed)
        results[name].append([training.accuracy(network, x, y) for x, y in splits])

# %% slideshow={"slide_type": "skip"} tags=["atol-0.06"]
print(f"{'':20}  training     test")
for name, pairs in results.items():
    (known, new), (sd_known, sd_new) = np.mean(pairs, 0), np.std(pairs, 0, ddof=1)
    print(f"{name:20}  {known:.2f} ± {sd_known:.2f}  {new:.2f} ± {sd_new:.2f}")

# %% slideshow={"slide_type": "subslide"}
# Mean and standard deviation of the test accuracy in per cent.
figure, ax = plotting.plt.subplots(figsize=(7, 2.8))
for name, pairs in results.items():
    test = 100 * np.array(pairs)[:, 1]
    _ = ax.errorbar(test.mean(), name, xerr=test.std(ddof=1), fmt="o", ms=8, capsize=4, color="C0")
ax.invert_yaxis()
ax.set(
    xlabel="test accuracy (%), mean ± sd of 5 seeds", title="A shift helps most; a flip undoes it"
)
plotting.show(figure, "Five remedies: a shift is far above the rest, a flip falls back to dropout")

# %% slideshow={"slide_type": "skip"}
test = {name: np.mean(pairs, 0)[1] for name, pairs in results.items()}
assert test["nothing"] > test["softmax regression"] + 0.03, "convolution is worth it here"
assert test["dropout"] > test["nothing"], "dropout helps a little"
assert test["dropout, shift"] > test["dropout"] + 0.05, "a shift is worth more"
assert test["dropout, shift, flip"] < test["dropout, shift"] - 0.05, "a flip costs"

# %% [markdown] slideshow={"slide_type": "notes"}
# - **Now the convolution pays**: where digits move, a list of pixels is no longer good enough.
# - **The shift** tells the network something true about this data: *where* a digit stands does not
#   matter. It is worth far more than dropout, which knows nothing about pictures, and it narrows the
#   gap between training and test from both sides.
# - **The turn** is true as well; with five seeds no difference is visible.
# - **The flip** is **the classic mistake**, often copied from code for cats and dogs. It makes the
#   training set twice as rich, and the new half is wrong: a mirrored 2 is no 2. At the same number of
#   steps even the training images are learned less well.

# %% [markdown] slideshow={"slide_type": "fragment"}
# > An augmentation is a statement about your data. Make only true ones.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Make one.** Think of another augmentation for these images (noise? a change of size? a patch set
# to zero?). Say first what it claims about the data, then put it into `build(...)` and measure it with
# five seeds. `keras.layers` has `GaussianNoise`, `RandomZoom` and
# `RandomErasing(fill_value=0, value_range=(0, 1))`.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - A convolution asks the same question, its kernel, at every place of the image; ReLU keeps the
#   positive answers, pooling makes the map smaller and a little less sensitive to shifts.
# - Backward, each of them passes a gradient on by one short rule. Trust a rule when it agrees with
#   difference quotients, and a network when it agrees with another implementation.
# - `Conv2D(F, k)` on C channels has F·(k·k·C + 1) parameters, whatever the image's size.
# - A result needs a rival, and a test needs an honest split.
# - Over-fitting shows as a gap between training and validation. An augmentation that is true of the
#   data narrows it; one that is false costs accuracy.
#
# <!-- Notes:
# The sentence to take home: an augmentation is a statement about your data. Then hand out
# exercise set 03.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex03/ex03_cnn_from_scratch.ipynb) checks your answers as you go. Beyond it:
#
# 1. Two convolutions without a ReLU between them are one. Find the 5×5 kernel that does what two
#    given 3×3 kernels do, and check it with `convolve`.
# 2. Give `conv_forward` and `conv_backward` a stride of 2, and check both against Keras.
# 3. Replace max-pooling by average pooling, backward too. Does section 5 still learn?
# 4. Which of the ten digits suffers most from the flip? Predict, then draw
#    `plotting.confusion_matrix`.
#
# ## Further reading
#
# - LeCun, Bottou, Bengio & Haffner 1998, *Gradient-based learning applied to document recognition*,
#   Proceedings of the IEEE 86(11).
# - Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, *Dropout*, JMLR 15.
# - Dumoulin & Visin 2016, *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285.
