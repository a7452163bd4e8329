# %% [markdown] slideshow={"slide_type": "slide"}
# # 01 · Gradient descent
#
# **What a network does when it "learns":** it changes its parameters, a little at a time, so that a
# number called the loss gets smaller. This chapter takes that one idea apart, by hand, in NumPy.
#
# <!-- Notes:
# Ask who has trained a network before, and who could say what `fit` does inside. Today we
# write what it does, in five lines.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - derive the rule θ ← θ − α∇J(θ), and write gradient descent in five lines;
# - say how large a learning rate may be, and predict how fast descent will be;
# - choose between full-batch, stochastic and mini-batch descent, and know what the noise costs;
# - write momentum, RMSProp and Adam from their papers, and prove them equal to Keras' own;
# - find out whether a gradient is right, in three independent ways.
#
# <!-- Notes:
# Do not read the list out. Say which two points your class needs most, for example the limit
# of the learning rate, and Adam.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 75 minutes to read and try, 20 s to run. You need some Python, NumPy,
# derivatives as taught at school, and what a matrix times a vector is.

# %% slideshow={"slide_type": "skip"} tags=["setup"]
# What this chapter needs. Keras comes in the last section.
import os
import sys
from functools import partial
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatSlider, IntSlider, SelectionSlider, interact
from sklearn.datasets import load_breast_cancer, load_diabetes

from tlcourse import optimizers, plotting, quiz

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?
#
# Answer from memory before you look anything up. Recalling is what makes it stick.

# %% slideshow={"slide_type": "slide"}
quiz.ask("01")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · Downhill in the fog
#
# You stand on a hillside in thick fog and want to go down into the valley. You cannot see it. You can feel one thing:
# the slope of the ground under your feet. So you take a step downhill, feel again, and step again.
#
# That is gradient descent. The place where you stand is the **parameter** θ (theta), the height is
# the **loss** J(θ), the slope is the derivative dJ/dθ.
#
# <!-- Notes:
# Play it: close your eyes, feel the slope with a foot, step. Ask what you cannot know in the
# fog: how deep the valley is, and whether there is a deeper one.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# Here is a hillside with two valleys:

# %% slideshow={"slide_type": "skip"}
def loss(theta):
    return theta**4 - 2 * theta**2 + 0.3 * theta


def slope(theta):
    return 4 * theta**3 - 4 * theta + 0.3


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Why the slope is enough.** Close to where you stand, a curve looks like a straight line. For a
# small step $d$
#
# $$ J(\theta + d) \;\approx\; J(\theta) + \frac{dJ}{d\theta}\; d . $$
#
# We want the last term to be negative. Take a step against the slope, with a small positive number α
# (alpha), the **learning rate**:
#
# $$ d = -\alpha\, \frac{dJ}{d\theta}, \qquad\text{so the loss falls by about}\qquad
# \alpha \left(\frac{dJ}{d\theta}\right)^{2} . $$
#
# A square is never negative. This is where the minus sign in the rule comes from:
#
# $$ \theta \;\leftarrow\; \theta - \alpha\, \frac{dJ}{d\theta} . $$
#
# <!-- Notes:
# Let them find the sign themselves: which d makes the last term negative? The minus is easily
# taken for a convention. It comes from the square.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** The formula says "≈". For which of the learning rates 0.4, 0.02 and 0.002 will the
# promise be kept, and for which will it be broken?
#
# <!-- Notes:
# Answer: the short step keeps it, 0.02 nearly, and 0.4 breaks it: the walker even ends
# higher. Expect: a longer step falls farther; take hands for 0.4.
# -->

# %% slideshow={"slide_type": "fragment"}
theta = 1.5
for alpha in (0.4, 0.02, 0.002):
    promised = alpha * slope(theta) ** 2
    real = loss(theta) - loss(theta - alpha * slope(theta))
    print(f"α = {alpha:<5}  promised fall {promised:6.3f}   real fall {real:6.3f}")

# %% slideshow={"slide_type": "skip"}
assert abs(real / promised - 1) < 0.03, "a short step keeps the promise"
assert loss(1.5 - 0.4 * slope(1.5)) > loss(1.5), "a long step can even lead upward"


# %% [markdown] slideshow={"slide_type": "notes"}
# A straight line describes the curve only nearby: the longest step even led upward. The art of this chapter is to step as far as the
# line can be trusted, and no farther.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Here is the whole algorithm. It keeps its path, so that we can look at it.
#
# <!-- Notes:
# Five lines. Ask which of them is the rule of two slides ago. The path is kept for the figures
# alone; a network forgets where it has been.
# -->

# %%
def descend(gradient, theta, alpha, steps):
    path = [theta]
    for rate in np.broadcast_to(alpha, steps):
        path.append(path[-1] - rate * gradient(path[-1]))
    return np.array(path)


# %% [markdown] slideshow={"slide_type": "notes"}
# (`np.broadcast_to` repeats one learning rate for every step; later we shall give it a list.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** Four walkers start at θ = −1.5, 0, 0.2 and 1.5. Where does each of them end?
#
# <!-- Notes:
# Answer: −1.5 and 0 end in the left, deeper valley; 0.2 and 1.5 in the right one. The traps
# are 0 and 0.2: the ridge lies between them, and can hardly be seen.
# -->

# %%
# The hillside, and where the walkers stand.
starts = [-1.5, 0.0, 0.2, 1.5]
line = np.linspace(-1.6, 1.6, 200)
ax = plt.subplots(figsize=(7, 3))[1]
ax.plot(line, loss(line), color="#999999")
for start in starts:
    ax.plot(start, loss(start), "o", ms=9)
ax.set(xlabel="parameter θ", ylabel="loss J(θ)", title="Four walkers on a hillside")
plotting.show(ax, "A curve with two valleys, the left one deeper; walkers at −1.5, 0, 0.2 and 1.5")

# %% slideshow={"slide_type": "subslide"}
# The path of each walker.
ax = plt.subplots()[1]
ax.plot(line, loss(line), color="#999999")
for start in starts:
    path = descend(slope, start, alpha=0.02, steps=100)
    ax.plot(path, loss(path), ".-", lw=1, label=f"start {start}")
ax.set(xlabel="parameter θ", ylabel="loss J(θ)", title="Where you start decides where you end")
ax.legend()
plotting.show(
    ax,
    "A curve with a deep left valley, where the walkers from −1.5 and 0 end, and a "
    "shallow right one, where those from 0.2 and 1.5 end",
)

# %% slideshow={"slide_type": "skip"}
ends = [descend(slope, start, alpha=0.02, steps=300)[-1] for start in starts]
assert np.allclose(slope(np.array(ends)), 0, atol=1e-6), "every walker stops where it is flat"
assert loss(ends[0]) < loss(ends[3]), "the right valley is not the deepest"
print("ends:", *(f"{end:.3f}" for end in ends))

# %% [markdown] slideshow={"slide_type": "notes"}
# With short steps descent finds *a* valley, the one below its start, not the deepest.
# Remember this when chapter 04 starts a network from trained weights instead of random ones: it chooses the start.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Two parameters: the gradient
#
# With two parameters the loss is a landscape, and there is a slope in each direction. The
# **gradient** ∇J ("nabla J") collects them in a vector. (∂ is a derivative too: one parameter moves, the
# others are held still.)
#
# $$ \nabla J(\theta) = \left(\frac{\partial J}{\partial\theta_1}, \frac{\partial J}{\partial\theta_2}\right),
# \qquad J(\theta + d) \approx J(\theta) + \nabla J(\theta)\cdot d . $$

