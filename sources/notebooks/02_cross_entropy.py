# %% [markdown] slideshow={"slide_type": "slide"}
# # 02 · Cross-entropy: the price of being wrong
#
# Nearly every network that classifies is trained to make one number small. You will derive that number from a question about the
# weather, and at the end a network that you trained with it reads a digit that you draw.
#
# <!-- Notes:
# Ask who has seen a loss fall in a log, and what they took the number for. Promise them the drawing pad at the end.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - derive the loss of nearly every classifier, and say what its number means;
# - derive its gradient, and check that it is right;
# - compute it so that it never overflows, and say what `from_logits` is for;
# - recognise four classic mistakes by the numbers that they leave behind;
# - say what $\lambda R(w)$ does to a classifier, and choose λ honestly.
#
# <!-- Notes:
# The one to stress: at the end they read a mistake off the loss curve before anybody looks at the code.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 85 minutes to read and try, 55 s to run. You need chapter 01 (gradient descent).

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
import numpy as np
from ipywidgets import FloatSlider, interact
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from tlcourse import autodiff, backend, optimizers, plotting, quiz, training
from tlcourse.course.content import benchmark
from tlcourse.data import SAMPLE_STROKES, load_digits28, strokes_to_digit
from tlcourse.losses import cross_entropy
from tlcourse.plotting import plt
from tlcourse.quiz import claim
from tlcourse.sketch import Sketch

import keras

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("02")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · What does a forecast cost?
#
# On each of five days, two forecasters said how likely rain was. We write $y = 1$ for a day on which it rained, and
# $\hat y$ ("y hat") for the forecast, which is a probability.
#
# <!-- Notes: Draw the five days on the board, with an umbrella where it rained. -->

# %%
y = np.array([1, 1, 0, 1, 0])
cautious = np.array([0.7, 0.4, 0.3, 0.7, 0.3])
bold = np.array([0.99, 0.99, 0.01, 0.01, 0.01])

# %% [markdown]
# Both were on the right side on four days of five. The cautious one missed the second day, and the bold one, who is
# always very sure, missed the fourth.
#
# <!-- Notes:
# Answer: the cautious one. Let both sides defend their choice before anybody says "likelihood": the bold one tempts,
# because her four good forecasts are much the better ones.
# -->

# %% slideshow={"code": false}
choices = ["the cautious one", "the bold one"]
quiz.predict("02.forecasters", "Which of the two would you rather believe?", choices)


# %% [markdown] slideshow={"slide_type": "subslide"}
# There is a fair way to compare them: ask **how probable the weather was, if the forecaster is right**. This is
# called the **likelihood**. A rainy day counts $\hat y$ and a dry day $1 - \hat y$, and
# $\hat y^{\,y}(1-\hat y)^{1-y}$ says both at once: for $y = 1$ the second factor is 1, and for $y = 0$ the first. If the
# days do not influence each other, probabilities multiply, so the likelihood of all five is the product.
#
# <!-- Notes: Put y = 1 and y = 0 into the exponents on the board: one factor is always 1. -->

# %% slideshow={"slide_type": "-"}
def likelihood(y, y_hat):
    return np.prod(y_hat**y * (1 - y_hat) ** (1 - y))


# %% slideshow={"code": false, "slide_type": "fragment"}
print(f"cautious {likelihood(y, cautious):.3f}, bold {likelihood(y, bold):.3f}")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "-"}
better = likelihood(y, cautious) > likelihood(y, bold)
quiz.reveal("02.forecasters", "the cautious one" if better else "the bold one")

# %% [markdown] slideshow={"slide_type": "notes"}
# One forecast that was sure and wrong has spoiled four good ones.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
others = np.array([0, 1, 2, 4])
ahead = likelihood(y[others], bold[others]) / likelihood(y[others], cautious[others])
claim(ahead > 3, f"without the fourth day the bold one is ahead by a factor of {ahead:.1f}")


# %% [markdown] slideshow={"slide_type": "subslide"}
# Three small steps turn this likelihood into a loss.
#
# - A product of thousands of numbers below 1 can be rounded to zero. So we take its natural **logarithm**, which
#   is a sum.
# - A loss should be small when things go well. So we take **minus** the logarithm.
# - It should not grow with the number $N$ of examples. So we take the **mean**.
#
# The result is the **binary cross-entropy**:
#
# $$ J = -\frac1N \sum_{i=1}^{N} \bigl[\, y_i \log \hat y_i + (1-y_i)\log(1-\hat y_i) \,\bigr] $$
#
# <!-- Notes: Ask for each step why. There is nothing deep in the minus. -->

# %% slideshow={"slide_type": "skip"}
def binary_loss(y, y_hat):
    return -np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat))


