# %% [markdown] slideshow={"slide_type": "slide"}
# # 02 · Cross-entropy: the price of being wrong
#
# Nearly every classifier is trained to make one number small. This chapter derives that number from one
# idea, finds its gradient, and teaches to read it: what does it mean if a loss is 2.303, and stays there?
#
# <!-- Notes:
# Ask who has seen this number fall in a log, and what they took it for. Nobody needs to know yet
# what 2.303 is; come back to it in section 3.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - derive the loss of nearly every classifier from one idea, and say what its number means;
# - derive its gradient, $\hat y - y$, and prove it right;
# - train a logistic and a softmax regression with NumPy alone;
# - compute it without overflow, and say what `from_logits` is for;
# - regularise it, weight it, soften its targets, and know what each of these costs;
# - recognise four classic mistakes by the numbers they leave behind.
#
# <!-- Notes:
# The one to stress: at the end they read a mistake off the loss curve before anybody looks at
# the code.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 75 minutes to read and try, 45 s to run. You need chapter 01 (gradient
# descent). All but the last two sections use NumPy alone.

# %% slideshow={"slide_type": "skip"} tags=["setup"]
import sys

import matplotlib.pyplot as plt
import numpy as np

from tlcourse import optimizers, plotting, quiz
from tlcourse.data import few_labels, load_digits28

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?
#
# Answer from memory before you look anything up. Recalling is what makes it stick.

# %% slideshow={"slide_type": "slide"}
quiz.ask("02")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · The price of a forecast
#
# On five days two forecasters said how likely rain was. We write $y = 1$ if it rained, and
# $\hat y$ ("y hat") for the forecast, a probability:

# %%
y = np.array([1, 1, 0, 1, 0])
cautious = np.array([0.7, 0.7, 0.3, 0.7, 0.3])
bold = np.array([0.99, 0.99, 0.01, 0.01, 0.01])


# %% [markdown]
# **Predict.** The bold one was right on four days out of five and very sure. The cautious one was
# never very sure and never badly wrong. Whom do you believe?
#
# <!-- Notes:
# Answer: by likelihood the cautious one, by far; one sure and wrong forecast is enough. The
# next slide has the numbers. Let them vote before you say "likelihood": the bold one tempts,
# with four right of five.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# A fair way to ask: **how probable is what happened, if the forecaster is right?** That is the
# **likelihood**. A rainy day counts $\hat y$, a dry day $1 - \hat y$. Both cases in one formula are
# $\hat y^{\,y}(1-\hat y)^{1-y}$. For all days, multiply:
#
# <!-- Notes:
# Put y = 1 and y = 0 into the exponents at the board: one factor is always 1. Take a guess at both
# numbers before the next key.
# -->

# %%
def likelihood(y, y_hat):
    return np.prod(y_hat**y * (1 - y_hat) ** (1 - y))


# %% slideshow={"code": false, "slide_type": "fragment"}
print(f"cautious {likelihood(y, cautious):.3f}, bold {likelihood(y, bold):.3f}")
print(f"bold, had it said 0.99 on the fourth day: {0.99**5:.3f}")
assert likelihood(y, cautious) > 10 * likelihood(y, bold), "the cautious one, by far"


# %% [markdown] slideshow={"slide_type": "notes"}
# One sure and wrong forecast took the likelihood of the bold one from 0.951 to 0.010.

# %% [markdown] slideshow={"slide_type": "subslide"}
# From the likelihood to a loss it takes three small steps:
#
# - A product of many numbers below 1 is too small for a computer. Its **logarithm** is a sum, and
#   harmless.
# - A loss should be small when things go well: take **minus** the logarithm.
# - It should not grow with the number of examples $N$: take the **mean**.
#
# The result is the **binary cross-entropy**:
#
# $$ J = -\frac1N \sum_{i=1}^{N} \bigl[\, y_i \log \hat y_i + (1-y_i)\log(1-\hat y_i) \,\bigr] $$
#
# Minimising $J$ and maximising the likelihood are the same thing.
#
# <!-- Notes:
# Ask for each step why: the logarithm because the product is lost in rounding, the minus
# because we minimise, the mean so that data sets compare. There is nothing deep in the minus.
# -->

# %% slideshow={"slide_type": "skip"}
def binary_loss(y, y_hat):
    return -np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat))


print(f"cautious {binary_loss(y, cautious):.3f}, bold {binary_loss(y, bold):.3f}")
assert 0.5**1797 == 0.0, "1,797 tosses of a coin: the product is lost"
assert np.isclose(np.exp(-5 * binary_loss(y, bold)), likelihood(y, bold))

# %% [markdown] slideshow={"slide_type": "skip"}
# **Look closer.** Each example pays a price, $-\log$ of the probability that was given to what
# happened:

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
ax.set(xlim=(0, 1), ylim=(-0.6, 5.6))
ax.set_title("Being sure and wrong costs most")
plotting.show(ax, "A curve that falls from 4.61 at 0.01 over 0.69 at 0.5 to nearly 0 at 0.99")


# %% [markdown] slideshow={"slide_type": "notes"}
# The price of "impossible" would be infinite, if it happened. Keep this in mind for section 6.
#
# <!-- Notes:
# Read off two prices: a coin and "sure and wrong". Accuracy would treat the first two alike,
# and the last two nearly.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Entropy: the best price there is
#
# Suppose it rains on 80 % of all days, $p = 0.8$.
#
# **Predict.** A forecaster who says the same $q$
# every day: which $q$ has the lowest price on average? Can the price be zero?
#
# <!-- Notes:
# Answer: q = 0.8, the truth, and the price is not zero: the entropy is left. Expect 1,
# "always say rain", which is infinitely dear on the first dry day.
# -->

# %% slideshow={"slide_type": "skip"}
def cross_entropy_of(p, q):
    """Mean price of forecasting q where p is the truth; both are rows of probabilities."""
    return -np.sum(p * np.log(q), axis=-1)


p = np.array([0.8, 0.2])
q = np.linspace(0.01, 0.99, 99)
price, entropy = cross_entropy_of(p, np.c_[q, 1 - q]), cross_entropy_of(p, p)
print(f"lowest price {price.min():.3f}, at q = {q[price.argmin()]:.2f}")
assert np.isclose(price.min(), entropy), "the best forecast is the truth, and even that is not free"

# %% slideshow={"slide_type": "subslide"}
# The two parts of the price.
ax = plt.subplots(figsize=(7, 3.2))[1]
ax.plot(q, price, label="cross-entropy H(p, q)")
ax.axhline(entropy, color="black", ls="--", lw=1.2, label="entropy H(p)")
ax.fill_between(q, entropy, price, alpha=0.15, lw=0, label="KL(p‖q), wasted")
ax.set(xlabel="forecast q, where the truth is p = 0.8", ylabel="price in nats", ylim=(0, 2.5))
ax.set_title("The truth is the cheapest forecast")
ax.legend()
plotting.show(ax, "Cross-entropy over q touches the dashed line of the entropy, 0.50, at q = 0.8")