# %% [markdown]
# Among all steps $d$ of one length, the product $\nabla J\cdot d$ is most negative when $d$ points
# *against* the gradient. So minus the gradient is the steepest way down.
#
# <!-- Notes:
# Draw an arrow and a circle of steps of one length around it: the product is smallest
# straight opposite. The gradient points uphill, which is easily turned round.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# Four landscapes to try:

# %% slideshow={"slide_type": "skip"}
# Each with its loss, and its gradient worked out by hand.
landscapes = {
    "bowl": (lambda a, b: (a**2 + b**2) / 2, lambda t: t * [1, 1]),
    "narrow valley": (lambda a, b: (a**2 + 20 * b**2) / 2, lambda t: t * [1, 20]),
    "saddle": (lambda a, b: (a**2 - b**2) / 2, lambda t: t * [1, -1]),
    "two minima": (
        lambda a, b: loss(a) + b**2,
        lambda t: np.array([slope(t[0]), 2 * t[1]]),
    ),
}

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** The lines join places of the same height, as on a hiking map. In which landscape will the
# walker go straight to the minimum, in which will it zigzag, and where will it run away?
#
# <!-- Notes:
# Answer: straight in the bowl, zigzag in the narrow valley, away from the saddle; with two
# minima it depends on the start. Expect: the valley's path follows its floor. It cannot: the
# gradient points across.
# -->

# %%
# The maps, and where the walkers start.
starts = {
    "bowl": [(-1.6, 0.8)],
    "narrow valley": [(-1.8, 0.8)],
    "saddle": [(-1.6, 0.01)],
    "two minima": [(-0.1, 1.0), (0.3, 1.0)],
}
figure, axes = plt.subplots(1, 4, figsize=(7, 1.9))
for ax, (name, places) in zip(axes, starts.items(), strict=True):
    plotting.paths_on_contours(landscapes[name][0], [], (-2, 2, -1.2, 1.2), title=name, ax=ax)
    for place in places:
        ax.plot(*place, "o", ms=7)
    ax.set(xticks=[], yticks=[])
    ax.label_outer()
plotting.show(
    figure,
    "Contour maps with starts: round bowl, flat ellipses, a saddle, two hollows with two starts",
)

# %% slideshow={"slide_type": "skip"}
# The paths from there, all with one learning rate.
fates = ("straight", "zigzag", "it turns away", "who is near?")
paths = {}
for name, fate in zip(landscapes, fates, strict=True):
    gradient = landscapes[name][1]
    paths[f"{name}: {fate}"] = [
        descend(gradient, np.array(start), 0.09, 60) for start in starts[name]
    ]

# %% slideshow={"slide_type": "subslide"}
# Circles are starts, stars are ends.
figure, axes = plt.subplots(2, 2, figsize=(7, 4.4))
for ax, (title, of_title) in zip(axes.flat, paths.items(), strict=True):
    height, _ = landscapes[title.partition(":")[0]]
    plotting.paths_on_contours(height, of_title, (-2, 2, -1.2, 1.2), title=title, ax=ax)
    ax.label_outer()
plotting.show(
    figure,
    "Four contour maps with paths: straight to the centre of a bowl, zigzag in a "
    "narrow valley, along a saddle and away, two starts that part",
)

# %% slideshow={"slide_type": "skip"}
(bowl,), (valley,), (saddle,), _ = paths.values()
assert np.allclose(bowl[:, 1] / bowl[:, 0], -0.5), "in the bowl the path is straight"
assert np.all(valley[1:12, 1] * valley[:11, 1] < 0), "in the valley each step crosses over"
assert abs(saddle[-1, 1]) > 1, "a hundredth beside the ridge it escapes"
on_the_ridge = descend(landscapes["saddle"][1], np.array([-1.6, 0.0]), 0.09, 200)
assert np.allclose(on_the_ridge[-1], 0, atol=1e-6), "exactly on the ridge it stops at the saddle"


# %% [markdown] slideshow={"slide_type": "notes"}
# A saddle is flat but no minimum. In practice the walker is never *exactly* on the ridge, so it
# escapes, but slowly. The zigzag of the narrow valley is the more common trouble: steep
# across, gentle along. The next section finds out exactly how much it costs.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · How large may the learning rate be?
#
# Now real data. 442 people with diabetes: from two blood values, total cholesterol and LDL
# cholesterol, predict how far the disease has progressed a year later. All three are *standardised*: the
# mean is subtracted, and the result divided by the standard deviation.
#
# <!-- Notes:
# Squared error, because its landscape is a bowl in which everything can be derived. Ask what the
# two axes of its map are: not the blood values, but θ₁ and θ₂.
# -->

# %% slideshow={"slide_type": "skip"}
def standardise(a):
    return (a - a.mean(0)) / a.std(0)


diabetes = load_diabetes(scaled=False)
y = standardise(diabetes.target)
x = standardise(diabetes.data[:, 4:6])
x.shape


# %% [markdown]
# The model is a straight plane, ŷ = θ₁x₁ + θ₂x₂ (say "y hat": the forecast of y), and the loss
# is half the mean squared error over the N examples. The chain rule gives its gradient; $X$ has a row
# for each example, $X^\top$ is $X$ with rows and columns exchanged:
#
# $$ J(\theta) = \frac{1}{2N}\sum_{i=1}^{N} (\hat y_i - y_i)^2, \qquad
# \nabla J(\theta) = \frac1N X^\top (X\theta - y) . $$

# %% slideshow={"slide_type": "skip"}
def squared_loss(theta, x, y):
    return np.mean((x @ theta - y) ** 2) / 2


def squared_gradient(theta, x, y):
    return x.T @ (x @ theta - y) / len(y)


# %% [markdown] slideshow={"slide_type": "subslide"}
# **The limit, derived.** This loss is a quadratic bowl. Call its lowest point θ\* and the matrix of its second derivatives, the
# curvature, $H = X^\top X / N$. Then ∇J(θ) = H(θ − θ\*), since ∇J(θ\*) = 0, and one step
# changes the distance to the minimum like this:
#
# $$ \theta_{t+1} - \theta^* = (I - \alpha H)\,(\theta_t - \theta^*) . $$

# %% [markdown] slideshow={"slide_type": "fragment"}
# Here $I$ is the matrix that changes nothing. An eigenvector is a direction that $H$ only stretches, by its
# eigenvalue λ (lambda, the curvature in that direction). Along each eigenvector the
# distance is multiplied by $1 - \alpha\lambda$ in every step. It shrinks if
# $|1 - \alpha\lambda| < 1$, that is, if
#
# $$ \alpha < \frac{2}{\lambda_{\max}} . $$
#
# <!-- Notes:
# Without eigenvalues: in one dimension with curvature λ, each step multiplies the distance by
# 1 − αλ. Let them say for which α that is −1. A negative factor overshoots and may still
# arrive; only beyond −1 it explodes.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# The steepest direction sets the limit; the flattest one then takes the longest. The best
# compromise makes both equally fast: $1 - \alpha\lambda_{\min} = \alpha\lambda_{\max} - 1$.
# With the **condition number** κ (kappa), $\lambda_{\max} / \lambda_{\min}$, it is
#
# $$ \alpha_{\text{best}} = \frac{2}{\lambda_{\max} + \lambda_{\min}}, \qquad
# \text{distance} \times \frac{\kappa - 1}{\kappa + 1} \text{ per step.} $$
#
# <!-- Notes:
# The largest curvature limits α, the smallest then decides how long it takes: the ratio κ is
# the whole story of this chapter. A large κ is what "ill-conditioned" means.
# -->