print(f"cautious {binary_loss(y, cautious):.3f}, bold {binary_loss(y, bold):.3f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# A small loss is a large likelihood.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = np.isclose(np.exp(-5 * binary_loss(y, bold)), likelihood(y, bold))
claim(same, "the loss brings back the likelihood")
claim(0.5**2000 == 0.0, "a product of 2,000 halves is rounded to zero")

# %% [markdown] slideshow={"slide_type": "skip"}
# You can think of it as a price: each example pays $-\log$ of the probability that was given to what happened.

# %% slideshow={"slide_type": "subslide"}
# The price, with four forecasts on it.
p = np.linspace(0.005, 1, 400)
points = {"sure and right": 0.99, "cautious": 0.7, "a coin": 0.5, "sure and wrong": 0.01}
ax = plt.subplots(figsize=(7, 3.2))[1]
ax.plot(p, -np.log(p), color="#999999")
for text, p in points.items():
    ax.plot(p, -np.log(p), "o", ms=8, color="#0072B2", clip_on=False)
    side = {"ha": "right", "va": "top"} if p > 0.9 else {"va": "bottom"}
    ax.text(p, -np.log(p), f"  {text}: {-np.log(p):.2f}  ", **side)
ax.set(xlabel="probability given to what happened", ylabel="price −log ŷ")
ax.set(xlim=(0, 1), ylim=(-0.6, 5.6), title="Being sure and wrong costs most")
plotting.show(ax, "A curve that falls from 4.61 at 0.01 over 0.69 at 0.5 to nearly 0 at 0.99")

# %% [markdown] slideshow={"slide_type": "notes"}
# If you call a thing impossible and it happens, the price is infinite.
#
# <!-- Notes:
# Read off two prices: a coin, and "sure and wrong". Accuracy would treat the first two forecasts alike.
# -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper · Entropy, the best price there is
#
# Can the price ever be zero? Suppose that it rains on 80 % of all days, $p = 0.8$, and that a forecaster says the same
# $q$ every day. Let us see which $q$ costs least on average.

# %% slideshow={"slide_type": "skip"}
# The mean price of every forecast q, and its two parts.
q = np.linspace(0.01, 0.99, 99)
price = -(0.8 * np.log(q) + 0.2 * np.log(1 - q))
entropy = -(0.8 * np.log(0.8) + 0.2 * np.log(0.2))
ax = plt.subplots(figsize=(7, 3.2))[1]
ax.plot(q, price, label="cross-entropy H(p, q)")
ax.axhline(entropy, color="black", ls="--", lw=1.2, label="entropy H(p)")
ax.fill_between(q, entropy, price, alpha=0.15, lw=0, label="KL(p‖q), wasted")
ax.set(xlabel="forecast q, where the truth is p = 0.8", ylabel="price in nats", ylim=(0, 2.5))
ax.set_title("The truth is the cheapest forecast")
ax.legend()
plotting.show(ax, "Cross-entropy over q touches the dashed line of the entropy, 0.50, at q = 0.8")

# %% [markdown] slideshow={"slide_type": "skip"}
# The cheapest forecast is the truth, and even the truth is not free, because nobody who knows only $p$ can tell which
# days will be dry. There are three names for what you see:
#
# - the **entropy** $H(p) = -\sum_k p_k \log p_k$ is the price of the truth;
# - the **cross-entropy** $H(p, q) = -\sum_k p_k \log q_k$ is what the forecast $q$ pays;
# - the **Kullback–Leibler divergence** $\mathrm{KL}(p\,\|\,q) = H(p,q) - H(p)$ is what the forecast wastes.
#
# The divergence is never negative, and it is zero only for $q = p$. It is no distance, because $\mathrm{KL}(p\,\|\,q)$
# and $\mathrm{KL}(q\,\|\,p)$ usually differ (Kullback & Leibler 1951, *On information and sufficiency*, Annals of
# Mathematical Statistics 22(1)). A label puts everything on one class, so its entropy is zero, and for labels
# cross-entropy and divergence are the same number. With the natural logarithm the unit is the *nat*.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
p, q = np.random.default_rng(0).dirichlet(np.ones(5), size=(2, 1000))
kl, kl_reversed = ((a * np.log(a / b)).sum(1) for a, b in ((p, q), (q, p)))
claim((kl > 0).all(), "among 1,000 random pairs the divergence is never negative", measured=kl)
claim(not np.isclose(kl, kl_reversed).any(), "and in none of them the same in both directions")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · From scores to probabilities
#
# How does a network make a forecast? It ends in $K$ scores $z_1 \dots z_K$, one for each class. These **logits** can be
# any numbers. **Softmax** turns them into probabilities: it exponentiates them, so that all are positive, and divides by
# their sum, so that they add up to one.
#
# $$ \hat y_k = \frac{e^{z_k}}{\sum_j e^{z_j}} $$
#
# <!-- Notes: Why not simply the scores over their sum? Because scores may be negative. -->

# %% slideshow={"headline": "The same in Python", "slide_type": "subslide"}
def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


z = np.array([2.0, 1.0, -1.0])
softmax(z).round(3)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now we change the logits in two ways: once we add 5 to each, and once we multiply each by 10.
#
# <!-- Notes: Answer: adding changes nothing, since only differences count; multiplying makes the forecast surer. -->

# %% slideshow={"code": false}
choices = ["both change them", "only adding does", "only multiplying does", "neither does"]
quiz.predict("02.shift", "What changes the probabilities?", choices)

# %% slideshow={"code": false, "slide_type": "fragment"}
print("plus 5:  ", softmax(z + 5).round(3))
print("times 10:", softmax(10 * z).round(3))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "-"}
quiz.reveal("02.shift", "only multiplying does")
claim(np.allclose(softmax(z + 5), softmax(z)), "only the differences between logits count")


# %% [markdown] slideshow={"slide_type": "skip"}
# With two classes only the difference $z = z_1 - z_2$ counts, and softmax becomes the **sigmoid**
# $\sigma(z) = 1 / (1 + e^{-z})$.

# %% slideshow={"slide_type": "skip"}
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
two = softmax(np.array([2.0, 0.5]))[0]
claim(
    np.isclose(two, sigmoid(2.0 - 0.5)), "for two classes softmax is the sigmoid of the difference"
)


# %% [markdown] slideshow={"slide_type": "subslide"}
# The price is again minus the logarithm of the probability that the right class
# got. We write a label as a **one-hot** row, such
# as $(0, 0, 1, 0)$, with a one for the right class. The mean price is the **categorical cross-entropy**:
#
# $$ J = -\frac1N \sum_{i=1}^{N} \sum_{k=1}^{K} y_{ik} \log \hat y_{ik} $$
#
# <!-- Notes: Cross out all terms with a zero in front; one is left for each example. -->

# %% slideshow={"slide_type": "skip"}
def categorical_loss(y, y_hat):
    return -np.mean(np.sum(y * np.log(y_hat), axis=1))


# %% [markdown] slideshow={"slide_type": "subslide"}
# Before training, a network knows nothing. Suppose that it gives the same probability to each of ten classes.
#
# <!-- Notes: Answer: the logarithm of ten. Expect "it depends". Let them insert 1/K into minus the logarithm. -->

# %% slideshow={"code": false}
quiz.predict("02.nothing", "What is its loss?", 0, 5)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
labels = np.eye(10)
quiz.reveal("02.nothing", categorical_loss(labels, np.full((10, 10), 0.1)))