# %% [markdown] slideshow={"slide_type": "notes"}
# The cheapest forecast is the truth, $q = 0.8$. Its price is 0.500, not zero: who knows only $p$ does not
# know which days will be dry. One who sees the clouds can do better.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Three names for what you see:
#
# - **entropy** $H(p) = -\sum_k p_k \log p_k$: the price of the truth itself;
# - **cross-entropy** $H(p, q) = -\sum_k p_k \log q_k$: what the forecast $q$ pays;
# - **Kullback–Leibler divergence** $\mathrm{KL}(p\,\|\,q) = H(p,q) - H(p)$: what the forecast wastes.
#
# <!-- Notes:
# Entropy belongs to the weather, KL to the forecaster, cross-entropy is the sum of both.
# Training can lower only the second.
# -->

# %% [markdown] slideshow={"slide_type": "notes"}
# The divergence is never negative, and zero only for $q = p$. With the natural logarithm the unit is the
# *nat*; with $\log_2$ it is the *bit*.

# %% slideshow={"slide_type": "skip"}
p, q = np.random.default_rng(0).dirichlet(np.ones(5), size=(2, 1000))
kl = cross_entropy_of(p, q) - cross_entropy_of(p, p)
kl_reversed = cross_entropy_of(q, p) - cross_entropy_of(q, q)
assert (kl > 0).all(), "1,000 random pairs: never negative"
assert not np.isclose(kl, kl_reversed).any(), "and no distance: KL(p‖q) is not KL(q‖p)"


# %% [markdown] slideshow={"slide_type": "skip"}
# A label is a distribution too, with everything on one class: $(0, 0, 1, 0)$, **one-hot**. Its entropy
# is zero, so for labels cross-entropy and KL are the same number.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · From scores to probabilities
#
# A network ends in $K$ scores $z_1 \dots z_K$, one for each class: the **logits**. They can be any
# numbers. **Softmax** makes probabilities of them: exponentiate, so that all are positive, then divide
# by the sum.
#
# $$ \hat y_k = \frac{e^{z_k}}{\sum_j e^{z_j}} $$
#
# <!-- Notes:
# Why e to the power, and not simply the scores over their sum? Because scores may be
# negative, and because the logarithm will undo it.
# -->

# %%
def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


# %% slideshow={"slide_type": "subslide"}
z = np.array([2.0, 1.0, -1.0])
softmax(z).round(3)

# %% [markdown]
# **Predict.** What happens to these three probabilities if you
#
# 1. add 5 to every logit?
# 2. multiply every logit by 10?
#
# <!-- Notes:
# Answer: adding 5 changes nothing, only differences count; multiplying by 10 makes it nearly
# sure of the first class. Expect: both change it.
# -->

# %% slideshow={"code": false, "slide_type": "fragment"}
print("plus 5:  ", softmax(z + 5).round(3))
print("times 10:", softmax(10 * z).round(3))
np.testing.assert_allclose(softmax(z + 5), softmax(z), err_msg="only differences count")
assert softmax(10 * z).max() > 0.999, "larger logits make a surer forecast"


# %% [markdown] slideshow={"slide_type": "skip"}
# With two classes only the difference $z = z_1 - z_2$ counts, and softmax becomes the **sigmoid**
# $\sigma(z) = 1 / (1 + e^{-z})$. It answers yes-or-no questions.

# %% slideshow={"slide_type": "skip"}
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


assert np.isclose(softmax(np.array([2.0, 0.5]))[0], sigmoid(2.0 - 0.5))


# %% [markdown] slideshow={"slide_type": "skip"}
# For $K$ classes and one-hot labels the price is again $-\log$ of what the right class was given. The
# mean over $N$ examples is the **categorical cross-entropy**:
#
# $$ J = -\frac1N \sum_{i=1}^{N} \sum_{k=1}^{K} y_{ik} \log \hat y_{ik} $$

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** A network that has learned nothing gives all classes the same probability. What is its
# loss for 2 classes? For 10? For 1,000?
#
# <!-- Notes:
# Answer: ln 2, ln 10 and ln 1000. Expect "it depends". Let them insert 1/K into minus the
# logarithm.
# -->

# %% slideshow={"code": false, "slide_type": "fragment"}
def categorical_loss(y, y_hat):
    return -np.mean(np.sum(y * np.log(y_hat), axis=1))


for k in (2, 10, 1000):
    print(f"{k:5} classes: {categorical_loss(np.eye(k), np.full((k, k), 1 / k)):.4f}")
    assert np.isclose(categorical_loss(np.eye(k), np.full((k, k), 1 / k)), np.log(k)), "ln K"

# %% [markdown] slideshow={"slide_type": "notes"}
# Learn **ln 10 = 2.3026** by heart. You will meet it in chapter 05, in a network that trains for ten
# epochs and stays there. It says: nothing has been learned.
#
# Now look at all of it at once. The first class is the right one.