# %% slideshow={"code": false, "slide_type": "fragment"}
hessian = x.T @ x / len(x)
smallest, largest = np.linalg.eigvalsh(hessian)
kappa = largest / smallest
limit, best = 2 / largest, 2 / (largest + smallest)
print(f"λ = {smallest:.3f} and {largest:.3f}, κ = {kappa:.1f}")
print(f"largest stable α {limit:.3f}, best α {best:.3f}, factor {(kappa - 1) / (kappa + 1):.3f}")
correlation = np.corrcoef(x.T)[0, 1]
assert np.allclose([smallest, largest], [1 - correlation, 1 + correlation])

# %% [markdown] slideshow={"slide_type": "skip"}
# Why is the valley narrow, although both inputs are standardised? The two blood values say nearly
# the same. Of two standardised inputs the eigenvalues are 1 plus and 1 minus their correlation.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** Sketch the distance to the minimum over the steps for four learning rates: a tenth of
# the limit, the best, 2 % below the limit, 2 % above it.
#
# <!-- Notes:
# Answer: at a tenth it creeps; the best falls straight and fastest; 2 % below the limit it
# swings but arrives; 2 % above it explodes. On a logarithmic axis all four are straight lines
# in the long run. Expect: 2 % are a detail.
# -->

# %% slideshow={"slide_type": "skip"}
# The distance to the minimum at every step, for four learning rates.
lowest, start = np.linalg.solve(hessian, x.T @ y / len(y)), np.array([1.5, 1.0])


def gradient_xy(theta):
    return squared_gradient(theta, x, y)


distance = {}
for share in (0.1, best / limit, 0.98, 1.02):
    path = descend(gradient_xy, start, share * limit, 150)
    distance[f"{share:.2f} of the limit"] = np.linalg.norm(path - lowest, axis=1)

# %% slideshow={"slide_type": "subslide"}
ax = plotting.lines(distance, xlabel="step", ylabel="distance to the minimum", yscale="log")
ax.set(ylim=(1e-7, 1e2), title="Two per cent decide between arriving and exploding")
plotting.show(ax, "Distance over 150 steps: 0.95 of the limit falls fastest, 1.02 rises")

# %% slideshow={"slide_type": "skip"}
_, right, below, above = distance.values()
assert np.isclose((right[150] / right[0]) ** (1 / 150), (kappa - 1) / (kappa + 1)), "as derived"
assert below[-1] < 0.1, "just below the limit it arrives"
assert above[-1] > 10, "just above the limit it explodes"
assert np.isclose(best / limit, kappa / (kappa + 1)), "the best is close to the limit"

# %% [markdown] slideshow={"slide_type": "notes"}
# Just below the limit it arrives late, just above it explodes. And the best rate lies close to the limit:
# it is κ/(κ + 1) of it, 0.95 here, and closer still for a narrower valley. So one raises the learning
# rate until training breaks, and then goes back a little.
#
# <!-- Notes:
# Let them find their own sketch among the four. Each walks a straight line in the long run, because
# each step multiplies the distance by the same factor.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Change it: a game.** Now all ten inputs of the diabetes data, so ten parameters. Find the largest
# stable learning rate by trying, as one does with a network. The title judges your try.
#
# <!-- Notes:
# Open the notebook here and let the class call out numbers, higher or lower. The limit is
# 2/λmax of the ten inputs, and nobody can see λmax in the loss.
# -->