# %% slideshow={"code": false, "slide_type": "-"}
for k in (2, 10, 1000):
    print(f"{k:5} classes: {categorical_loss(np.eye(k), np.full((k, k), 1 / k)):.4f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# It is $-\log\frac1K = \log K$. Learn **ln 10 = 2.3026** by heart (ln is the same logarithm). In chapter 05 you will
# meet a network that stays at this number, and you will know what it says: nothing has been learned.

# %% [markdown] slideshow={"slide_type": "skip"}
# In the next figure, the **lead** is the logit of the right class minus the log of the summed exponentials of the
# others. The loss depends on nothing else: $J = \log(1 + e^{-\text{lead}})$.

# %% slideshow={"headline": "Three logits, their loss and its gradient", "slide_type": "subslide"}
plotting.show(
    plotting.three_logits(2, 1, -1),
    "Softmax 0.71, 0.26, 0.04; loss 0.35; gradient −0.29, 0.26, 0.04",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it.** Can you bring the loss below 0.01? Can you make it zero? What do the bars of the gradient add up to?

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
_ = interact(
    lambda z1, z2, z3, right: plotting.show(
        plotting.three_logits(z1, z2, z3, right - 1), f"Softmax of {z1}, {z2}, {z3}"
    ),
    **{name: FloatSlider(0, min=-10, max=10, step=0.5) for name in ("z1", "z2", "z3")},
    right=[1, 2, 3],
)


# %% [markdown] slideshow={"slide_type": "notes"}
# The loss is never exactly zero: the other classes keep a little.
#
# <!-- Notes:
# Open the notebook and move the sliders. Let the class bring the loss below 0.01, then make the first class sure and
# wrong: no bar of the gradient ever exceeds 1, and the bars add up to zero.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · Which way do the scores have to move?
#
# The gradient tells us. To find it, put softmax into the loss of one example whose right class is $r$:
#
# $$ J = -\log \hat y_r = -\log \frac{e^{z_r}}{\sum_j e^{z_j}} = -z_r + \log \sum_j e^{z_j} $$
#
# Take the derivative with respect to $z_k$. The first part gives $-1$ for the right class and 0 for the others, which is
# $-y_k$. For the second, the chain rule says $(\log u)' = u'/u$, and only one term of the sum $u$ contains $z_k$. So it
# gives $e^{z_k} / \sum_j e^{z_j}$, which is $\hat y_k$. Together:
#
# $$ \frac{\partial J}{\partial z_k} = \hat y_k - y_k $$
#
# <!-- Notes:
# The logarithm undoes the exponential; that is why the two belong together. Let them differentiate both parts at the
# board, for the right logit and for another one.
# -->

# %% [markdown] slideshow={"slide_type": "notes"}
# It is the forecast minus the truth. Descent moves each logit against the error of its
# probability, and in proportion to it.
# Let us check this with the difference quotient of chapter 01, which does not use our derivation.

# %% slideshow={"slide_type": "skip"}
def price(z):  # of one example whose second class is right
    return -np.log(softmax(z)[1])


truth, h = np.array([0, 1, 0]), 1e-5
moves = h * np.eye(3)  # each row moves one logit
quotient = [(price(z + move) - price(z - move)) / (2 * h) for move in moves]
print(np.round(quotient, 3), (softmax(z) - truth).round(3))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
error = abs(softmax(z) - truth - quotient)
claim(error.max() < 1e-8, "ŷ − y agrees with the difference quotient", measured=error)
claim(abs(sum(softmax(z) - truth)) < 1e-12, "the parts of the gradient add up to zero")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper · Why not squared error?
#
# We could also punish $(\hat y - y)^2$. For one sigmoid its gradient is $2(\hat y - y)\,\hat y(1 - \hat y)$. The last
# two factors are the slope of the sigmoid, and they vanish where it is flat. A unit that is sure and wrong is then
# hardly pushed at all; it is called *saturated*. Cross-entropy brings a factor $1/\hat y$ along, which cancels the
# vanishing one.

# %% slideshow={"slide_type": "skip"}
# The push, minus the gradient, of both losses where the truth is 1.
s = np.linspace(-10, 6, 200)
ax = plt.subplots(figsize=(7, 3.2))[1]
ax.plot(s, 1 - sigmoid(s), label="cross-entropy: 1 − ŷ")
ax.plot(s, 2 * (1 - sigmoid(s)) ** 2 * sigmoid(s), "--", label="squared error: 2(1 − ŷ)² ŷ")
ax.set(xlabel="logit z, where the truth is y = 1", ylabel="push towards the truth")
ax.set_title("Sure and wrong: squared error hardly pushes")
ax.legend()
plotting.show(ax, "At the far left cross-entropy pushes with 1, squared error with nearly nothing")


# %% slideshow={"slide_type": "skip"}
# Steps of gradient descent with α = 1, from z = −8 until the unit has changed its mind.
def steps(push):
    z, count = -8.0, 0
    while z <= 0:
        z, count = z + push(sigmoid(z)), count + 1
    return count


quick = steps(lambda y_hat: 1 - y_hat)
slow = steps(lambda y_hat: 2 * (1 - y_hat) ** 2 * y_hat)
steep = max(2 * (1 - s) ** 2 * s for s in np.linspace(0, 1, 1000))
factor = steep / (2 * sigmoid(-8.0))
print(f"cross-entropy {quick} steps, squared error {slow:,}")

# %% [markdown] slideshow={"slide_type": "skip"}
# Both losses took $\alpha = 1$. A larger α would free this unit sooner. But where the sigmoid is steep, the squared
# error pushes more than 400 times as hard as it does here, so the α that helps here is far too large there.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    slow > 150 * quick,
    "squared error needs more than 150 times as many steps",
    measured=slow / quick,
)
claim(factor > 400, "and its push varies by a factor of more than 400", measured=factor)


# %% [markdown] slideshow={"slide_type": "skip"}
# ### Let it learn to read
#
# Let us try this gradient on real handwritten digits. The means over blocks of 3×3
# pixels make each image a list of a hundred numbers.
#
# <!-- Notes: A hundred numbers are few. Which of the digits would they misread? -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def hundred_inputs(images):  # 28 × 28 pixels with a border of one become 10 × 10 blocks of 3 × 3
    padded = np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1)))
    return padded.reshape(-1, 10, 3, 10, 3).mean((2, 4)).reshape(-1, 100)


digits = load_digits28()
x, x_test = hundred_inputs(digits.x_train), hundred_inputs(digits.x_test)

# %% slideshow={"slide_type": "skip"}
ax = plotting.image_grid(x[:20].reshape(-1, 10, 10), digits.y_train[:20], title="Ten by ten pixels")
plotting.show(ax, "Twenty handwritten digits at ten by ten pixels, coarse but readable")

# %% [markdown] slideshow={"slide_type": "skip"}
# First we divide them: 900 images **to train**, 300 **for validation**, with which we choose, and 597 **to test**,
# once, at the very end. Images that helped you choose can no longer tell you honestly how good the choice is. And we
# subtract the mean of the training images, for a rounder valley (chapter 01).

# %% slideshow={"slide_type": "skip"}
mean = x[:900].mean(0)
x_train, y_train = x[:900] - mean, digits.y_train[:900]
x_val, y_val = x[900:] - mean, digits.y_train[900:]
x_test, y_test = x_test - mean, digits.y_test


# %% [markdown] slideshow={"slide_type": "subslide"}
# The simplest model, **softmax regression**, has the logits $z = x\theta$. A column of ones in $x$ gives each class its
# *bias*, a number that is always added. In one example $z_k$ contains $x_j\theta_{jk}$, so by the chain rule
# $\theta_{jk}$ gets the gradient $x_j(\hat y_k - y_k)$. The mean over all examples is
# $\nabla J(\theta) = \frac1N x^\top(\hat y - y)$, of shape 101×N times N×10.
#
# <!-- Notes: Answer: more than nine in ten. Expect lower guesses. -->

# %% slideshow={"slide_type": "skip"}
def with_ones(x):
    return np.column_stack([np.ones(len(x)), x])


def softmax_regression(x, y, steps=300, alpha=0.5):
    """The path of θ, step by step; each row of y holds probabilities."""
    x = with_ones(x)

    def gradient(theta):
        return x.T @ (softmax(x @ theta) - y) / len(x)

    return optimizers.descend(gradient, np.zeros((x.shape[1], y.shape[1])), alpha, steps)


# %% slideshow={"code": false}
question = "Which share of the 300 validation digits will it read, after 300 steps?"
quiz.predict("02.regression", question, 0, 1)

# %% slideshow={"slide_type": "skip"}
path = softmax_regression(x_train, np.eye(10)[y_train])
logits = with_ones(x_val) @ path[-1]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.02"]
linear = np.mean(logits.argmax(1) == y_val)
quiz.reveal("02.regression", linear)

# %% [markdown] slideshow={"slide_type": "notes"}
# More than nine in ten, with a dozen lines of NumPy! Watch how it got there:

# %% slideshow={"slide_type": "subslide"}
# The loss on the path, every ten steps.
sets = {"train": (x_train, y_train, "-"), "validation": (x_val, y_val, "--")}
steps, losses = range(0, 301, 10), {}
ax = plt.subplots(figsize=(7, 3.2))[1]
for name, (inputs, numbers, style) in sets.items():
    forecasts = [softmax(with_ones(inputs) @ path[step]) for step in steps]
    losses[name] = [categorical_loss(np.eye(10)[numbers], y_hat) for y_hat in forecasts]
    ax.plot(steps, losses[name], style, color=plotting.COLORS[name], label=name)