# %% slideshow={"slide_type": "subslide"}
plotting.show(
    plotting.three_logits(2, 1, -1),
    "Softmax 0.71, 0.26, 0.04; loss 0.35; gradient −0.29, 0.26, 0.04",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# The middle curve shows the loss against the *lead* of the right class: its logit minus the
# logarithm of the summed exponentials of the others.
#
# <!-- Notes:
# Open the notebook here and move the sliders. Let the class bring the loss below 0.01, then
# make the first class sure and wrong and watch the gradient: it never exceeds 1, and the bars
# add up to zero.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it.** Move the logits. Can you bring the loss below 0.01? Can you make it zero? What does the
# gradient do when the network is sure and wrong, and what do its three bars add up to?

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
from ipywidgets import FloatSlider, interact

_ = interact(
    lambda z1, z2, z3, right: plotting.show(
        plotting.three_logits(z1, z2, z3, right - 1), f"Softmax of {z1}, {z2}, {z3}"
    ),
    **{name: FloatSlider(0, min=-10, max=10, step=0.5) for name in ("z1", "z2", "z3")},
    right=[1, 2, 3],
)


# %% [markdown] slideshow={"slide_type": "skip"}
# The loss is never exactly zero: the others keep a little of the probability. It only rounds to 0.000.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · The gradient is ŷ − y
#
# Those three bars always showed $\hat y - y$. Here is why. Put softmax into the loss of one example
# whose right class is $r$:
#
# $$ J = -\log \hat y_r = -\log \frac{e^{z_r}}{\sum_j e^{z_j}} = -z_r + \log \sum_j e^{z_j} $$
#
# <!-- Notes:
# The logarithm undoes the exponential; that is why the two belong together. Let them differentiate
# both parts before the next slide, for the right logit and for another one.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# Differentiate. The first part gives $-1$ for the right logit and 0 for all others: that is $-y_k$. The
# second gives $e^{z_k} / \sum_j e^{z_j}$: that is $\hat y_k$. Together:
#
# $$ \frac{\partial J}{\partial z_k} = \hat y_k - y_k $$
#
# Forecast minus truth. A logit is pushed exactly as hard as its probability is wrong.
#
# <!-- Notes:
# Ask how hard the right class is pulled when its probability is 0.9, and when it is 0.1. Is it
# right? In the notebook the difference quotient of chapter 01 agrees.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Is it right?** Ask the difference quotient of chapter 01:

# %% slideshow={"slide_type": "skip"}
# Move one logit at a time by ε = 0.00001 in both directions.
def loss(z):
    return categorical_loss(y[None], softmax(z)[None])


rng = np.random.default_rng(1)
z, y = rng.normal(0, 3, 10), np.eye(10)[4]
quotient = [(loss(z + e) - loss(z - e)) / 2e-5 for e in 1e-5 * np.eye(10)]
np.testing.assert_allclose(softmax(z) - y, quotient, atol=1e-8)
assert np.isclose(sum(softmax(z) - y), 0), "and the ten parts add up to zero"

# %% [markdown] slideshow={"slide_type": "skip"}
# If the logits are linear, $z = x\theta$ with inputs $x$, the chain rule adds one factor:
# $\nabla J(\theta) = \frac1N x^\top(\hat y - y)$. The same formula serves the sigmoid.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Why not squared error?
#
# One could also punish $(\hat y - y)^2$. For one sigmoid its gradient is
# $2(\hat y - y)\,\hat y(1 - \hat y)$.
#
# **Predict.** The truth is 1, and the unit is sure and wrong:
# $z = -8$. How large are the two gradients?
#
# <!-- Notes:
# Answer: cross-entropy pushes with nearly 1, squared error with less than a thousandth.
# Expect: squared error punishes large errors most. It does in value, not in slope.
# -->

# %% slideshow={"slide_type": "subslide"}
# The push, minus the gradient, of both losses.
z = np.linspace(-10, 6, 200)
y_hat = sigmoid(z)
ax = plt.subplots(figsize=(7, 3.2))[1]
ax.plot(z, 1 - y_hat, label="cross-entropy: 1 − ŷ")
ax.plot(z, 2 * (1 - y_hat) ** 2 * y_hat, "--", label="squared error: 2(1 − ŷ)² ŷ")
ax.set(xlabel="logit z, where the truth is y = 1", ylabel="push towards the truth")
ax.set_title("Sure and wrong: squared error hardly pushes")
ax.legend()
plotting.show(ax, "At the far left cross-entropy pushes with 1, squared error with nearly nothing")

# %% slideshow={"slide_type": "skip"}
y_hat = sigmoid(-8.0)
print(f"at z = −8: cross-entropy {1 - y_hat:.4f}, squared error {2 * (1 - y_hat) ** 2 * y_hat:.5f}")


# %% [markdown] slideshow={"slide_type": "notes"}
# A unit at such a flat end is called *saturated*. Squared error multiplies by $\hat y(1-\hat y)$, which
# vanishes there: it is the slope of the sigmoid. With y = 1 the logarithm brings the factor $-1/\hat y$, and
# of the product only $-(1-\hat y)$ is left.
#
# <!-- Notes:
# Until such a unit has changed its mind, cross-entropy needs 9 steps of gradient descent with α = 1,
# squared error 1,507. Let them guess the second number.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# What is it worth? Count the steps of gradient descent with α = 1 until the unit has changed its mind:

# %% slideshow={"slide_type": "skip"}
# Steps from z = −8 until the unit has changed its mind.
def steps(push):
    z, count = -8.0, 0
    while z <= 0:
        z, count = z + push(sigmoid(z)), count + 1
    return count


by_cross_entropy = steps(lambda y_hat: 1 - y_hat)
by_squared_error = steps(lambda y_hat: 2 * (1 - y_hat) ** 2 * y_hat)
print(f"cross-entropy {by_cross_entropy} steps, squared error {by_squared_error:,}")
assert by_squared_error > 150 * by_cross_entropy

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · Numbers that break
#
# **Predict.** What does our softmax make of the logits 1000, 0 and −1000?
#
# <!-- Notes:
# Answer: nan for the first, then 0 and 0. Expect 1, 0, 0, which is the mathematics, or an
# overflow error.
# -->

# %% slideshow={"slide_type": "fragment"}
# `errstate` keeps NumPy's warnings out of the page.
with np.errstate(over="ignore", invalid="ignore"):
    broken = softmax(np.array([1000.0, 0.0, -1000.0]))
broken

# %% [markdown] slideshow={"slide_type": "notes"}
# `nan`, "not a number": $e^{1000}$ is too large for the computer, so it becomes infinity, and infinity
# divided by infinity has no value. One `nan` in a loss spoils every parameter in the next step.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** Computers keep numbers in 64 bits (NumPy's default) or 32 (Keras's). How large may a logit
# be before something breaks?
#
# <!-- Notes:
# Answer: in 64 bits e^z holds up to 709, but in 32 bits a logit of 17 already counts as certainty.
# Expect: thousands, or no limit at all.
# -->

# %% slideshow={"code": false, "slide_type": "fragment"}
# The first whole z at which e^z overflows, and at which 1 − σ(z) rounds to 0.
with np.errstate(over="ignore"):
    for bits, dtype in ((64, "float64"), (32, "float32")):
        z = np.arange(1, 1000, dtype=dtype)
        overflow, certain = np.argmax(np.isinf(np.exp(z))) + 1, np.argmax(1 - sigmoid(z) == 0) + 1
        print(f"{bits} bits: e^z overflows at {overflow}, 1 − σ(z) is 0 from {certain}")
assert certain == 17, "in 32 bits"


# %% [markdown] slideshow={"slide_type": "notes"}
# The second limit is the dangerous one: in 32 bits a logit of 17 already counts as certainty, and
# $\log(1 - \hat y)$ becomes $\log 0$. The probability went through a bottleneck, and what was rounded
# away there no logarithm brings back.

# %% [markdown] slideshow={"slide_type": "subslide"}
# The cure is never to form the probability. Section 4 had the loss in logits:
# $-z_r + \log\sum_j e^{z_j}$. Take the largest logit $m$ out of the sum, and nothing can overflow:
#
# $$ \log \sum_j e^{z_j} = m + \log \sum_j e^{z_j - m} $$
#
# This is the **log-sum-exp** trick. Every exponent is now zero or negative.
#
# <!-- Notes:
# Let them check that the formula is exact, no approximation: the m cancels. Every exponent is
# now zero or negative.
# -->

# %% slideshow={"slide_type": "skip"}
def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def softmax(z):
    return np.exp(log_softmax(z))


print(log_softmax(np.array([1000.0, 0.0, -1000.0])), softmax(np.array([1000.0, 0.0, -1000.0])))

# %% slideshow={"slide_type": "skip"}
# Both ways in 32 bits; the truth is y = 0, so the price is −log(1 − ŷ).
z = np.linspace(0, 24, 400, dtype="float32")
with np.errstate(divide="ignore"):
    naive = -np.log(1 - sigmoid(z))
stable = -log_softmax(np.c_[z, 0 * z])[:, 1]
assert np.isfinite(stable).all()
assert np.isinf(naive[z > 17]).all()
np.testing.assert_allclose(naive[z < 8], stable[z < 8], rtol=1e-3)

# %% slideshow={"slide_type": "subslide"}
ax = plt.subplots(figsize=(7, 3.2))[1]
ax.plot(z, stable, color="#009E73", lw=5, alpha=0.5, label="from the logit")
ax.plot(z, naive, color="#D55E00", lw=1.5, label="from the probability")
ax.axvline(17, color="black", ls=":", lw=1.2, label="infinite from here on")
ax.set(xlabel="logit z, where the truth is y = 0", ylabel="loss")
ax.set_title("In 32 bits the naive loss turns into stairs, and ends")
ax.legend()
plotting.show(ax, "From the logit a straight line; from the probability stairs, which end at 17")

# %% [markdown] slideshow={"slide_type": "notes"}
# This is what `from_logits=True` means in a library: give me the scores, I will take the logarithm the
# safe way.

# %% [markdown] slideshow={"slide_type": "skip"}
# From here on we use this loss from the course's package. It is what you have just derived,
# with class numbers or one-hot rows as labels:

# %% slideshow={"slide_type": "skip"}
from tlcourse.losses import binary_cross_entropy, cross_entropy

z, labels = rng.normal(0, 5, (20, 10)), rng.integers(0, 10, 20)
assert np.isclose(cross_entropy(z, labels), categorical_loss(np.eye(10)[labels], softmax(z)))
assert cross_entropy(np.array([[1000.0, 0.0, -1000.0]]), np.array([1])) == 1000

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7 · Learn to read digits
#
# The course's real handwritten digits, averaged over blocks of 3×3 pixels, so that each is a list of
# one hundred numbers.

# %% [markdown] slideshow={"slide_type": "skip"}
# There are 1,200 images to learn from, and 597 others to test on. A first column of ones carries the bias, a constant that is learned like a weight.

# %% slideshow={"slide_type": "skip"}
digits = load_digits28()


def hundred_inputs(images):
    padded = np.pad(images[..., 0].astype("float64"), ((0, 0), (1, 1), (1, 1)))
    means = padded.reshape(-1, 10, 3, 10, 3).mean((2, 4)).reshape(-1, 100)
    return np.c_[np.ones(len(images)), means]


# %%
x_train, x_test = hundred_inputs(digits.x_train), hundred_inputs(digits.x_test)
assert (len(x_train), len(x_test)) == (1200, 597)
images = x_train[:20, 1:].reshape(-1, 10, 10)
ax = plotting.image_grid(images, title="A hundred numbers are enough to read a digit")
plotting.show(ax, "Twenty handwritten digits at ten by ten pixels, coarse but readable")


# %% [markdown] slideshow={"slide_type": "skip"}
# **A yes-or-no question first: is it a 3 or an 8?** One logit $z = x\theta$, one sigmoid: this is
# **logistic regression**. The gradient is the one of section 4, the descent is chapter 01's.

# %% slideshow={"slide_type": "skip"}
def three_or_eight(x, labels):
    chosen = (labels == 3) | (labels == 8)
    return x[chosen], (labels[chosen] == 8).astype(float)


x38, y38 = three_or_eight(x_train, digits.y_train)
x38_test, y38_test = three_or_eight(x_test, digits.y_test)


# %% slideshow={"slide_type": "skip"}
def gradient(theta):
    return x38.T @ (sigmoid(x38 @ theta) - y38) / len(x38)


path = optimizers.descend(gradient, np.zeros(101), alpha=0.3, steps=500)
first, last = (binary_loss(y38, sigmoid(x38 @ theta)) for theta in path[[0, -1]])
print(f"training loss {first:.3f} → {last:.3f}")
print(f"test accuracy {np.mean((x38_test @ path[-1] > 0) == y38_test):.2f}")
assert np.isclose(first, np.log(2)), "it starts at ln 2"


# %% [markdown] slideshow={"slide_type": "skip"}
# **All ten.** The same lines with ten columns of parameters: **softmax regression**.

# %% [markdown]
# **Predict.** Softmax regression learns from 1,200 images, and all its parameters start at zero. At which
# loss does it start? How many of 100 other images will it read?
#
# <!-- Notes:
# Answer: at ln 10 = 2.303, since zeros give every class the same probability, and 90 of 100. Who
# has learned the number by heart has the first half. Expect less than 90 from a model without a
# hidden layer.
# -->

# %% slideshow={"slide_type": "skip"}
def softmax_regression(x, y, steps=300, alpha=0.5, weight=1.0):
    """The path of θ; y has a row of probabilities for each example, weight a factor."""

    def gradient(theta):
        return x.T @ (weight * (softmax(x @ theta) - y)) / len(x)

    return optimizers.descend(gradient, np.zeros((x.shape[1], y.shape[1])), alpha, steps)


# %% slideshow={"code": false, "slide_type": "subslide"}
path = softmax_regression(x_train, np.eye(10)[digits.y_train])
train = [cross_entropy(x_train @ theta, digits.y_train) for theta in path[::10]]
test = [cross_entropy(x_test @ theta, digits.y_test) for theta in path[::10]]
right = np.mean((x_test @ path[-1]).argmax(1) == digits.y_test)
print(f"training loss {train[0]:.3f} → {train[-1]:.3f}, test accuracy {right:.2f}")
assert np.isclose(train[0], np.log(10)), "it starts at ln 10"

# %%
ax = plt.subplots(figsize=(7, 3.2))[1]
ax.plot(range(0, 301, 10), train, label="train")
ax.plot(range(0, 301, 10), test, label="test")
ax.axhline(np.log(10), color="black", ls=":", lw=1.2, label="ln 10, nothing learned")
ax.set(xlabel="step", ylabel="cross-entropy", ylim=(0, 2.5))
ax.set_title("Learning starts at ln 10 and leaves it at once")
ax.legend()
plotting.show(ax, "Both losses start on the line of ln 10 and fall; test stays above train")

# %% [markdown] slideshow={"slide_type": "notes"}
# A loss that stays at ln 10 has learned nothing; this one leaves the line at once. The test
# images cost a little more than those that it was trained on.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Look closer.** Each class has one weight for each pixel. Shown as images, they say what the class
# looks for (red) and what speaks against it (blue):
#
# <!-- Notes:
# Let them explain one: why is the 0 blue in the middle? Ink there speaks against a 0. Then ask why the
# corners are pale: no digit has ink there.
# -->

# %%
weights = path[-1][1:].T.reshape(-1, 10, 10)
limits = (-abs(weights).max(), abs(weights).max())
title = "Each class looks for ink in certain places"
ax = plt.subplots(figsize=(7, 3.7))[1]
settings = {"columns": 5, "title": title, "limits": limits, "cmap": "RdBu_r", "ax": ax}
plotting.image_grid(weights, list("0123456789"), **settings)
plotting.show(ax, "Ten images of weights, red and blue; that of the 0 is blue in the middle")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 8 · Regularisation: + λ R(w)
#
# Many weights fit the training data equally well. A second term says which of them we prefer:
#
# $$ \min_w \; \frac1N\sum_i L(y_i, f(x_i; w)) + \lambda R(w) $$
#
# $L$ is the loss of one example, $f$ the model, $w$ the parameters θ without the bias.
#
# - **L2**, $R = \tfrac12\sum w_j^2$: small weights. Its gradient is $\lambda w$.
# - **L1**, $R = \sum |w_j|$: few weights. It has a corner at 0.
#
# <!-- Notes:
# Both prefer small weights. Ask what differs close to zero: the slope of L2 fades there, that of L1
# does not. λ is the price of weight; some books sum the loss, and their λ is N times ours.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# Because of the corner, a step under L1 goes downhill without it, and then moves each weight by
# $\alpha\lambda$ towards 0, no further than 0. λ (lambda) is the price of weight. Some books sum the loss instead of averaging it; their λ is $N$ times ours. The
# bias pays nothing.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** As λ grows, how do 100 weights shrink under L2? And under L1?
#
# <!-- Notes:
# Answer: under L2 all weights shrink together and none becomes exactly zero; under L1 they
# drop out one after the other. The corner of |w| at 0 does it.
# -->

# %% slideshow={"slide_type": "skip"}
# Gradient descent with L2 or L1; the bias, which comes first, pays nothing.
# The step is 1/λ_max: these losses curve by a quarter at most, and L2 adds λ.
def regularised(lam, l1=False, steps=2000):
    theta, alpha = np.zeros(101), 1 / (0.25 + (0 if l1 else lam))
    price = lam * np.r_[0, np.ones(100)]
    for _ in range(steps):
        theta = theta - alpha * (gradient(theta) + (0 if l1 else price * theta))
        if l1:
            theta = np.sign(theta) * np.maximum(abs(theta) - alpha * price, 0)
    return theta


centre = np.r_[0, x38[:, 1:].mean(0)]
x38, x38_test = x38 - centre, x38_test - centre  # a rounder valley: chapter 01

# %% slideshow={"slide_type": "subslide"}
# Every weight at thirteen values of λ.
lambdas = np.logspace(-3, 0, 13)
l2 = np.array([regularised(lam)[1:] for lam in lambdas])
l1 = np.array([regularised(lam, l1=True)[1:] for lam in lambdas])
figure, axes = plt.subplots(1, 2, figsize=(7, 3.2), sharey=True)
for ax, path in zip(axes, (l2, l1), strict=True):
    ax.semilogx(lambdas, path, color="#0072B2", lw=0.8, alpha=0.6)
axes[0].set(xlabel="λ", ylabel="weight of a pixel", title="L2 shrinks all together")
axes[1].set(xlabel="λ", title="L1 drops one by one")
plotting.show(figure, "A hundred weights over λ: L2 shrinks all, L1 sets most of them to exactly 0")

# %% [markdown] slideshow={"slide_type": "skip"}
# Are these really the minima? For L2, scikit-learn is a witness (its `C` is $1/(N\lambda)$). For L1, a
# condition: at the minimum the data pull on no weight harder than λ.

# %% slideshow={"slide_type": "skip"}
from sklearn.linear_model import LogisticRegression

with_l2, with_l1 = regularised(0.01), regularised(0.01, l1=True)
witness = LogisticRegression(C=1 / (len(x38) * 0.01), tol=1e-6).fit(x38[:, 1:], y38)
np.testing.assert_allclose(with_l2[1:], witness.coef_[0], atol=1e-2)
assert abs(gradient(with_l1)).max() < 1.01 * 0.01

# %% slideshow={"slide_type": "skip"}
for name, theta in (("L2", with_l2), ("L1", with_l1)):
    right = np.mean((x38_test @ theta > 0) == y38_test)
    print(f"{name}: {np.count_nonzero(theta[1:]):3} pixels used, test accuracy {right:.2f}")
    assert abs(right - np.mean((x38_test @ with_l2 > 0) == y38_test)) < 0.02, "L1 as well as L2"

# %% [markdown] slideshow={"slide_type": "notes"}
# A handful of pixels tells a 3 from an 8 as well as all. (Pixels that never hold ink have weight 0 under
# either.) L1 is a way to *ask* which inputs matter. But of neighbouring pixels that say the same it
# keeps one, more or less by chance.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Does λ help?** It does where a model could bend too much. Take only two inputs, the ink in the left
# half and in the lower half, and let the model use all their products up to the fifth power. With 40
# training images it can draw any wild border.

# %% slideshow={"slide_type": "skip"}
# Two numbers for an image, and logistic regression on their powers.
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler


def ink(x):
    images = x[:, 1:].reshape(-1, 10, 10)
    return np.c_[images[:, :, :5].mean((1, 2)), images[:, 5:].mean((1, 2))]


def bendy(x, y, lam):
    powers = make_pipeline(PolynomialFeatures(5, include_bias=False), StandardScaler())
    regression = LogisticRegression(C=1 / (len(x) * lam), solver="newton-cholesky")
    return make_pipeline(powers, regression).fit(x, y)


# %% slideshow={"slide_type": "skip"}
# Forty training images, drawn five times; six values of λ.
lambdas = [0.0001, 0.001, 0.01, 0.1, 1, 10]
draws = [np.random.default_rng(seed).permutation(len(y38))[:40] for seed in range(5)]
models = {lam: [bendy(ink(x38[d]), y38[d], lam) for d in draws] for lam in lambdas}
losses = np.array(
    [
        [binary_cross_entropy(m.decision_function(ink(x38_test)), y38_test) for m in models[lam]]
        for lam in lambdas
    ]
)
mean, sd = losses.mean(1), losses.std(1, ddof=1)
assert 0.01 <= lambdas[mean.argmin()] <= 1, "the best λ lies in the middle"
assert mean[0] > mean[-1] + 0.3, "too little is worst: wild borders, sure and wrong"
assert abs(mean[-1] - np.log(2)) < 0.12, "too much: back to knowing nothing, ln 2"

# %% slideshow={"slide_type": "skip"}
# Mean and standard deviation of the five draws.
ax = plt.subplots(figsize=(7, 3.2))[1]
ax.semilogx(lambdas, mean, "o-")
ax.fill_between(lambdas, mean - sd, mean + sd, alpha=0.2, lw=0)
ax.axhline(np.log(2), color="black", ls=":", lw=1.2)
ax.text(lambdas[-1], np.log(2), "ln 2", ha="right", va="bottom")
ax.set(
    xlabel="λ", ylabel="cross-entropy on test images", title="Too little λ costs more than too much"
)
plotting.show(
    ax, "Test loss over λ: high at the left, lowest in the middle, near ln 2 at the right"
)

# %% slideshow={"slide_type": "skip"}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.9), sharey=True)
x40, y40 = ink(x38[draws[0]]), y38[draws[0]]
for ax, lam in zip(axes, (0.0001, 0.1, 10), strict=True):
    plotting.decision_boundary(models[lam][0], x40, y40, ("3", "8"), title=f"λ = {lam:g}", ax=ax)
axes[0].set_ylabel("ink in the lower half − mean")
axes[1].set_xlabel("ink in the left half − mean")
plotting.show(figure, "Three maps of forty points: a winding border, a gentle one, pale colours")

# %% [markdown] slideshow={"slide_type": "skip"}
# (Here we only *look* at test images. To *choose* λ, use images kept from training for that purpose, or
# the test no longer tells the truth; section 10 splits so.)
#
# **Change it.** Move λ and watch the border. Black is where the model is undecided, strong colour where
# it is sure. At which λ does it begin to bend
# around single points?

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
from ipywidgets import SelectionSlider

_ = interact(
    lambda lam: plotting.show(
        plotting.decision_boundary(models[lam][0], x40, y40, ("3", "8"), title=f"λ = {lam:g}"),
        f"The border at λ = {lam:g}",
    ),
    lam=SelectionSlider(options=lambdas, value=0.1, description="λ"),
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 9 · Softer targets, heavier examples
#
# **Label smoothing** takes a little from the right class and spreads it over all $K$ classes:
#
# $$ y' = (1-\varepsilon)\,y + \varepsilon/K $$
#
# Now the perfect forecast is $y'$ (section 2: the truth is the cheapest), and a finite lead reaches it.
# With hard labels the loss always asks for more.
#
# <!-- Notes:
# Why would one lie to a network about its labels? Because with hard labels no lead is ever
# enough.
# -->

# %% slideshow={"slide_type": "skip"}
soft = 0.9 * np.eye(10)[0] + 0.1 / 10
lead = np.log(soft[0] / soft[1])
np.testing.assert_allclose(softmax(lead * np.eye(10)[0]), soft)
print(f"{soft[0]:.2f} for the right class, {soft[1]:.2f} for the others: a lead of {lead:.2f}")


# %% [markdown]
# **Predict.** Twenty labels for each class, smoothed with ε = 0.1. What happens to the accuracy? And to
# the *confidence*, the mean of the largest probability?
#
# <!-- Notes:
# Answer: the accuracy hardly moves, the confidence falls by more than ten points and is then
# too low. Expect: a better accuracy, or a worse one.
# -->

# %% slideshow={"slide_type": "skip"}
# Accuracy and confidence for one draw of the labels.
def smoothed(epsilon, seed):
    few = few_labels(digits, per_class=20, random_state=seed)
    y = (1 - epsilon) * np.eye(10)[few.y_train] + epsilon / 10
    y_hat = softmax(x_test @ softmax_regression(hundred_inputs(few.x_train), y, 1000)[-1])
    return np.mean(y_hat.argmax(1) == digits.y_test), y_hat.max(1).mean()


# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.02"]
hard, soft = (np.array([smoothed(e, seed) for seed in range(5)]) for e in (0, 0.1))
for name, values in (("hard", hard), ("smoothed", soft)):
    (right, sure), (right_sd, sure_sd) = values.mean(0), values.std(0, ddof=1)
    print(f"{name:8} accuracy {right:.2f} ± {right_sd:.2f}, confidence {sure:.2f} ± {sure_sd:.2f}")

# %% slideshow={"slide_type": "skip"}
right, sure = (soft - hard).mean(0)
assert abs(right) < 0.02, "the accuracy hardly moves"
assert sure < -0.08, "the confidence falls"
assert abs(np.diff(hard.mean(0))) < 0.04 < abs(np.diff(soft.mean(0))), "now it is too modest"


# %% [markdown] slideshow={"slide_type": "notes"}
# Smoothing is a cure for models that are too sure. This one was not: its confidence was close to its
# accuracy, and smoothing made it too modest. Large networks often are too sure (Guo et al. 2017). Measure
# first; chapter 06 shows how.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Class weights.** Now look for the digit 8 among all others, and let eights be rare: 20 of them among 520
# training images. **Recall** is the share of the true eights that the model finds. The usual cure for a low
# recall is a weight of $N / (K N_k)$ for each example of class $k$: then every class counts the same in
# total.
#
# **Predict** the recall, without these weights and with them.
#
# <!-- Notes:
# Answer: without weights about one in seven, although the accuracy is above 90 %; with them nearly
# three in four. Let them compute first what "always no" would score.
# -->

# %% slideshow={"slide_type": "skip"}
# Accuracy, recall, and the mean probability of an 8 in training, for one draw of the images.
def find_eights(seed, weighted):
    order = np.random.default_rng(seed).permutation(len(x_train))
    is_eight = digits.y_train[order] == 8
    chosen = np.r_[order[is_eight][:20], order[~is_eight][:500]]
    x, y = x_train[chosen], (digits.y_train[chosen] == 8).astype(int)
    weight = (520 / (2 * np.bincount(y)))[y, None] if weighted else 1.0
    theta = softmax_regression(x, np.eye(2)[y], 500, weight=weight)[-1]
    found, true = (x_test @ theta).argmax(1) == 1, digits.y_test == 8
    return np.mean(found == true), np.mean(found[true]), softmax(x @ theta)[:, 1].mean()


# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.08"]
plain, weighted = (np.array([find_eights(s, w) for s in range(5)]) for w in (False, True))
for name, values in (("plain", plain), ("weighted", weighted)):
    (right, found, _), (right_sd, found_sd, _) = values.mean(0), values.std(0, ddof=1)
    print(f"{name:8} accuracy {right:.2f} ± {right_sd:.2f}, recall {found:.2f} ± {found_sd:.2f}")
print(f"saying no every time: accuracy {np.mean(digits.y_test != 8):.2f}, recall 0.00")

# %% slideshow={"slide_type": "skip"} tags=["atol-0.02"]
shares = plain[:, 2].mean(), weighted[:, 2].mean(), 20 / 520
print("mean ŷ: plain {:.3f}, weighted {:.3f}; share of eights {:.3f}".format(*shares))
assert np.isclose(np.mean(digits.y_test == 8), 0.09, atol=0.005), "in the test 9 %"
assert plain[:, 0].mean() < np.mean(digits.y_test != 8) + 0.03, "hardly better than always no"
assert (weighted[:, 1] > plain[:, 1] + 0.4).all(), "weights find many more, in every draw"
assert np.allclose(plain[:, 2], 20 / 520, atol=0.005), "plain: as many eights as there are"
assert (weighted[:, 2] > 2 * 20 / 520).all(), "weighted: more than twice as many"

# %% [markdown] slideshow={"slide_type": "notes"}
# Two lessons. Accuracy says little when classes are rare; recall told the story. (In the test eights are not
# as rare, 9 %; part of the gain in accuracy comes from that.) And the weights have a
# price: the probabilities are no longer honest. Without weights the mean of $\hat y$ equals the share of
# eights, because the gradient of the bias, the mean of $\hat y - y$, is zero at the minimum.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 10 · The same in Keras
#
# Everything above was NumPy. From here on Keras takes part.

# %% slideshow={"slide_type": "skip"}
assert "keras" not in sys.modules, "so far nothing has imported Keras"

from tlcourse import autodiff, training
from tlcourse.backend import keras

# %% [markdown] slideshow={"slide_type": "skip"}
# **Is our loss right?** Two witnesses, on probabilities away from 0 and 1:

# %% slideshow={"slide_type": "skip"}
# The same 200 forecasts, priced by Keras, by scikit-learn and by us.
from sklearn.metrics import log_loss

z, labels = rng.normal(0, 2, (200, 10)), rng.integers(0, 10, 200)
y, y_hat = np.eye(10)[labels], softmax(z)
prices = [
    keras.losses.categorical_crossentropy(y, y_hat),
    keras.losses.categorical_crossentropy(y, z, from_logits=True),
    keras.losses.sparse_categorical_crossentropy(labels, y_hat),
]
prices = [float(keras.ops.mean(p)) for p in prices] + [log_loss(labels, y_hat)]
np.testing.assert_allclose(prices, cross_entropy(z, labels), rtol=0, atol=1e-6)

# %% slideshow={"slide_type": "skip"}
y, y_hat = (labels < 5).astype(float), sigmoid(z[:, 0])
prices = [
    float(keras.losses.binary_crossentropy(y, y_hat)),
    float(keras.losses.binary_crossentropy(y, z[:, 0], from_logits=True)),
    log_loss(y, y_hat),
]
np.testing.assert_allclose(prices, binary_cross_entropy(z[:, 0], y), rtol=0, atol=1e-6)

# %% [markdown] slideshow={"slide_type": "skip"}
# **Predict.** And *at* 0 and 1? A forecast says "impossible" of the class that is right. The true price
# is infinite. What do the two libraries answer?

# %% slideshow={"slide_type": "skip"}
truth, impossible = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
by_keras = float(keras.losses.categorical_crossentropy(truth, impossible)[0])
by_sklearn = log_loss([0], impossible, labels=[0, 1])
print(f"Keras {by_keras:.2f}, scikit-learn {by_sklearn:.2f}")
np.testing.assert_allclose(by_keras, -np.log(1e-7), rtol=1e-3)
np.testing.assert_allclose(by_sklearn, -np.log(np.finfo("float64").eps), rtol=1e-3)

# %% slideshow={"slide_type": "skip"}
perfect = float(keras.losses.categorical_crossentropy(truth, truth)[0])
assert 0 < perfect < 2e-7, "and a perfect forecast is not quite free in Keras"
pull = autodiff.gradient(
    lambda y_hat: keras.losses.categorical_crossentropy(truth, y_hat)[0], impossible
)
assert not pull.any(), "the worst of all forecasts teaches nothing"

# %% [markdown] slideshow={"slide_type": "skip"}
# Both **clip** the probability to $[\varepsilon, 1-\varepsilon]$: Keras with $\varepsilon = 10^{-7}$,
# scikit-learn with the smallest step of the number type, $2.2\cdot10^{-16}$ for 64 bits. The number stays
# finite, but outside the clip the gradient is zero. `from_logits=True` needs no clip:

# %% slideshow={"slide_type": "skip"}
z = np.array([[-1000.0, 0.0]])
assert float(keras.losses.categorical_crossentropy(truth, z, from_logits=True)[0]) == 1000
assert cross_entropy(z, truth) == 1000

# %% [markdown] slideshow={"slide_type": "skip"}
# **A network.** A `Dense` layer computes $xW + b$: each of its *units* has its own weights and a bias.
# The *relu* turns negative numbers into 0; without it two layers would be no more than one. A layer
# between inputs and outputs is called *hidden*. `compile` names the optimiser, here Adam of chapter 01,
# and the loss.
#
# One network stands in many introductions: a hundred inputs, a hidden layer of 100 units, ten
# classes. It is mostly printed without data and without a test. Our digits have a hundred inputs. Split
# them *before* anything else: 900 images to train on, 300 to watch (**validation**), and the 597 test
# images, which are never used to choose anything.

# %% slideshow={"slide_type": "skip"}
inputs = keras.Input((100,))
hidden = keras.layers.Dense(100, activation="relu")(inputs)
outputs = keras.layers.Dense(10, activation="softmax")(hidden)
model = keras.Model(inputs, outputs)
assert model.count_params() == (100 + 1) * 100 + (100 + 1) * 10 == 11_110

# %% slideshow={"slide_type": "skip"}
x, y = x_train[:, 1:], np.eye(10)[digits.y_train]  # without the column of ones
model.compile("adam", "categorical_crossentropy")
training.restart(model, seed=0)
assert abs(model.evaluate(x[900:], y[900:], verbose=0) - np.log(10)) < 0.2, "near ln 10"

# %% slideshow={"slide_type": "skip"}
watch = (x[900:], y[900:])
fit = model.fit(x[:900], y[:900], validation_data=watch, epochs=10, batch_size=32, verbose=0)
ax = plotting.learning_curves(fit.history, "loss")
ax.axhline(np.log(10), color="black", ls=":", lw=1.2)
ax.set(ylim=(0, 2.5), ylabel="cross-entropy", title="From ln 10 downwards, and not yet at the end")
plotting.show(ax, "Training and validation loss fall together over ten epochs, below ln 10")
assert fit.history["val_loss"][-1] < min(fit.history["val_loss"][:-2]), "it would learn on"


# %% [markdown] slideshow={"slide_type": "skip"}
# (Validation lies below training: Keras averages the training loss over an epoch in which the weights
# still improve, and measures validation at its end.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 11 · Four classic mistakes
#
# The first three raise no error, the fourth not always. Each leaves a sign. **Predict** the damage of
# each.

# %% [markdown]
# 1. **Softmax twice**: the network ends in a softmax, and then comes another.
# 2. **`from_logits` forgotten**: the network ends in logits, and the loss takes them for probabilities.
# 3. **The binary loss** of section 1 for ten classes.
# 4. **Class numbers where one-hot rows belong.**
#
# <!-- Notes:
# Answer: the first two leave a loss that is too high, the third one that is too low and looks
# like success, the fourth an error, or in NumPy a number without meaning. The next figure has
# the first three. Let them say for each: error or silence, too high or too low?
# -->

# %% slideshow={"slide_type": "skip"}
# The same network with four endings and losses, of which one is right.
def ending_in(*activations):
    inputs = keras.Input((100,))
    z = keras.layers.Dense(10)(keras.layers.Dense(100, activation="relu")(inputs))
    for activation in activations:
        z = keras.layers.Activation(activation)(z)
    return keras.Model(inputs, z)


variants = {
    "right": (ending_in("softmax"), "categorical_crossentropy"),
    "softmax twice": (ending_in("softmax", "softmax"), "categorical_crossentropy"),
    "from_logits forgotten": (ending_in(), "categorical_crossentropy"),
    "binary loss": (ending_in("softmax"), "binary_crossentropy"),
}

# %% slideshow={"slide_type": "skip"}
# Each from five seeds, ten epochs on 900 images.
scores, curves = {}, {}
for name, (network, loss) in variants.items():
    network.compile("adam", loss)
    scores[name], curves[name] = [], []
    for seed in range(5):
        fit = training.restart(network, seed).fit(x[:900], y[:900], epochs=10, verbose=0)
        curves[name].append(fit.history["loss"])
        scores[name].append(training.accuracy(network, x_test[:, 1:], digits.y_test))

# %% slideshow={"slide_type": "skip"} tags=["atol-0.15"]
logits = x_test @ softmax_regression(x_train[:900], y[:900])[-1]
regression = np.mean(logits.argmax(1) == digits.y_test)
print(f"{'softmax regression':22} {regression:.2f}")
for name, values in scores.items():
    print(f"{name:22} {np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}")

# %% slideshow={"slide_type": "subslide"}
# Training loss, mean of five seeds.
floor = -np.log(np.e / (np.e + 9))
ax = plt.subplots()[1]
for (name, values), style in zip(curves.items(), ("-", "--", "-.", ":"), strict=True):
    ax.semilogy(range(1, 11), np.mean(values, 0), style, label=name)
for value, text in ((np.log(10), "ln 10"), (floor, f"{floor:.3f}")):
    ax.axhline(value, color="black", lw=0.8)
    ax.text(10.1, value, text, va="bottom", fontsize=10)
ax.set(xlabel="epoch", ylabel="training loss", xlim=(0.8, 11.2), ylim=(0.08, 60))
ax.set_title("Each mistake leaves its own sign in the loss")
ax.legend(ncols=2)
plotting.show(ax, "Training losses: right falls to 0.3, twice stays above 1.461, forgotten near 7")

# %% [markdown] slideshow={"slide_type": "notes"}
# Look at the numbers the mistakes leave:
#
# - **Softmax twice.** The second softmax receives numbers between 0 and 1, so that even a perfect
#   forecast gets only $e/(e+9)$, and the loss cannot fall below 1.461. Training still works, worse.
# - **`from_logits` forgotten.** Negative "probabilities" are clipped, and where it clips there is no
#   gradient. The loss starts far above ln 10 and nothing is learned.
# - **Binary loss.** As probabilities, know-nothing forecasts cost 0.325. In training, Keras on TensorFlow
#   takes the softmax's logits for those of sigmoids, and the same forecasts cost ln 2 = 0.693. Either way
#   it is far below ln 10 and looks like success, and *binary accuracy* calls them 90 % right: nine of ten
#   entries of each row are zeros. What it costs in true accuracy is little: two points on TensorFlow, with
#   its mistaken sigmoids, and nothing that we could measure on JAX and PyTorch. The harm is in what you believe.

# %% slideshow={"slide_type": "skip"}
perfect, know_nothing = np.eye(10), np.full((10, 10), 0.1)
twice = keras.losses.categorical_crossentropy(perfect, perfect, from_logits=True)
assert np.isclose(float(keras.ops.mean(twice)), floor), "a perfect forecast, softmax twice"
binary = float(keras.ops.mean(keras.losses.binary_crossentropy(perfect, know_nothing)))
print(f"softmax twice: at least {floor:.3f}; binary loss of know-nothing: {binary:.3f}")
assert np.isclose(float(keras.metrics.BinaryAccuracy()(perfect, know_nothing)), 0.9)

# %% slideshow={"slide_type": "skip"}
# A network that knows nothing, because all its parameters are zero, under the binary loss.
network, _ = variants["binary loss"]
network.set_weights([0 * parameter for parameter in network.get_weights()])
start = network.evaluate(x, y, verbose=0)
expected = np.log(2) if keras.backend.backend() == "tensorflow" else binary
assert np.isclose(start, expected, atol=1e-4), "0.693 on TensorFlow, 0.325 elsewhere"

# %% slideshow={"slide_type": "skip"}
# What the table and the curves show.
assert np.mean(scores["right"]) < regression + 0.02, "no better than softmax regression"
assert model.count_params() == 11 * 101 * 10, "with eleven times as many parameters"
right, twice, forgotten, binary = (np.array(values) for values in scores.values())
assert twice.mean() < right.mean() - 0.01, "twice: worse"
assert right.mean() - 0.05 < binary.mean() < right.mean() + 0.01, "binary: hardly worse"
assert forgotten.mean() < 0.4, "next to nothing learned"
assert np.min(curves["softmax twice"]) > floor, "never below the floor"
assert np.mean(curves["from_logits forgotten"]) > 2 * np.log(10), "far above ln 10"
assert np.mean(curves["binary loss"]) < 0.5, "and far too good to be true"

# %% [markdown] slideshow={"slide_type": "skip"}
# The other way round, a softmax layer *and* `from_logits=True`, is softmax twice. On TensorFlow Keras
# notices it while training, warns, and uses the logits. On the other backends nobody tells you:

# %% slideshow={"slide_type": "skip"}
import warnings

model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model.train_on_batch(x[:32], y[:32])
warned = any("from_logits" in str(warning.message) for warning in caught)
assert warned == (keras.backend.backend() == "tensorflow")

# %% [markdown] slideshow={"slide_type": "skip"}
# The fourth mistake is silent in NumPy when there happen to be as many examples as classes: the shapes
# fit, row and column are mixed up, and a number comes out. Keras refuses.

# %% slideshow={"slide_type": "skip"}
z, labels = rng.normal(size=(10, 10)), np.arange(10)
print(f"right {cross_entropy(z, labels):.2f}, wrong {categorical_loss(labels, softmax(z)):.2f}")
try:
    keras.losses.categorical_crossentropy(labels, softmax(z))
except ValueError:
    print("Keras refuses")

# %% [markdown] slideshow={"slide_type": "skip"}
# **And the network?** Look back at the table: a hidden layer, eleven times as many parameters, and after
# ten epochs no better than softmax regression. But its loss was still falling (section 10): train it
# longer before you judge.
#
# **Make one.** The *focal loss* $-(1-\hat y_r)^2\log\hat y_r$ (Lin et al. 2017) pays less attention to
# examples that are already right. Write it as a function of the logits, derive its gradient, check it with the difference quotient as in section 4, and
# train `softmax_regression` with it. Is it better on the rare eights of section 9?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - Cross-entropy is minus the mean logarithm of the probability that the model gave to what happened.
#   Minimising it is maximising the likelihood.
# - A model of $K$ classes that knows nothing pays ln $K$: 0.693, 2.303, 6.908 for 2, 10, 1,000.
# - The gradient for the logits is $\hat y - y$. It does not fade when the model is sure and wrong; that
#   of the squared error does.
# - Compute the loss from logits. From probabilities it breaks at a logit of 17 in 32 bits, or it is
#   clipped and stops teaching.
# - L2 shrinks all weights, L1 drops most. λ is chosen on data that was not trained on.
# - Label smoothing makes a model more modest, class weights make it find rare classes; both change what
#   its probabilities mean.
#
# <!-- Notes: Collect the numbers learnt by heart: ln 2, ln 10, 17, 1.461. Then hand out exercise set 02. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# | mistake | sign | cure |
# |---|---|---|
# | softmax twice | loss stays above 1.461 for ten classes | one softmax, or logits and `from_logits=True` |
# | `from_logits` forgotten | loss starts far above ln K and stays | `from_logits=True` |
# | binary loss for ten classes | loss starts far below ln 10, binary accuracy at 90 % | categorical loss |
# | class numbers, categorical loss | an error about shapes, or a wrong number | the `sparse_` loss |
#
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex02/ex02_cross_entropy.ipynb) checks your answers as you go. Beyond it:
#
# 1. Derive the gradient of the squared error through a softmax, check it, and train with it from small
#    and from large random weights, five seeds each. When does it matter?
# 2. Find by experiment the best λ for the 3-or-8 question with all 100 pixels and 20 labels for each
#    class. Which data may you choose it on?
# 3. Lower the threshold of the *unweighted* eights classifier from 0.5 to the share of eights. Compare
#    its recall with that of the weighted one. Do you need the weights?
#
# ## Further reading
#
# - Shannon 1948, *A mathematical theory of communication*, Bell System Technical Journal 27.
# - Kullback & Leibler 1951, *On information and sufficiency*, Annals of Mathematical Statistics 22(1).
# - Tibshirani 1996, *Regression shrinkage and selection via the lasso*, JRSS B 58(1).
# - Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016, *Rethinking the Inception architecture*, CVPR (label
#   smoothing), and Müller, Kornblith & Hinton 2019, *When does label smoothing help?*, NeurIPS.
# - Guo, Pleiss, Sun & Weinberger 2017, *On calibration of modern neural networks*, ICML.
# - Lin, Goyal, Girshick, He & Dollár 2017, *Focal loss for dense object detection*, ICCV.
# - Blanchard, Higham & Higham 2021, *Accurately computing the log-sum-exp and softmax functions*, IMA
#   Journal of Numerical Analysis 41(4).