# %%
x10 = standardise(diabetes.data)
hessian10 = x10.T @ x10 / len(x10)
figure = plotting.learning_rate_game(hessian10, alpha=0.1)
plotting.show(figure, "The distance falls over 100 steps at α = 0.1; a larger one would settle too")

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
_ = interact(
    lambda α: plotting.show(plotting.learning_rate_game(hessian10, α), f"The game at α = {α}"),
    α=FloatSlider(0.1, min=0.005, max=1, step=0.005, readout_format=".3f"),
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Put your answer here and run the cell. It is right if it is stable and at most 2 % below the limit.

# %% slideshow={"slide_type": "skip"}
my_answer = 0.1
plotting.judge_learning_rate(my_answer, hessian10)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · A classic mistake: inputs in their own units
#
# We standardised without saying why. Here is the same regression with all ten inputs as they stand
# in the file (years, mm Hg, mg/dl …) and a column of ones for the intercept.
#
# <!-- Notes: The temptation is always to tune the optimiser. Ask who standardises as a habit, and why. -->

# %% [markdown]
# **Predict.** Both get half of their own limit as learning rate. How much of the way from "knows
# nothing" to "best possible" does each go in 1,000 steps?
#
# <!-- Notes:
# Answer: in own units a third is still missing; standardised nearly nothing, after ten steps
# less than one per cent. Expect: a fair share of the own limit makes both equally fast.
# -->

# %% slideshow={"slide_type": "skip"}
# The share of the possible improvement that is still missing, at each of 1,000 steps.
raw = np.c_[np.ones(len(y)), diabetes.data]
lowest_loss = squared_loss(np.linalg.lstsq(raw, y)[0], raw, y)
missing = {}
for name, inputs in {"own units": raw, "standardised": x10}.items():
    λ = np.linalg.eigvalsh(inputs.T @ inputs / len(y))
    towards = partial(squared_gradient, x=inputs, y=y)
    path = descend(towards, np.zeros(inputs.shape[1]), 1 / λ[-1], 1000)
    above = np.array([squared_loss(theta, inputs, y) for theta in path]) - lowest_loss
    missing[name] = 100 * above / above[0]
    print(f"{name:13} κ = 10^{np.log10(λ[-1] / λ[0]):.1f}, still missing {missing[name][-1]:.2f} %")

# %% slideshow={"slide_type": "subslide"}
ax = plotting.lines(missing, xlabel="step", ylabel="still missing (%)", yscale="log")
ax.set_title("Standardised inputs: ten steps do more than a thousand")
plotting.show(ax, "Still missing after 1000 steps: over 30 % in own units, 0.01 % standardised")

# %% slideshow={"slide_type": "skip"}
# The figure's claims, and the sizes behind them.
assert missing["own units"][1000] > 30, "in their own units a third is missing after 1,000 steps"
assert missing["standardised"][10] < 1, "standardised, ten steps leave less than 1 %"
assert missing["standardised"][100] > 0.3, "but a hundred steps do not bring it to a third of that"
means = diabetes.data.mean(0)
assert means.max() / means.min() > 100, "one input is a hundred times as large as another"
squares = np.mean(diabetes.data**2, 0)
assert squares.max() / squares.min() > 10_000, "and its curvature more than 10,000 times"
assert round(means.max()) == 189
assert set(diabetes.data[:, 1]) == {1, 2}

# %% [markdown] slideshow={"slide_type": "notes"}
# Total cholesterol is about 189, sex is coded 1 or 2. The larger pulls more than a hundred times
# harder, and the curvature grows with the square, more than 10,000 times: the landscape is a gorge.
# One line of preparation is worth more than many clever tricks. It
# does not mend everything: the inputs are still correlated, and the last per cent takes long.

# %% [markdown] slideshow={"slide_type": "notes"}
# This is why every image in this course is scaled before it enters a network, and why a network that
# was trained on one scaling fails on another (chapter 05).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Batch, stochastic, mini-batch
#
# The gradient is a *mean* over all N examples. With a million photographs every step would need all
# of them. But a mean can be estimated from a sample: draw a **batch** of B examples and take
# their mean gradient. It is right on average, and noisy.

# %% [markdown]
# **Predict.** A batch of 64 instead of 4 costs sixteen times as much. By how much does the noise
# fall?
#
# <!-- Notes:
# Answer: to a quarter, because the noise falls as 1/√B. Expect: to a sixteenth. It is the
# same law as the retrieval question about 100 measurements.
# -->

# %% slideshow={"slide_type": "skip"}
rng = np.random.default_rng(0)
theta = np.zeros(10)
each = x10 * (x10 @ theta - y)[:, None]  # the gradient of each example, shape (442, 10)
sizes = 2 ** np.arange(9)
noise = []
for size in sizes:
    drawn = each[rng.integers(len(y), size=(2000, size))].mean(1)  # 2,000 batches
    noise.append(np.sqrt(np.mean(np.sum((drawn - each.mean(0)) ** 2, 1))))

# %% slideshow={"slide_type": "subslide"}
B = np.geomspace(1, 256)
curves = {"noise(1) / √B": (B, noise[0] / np.sqrt(B)), "measured": (sizes, noise)}
ax = plotting.lines(curves, xscale="log", yscale="log")
ax.set(xlabel="batch size B", ylabel="noise of the gradient")
ax.set_title("Sixteen times the work, a quarter of the noise")
plotting.show(ax, "Noise over batch size, both logarithmic: nine points on the line 1/√B")

# %% slideshow={"slide_type": "skip"}
exponent = np.polyfit(np.log(sizes), np.log(noise), 1)[0]
print(f"fitted: the noise goes as B to the power {exponent:.2f}")
assert abs(exponent + 0.5) < 0.02, "the noise falls as one over the root of B"
assert abs(noise[2] / noise[6] - 4) < 0.3, "from B = 4 to 64 it falls to a quarter"
assert np.allclose(drawn.mean(0), each.mean(0), atol=0.02), "and the gradient is right on average"


# %% [markdown] slideshow={"slide_type": "notes"}
# This is the law of the standard error, 1/√B: small batches give much for little. (It is exact
# when batches are drawn with replacement, as here.)
#
# In practice one goes through the data in a new random order, batch after batch. Each full
# round is an **epoch**. Full batch: one step in an epoch. **Stochastic** gradient descent in the
# strict sense: batches of one, N steps. Everything between is **mini-batch**.

# %% slideshow={"slide_type": "skip"}
def batches(n, size, rng):
    while True:  # one epoch after the other
        yield from np.split(rng.permutation(n), range(size, n, size))


next(batches(442, 6, np.random.default_rng(0)))


# %% slideshow={"slide_type": "skip"}
# `descend` does not notice: its gradient function draws a new batch at every call.
def train(gradient, x, y, size, alpha, epochs, seed):
    draw = batches(len(y), size, np.random.default_rng(seed))

    def noisy_gradient(theta):
        chosen = next(draw)
        return gradient(theta, x[chosen], y[chosen])

    steps = epochs * -(-len(y) // size)
    return descend(noisy_gradient, np.zeros(x.shape[1]), alpha, steps)


# %% [markdown] slideshow={"slide_type": "skip"}
# Two problems: the diabetes regression, and a classification: 569 tumours, 30 measurements of each,
# malignant or benign. Its loss is the cross-entropy, which chapter 02 derives; for now, two lines to take on trust (section 9 checks
# the second).

# %% slideshow={"slide_type": "skip"}
# Each problem: loss, gradient, inputs, answers.
def log_loss(theta, x, y):
    return np.mean(np.logaddexp(0, x @ theta) - y * (x @ theta))


def log_gradient(theta, x, y):
    return x.T @ (1 / (1 + np.exp(-x @ theta)) - y) / len(y)


tumours = load_breast_cancer()
problems = {
    "regression": (squared_loss, squared_gradient, x10, y),
    "classification": (log_loss, log_gradient, standardise(tumours.data), tumours.target),
}


# %% [markdown] slideshow={"slide_type": "skip"}
# For a fair comparison each batch size gets its own learning rate: of eight, the one with the
# lowest loss after ten epochs, on average over three seeds. (A **seed** fixes the random numbers, so that a
# run can be repeated.)

# %% slideshow={"slide_type": "skip"}
def tune(J, gradient, x, y, size):
    scores = {}
    for alpha in (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10):
        with np.errstate(all="ignore"):  # too large a rate overflows
            ends = [train(gradient, x, y, size, alpha, 10, seed)[-1] for seed in (11, 12, 13)]
            scores[alpha] = np.nan_to_num(np.mean([J(t, x, y) for t in ends]), nan=np.inf)
    return min(scores, key=scores.get)


# %% slideshow={"slide_type": "skip"}
tuned = {}
for name, problem in problems.items():
    for size in (1, 32, len(problem[-1])):
        tuned[name, size] = tune(*problem, size)
        print(f"{name:15} B = {size:3}   α = {tuned[name, size]}")
        assert tuned[name, 1] <= tuned[name, size]

# %% [markdown] slideshow={"slide_type": "skip"}
# Single examples, the noisiest gradient, want the shortest steps. Now ten epochs from five other
# seeds.

# %% slideshow={"slide_type": "skip"}
# For each run: examples seen and loss (seeds, moments), at up to 60 moments and after one epoch.
curves, one_epoch = {}, {}
for (name, size), alpha in tuned.items():
    J, gradient, inputs, targets = problems[name]
    runs = [train(gradient, inputs, targets, size, alpha, 10, seed) for seed in range(5)]
    moments = np.unique(np.geomspace(1, len(runs[0]) - 1, 60).astype(int))
    seen = np.minimum(moments * size, 10 * len(targets))
    curves[name, size] = seen, [[J(run[m], inputs, targets) for m in moments] for run in runs]
    first = len(runs[0]) // 10  # the number of steps in one epoch
    one_epoch[name, size] = np.array([J(run[first], inputs, targets) for run in runs])

# %% slideshow={"slide_type": "skip"}
# Left: against epochs. Right: the same against examples seen, on a logarithmic axis.
figure, axes = plt.subplots(2, 2, figsize=(7, 6), sharey="row")
for (left, right), name in zip(axes, problems, strict=True):
    of = {f"B = {size}": curve for (n, size), curve in curves.items() if n == name}
    epochs = {key: (seen / max(seen) * 10, losses) for key, (seen, losses) in of.items()}
    plotting.lines(epochs, left, xlabel="epochs", ylabel=f"{name}: loss")
    plotting.lines(of, right, xlabel="examples seen", xscale="log")
figure.suptitle("Small batches bring the loss down sooner", weight="bold")
plotting.show(figure, "Two problems over ten epochs: B = 1 falls first, the full batch last")

# %% slideshow={"slide_type": "skip"}
# Loss when the first epoch has ended: mean and standard deviation of five seeds.
for (name, size), losses in one_epoch.items():
    print(f"{name:15} B = {size:3}   {losses.mean():.3f} ± {losses.std(ddof=1):.3f}")
    full = one_epoch[name, len(problems[name][-1])]
    assert size > 32 or losses.max() < full.min(), "after one epoch the full batch is last"
single, some = one_epoch["regression", 1], one_epoch["regression", 32]
assert single.max() < some.min(), "in the regression B = 1 is ahead, from every seed"
single, some = one_epoch["classification", 1], one_epoch["classification", 32]
assert abs(single.mean() - some.mean()) < some.std(ddof=1), "in the classification they are level"

# %% [markdown] slideshow={"slide_type": "skip"}
# After one look at the data the full batch is last: it has taken a single step. Batches of one are
# ahead in the regression; in the classification they are level with 32, within the spread. So why
# does nobody train with B = 1? First, a computer does 32 examples at once nearly as fast as one:

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
J, gradient, inputs, targets = problems["classification"]
zero = np.zeros(30)
one = min(repeat(lambda: gradient(zero, inputs[:1], targets[:1]), number=500))
many = min(repeat(lambda: gradient(zero, inputs[:32], targets[:32]), number=500))
print(f"32 examples at once take {many / one:.1f} times as long as one")
assert many < 8 * one, "at least four times cheaper than one after the other"

# %% [markdown] slideshow={"slide_type": "skip"}
# Second, the noise. Here α was chosen for the loss at the very end, so B = 1 had to go slowly. With a larger
# constant rate the noise stays at the end:

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · Let the learning rate decay
#
# With a constant learning rate the noise never stops shaking the walker: it comes near the minimum
# and then jumps about. A rate that falls takes large steps first and quiet ones last. Robbins and
# Monro (1951) gave the condition: the rates must add up to infinity, their squares must not.

# %% [markdown]
# **Predict.** Batches of one on the regression, twenty epochs. Which rate ends lowest?
#
# - constant: α = 0.01
# - falling as 1/t: α = 0.01 / (1 + t/N), with t the step
# - cosine: half a wave, from 0.01 down to 0
#
# <!-- Notes:
# Answer: the cosine, then 1/(1 + t/N); the constant rate stays restless far above both. Who
# remembers Robbins and Monro may choose 1/t: the theory is about a run without end.
# -->

# %% slideshow={"slide_type": "skip"}
# Loss above the minimum, twice in each epoch, five seeds for each schedule.
t = np.arange(20 * len(y))
schedules = {
    "constant": 0.01 + 0 * t,
    "1 / (1 + t/N)": 0.01 / (1 + t / len(y)),
    "cosine": 0.005 * (1 + np.cos(np.pi * t / len(t))),
}
excess = {}
for name, rates in schedules.items():
    runs = [train(squared_gradient, x10, y, 1, rates, 20, seed)[::221] for seed in range(5)]
    excess[name] = [[squared_loss(p, x10, y) - lowest_loss for p in run] for run in runs]

# %% slideshow={"slide_type": "subslide"}
halves = {name: (np.arange(41) / 2, values) for name, values in excess.items()}
ax = plotting.lines(halves, xlabel="epoch", ylabel="loss above the minimum", yscale="log")
ax.set_title("A constant rate stays restless; a falling one settles")
plotting.show(ax, "Loss over 20 epochs, five seeds: a constant rate hovers, falling rates settle")

# %% slideshow={"slide_type": "skip"}
constant, inverse, cosine = (np.mean(values, 0)[-1] for values in excess.values())
assert max(inverse, cosine) < constant / 2, "a decaying rate ends at less than half"
assert cosine < inverse, "here the cosine ends lowest"


# %% [markdown] slideshow={"slide_type": "notes"}
# Robbins and Monro's is a condition for a run without end. In a run of fixed length a rate that goes
# straight to zero may win, as the cosine does here.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7 · Momentum, RMSProp, Adam
#
# **Momentum** (Polyak 1964) makes the walker a rolling ball. It keeps a velocity v. Across the
# valley the pushes cancel; along the valley they add up. β says how much velocity survives a
# step.
#
# $$ v \leftarrow \beta v - \alpha \nabla J(\theta), \qquad \theta \leftarrow \theta + v $$
#
# <!-- Notes:
# Across the valley the pushes cancel, along it they add up. β = 0.9 remembers about ten
# steps. Ask what the picture of the ball gets wrong: nothing slows it but β.
# -->

# %% slideshow={"slide_type": "skip"}
def momentum(gradient, theta, alpha, steps, beta):
    path, v = [theta], 0
    for _ in range(steps):
        v = beta * v - alpha * gradient(path[-1])
        path.append(path[-1] + v)
    return np.array(path)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Polyak also gave the best α and β for a quadratic. In the long run a step then multiplies the
# distance by $(\sqrt\kappa - 1)/(\sqrt\kappa + 1)$. That root is worth a lot: here κ is 18, its root
# about 4.

# %% [markdown]
# **Predict.** Plain descent at its best rate needs 127 steps to shrink the distance to a millionth.
# How many does momentum need?
#
# <!-- Notes: Answer: less than a third, as the root of κ promises. Take guesses before the next key. -->

# %% slideshow={"code": false, "slide_type": "fragment"}
polyak = 4 / (np.sqrt(largest) + np.sqrt(smallest)) ** 2
root_factor = (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)
rolling = momentum(gradient_xy, start, polyak, 200, beta=root_factor**2)
distance = np.linalg.norm([descend(gradient_xy, start, best, 200), rolling] - lowest, axis=2)
plain, fast = (distance / distance[:, :1] < 1e-6).argmax(1)
print(f"plain descent {plain} steps, with momentum {fast}")

# %% slideshow={"slide_type": "skip"}
assert plain == 127
assert fast < plain / 3, "momentum needs less than a third of the steps"
long_run = (distance[1, 80] / distance[1, 40]) ** (1 / 40)
assert abs(long_run - root_factor) < 0.03, "and the long-run factor is the one with the root"

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it.** The same data and the same valley, seen from above. Move one slider at a time, and
# say before each move what will happen:
#
# 1. α up to 1.05 and beyond: when does the path leave the map?
# 2. Back to 0.3; momentum up to 0.9: it overshoots, and still arrives.
# 3. Momentum 0, batch size down to 16, then to 1: what does α have to become?

# %% slideshow={"slide_type": "skip"}
figure = plotting.descent_on_data(x, y)
plotting.show(figure, "A path drops into a tilted valley and creeps along; the loss falls slowly")

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The same figure, drawn anew for each position of four sliders.
_ = interact(
    lambda α, momentum, batch, start: plotting.show(
        plotting.descent_on_data(x, y, α, momentum, batch, start), "The path with these settings"
    ),
    α=FloatSlider(0.3, min=0.01, max=1.2, step=0.01),
    momentum=FloatSlider(0, min=0, max=0.95, step=0.05),
    batch=SelectionSlider(options=[1, 4, 16, 64, 442], value=442),
    start=IntSlider(120, min=0, max=345, step=15, description="start (°)"),
)


# %% [markdown] slideshow={"slide_type": "subslide"}
# **RMSProp** (Hinton 2012) looks at each parameter on its own. It keeps a running mean of the squared
# gradient and divides by its root, so that a steep direction and a flat one get steps of the same
# size. ε (epsilon) only keeps the division from meeting a zero.
#
# $$ v \leftarrow \rho v + (1-\rho)\, g^2, \qquad
# \theta \leftarrow \theta - \alpha\, \frac{g}{\sqrt{v + \varepsilon}}, \qquad g = \nabla J(\theta) $$
#
# <!-- Notes:
# "Divide by how loud the gradient has been": each parameter gets its own step. Write ρ = 0.9
# on the board.
# -->

# %% slideshow={"slide_type": "skip"}
def rmsprop(gradient, theta, alpha, steps, rho=0.9, epsilon=1e-7):
    path, v = [theta], 0
    for _ in range(steps):
        g = gradient(path[-1])
        v = rho * v + (1 - rho) * g**2
        path.append(path[-1] - alpha * g / np.sqrt(v + epsilon))
    return np.array(path)


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Adam** (Kingma and Ba 2015) joins the two: a running mean m of the gradient (as in momentum) over
# the root of a running mean v of its square (as in RMSProp). Both start at zero and so are too small at
# first; two factors correct that.
#
# $$ m \leftarrow \beta_1 m + (1-\beta_1) g, \qquad v \leftarrow \beta_2 v + (1-\beta_2) g^2, $$
# $$ \theta \leftarrow \theta - \alpha \frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t} \cdot
# \frac{m}{\sqrt{v} + \varepsilon} $$
#
# <!-- Notes:
# Momentum above, RMSProp below, and two corrections for starting at zero. Let them compute
# the first step by hand: it is α, whatever the gradient.
# -->

# %% slideshow={"slide_type": "skip"}
# `decay` is for section 8.
def adam(gradient, theta, alpha, steps, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0):
    path, m, v = [theta], 0, 0
    for t in range(1, steps + 1):
        g = gradient(path[-1])
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        rate = alpha * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        kept = (1 - alpha * decay) * path[-1]
        path.append(kept - rate * m / (np.sqrt(v) + epsilon))
    return np.array(path)


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** All four in the narrow valley of section 2. Which path will be the straightest?
#
# <!-- Notes:
# Answer: RMSProp's. Adam sets out at 45 degrees too and then swings, because of its momentum.
# Expect votes for Adam, because it is "the best".
# -->

# %% slideshow={"slide_type": "skip"}
height, gradient = landscapes["narrow valley"]
here = np.array([-1.8, 0.9])
paths = {
    "plain: zigzag": descend(gradient, here, 0.09, 40),
    "momentum: swings": momentum(gradient, here, 0.03, 40, 0.7),
    "RMSProp: straight": rmsprop(gradient, here, 0.1, 40),
    "Adam: straight, then swings": adam(gradient, here, 0.2, 40),
}

# %% slideshow={"slide_type": "subslide"}
# The four paths, side by side.
figure, axes = plt.subplots(2, 2, figsize=(7, 4.4), sharex=True, sharey=True)
for ax, (name, path) in zip(axes.flat, paths.items(), strict=True):
    plotting.paths_on_contours(height, [path], (-2, 1, -1.1, 1.1), title=name, ax=ax)
    ax.label_outer()
plotting.show(
    figure,
    "Four paths in a narrow valley: plain descent zigzags, momentum swings, RMSProp "
    "and Adam set out at 45 degrees however steep it is",
)

# %% slideshow={"slide_type": "skip"}
_, rolling, scaled, both = paths.values()
np.testing.assert_allclose(both[1] - both[0], -0.2 * np.sign(gradient(here)), rtol=1e-5)
louder = adam(lambda theta: 1000 * gradient(theta), here, 0.2, 40)
np.testing.assert_allclose(louder, both, atol=1e-4)
print("Adam's first step:", (both[1] - both[0]).round(3))

# %% slideshow={"slide_type": "skip"}
# How much longer each path is than the straight line from its start to its end.
for name, path in paths.items():
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    print(f"{name.partition(':')[0]:9} {lengths.sum() / np.linalg.norm(path[-1] - here):.2f}")
assert np.linalg.norm(both[-1]) > 0.1, "after 40 steps Adam has not yet arrived"

# %% [markdown] slideshow={"slide_type": "notes"}
# RMSProp's is the straightest. (Each path has its own α, none of them tuned, so this is no race;
# after 40 steps Adam has not yet arrived.)

# %% [markdown] slideshow={"slide_type": "notes"}
# Adam's first step is α in every direction, however steep. Multiply the loss by 1,000 and Adam does
# not notice. That is one reason why a default learning rate, 0.001, does tolerably for many networks.

# %% [markdown] slideshow={"slide_type": "skip"}
# The package of this course keeps these functions in `tlcourse.optimizers`. They are the ones that you have
# just written:

# %% slideshow={"slide_type": "skip"}
ours = optimizers.descend(gradient, here, 0.03, 40, momentum=0.7)
np.testing.assert_allclose(ours, rolling)
np.testing.assert_allclose(optimizers.rmsprop(gradient, here, 0.1, 40), scaled)
np.testing.assert_allclose(optimizers.adam(gradient, here, 0.2, 40), both)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 8 · Weight decay is not an L2 term, under Adam
#
# To keep weights small one can add ½λ‖θ‖² to the loss, where ‖θ‖ is the length of θ (an **L2 term**: its
# gradient is λθ), or shrink every weight by a factor 1 − αλ in each step (**weight decay**). Under plain descent these
# are the same. (This λ is a strength that you choose, not an eigenvalue.)

# %% slideshow={"slide_type": "skip"}
l2 = descend(lambda theta: gradient_xy(theta) + 0.1 * theta, start, 0.3, 30)
decayed = start
for _ in range(30):
    decayed = (1 - 0.3 * 0.1) * decayed - 0.3 * gradient_xy(decayed)
np.testing.assert_allclose(l2[-1], decayed)


# %% [markdown] slideshow={"slide_type": "skip"}
# Under Adam the λθ of the L2 term goes through the division as well. Take two weights about which
# the data say nothing: their gradients are pure noise, loud for one and quiet for the other.
#
# **Predict.** Both begin at 1, with λ = 1, α = 0.001 and 1,000 steps. Decay alone would leave 0.368
# (which is 1/e). What do you expect of the loud and of the quiet weight, with each method?

# %% slideshow={"slide_type": "skip"}
# Where the two weights end, ten seeds for each method.
def two_weights(seed, l2, decay):
    rng, loudness = np.random.default_rng(seed), np.array([10, 0.1])

    def noise(theta):
        return loudness * rng.normal(size=2) + l2 * theta

    return adam(noise, np.ones(2), 0.001, 1000, decay=decay)[-1]


weights = {
    "L2 term": np.array([two_weights(seed, l2=1, decay=0) for seed in range(10)]),
    "weight decay": np.array([two_weights(seed, l2=0, decay=1) for seed in range(10)]),
}

# %% slideshow={"slide_type": "skip"}
# Mean and spread over the seeds.
ax = plt.subplots(figsize=(7, 3))[1]
for move, (name, ends) in zip((-0.04, 0.04), weights.items(), strict=True):
    ax.errorbar(np.arange(2) + move, ends.mean(0), ends.std(0, ddof=1), fmt="o", label=name)
ax.axhline(np.exp(-1), color="black", lw=1, ls="--", label="decay alone: 1/e")
ax.set_xticks([0, 1], ["loud gradient", "quiet gradient"])
ax.set(xlim=(-0.5, 2), ylim=(0, 1.1), ylabel="weight after 1,000 steps")
ax.set_title("An L2 term under Adam spares the loud weight")
ax.legend()
plotting.show(
    ax,
    "Two weights after 1000 steps, ten seeds: decay leaves both near 0.37; the L2 term "
    "leaves the loud one near 0.9, the quiet one near 0.26",
)

# %% slideshow={"slide_type": "skip"}
with_l2, with_decay = (ends.mean(0) for ends in weights.values())
assert np.allclose(with_decay, np.exp(-1), atol=0.05), "weight decay treats both alike"
assert with_l2[0] > 0.85, "the L2 term hardly touches the loud weight"
assert with_l2[1] < 0.3, "and shrinks the quiet one more than was asked for"


# %% [markdown] slideshow={"slide_type": "skip"}
# This is the observation of Loshchilov and Hutter (2019); Adam with decoupled decay is called AdamW.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 9 · Is my gradient right?
#
# A wrong gradient often still learns a little, so it must be tested. The witness is the difference
# quotient: move one parameter by a small h both ways and see how the loss changes. ($e_k$ is 1 at place k
# and 0 elsewhere.)
#
# $$ \frac{\partial J}{\partial\theta_k} \approx \frac{J(\theta + h e_k) - J(\theta - h e_k)}{2h} $$
#
# <!-- Notes:
# It costs two losses for each parameter, so it is for tests, not for training. It is the
# witness whenever somebody writes a gradient by hand.
# -->

# %% slideshow={"slide_type": "skip"}
def numerical_gradient(f, theta, h=1e-5):
    moves = h * np.eye(len(theta))
    return np.array([(f(theta + move) - f(theta - move)) / (2 * h) for move in moves])


# %% slideshow={"slide_type": "skip"}
def J_at(theta):
    return log_loss(theta, inputs, targets)


theta = np.random.default_rng(0).normal(size=30) / 10
by_hand = log_gradient(theta, inputs, targets)
by_quotient = numerical_gradient(J_at, theta)
np.testing.assert_allclose(by_quotient, by_hand, atol=1e-9)
by_hand[:4].round(3)

# %% [markdown]
# **Predict.** The smaller h, the better the quotient? Sketch its error over h, from 1 down to 10⁻¹⁴.
#
# <!-- Notes:
# Answer: a valley, lowest near 10⁻⁵. Expect: "smaller is better". Two errors add: the bend of
# the curve, and the rounding of a difference of nearly equal numbers.
# -->

# %% slideshow={"slide_type": "subslide"}
steps = 10.0 ** np.arange(0, -15, -1)
errors = np.array([abs(numerical_gradient(J_at, theta, h) - by_hand).max() for h in steps])
ax = plotting.lines({"J": (steps, errors)}, xscale="log", yscale="log")
ax.set(xlabel="step h", ylabel="largest error", title="A long step bends, a short step rounds")
plotting.show(ax, "Error over h, both logarithmic: a valley, lowest near 10 to the minus 5")

# %% slideshow={"slide_type": "skip"}
assert 1e-7 < steps[np.argmin(errors)] < 1e-4, "the best h lies between the extremes"
order = np.polyfit(np.log(steps[1:5]), np.log(errors[1:5]), 1)[0]
assert np.isclose(order, 2, atol=0.1), "for long steps the error falls as the square of h"
assert errors[-1] > 1e5 * min(errors), "the smallest h is far from the best"


# %% [markdown] slideshow={"slide_type": "notes"}
# For a long step the curve bends away from the line: the error falls as h². For a very short one,
# J(θ + h) and J(θ − h) agree in nearly all of their 16 digits, and the subtraction leaves rounding errors.
# The best h lies near 10⁻⁵.
#
# **A classic mistake: the sign.** Somebody writes y − ŷ where ŷ − y belongs. Nothing crashes, but this
# one does not learn even a little.

# %% slideshow={"slide_type": "skip"}
def wrong_sign(theta, x, y):
    return x.T @ (y - 1 / (1 + np.exp(-x @ theta))) / len(y)


path = train(wrong_sign, inputs, targets, size=32, alpha=0.1, epochs=2, seed=0)
print(f"loss {J_at(path[0]):.3f} → {J_at(path[-1]):.3f}")
assert J_at(path[-1]) > J_at(path[0]), "it climbs"

# %% slideshow={"slide_type": "skip"}
error = np.linalg.norm(wrong_sign(theta, inputs, targets) - by_quotient)
print(f"relative error {error / np.linalg.norm(by_quotient):.3f}")
assert np.isclose(error / np.linalg.norm(by_quotient), 2), "relative error 2"


# %% [markdown] slideshow={"slide_type": "skip"}
# The relative error of a gradient a against the true one b is ‖a − b‖/‖b‖. It names the culprit: exactly
# 2 is a wrong sign.
#
# **A classic mistake: a learning rate from another loss.** α = 0.3 was right for the *mean* over the
# examples. A colleague writes the *sum*. It has the same minimum; what can go wrong?

# %% slideshow={"slide_type": "skip"}
def mean10(theta):
    return squared_gradient(theta, x10, y)


ones = np.ones(10)
assert tuned["regression", 442] == 0.3
exploded = descend(lambda theta: len(y) * mean10(theta), ones, 0.3, 20)
cured = descend(lambda theta: len(y) * mean10(theta), ones, 0.3 / len(y), 20)
assert abs(exploded[-1]).max() > 1e30, "with the mean's learning rate the sum explodes"
np.testing.assert_allclose(cured, descend(mean10, ones, 0.3, 20))

# %% [markdown] slideshow={"slide_type": "skip"}
# The sum is N times as steep, so its limit $2/\lambda_{\max}$ is N times as small. Divided by N, it gives the
# same path. A learning rate belongs to one loss, one scaling and one optimiser.
#
# ## 10 · The same in Keras
#
# Up to here there was no framework. Now it comes, as a third witness for our gradient, and to see
# whether our optimisers are the real ones. (Keras leaves the arithmetic to a **backend**: TensorFlow, JAX or
# PyTorch. JAX computes in 64 bits only if told so.)

# %% slideshow={"slide_type": "skip"}
assert "keras" not in sys.modules, "everything so far was NumPy"
os.environ["JAX_ENABLE_X64"] = "1"
from tlcourse.autodiff import gradient as automatic_gradient
from tlcourse.backend import keras


# %% [markdown] slideshow={"slide_type": "skip"}
# **Automatic differentiation** follows the chain rule through every operation of a function, exact up
# to rounding, and for all parameters at once. Keras has three backends and no gradient call of its
# own; `tlcourse.autodiff` asks whichever backend is running.

# %% slideshow={"slide_type": "skip"}
# The same loss in Keras' words, and its gradient.
def log_loss_in_keras(theta):
    z = keras.ops.matmul(inputs, theta)
    return keras.ops.mean(keras.ops.softplus(z) - keras.ops.multiply(targets, z))


by_autodiff = automatic_gradient(log_loss_in_keras, theta)
np.testing.assert_allclose(by_autodiff, by_hand, atol=1e-6)  # PyTorch computes it in 32 bits
np.testing.assert_allclose(by_autodiff, by_quotient, atol=1e-6)
print("by hand, by quotient, automatic: all three agree on", by_autodiff.size, "numbers")


# %% [markdown] slideshow={"slide_type": "skip"}
# Why not always the quotient? It needs two losses for each parameter. A network of chapter 05 has
# 23 million of them; automatic differentiation takes all in one pass back.
#
# **Our optimisers against Keras' own.** Both walk 50 steps on the diabetes regression, in 64 bits.
# (β₂ = 1 − 1/1024 instead of 0.999: a number that 32 bits hold exactly. The reason follows below.)

# %% slideshow={"slide_type": "skip"}
def keras_path(optimizer, gradient, theta, steps):
    variable = keras.Variable(theta, dtype="float64")
    optimizer.build([variable])
    path = [theta]
    for _ in range(steps):
        optimizer.apply([keras.ops.convert_to_tensor(gradient(path[-1]), dtype="float64")])
        path.append(np.array(keras.ops.convert_to_numpy(variable)))
    return np.array(path)


# %% slideshow={"slide_type": "skip"}
# Ours and theirs.
k, b2 = keras.optimizers, 1 - 1 / 1024
pairs = {
    "SGD": (descend(mean10, ones, 0.1, 50), k.SGD(0.1)),
    "momentum": (momentum(mean10, ones, 0.05, 50, 0.9), k.SGD(0.05, momentum=0.9)),
    "RMSProp": (rmsprop(mean10, ones, 0.01, 50), k.RMSprop(0.01)),
    "Adam": (adam(mean10, ones, 0.05, 50, beta_2=b2), k.Adam(0.05, beta_2=b2)),
    "AdamW": (
        adam(mean10, ones, 0.05, 50, beta_2=b2, decay=0.1),
        k.AdamW(0.05, beta_2=b2, weight_decay=0.1),
    ),
}

# %% slideshow={"slide_type": "skip"}
for ours, optimizer in pairs.values():
    theirs = keras_path(optimizer, mean10, ones, 50)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
print("agree at each of 50 steps:", ", ".join(pairs))

# %% [markdown] slideshow={"slide_type": "skip"}
# **Where Keras departs from the papers.** Mostly in the place of ε, which matters only where gradients
# are tiny.
#
# - *Adam.* The paper's Algorithm 1 corrects the bias first and then adds ε:
#   $\hat m / (\sqrt{\hat v} + \varepsilon)$. Keras (and our function) takes the cheaper order that
#   the paper gives just before its section 2.1. In the first step this makes ε about 32 times as strong, and its default is 10⁻⁷
#   instead of 10⁻⁸.
# - *RMSProp.* Hinton's lecture has no ε. Keras puts it *inside* the root, PyTorch outside. Inside,
#   ε = 10⁻⁷ begins to damp gradients below √ε ≈ 0.0003.
# - *AdamW.* Keras multiplies the decay by α, the paper does not.
# - *Rounding.* On TensorFlow, Keras keeps β₂ = 0.999 in 32 bits even for 64-bit parameters, and
#   1 − β₂ loses digits: it is off by about 13 in a million. Harmless, but a comparison to 10⁻⁶ sees it.
#
# **Predict.** One step with α = 1. Without an ε, Adam's would be 1 and RMSProp's 1/√0.1 ≈ 3.162. How
# long are they when the gradient is as small as ε (Adam), or as √ε (RMSProp)?

# %% slideshow={"slide_type": "skip"}
# One step of each, with Keras' ε.
ε = 1e-7
algorithm_1 = ε / (np.sqrt(ε**2) + ε)  # the first step, bias corrected
adam_step = -keras_path(k.Adam(1.0), lambda _: np.array([ε]), np.zeros(1), 1)[1, 0]
outside = np.sqrt(ε) / (np.sqrt(0.1 * ε) + ε)
inside = -keras_path(k.RMSprop(1.0), lambda _: np.array([np.sqrt(ε)]), np.zeros(1), 1)[1, 0]
print(f"Adam      Algorithm 1 {algorithm_1:.3f}   Keras {adam_step:.3f}")
print(f"RMSProp   ε outside   {outside:.3f}   Keras {inside:.3f}")

# %% slideshow={"slide_type": "skip"}
assert np.isclose(adam_step, 1 / (1 + 1 / np.sqrt(0.001)), rtol=1e-3), "ε counts 31.6-fold"
assert np.isclose(inside, 1 / np.sqrt(1.1), rtol=1e-3), "a third of the step without ε"
assert inside < outside / 3
assert 12e-6 < abs((1 - float(np.float32(0.999))) / 0.001 - 1) < 14e-6, "13 in a million"
default = keras_path(k.Adam(0.05), mean10, ones, 50)
assert np.allclose(default, adam(mean10, ones, 0.05, 50), rtol=0, atol=2e-5), "with β₂ = 0.999"

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - θ ← θ − α∇J(θ): the loss is nearly a straight line nearby, and minus the gradient is its steepest
#   way down.
# - On a quadratic, descent settles if $\alpha < 2/\lambda_{\max}$; at the best α each step multiplies
#   the distance by $(\kappa - 1)/(\kappa + 1)$. Standardise the inputs: it is the cheapest way to a smaller κ.
# - The noise of a mini-batch falls as 1/√B. Small batches make the most of each example; a falling
#   learning rate quiets them in the end.
# - Momentum turns κ into √κ. Adam divides by the size of the gradient, so that it does not care how
#   the loss is scaled; its weight decay must be decoupled.
# - A learning rate belongs to one loss, one scaling, one optimiser.
# - Test a gradient against the difference quotient with h ≈ 10⁻⁵. A relative error of 2 is a sign.
#
# <!-- Notes:
# Come back to the retrieval questions, or ask for the one thing that surprised them. What is not
# on the slides is for reading: decoupled weight decay (section 8), the wrong sign (9), Keras (10).
# Then hand out exercise set 01.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex01/ex01_gradient_descent.ipynb) checks your answers as you go. Beyond it:
#
# 1. *Change it.* Turn the narrow valley by 45° (replace a and b by (a + b)/√2 and (a − b)/√2).
#    Which of the four optimisers suffers, and why?
# 2. *Change it.* Standardise, then also make the ten diabetes inputs uncorrelated. What becomes of κ?
# 3. *Make one.* Write Nesterov's momentum, which takes the gradient where the velocity is about to
#    lead. Does `keras.optimizers.SGD(nesterov=True)` agree with yours step by step?
# 4. *Make one.* In section 5 draw batches *without* replacement. What happens to the noise as B comes
#    near N?
#
# ## Further reading
#
# - A. Cauchy, "Méthode générale pour la résolution des systèmes d'équations simultanées", *Comptes
#   rendus de l'Académie des sciences*, 1847: where gradient descent begins.
# - H. Robbins and S. Monro, "A stochastic approximation method", *Annals of Mathematical Statistics*,
#   1951.
# - B. Polyak, "Some methods of speeding up the convergence of iteration methods", *USSR Computational
#   Mathematics and Mathematical Physics*, 1964.
# - T. Tieleman and G. Hinton, "Lecture 6.5: RMSProp", *Neural Networks for Machine Learning*, Coursera,
#   2012.
# - D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
# - I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
# - L. Bottou, F. Curtis and J. Nocedal, "Optimization methods for large-scale machine learning", *SIAM
#   Review*, 2018.
# - G. Goh, "Why momentum really works", *Distill*, 2017.