ax.axhline(np.log(10), color="black", ls=":", lw=1.2, label="ln 10")
ax.set(xlabel="step", ylabel="cross-entropy", ylim=(0, 2.5))
ax.set_title("Learning starts at ln 10 and leaves it at once")
ax.legend()
plotting.show(ax, "Both losses start on the line of ln 10 and fall, validation close to train")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(np.isclose(losses["train"][0], np.log(10)), "it starts at ln 10")
claim(linear > 0.93, "it reads more than nine in ten validation digits", measured=linear)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Look closer.** Each class has one weight for each pixel. As images they show where ink speaks for a class, and where against it.
#
# <!-- Notes:
# Let them explain one: why is the 0 blue in the middle? Ink there speaks against a 0. Why are the corners pale?
# -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"}
weights = path[-1][1:].T.reshape(-1, 10, 10)
limits = (-abs(weights).max(), abs(weights).max())
title = "Red speaks for the class, blue against it"
ax = plt.subplots(figsize=(7, 3.7))[1]
settings = {"columns": 5, "title": title, "limits": limits, "cmap": "RdBu_r", "ax": ax}
plotting.image_grid(weights, list("0123456789"), **settings)
plotting.show(ax, "Ten images of weights, red and blue; that of the 0 is blue in the middle")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · On paper, and in a computer
#
# Our softmax is right on paper. But a computer keeps only so many decimal places, and numbers only up
# to a certain size. Logits of a thousand do occur when a network goes wrong. What does our function make of them?
#
# <!-- Notes: Answer: nan, 0, 0. Most expect 1, 0, 0, which is the mathematics. -->

# %% slideshow={"code": false}
choices = ["1, 0, 0", "nan, 0, 0", "1/3 each", "an error message"]
quiz.predict("02.thousand", "What is the softmax of 1000, 0 and −1000?", choices)

# %% slideshow={"code": false, "slide_type": "fragment"}
with np.errstate(over="ignore", invalid="ignore"):  # without NumPy's warnings
    broken = softmax(np.array([1000.0, 0.0, -1000.0]))
broken

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "-"}
quiz.reveal("02.thousand", "nan, 0, 0" if np.isnan(broken[0]) else "1, 0, 0")

# %% [markdown] slideshow={"slide_type": "notes"}
# For the computer $e^{1000}$ is infinite, and infinity divided by infinity is "not a number". One `nan` in a loss soon spoils
# every parameter in the next step.
#
# There is a second trap. NumPy keeps numbers in 64 bits, Keras in 32. From which whole-number
# logit on is a probability rounded to exactly 1?

# %% slideshow={"slide_type": "skip"}
z = np.arange(1, 40, dtype="float32")
certain = z[1 - sigmoid(z) == 0][0]
print(f"in 32 bits, 1 − σ(z) is zero from z = {certain:.0f}")


# %% [markdown] slideshow={"slide_type": "subslide"}
# A logit of 17 already counts as certainty. What was lost in rounding, no logarithm can bring back. So we never form
# the probability. Section 3 had the loss in logits, $-z_r + \log\sum_j e^{z_j}$. Factor $e^m$ out of the sum, where $m$
# is the largest logit. The exponents $z_j - m$ are then at most 0, so nothing can overflow:
#
# $$ \log \sum_j e^{z_j} = m + \log \sum_j e^{z_j - m} $$
#
# This is the **log-sum-exp** trick.
#
# <!-- Notes: Let them check that the formula is exact and no approximation: the m cancels. -->

# %% slideshow={"headline": "The same without an overflow", "slide_type": "subslide"}
def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


log_softmax(np.array([1000.0, 0.0, -1000.0]))

# %% [markdown] slideshow={"slide_type": "skip"}
# Let us draw both ways in 32 bits.

# %% slideshow={"slide_type": "subslide"}
# The loss from the probability, and from the two logits z and 0, whose second class is right.
z = np.linspace(12, 20, 2000, dtype="float32")
with np.errstate(divide="ignore"):
    naive = -np.log(1 - sigmoid(z))
stable = -log_softmax(np.stack([z, 0 * z], axis=1))[:, 1]
end = z[np.isinf(naive)][0]
ax = plt.subplots(figsize=(7, 3.2))[1]
ax.plot(z, stable, color="#009E73", lw=5, alpha=0.5, label="from the logit")
ax.plot(z, naive, color="#D55E00", lw=1.5, label="from the probability")
ax.axvline(end, color="black", ls=":", lw=1.2, label=f"infinite from {end:.1f} on")
ax.set(xlabel="logit z, where the truth is y = 0", ylabel="loss")
ax.set_title("In 32 bits the naive loss turns into stairs, and ends")
ax.legend()
plotting.show(ax, "From the logit a straight line; from the probability stairs, which end at 16.6")

# %% [markdown] slideshow={"slide_type": "notes"}
# This is what `from_logits=True` means in a library: "I give you the scores, please take the logarithm the safe way."
# The course's `cross_entropy` also takes logits.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
lost = np.isinf(naive[z >= end]).all() and np.isfinite(stable).all()
claim(lost, "only the naive loss is lost")
ours = categorical_loss(np.eye(10)[y_val], softmax(logits))
claim(np.isclose(cross_entropy(logits, y_val), ours), "the safe loss is the one that you derived")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper · What do the libraries say?
#
# Two witnesses, Keras and scikit-learn, price the same 200 forecasts as we do.

# %% slideshow={"slide_type": "skip"}
# Once from probabilities, once from logits, once with class numbers.
from sklearn.metrics import log_loss

rng = np.random.default_rng(1)
z, labels = rng.normal(0, 2, (200, 10)), rng.integers(0, 10, 200)
prices = [
    keras.losses.categorical_crossentropy(np.eye(10)[labels], softmax(z)),
    keras.losses.categorical_crossentropy(np.eye(10)[labels], z, from_logits=True),
    keras.losses.sparse_categorical_crossentropy(labels, softmax(z)),
]
prices = [float(keras.ops.mean(p)) for p in prices] + [log_loss(labels, softmax(z))]

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(np.allclose(prices, cross_entropy(z, labels), atol=1e-6), "all agree with ours")

# %% [markdown] slideshow={"slide_type": "skip"}
# Now a forecast says "impossible" of the class that is right. The true price is infinite. What do the two answer?

# %% slideshow={"slide_type": "skip"}
truth, impossible = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
by_keras = float(keras.losses.categorical_crossentropy(truth, impossible)[0])
by_sklearn = log_loss([0], impossible, labels=[0, 1])
print(f"Keras {by_keras:.2f}, scikit-learn {by_sklearn:.2f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# Both **clip** the probability to $[\varepsilon, 1-\varepsilon]$: Keras with $\varepsilon = 10^{-7}$, scikit-learn with
# the smallest step of the number type. The price stays finite, but where it was clipped the gradient is zero. So the
# worst of all forecasts teaches nothing. With `from_logits=True` nothing needs to be clipped.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
pull = autodiff.gradient(lambda p: keras.losses.categorical_crossentropy(truth, p)[0], impossible)
claim(not pull.any(), "clipped, the gradient is zero")
far = keras.losses.categorical_crossentropy(truth, np.array([[-1000.0, 0.0]]), from_logits=True)
claim(float(far[0]) == 1000, "from logits, the price of being sure and wrong is right")
claim(np.isclose(by_keras, -np.log(1e-7), rtol=1e-3), "16.12 is minus the logarithm of ε")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Four ways to spoil it
#
# A textbook example: 100 inputs, a *hidden* layer of 100 units in between, and ten classes. We have the data for it. Keras' `Dense` layer computes $xW + b$, and *relu* turns negative numbers into 0.
#
# Three mistakes raise no error; a fourth, in the table below, usually raises one.
#
# 1. **Softmax twice.** A second softmax follows the first.
# 2. **`from_logits` forgotten.** The loss takes logits for probabilities.
# 3. **The binary loss** of section 1, for ten classes.
#
# <!-- Notes:
# Answer: the second; it learns next to nothing. Let them say of each: is its loss too high or too low?
# -->

# %% slideshow={"slide_type": "skip"}
# The same network with different endings.
def ending_in(*activations):
    hidden = keras.layers.Dense(100, activation="relu")
    ending = [keras.layers.Activation(activation) for activation in activations]
    return keras.Sequential([keras.Input((100,)), hidden, keras.layers.Dense(10), *ending])


# %% slideshow={"slide_type": "skip"}
variants = {
    "right": (ending_in("softmax"), "categorical_crossentropy"),
    "softmax twice": (ending_in("softmax", "softmax"), "categorical_crossentropy"),
    "from_logits forgotten": (ending_in(), "categorical_crossentropy"),
    "binary loss": (ending_in("softmax"), "binary_crossentropy"),
}

# %% slideshow={"code": false}
choices = ["softmax twice", "from_logits forgotten", "binary loss", "all about the same"]
quiz.predict("02.mistakes", "Which mistake costs most accuracy?", choices)

# %% slideshow={"slide_type": "skip"}
# Each from five seeds, ten epochs on the 900 training images.
scores, histories = {}, {}
for name, (network, ending) in variants.items():
    network.compile("adam", ending)
    scores[name], histories[name] = [], []
    for seed in range(5):
        training.restart(network, seed)  # new random weights
        fit = network.fit(x_train, np.eye(10)[y_train], epochs=10, verbose=0)
        histories[name].append(fit.history["loss"])
        scores[name].append(training.accuracy(network, x_val, y_val))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What each mistake costs", "slide_type": "subslide"}
wrong = {name: np.mean(values) for name, values in scores.items() if name != "right"}
quiz.reveal("02.mistakes", min(wrong, key=wrong.get))

# %% slideshow={"code": false, "slide_type": "-"} tags=["atol-0.15"]
print("share of validation digits read, mean ± standard deviation over five seeds")
for name, values in scores.items():
    print(f"{name:22} {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}")

# %% slideshow={"slide_type": "subslide"}
# The training loss, a mean over five seeds.
floor = -np.log(np.e / (np.e + 9))
ax = plt.subplots()[1]
for (name, values), style in zip(histories.items(), ("-", "--", "-.", ":"), strict=True):
    ax.semilogy(range(1, 11), np.mean(values, 0), style, label=name)
for value, text, side in ((np.log(10), "ln 10", "bottom"), (floor, f"{floor:.3f}", "top")):
    ax.axhline(value, color="black", lw=0.8)
    ax.text(10.1, value, text, va=side)
ax.set(xlabel="epoch", ylabel="training loss", xlim=(0.8, 11.2), ylim=(0.06, 12))
ax.set_yticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
ax.set_title("Each mistake leaves its own sign in the loss")
ax.legend(loc="upper left", bbox_to_anchor=(0, -0.18), ncols=2)
plotting.show(ax, "Training losses: right falls far, twice stays above 1.461, forgotten near 7")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Learn to read the signs.
#
# | mistake | sign | what to do |
# |---|---|---|
# | softmax twice | the loss stays above 1.461 | one softmax, or `from_logits=True` instead |
# | `from_logits` forgotten | the loss stays far above ln 10 | `from_logits=True` |
# | binary loss | the loss starts far below ln 10, and *binary accuracy* at 90 % | the categorical loss |
# | class numbers for one-hot rows | an error about shapes, or a wrong number | a `sparse_` loss, for class numbers |
#
# <!-- Notes: Cover the middle column and let them fill it in from the figure. -->

# %% [markdown] slideshow={"slide_type": "notes"}
# A second softmax makes even the perfect $(1, 0, \dots, 0)$ into $e/(e+9) = 0.232$, which costs 1.461. When
# `from_logits` is forgotten, negative "probabilities" are *clipped*, raised to $10^{-7}$, and what is clipped has no
# gradient. The binary loss looks like a success, because binary accuracy counts single entries, and nine of ten are
# zeros.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Softmax twice: what it costs at best, and in every epoch.
perfect, tenths = np.eye(10), np.full((10, 10), 0.1)
twice = keras.losses.categorical_crossentropy(perfect, perfect, from_logits=True)
claim(
    np.isclose(float(keras.ops.mean(twice)), floor),
    "a perfect forecast, softmax twice, costs 1.461",
)
claim(
    np.min(histories["softmax twice"]) > floor,
    "no epoch of any seed comes below it",
    seeds=5,
    measured=np.min(histories["softmax twice"]),
)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The other claims on the mistakes.
right = np.array(scores["right"])
loses = right - scores["softmax twice"]
claim(loses.mean() > 0, "softmax twice learns worse", measured=loses, seeds=5)
claim(
    np.mean(histories["from_logits forgotten"]) > 2 * np.log(10),
    "forgotten: far above ln 10",
    measured=np.mean(histories["from_logits forgotten"]),
    seeds=5,
)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The binary loss, and class numbers.
binary = keras.metrics.BinaryAccuracy()(perfect, tenths)
claim(
    np.isclose(float(binary), 0.9), "binary accuracy calls a network that knows nothing 90 % right"
)
gap = np.mean(right) - np.mean(scores["binary loss"])
claim(abs(gap) < 0.1, "the binary loss lies a few points behind at most", measured=gap, seeds=5)
try:
    keras.losses.categorical_crossentropy(np.arange(10), perfect)
    refuses = False
except ValueError:
    refuses = True
claim(refuses, "Keras refuses class numbers where it expects one-hot rows")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper · Why just these numbers?
#
# When `from_logits` is forgotten, Keras divides the logits of an example by their sum and clips what is negative. An
# example whose right entry is clipped costs $-\ln 10^{-7} = 16.1$, and one whose right entry is positive costs little,
# so the mean lies in between, at 7 to 9. The positive entries still learn a little, hence 0.26 and not 0.10.
#
# The binary loss lies a few points behind after ten epochs. Is it worse, or only slower? Give it fifty epochs and see.
# And NumPy code is silent about the fourth mistake when there are as many examples as classes.
#
# Two footnotes: a softmax layer *and* `from_logits=True` is softmax twice. On TensorFlow, Keras notices this while
# training, warns, and uses the logits. On the other backends nobody tells you.
#
# On TensorFlow, Keras also treats the logits as those of ten sigmoids when you ask for the binary loss. So a network
# that knows nothing starts at ln 2 = 0.693 there, and at 0.325 on JAX and PyTorch. Both are far below ln 10.

# %% slideshow={"slide_type": "skip"}
# The first footnote.
import warnings

network = variants["right"][0]
network.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    network.train_on_batch(x_train[:32], np.eye(10)[y_train[:32]])

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Both footnotes.
tensorflow = keras.backend.backend() == "tensorflow"
warned = any("from_logits" in str(warning.message) for warning in caught)
claim(warned == tensorflow, "TensorFlow warns, and only TensorFlow")
network = variants["binary loss"][0]
network.set_weights([0 * parameter for parameter in network.get_weights()])
start = network.evaluate(x_train, np.eye(10)[y_train], verbose=0)
expected = np.log(2) if tensorflow else 0.32508
claim(
    np.isclose(start, expected, atol=1e-4), "the binary loss starts where the second footnote says"
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · A network that reads your digit
#
# After ten epochs the loss of the right network was still falling. So we give it two hundred, and watch the validation
# images.
#
# <!-- Notes: Answer: it falls, and then it rises. Whoever says "it falls" should say why it cannot go on for ever. -->

# %% slideshow={"code": false}
choices = ["it falls to the end", "it falls, and then it rises", "it rises from the start"]
quiz.predict("02.long", "What will the validation loss do?", choices)


# %% slideshow={"slide_type": "skip"}
# The network, with a penalty of ½λ for each squared weight (for now without).
def reader(lam=0.0):
    penalty = keras.regularizers.L2(lam / 2)
    hidden = keras.layers.Dense(100, activation="relu", kernel_regularizer=penalty)
    last = keras.layers.Dense(10, kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((100,)), hidden, last])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # An epoch has 29 batches; all of them at a time save Keras time between two batches.
    model.compile("adam", loss, metrics=["accuracy"])
    model.steps_per_execution = 29
    return training.restart(model, seed=0)


# %% slideshow={"slide_type": "skip"}
free = reader()
fit = free.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=200, verbose=0)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
curve = fit.history["val_loss"]
lowest, last = min(curve), curve[-1]
falls, rises = lowest < 0.6 * curve[9], last > 1.05 * lowest
quiz.reveal("02.long", choices[falls and rises])

# %% slideshow={"slide_type": "subslide"}
ax = plotting.learning_curves(fit.history, "loss")
ax.plot(np.argmin(curve) + 1, lowest, "kv", ms=9, label=f"lowest, {lowest:.3f}")
ax.set(ylim=(0, 0.15), ylabel="cross-entropy", title="Training falls on, validation turns back")
ax.legend()
plotting.show(ax, "Training loss falls to zero over 200 epochs; validation falls and rises again")

# %% [markdown] slideshow={"slide_type": "notes"}
# Long training pays for a while. Then the validation loss rises again, because the network learns its 900 images by
# heart. This is called **overfitting**. Yet it reads as many validation digits as before: it has become too sure, not
# worse at reading, and section 1 showed what that costs.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The losses, and the share of digits that are read.
claim(falls, "after ten epochs it was far from the end", measured=lowest / curve[9])
claim(rises, "in the end the validation loss has risen again", measured=last / lowest)
claim(
    fit.history["loss"][-1] < 0.01,
    "while the training loss is nearly zero",
    measured=fit.history["loss"][-1],
)
share = np.array(fit.history["val_accuracy"])
change = share[-1] - share[np.argmin(curve)]
claim(abs(change) < 0.02, "and the share of digits that it reads hardly changes", measured=change)


# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What does λ do?
#
# Very different weights can fit the training images equally well. A second term says which of them we prefer:
#
# $$ \min_w \; \frac1N\sum_i L(y_i, f(x_i; w)) + \lambda R(w), \qquad R(w) = \tfrac12\sum_j w_j^2 $$
#
# $L$ is the loss of one example, $f$ the model, and $w$ are its weights without the biases. This $R$ is called **L2**.
# The gradient of $\lambda R$ is $\lambda w$, so it pulls each weight towards zero, and λ (lambda) says how hard.
#
# <!-- Notes: Some books sum the loss instead of averaging it; their λ is N times ours. -->

# %% [markdown] slideshow={"slide_type": "notes"}
# To see this, we describe 40 threes and eights by two numbers alone, the mean ink in the left and in the lower half.
# The model is softmax regression for two classes, known as *logistic regression*. It also gets all products of the two
# numbers up to the fifth power, so its border can bend.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def ink(x):
    images = (x + mean).reshape(-1, 10, 10)
    return np.c_[images[:, :, :5].mean((1, 2)), images[:, 5:].mean((1, 2))]


chosen = np.flatnonzero((y_train == 3) | (y_train == 8))
chosen = np.random.default_rng(1).permutation(chosen)[:40]
x40, y40 = ink(x_train[chosen]), (y_train[chosen] == 8).astype(int)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Logistic regression on the powers; scikit-learn's C is 1 / (Nλ).
def bendy(lam):
    powers = make_pipeline(PolynomialFeatures(5, include_bias=False), StandardScaler())
    regression = LogisticRegression(C=1 / (40 * lam), solver="newton-cholesky")
    return make_pipeline(powers, regression).fit(x40, y40)


# %% jupyter={"source_hidden": true} slideshow={"headline": "The same forty points, three \u03bb", "slide_type": "subslide"}
# One map for each λ.
figure, axes = plt.subplots(1, 3, figsize=(7, 3.2), sharey=True)
for ax, lam in zip(axes, (0.0001, 0.1, 10), strict=True):
    plotting.decision_boundary(bendy(lam), x40, y40, ("3", "8"), title=f"λ = {lam:g}", ax=ax)
for ax in axes[1:]:
    ax.get_legend().remove()
axes[0].set_ylabel("ink in the lower half")
axes[1].set_xlabel("ink in the left half")
figure.suptitle("The larger λ is, the less the model dares to say")
plotting.show(
    figure, "Three maps of forty points: a tongue around some, a gentle border, pale colours"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# Strong colour means that the model is sure. With a tiny λ it is sure even where it has seen no image; with a large λ it
# hardly dares to say anything near the images.
#
# <!-- Notes: Ask which of the three they would trust with the forty-first digit. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Which λ for the network?
#
# A good λ depends on the model and on the scale of its inputs, so the picture is no guide. We let the
# validation images decide among ten values, from five seeds each (stored by
# `python -m benchmarks.reading_digits`).
#
# <!-- Notes: Ask what would be wrong with letting the test images decide. -->

# %% slideshow={"slide_type": "skip"}
stored = benchmark("reading_digits")
costs = np.array(stored["validation_loss"])  # by λ, by epochs (10, 50, 200), and by seed
after_50, after_200 = costs[:, 1], costs[:, 2]
best = after_200.mean(1).argmin()

# %%
# Every seed's validation loss over λ, and the means; λ = 0 stands apart.
places = np.r_[0, 2:8]  # larger λ leave the picture
ax = plt.subplots(figsize=(7, 3.2))[1]
for losses, color, style, epochs in (
    (after_50, "#E69F00", "s--", 50),
    (after_200, "#0072B2", "o-", 200),
):
    ax.plot(places, losses[:7], ".", color=color, alpha=0.4)
    ax.plot(0, losses[0].mean(), style[0], color=color)
    ax.plot(places[1:], losses[1:7].mean(1), style, color=color, label=f"after {epochs} epochs")
names = [np.format_float_positional(lam, trim="-") for lam in stored["lambdas"]]
ax.set_xticks(places, names[:7], fontsize=10)
ax.set(xlabel="λ", ylabel="validation loss", ylim=(0.05, 0.14))
ax.set_title("After long training a little λ helps")
ax.legend(loc="upper left", bbox_to_anchor=(0.1, 1))
plotting.show(ax, "Validation loss over λ for two budgets: lowest in the middle, high at the right")

# %% [markdown] slideshow={"slide_type": "notes"}
# After 50 epochs no λ helps; after 200 a little does. What does it save against two rivals without λ? (In
# brackets stands the 95 % interval over five seeds.)

# %% slideshow={"slide_type": "skip"}
# Both train without λ, from the same seeds.
rivals = {"200 epochs": after_200[0], "stopping after 50": after_50[0]}
for name, rival in rivals.items():
    saved = rival - after_200[best]
    low, high = stats.ttest_1samp(saved, 0).confidence_interval()
    print(f"λ = {names[best]} against {name}: {saved.mean():.3f} ({low:.3f} to {high:.3f})")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(0 < best < len(after_200) - 1, "the best λ does not lie at an edge of the grid")
claim(after_50.mean(1).argmin() == 0, "after 50 epochs no λ is better than none")
part = (after_200[0] - after_50[0]).mean() / (after_200[0] - after_200[best]).mean()
claim(0.6 < part < 0.75, "stopping early brings two thirds of the saving", measured=part)

# %% [markdown] slideshow={"slide_type": "notes"}
# Two thirds of the saving come from simply stopping earlier. (Both λ and the 50 epochs were chosen on these images, so both look too good.) We train with λ once more, and now you read the
# test images, for the only time.

# %% slideshow={"slide_type": "skip"} tags=["atol-0.02"]
network = reader(stored["lambdas"][best])
network.fit(x_train, y_train, epochs=200, verbose=0)
tested = training.accuracy(network, x_test, y_test)
print(f"validation accuracy {training.accuracy(network, x_val, y_val):.2f}, test {tested:.2f}")


# %% [markdown] slideshow={"slide_type": "skip"}
# The test digits come later in the file, perhaps from other writers.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Your turn to write
#
# The digits that the network knows fill their image from top to bottom, with strokes of about one thickness. So
# `strokes_to_digit` turns a drawing into such an image. Here is a 1.
#
# <!-- Notes: Open the notebook and hand the mouse to somebody. Before that, let them guess how often it will be right. -->

# %% slideshow={"slide_type": "skip"}
def read(image):
    inputs = hundred_inputs(image[None]) - mean
    logits = keras.ops.convert_to_numpy(network(inputs))
    return np.exp(log_softmax(logits))[0]


image = strokes_to_digit(SAMPLE_STROKES["1"])

# %% slideshow={"slide_type": "-"}
shown = np.pad(image[..., 0], 2)  # with a black border
figure = plotting.prediction(shown, read(image), digits.class_names, right=1)
plotting.show(figure, "A drawn 1 beside the network's probabilities, the highest of which is for 1")

# %% [markdown] slideshow={"slide_type": "skip"}
# Now you: draw a digit with mouse, pen or finger, and watch the bars.

# %% slideshow={"slide_type": "skip"}
pad = Sketch(lambda image: dict(zip(digits.class_names, read(image), strict=True)))
pad

# %% [markdown] slideshow={"slide_type": "subslide"}
# How often was it right? To measure it, a computer drew one shape of each digit twenty times, slanted, stretched, and with a shaky
# hand. Five networks like yours, in NumPy, read 200 such drawings each.
#
# <!-- Notes: Answer: about four in five. Ask which digits are hardest, and why. -->

# %% slideshow={"code": false}
quiz.predict("02.drawn", "Which share of these drawings do they read?", 0, 1)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
drawn = np.array(stored["new"])[best, 2]
quiz.reveal("02.drawn", drawn.mean())

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gain = 100 * (drawn - np.array(stored["new"])[0, 2])
low, high = stats.ttest_1samp(gain, 0).confidence_interval()
print(f"λ reads {gain.mean():.1f} more of a hundred (95 % interval {low:.1f} to {high:.1f})")

# %% [markdown] slideshow={"slide_type": "notes"}
# Four in five, and λ helps. Your own digits may fare better or worse, since no human hand was measured. But look at
# what you have made: with 900 examples and one number to minimise, it reads handwriting.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(drawn.max() < tested, "drawings are harder than the test images", measured=drawn, seeds=5)
claim(gain.min() > 0, "λ gains points on drawings in every run", measured=gain, seeds=5)
samples = {name: read(strokes_to_digit(strokes)) for name, strokes in SAMPLE_STROKES.items()}
hits = sum(str(y_hat.argmax()) == name for name, y_hat in samples.items())
claim(hits >= 9, "your network reads nine or all of the ten sample digits", measured=hits)


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · L1 drops weights one by one
#
# Another penalty is **L1**, $R = \sum_j |w_j|$ (Tibshirani 1996, *Regression shrinkage and selection via the lasso*,
# JRSS B 58(1)). It has a corner at zero, and this changes everything. A step of gradient descent first ignores the
# penalty, and then moves each weight by $\alpha\lambda$ towards zero, but no further, so weights become exactly zero.
# We ask again whether a digit is a 3 or an 8, from all hundred inputs, and let λ grow.

# %% slideshow={"slide_type": "skip"}
# Gradient descent with L2 or L1; the bias, which comes first, pays nothing.
def regularised(lam, l1=False, steps=1500):
    theta, alpha = (
        np.zeros(101),
        1 / (0.25 + (0 if l1 else lam)),
    )  # 0.25: the sigmoid's steepest slope
    penalty = lam * np.r_[0, np.ones(100)]
    for _ in range(steps):
        gradient = x38.T @ (sigmoid(x38 @ theta) - y38) / len(x38)
        theta = theta - alpha * (gradient + (0 if l1 else penalty * theta))
        if l1:
            theta = np.sign(theta) * np.maximum(abs(theta) - alpha * penalty, 0)
    return theta


def three_or_eight(x, y):
    chosen = (y == 3) | (y == 8)
    return with_ones(x[chosen]), (y[chosen] == 8).astype(float)


x38, y38 = three_or_eight(x_train, y_train)

# %% slideshow={"slide_type": "skip"}
# Every weight at thirteen values of λ, and at the top how many are not zero.
grid = np.logspace(-3, 0, 13)
l2 = np.array([regularised(lam) for lam in grid])
l1 = np.array([regularised(lam, l1=True) for lam in grid])
figure, axes = plt.subplots(1, 2, figsize=(7, 3.2), sharey=True)
for ax, theta in zip(axes, (l2, l1), strict=True):
    ax.semilogx(grid, theta[:, 1:], color="#0072B2", lw=0.8, alpha=0.6)
    for lam, weights in zip(grid[::3], theta[::3, 1:], strict=True):
        ax.text(lam, 8.3, np.count_nonzero(weights), ha="center")
axes[0].set(xlabel="λ", ylabel="weight of a pixel", title="L2 shrinks all together", ylim=(-3, 9.5))
axes[1].set(xlabel="λ", title="L1 drops one by one")
plotting.show(figure, "A hundred weights over λ: L2 shrinks all, L1 sets most of them to exactly 0")

# %% [markdown] slideshow={"slide_type": "skip"}
# L1 is a way to *ask* which inputs matter: a handful of pixels tells most threes from eights. But of neighbouring
# pixels that say the same it keeps one, more or less by chance.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
witness = LogisticRegression(C=1 / (len(x38) * 0.01), tol=1e-6).fit(x38[:, 1:], y38)
error = abs(regularised(0.01)[1:] - witness.coef_[0])
claim(error.max() < 0.02, "scikit-learn finds the same L2 weights", measured=error)
used = [np.count_nonzero(theta[4, 1:]) for theta in (l2, l1)]
claim(used[1] < 0.2 * used[0], f"at λ = 0.01 L2 uses {used[0]} pixels, and L1 only {used[1]}")
inputs, truth = three_or_eight(x_val, y_val)
share = [np.mean((inputs @ theta[4] > 0) == truth) for theta in (l2, l1)]
print(f"validation accuracy there: L2 {share[0]:.2f}, L1 {share[1]:.2f}")


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Softer targets
#
# With hard labels the loss always asks for a larger lead. **Label smoothing** takes a little from the right class and
# spreads it over all $K$ classes, $y' = (1-\varepsilon)\,y + \varepsilon/K$. Then the cheapest forecast is $y'$, and a
# finite lead is enough to give it (Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016, *Rethinking the Inception
# architecture*, CVPR; Müller, Kornblith & Hinton 2019, *When does label smoothing help?*, NeurIPS). We try it with
# twenty labels for each class, and compare accuracy with *confidence*, the mean of the largest probability.

# %% slideshow={"slide_type": "skip"}
# Accuracy and confidence for one draw of the labels.
def smoothed(epsilon, seed):
    order = np.random.default_rng(seed).permutation(900)
    few = np.concatenate([order[y_train[order] == k][:20] for k in range(10)])
    y = (1 - epsilon) * np.eye(10)[y_train[few]] + epsilon / 10
    path = softmax_regression(x_train[few], y, 500)
    y_hat = softmax(with_ones(x_val) @ path[-1])
    return np.mean(y_hat.argmax(1) == y_val), y_hat.max(1).mean()


# %% slideshow={"slide_type": "skip"} tags=["atol-0.02"]
hard, soft = (np.array([smoothed(e, seed) for seed in range(5)]) for e in (0, 0.1))
for name, values in (("hard", hard), ("smoothed", soft)):
    print(f"{name:8} accuracy {values[:, 0].mean():.2f}, confidence {values[:, 1].mean():.2f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The accuracy hardly moves, but the confidence falls. Smoothing is a remedy for models that are too sure. This one was
# too modest already, and smoothing made it more so. Large networks often are too sure (Guo, Pleiss, Sun & Weinberger
# 2017, *On calibration of modern neural networks*, ICML); chapter 06 shows how to measure it.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
moved, fell = (soft - hard).T
claim(abs(moved.mean()) < 0.02, "the accuracy hardly moves", measured=moved, seeds=5)
claim(fell.max() < -0.05, "the confidence falls in every draw", measured=fell, seeds=5)


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Heavier examples
#
# Suppose that you look for the digit 8 among all others, and that eights are rare: 20 of them among 520 training
# images. **Recall** is the share of the true eights that the model finds. To raise it, one often gives each example of
# class $k$ a weight of $N / (K N_k)$, so that every class counts the same in total. Here an eight then weighs 25 times
# as much as another digit, and for the gradient this is the same as showing each eight 25 times.

# %% slideshow={"slide_type": "skip"}
# Accuracy, recall, and the mean probability of an 8 in training, for one draw of the images.
def find_eights(seed, weighted):
    order = np.random.default_rng(seed).permutation(900)
    is_eight = y_train[order] == 8
    rare = np.r_[order[is_eight][:20], order[~is_eight][:500]]
    times = np.where((y_train[rare] == 8) & weighted, 25, 1)
    inputs, y = x_train[np.repeat(rare, times)], (y_train[np.repeat(rare, times)] == 8).astype(int)
    theta = softmax_regression(inputs, np.eye(2)[y], 500)[-1]
    found, true = (with_ones(x_val) @ theta).argmax(1) == 1, y_val == 8
    share = softmax(with_ones(x_train[rare]) @ theta)[:, 1].mean()
    return np.mean(found == true), np.mean(found[true]), share


# %% slideshow={"slide_type": "skip"} tags=["atol-0.08"]
plain, heavy = (np.array([find_eights(s, w) for s in range(5)]) for w in (False, True))
for name, values in (("plain", plain), ("weighted", heavy)):
    right, found, share = values.mean(0)
    print(f"{name:8} accuracy {right:.2f}, recall {found:.2f}, mean ŷ {share:.3f}")
print(f"always no: accuracy {np.mean(y_val != 8):.2f}, recall 0.00; share of eights {20 / 520:.3f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# Accuracy says little when a class is rare; recall told the story. And the weights have a price: the probabilities are
# no longer honest. Without weights the mean of $\hat y$ is the share of eights, because the gradient of the bias, the
# mean of $\hat y - y$, is zero at the minimum. With them the mean is far higher.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# How many more eights are found, and what the weights do to the probabilities.
more = heavy[:, 1] - plain[:, 1]
claim(more.min() > 0.2, "weights find many more eights, in every draw", measured=more, seeds=5)
honest = plain[:, 2]
claim(np.allclose(honest, 20 / 520, atol=0.01), "without them ŷ is honest", measured=honest)
claim(
    heavy[:, 2].min() > 2 * 20 / 520,
    "with them it is more than twice the share of eights",
    measured=heavy[:, 2],
    seeds=5,
)

# %% [markdown] slideshow={"slide_type": "skip"}
# **Make one.** The *focal loss* $-(1-\hat y_r)^2\log\hat y_r$ pays less attention to examples that are already right
# (Lin, Goyal, Girshick, He & Dollár 2017, *Focal loss for dense object detection*, ICCV). Write it as a function of the
# logits, derive its gradient, check it with the difference quotient, and train the softmax regression with it. Does it
# find more of the rare eights?

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("02")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - Cross-entropy is minus the mean logarithm of the probability that the model gave to what happened.
# - A model that gives $K$ classes the same probability pays ln K, 2.303 for ten.
# - The gradient for the logits is $\hat y - y$, the forecast minus the truth.
# - Compute the loss from the logits. From probabilities it breaks, or it is clipped and stops teaching.
# - $\lambda R(w)$ says which of many fitting models you prefer. Choose λ on validation data, and use the test once.
#
# <!-- Notes: Collect the numbers learned by heart: ln 2, ln 10, 17, 1.461. Then hand out exercise set 02. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex02/ex02_cross_entropy.ipynb) checks your answers as you go.
#
# ## Further reading
#
# - Shannon 1948, *A mathematical theory of communication*, Bell System Technical Journal 27.
# - Garris et al. 1994, *NIST form-based handprint recognition system*, NIST IR 5469.
# - Blanchard, Higham & Higham 2021, *Accurately computing the log-sum-exp and softmax functions*, IMA Journal of
#   Numerical Analysis 41(4).
