# %% [markdown] slideshow={"slide_type": "slide"}
# # 01 · Gradient descent
#
# A network learns by changing its parameters, a little at a time, so that a number called the loss gets smaller. You will
# build that by hand. Two parameters will repair a dark photograph. A network with
# 3,235 of them sees half the pixels of a cat, and paints the other half.
#
# <!-- Notes:
# Ask who has trained a network before, and who could say what `fit` does inside. Today we
# write what it does, in five lines.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - derive the rule θ ← θ − α∇J(θ), and write it in five lines;
# - say how large a learning rate may be, and why training takes so long;
# - choose a batch size and an optimiser;
# - find out whether a gradient is right.
#
# <!-- Notes:
# Do not read the list out. Say which two points your class needs most, for example the limit
# of the learning rate, and the choice of an optimiser.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 90 minutes to read and try, 35 s to run. You need Python and NumPy, the chain rule,
# matrices (times a vector, transposed) and the standard deviation. We explain partial derivatives and eigenvectors.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["setup"]
# What this chapter needs. Keras comes only under "Going deeper".
from functools import partial
from time import process_time
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatSlider, IntSlider, SelectionSlider, interact
from PIL import Image
from scipy import stats
from scipy.interpolate import griddata
from sklearn.datasets import load_diabetes
from threadpoolctl import threadpool_limits

from tlcourse import data, optimizers, plotting, quiz
from tlcourse.quiz import claim

_ = threadpool_limits(1)  # tasks as small as these are slower with two processors

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("01")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · Downhill in the fog
#
# You stand on a hillside in thick fog and want to go down into the valley. All you can feel is the slope
# under your feet. So you step downhill, feel again, and step again.
#
# That is gradient descent. The place where you stand is the **parameter** θ (theta), the height is
# the **loss** J(θ), and the slope is the derivative dJ/dθ.
#
# <!-- Notes:
# Play it: close your eyes, feel the slope with a foot, step. Ask what you cannot know in the
# fog: how deep the valley is, and whether there is a deeper one.
# -->

# %% slideshow={"slide_type": "skip"}
def loss(theta):
    return theta**4 - 2 * theta**2 + 0.3 * theta


def slope(theta):
    return 4 * theta**3 - 4 * theta + 0.3


# %% jupyter={"source_hidden": true}
# The hillside, and where the walkers stand.
starts = [-1.5, 0.0, 0.2, 1.5]
line = np.linspace(-1.6, 1.6, 200)
ax = plt.subplots(figsize=(7, 3))[1]
ax.plot(line, loss(line), color="#999999")
for start in starts:
    ax.plot(start, loss(start), "o", ms=9)
ax.set(xlabel="parameter θ", ylabel="loss J(θ)", title="Four walkers on a hillside")
plotting.show(ax, "A curve with two valleys, the left one deeper; walkers at −1.5, 0, 0.2 and 1.5")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Why is the slope enough?** Close to where you stand, a curve looks like a straight line. For a small step $d$
#
# $$J(\theta+d)\;\approx\;J(\theta)+\frac{dJ}{d\theta}\,d.$$
#
# We want the last term to be negative. So step against the slope, $d = -\alpha\, dJ/d\theta$, where α (alpha; many books write η) is
# a small positive number, the **learning rate**. Then the loss falls by about $\alpha\, (dJ/d\theta)^2$, and a square is never
# negative. Hence the minus in the rule:
#
# $$\theta\;\leftarrow\;\theta-\alpha\,\frac{dJ}{d\theta}.$$
#
# <!-- Notes:
# Let them find the sign themselves: which d makes the last term negative? The minus is easily
# taken for a convention. It comes from the square.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# The formula promises a fall of α · slope². We start at θ = 1.5, where the slope is 7.8, with α = 0.002, 0.02 and 0.4.
#
# <!-- Notes:
# Answer: higher than before. The short step keeps the promise, 0.02 nearly, and 0.4 breaks it.
# Expect: a longer step falls farther. Take hands.
# -->

# %% slideshow={"code": false}
choices = ["as low as promised", "lower, but less than promised", "higher than before"]
quiz.predict("01.promise", "Where does the longest step, α = 0.4, lead?", choices)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
after = loss(1.5 - 0.4 * slope(1.5))
quiz.reveal("01.promise", "higher than before" if after > loss(1.5) else choices[1])

# %% slideshow={"slide_type": "fragment"}
theta = 1.5
for alpha in (0.4, 0.02, 0.002):
    promised = alpha * slope(theta) ** 2
    real = loss(theta) - loss(theta - alpha * slope(theta))
    print(f"α = {alpha:<5}  promised fall {promised:6.3f}   real fall {real:6.3f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# The short step keeps the promise. The long one leads across both valleys and up the far side. Step only as far
# as the straight line still describes the curve.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(abs(real / promised - 1) < 0.03, "a short step keeps the promise", measured=real / promised)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Here is the whole algorithm.
#
# <!-- Notes:
# Five lines. Ask which of them is the rule of two slides ago. The path is kept for the figures
# alone; a network forgets where it has been.
# -->

# %%
def descend(gradient, theta, alpha, steps):
    path = [theta]
    for _ in range(steps):
        path.append(path[-1] - alpha * gradient(path[-1]))
    return np.array(path)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Our four walkers stand at θ = −1.5, 0, 0.2 and 1.5.
#
# <!-- Notes:
# Answer: −1.5 and 0 end in the left, deeper valley; 0.2 and 1.5 in the right one. The traps
# are 0 and 0.2: the ridge lies between them, and can hardly be seen.
# -->

# %% slideshow={"code": false}
choices = ["in the left valley", "in the right valley", "on the ridge, where it stands"]
quiz.predict("01.walkers", "Where does the walker from 0 end?", choices)

# %% slideshow={"slide_type": "skip"}
paths = [descend(slope, start, alpha=0.02, steps=100) for start in starts]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("01.walkers", "in the left valley" if paths[1][-1] < -0.5 else choices[1])

# %% slideshow={"slide_type": "subslide"}
ax = plt.subplots()[1]
ax.plot(line, loss(line), color="#999999")
for k, path in enumerate(paths):
    ax.plot(path, loss(path), ".-", lw=1, color=f"C{k}")
    ax.plot(path[0], loss(path[0]), "o", ms=9, color=f"C{k}")
ax.set(xlabel="parameter θ", ylabel="loss J(θ)", title="Where you start decides where you end")
plotting.show(ax, "Walkers from −1.5 and 0 end in the left valley, from 0.2 and 1.5 in the right")

# %% [markdown] slideshow={"slide_type": "notes"}
# With short steps, descent ends in the valley below its start, which need not be the deepest. Chapter 04 will choose the start: weights
# that somebody else has trained.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ends = np.array([descend(slope, start, alpha=0.02, steps=300)[-1] for start in starts])
claim(np.allclose(slope(ends), 0, atol=1e-6), "every walker stops where the ground is flat")
claim(loss(ends[0]) < loss(ends[3]), "the right valley is not the deepest")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Can two numbers repair a photograph?
#
# We darkened a photograph. To repair it, multiply each pixel by one number, θ₁, and add another, θ₂. We still have the
# original, so descent can find both.
#
# <!-- Notes:
# Anybody who has moved the sliders of a photo app has done this descent by hand.
# -->

# %% jupyter={"source_hidden": true}
# Two numbers make it dark.
photo = data.load_sample_photos()["coffee"].image[::4, ::4] / 255
dark = 0.2 * photo + 0.02
ax = plt.subplots(figsize=(5, 2))[1]
ax = plotting.image_grid([dark, photo], ["what we have", "what we want"], limits=(0, 1), ax=ax)
ax.set_title("The same cup, in the dark and in the light")
plotting.show(ax, "A cup of espresso, nearly black, and the same photograph as it should be")


# %% [markdown] slideshow={"slide_type": "subslide"}
# **A slope for each number.** Our forecast of a pixel y is ŷ = θ₁x + θ₂, and the loss is half the mean
# squared error over all N pixel values. Treat θ₂ as a constant and differentiate by θ₁ alone: the result is the
# **partial derivative** ∂J/∂θ₁. Both together are the **gradient** ∇J ("nabla J"):
#
# $$J=\frac{1}{2N}\sum_i(\hat{y}_i-y_i)^2,\qquad
# \frac{\partial J}{\partial\theta_1}=\frac1N\sum_i(\hat{y}_i-y_i)\,x_i,\qquad
# \frac{\partial J}{\partial\theta_2}=\frac1N\sum_i(\hat{y}_i-y_i).$$
#
# The rule becomes θ ← θ − α∇J(θ). Minus the gradient is the steepest way down.
#
# <!-- Notes:
# Draw an arrow and a circle of steps of one length around it: the product ∇J · d is smallest straight opposite. The
# gradient points uphill, which is easily turned round.
# -->

# %% slideshow={"slide_type": "skip"}
def photo_loss(theta, x=dark):
    return np.mean((theta[0] * x + theta[1] - photo) ** 2) / 2


def photo_gradient(theta, x=dark):
    error = theta[0] * x + theta[1] - photo
    return np.array([np.mean(error * x), np.mean(error)])


# %% [markdown] slideshow={"slide_type": "subslide"}
# We start at θ = (1, 0), which changes nothing, and take 3,000 steps.
#
# <!-- Notes: Answer: how light it is, in a single step. The contrast takes a thousand. -->

# %% slideshow={"code": false}
choices = ["how light the picture is, on average", "how strong its contrast is", "both together"]
quiz.predict("01.photo", "What comes right first?", choices)

# %% slideshow={"slide_type": "skip"}
photo_path = descend(photo_gradient, np.array([1.0, 0.0]), alpha=1, steps=3000)
developing = [photo_path[step, 0] * dark + photo_path[step, 1] for step in (0, 3, 300, 3000)]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
still_dark = abs(developing[1].mean() / photo.mean() - 1)
still_flat = abs(developing[1].std() / photo.std() - 1)
quiz.reveal("01.photo", choices[0] if still_dark < still_flat / 2 else choices[2])

# %% slideshow={"slide_type": "fragment"}
names = ["at the start", "3 steps", "300 steps", "3,000 steps"]
ax = plt.subplots(figsize=(7, 1.9))[1]
ax = plotting.image_grid(developing, names, limits=(0, 1), ax=ax)
ax.set_title("Light at once, clear after 3,000 steps")
plotting.show(ax, "The cup dark, then light but dull, then clearer, and at last as it should be")

# %% [markdown] slideshow={"slide_type": "notes"}
# It works: descent has found both numbers. After three steps the picture is as light as it
# should be, but dull, because descent has raised θ₂ to 0.28. Then both numbers creep for 3,000 steps: θ₁ up to 5, and θ₂
# down to −0.1. Why so slowly?

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(np.allclose(photo_path[-1], [5, -0.1], atol=0.01), "it found 5 and −0.1, which undo the dark")
claim(still_dark < 0.01, "after three steps it is as light as it should be", measured=still_dark)
claim(still_flat > 0.7, "and the contrast is not", measured=still_flat)
claim(round(photo_path[3, 1], 2) == 0.28, "θ₂ first went the wrong way", measured=photo_path[3, 1])


# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The same task in a round bowl
#
# Here is the loss from above. Each line joins places of one height, as on a hiking map, but near the bottom we draw more of
# them. The path goes from circle to star. On the right we first *standardise* the dark pixels:
# subtract their mean, and divide by their standard deviation.
#
# <!-- Notes:
# Let them follow the path on the left with a finger: down at once, and then along the floor. Ask what a walker in the
# right map would do.
# -->

# %% slideshow={"slide_type": "skip"}
def standardise(a):
    return (a - a.mean(0)) / a.std(0)


even = standardise(dark.reshape(-1)).reshape(dark.shape)
# `partial` fills in one argument: from here on x is `even`.
even_loss, even_gradient = partial(photo_loss, x=even), partial(photo_gradient, x=even)
even_path = descend(even_gradient, np.array([1.0, 0.0]), alpha=1, steps=1)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def on_map(J):
    """The same loss, for the many places of a map at once."""
    return np.vectorize(lambda a, b: J(np.array([a, b])))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"}
# Both maps have the same scale on both axes.
figure, axes = plt.subplots(1, 2, figsize=(7, 3.5))
tasks = [(photo_loss, photo_path, (0, 6, -3, 3)), (even_loss, even_path, (-1, 1.5, -1, 1.5))]
for ax, (J, path, reach) in zip(axes, tasks, strict=True):
    plotting.paths_on_contours(on_map(J), [path], reach, ax=ax)
    ax.set_aspect("equal")
axes[0].set_title("as it is: 3,000 steps")
axes[1].set_title("standardised: one step")
plotting.show(
    figure, "Left a path creeps along a narrow valley; right one step to a round bowl's centre"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# On the left the first step drops to the floor of a narrow valley, and *along* it the ground slopes only gently. On the right one step leads to the
# bottom of a round bowl.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(np.allclose(even_gradient(even_path[1]), 0), "in the round bowl one step arrives")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · How large may the learning rate be?
#
# That depends on the shape. Take 442 people with diabetes. From total and LDL cholesterol we forecast
# how far the disease has gone a year later, by ŷ = θ₁x₁ + θ₂x₂. Inputs and target are standardised, so no constant is needed.
#
# <!-- Notes:
# Ask what the two axes of the map on the next slide are: not the blood values, but θ₁ and θ₂.
# -->

# %% slideshow={"slide_type": "skip"}
diabetes = load_diabetes(scaled=False)
y = standardise(diabetes.target)
x = standardise(diabetes.data[:, 4:6])


# %% [markdown] slideshow={"slide_type": "skip"}
# The loss is the same. With a row of $X$ (`x` in the code) for each person, its gradient is $X^\top (X\theta - y) / N$. Its
# second derivatives form a matrix, the **Hessian** $H = X^\top X / N$. `np.linalg.eigh` finds its **eigenvalues** λ and
# **eigenvectors**, here two numbers and two directions.

# %% slideshow={"slide_type": "skip"}
def squared_loss(theta, x, y):
    return np.mean((x @ theta - y) ** 2) / 2


def squared_gradient(theta, x, y):
    return x.T @ (x @ theta - y) / len(y)


# %% slideshow={"slide_type": "skip"}
hessian = x.T @ x / len(x)
(smallest, largest), directions = np.linalg.eigh(hessian)
lowest = np.linalg.solve(hessian, x.T @ y / len(y))  # where the gradient is zero
start = np.array([1.5, 1.0])

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# For the maps: the loss, what they show, and a line through the minimum.
J_xy = partial(squared_loss, x=x, y=y)
reach = [lowest[0] - 2, lowest[0] + 2, lowest[1] - 2, lowest[1] + 2]
along = np.linspace(-1.5, 1.5, 61)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"}
# The map with an arrow along each eigenvector, and the heights along both.
figure, axes = plt.subplots(1, 2, figsize=(7, 3.4))
plotting.paths_on_contours(on_map(J_xy), [], reach, ax=axes[0])
axes[0].set(aspect="equal", title="the loss from above")
kinds = [("flat", smallest, "#0072B2"), ("steep", largest, "#D55E00")]
for k, (name, curvature, color) in enumerate(kinds):
    arrow = {"arrowstyle": "-|>", "color": color, "lw": 3, "mutation_scale": 20}
    axes[0].annotate("", lowest + 1.4 * directions[:, k], lowest, arrowprops=arrow)
    heights = [J_xy(lowest + d * directions[:, k]) - J_xy(lowest) for d in along]
    axes[1].plot(along, heights, color=color, label=f"{name}: λ = {curvature:.2f}")
for name, place, marker in (("start", start, "ko"), ("minimum", lowest, "kX")):
    axes[0].plot(*place, marker, ms=8)
    axes[0].annotate(name, place, (-8, -16), textcoords="offset points", weight="bold")
axes[1].set(xlabel="distance d along the arrow", ylabel="height above the minimum")
axes[1].set_title("the loss along each arrow")
axes[1].legend(loc="upper center")
plotting.show(
    figure, "A tilted valley with two arrows; along one the loss rises steeply, along one not"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# It is a narrow valley again, and the arrows are the eigenvectors. Cut the landscape along an arrow: the cut is the parabola
# ½λd² in the right figure. λ (lambda) says how sharply it bends, its **curvature**.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
above = [J_xy(lowest + d * directions.T[1]) - J_xy(lowest) for d in along]
claim(np.allclose(above, largest * along**2 / 2), "along an arrow the height is ½λd²")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **How far may one step go?** Along an arrow the gradient points along it, with the slope λd.
# So a step leads from d to d − αλd:
#
# $$d\;\leftarrow\;(1-\alpha\lambda)\,d.$$
#
# The distance shrinks if this factor lies between −1 and 1, that is, if α < 2/λ. The same α must serve both
# parabolas. **The steepest direction sets the limit,** $\alpha < 2/\lambda_{\max}$, **and then the flattest decides how
# long you wait.** The best α makes both factors equally large, $1-\alpha\lambda_{\min}=\alpha\lambda_{\max}-1$, so
# $\alpha=2/(\lambda_{\max}+\lambda_{\min})$.
#
# <!-- Notes:
# Let them say for which α the factor is −1. A negative factor overshoots and may still arrive; only beyond −1 it
# explodes.
# -->

# %% slideshow={"code": false, "slide_type": "fragment"}
kappa = largest / smallest
limit, best = 2 / largest, 2 / (largest + smallest)
print(f"λ = {smallest:.3f} and {largest:.3f}: largest α {limit:.3f}, best α {best:.3f}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Let us race four learning rates from the start on the map.
#
# <!-- Notes:
# Answer: a tenth of the limit leads, for about thirty steps. Then the best overtakes it. 2 % below the limit it
# swings but arrives, 2 % above it explodes.
# -->

# %% slideshow={"code": false}
choices = [
    "a tenth of the limit",
    "the best of the formula",
    "2 % below the limit",
    "2 % above the limit",
]
quiz.predict("01.rates", "Which rate is nearest to the minimum after ten steps?", choices)

# %% slideshow={"slide_type": "skip"}
gradient_xy = partial(squared_gradient, x=x, y=y)
distance = {}
for name, share in zip(choices, (0.1, best / limit, 0.98, 1.02), strict=True):
    path = descend(gradient_xy, start, share * limit, 150)
    distance[name] = np.linalg.norm(path - lowest, axis=1)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("01.rates", min(distance, key=lambda name: distance[name][10]))

# %% slideshow={"slide_type": "subslide"}
ax = plotting.lines(distance, xlabel="step", ylabel="distance to the minimum", yscale="log")
ax.set(ylim=(1e-7, 1e2), title="Two per cent decide between arriving and exploding")
ax.axvline(10, color="black", lw=1, ls=":")
plotting.show(ax, "Distance over 150 steps: the best rate falls fastest, 2 % above the limit rises")

# %% [markdown] slideshow={"slide_type": "notes"}
# Why does the slow rate lead at ten steps (dotted), and up to thirty? Across the valley it multiplies the distance by 0.80 a
# step. The best rate overshoots, and multiplies it by −0.90. But along the floor the slow rate takes off only one per cent.
#
# Just above the limit the steep direction explodes, and the best rate lies close below. So raise the rate until training breaks, and then
# go back a little.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The factors of the slow rate, when it is overtaken, and the factor of the best.
slow, right, below, over = distance.values()
factors = 1 - 0.1 * limit * np.array([largest, smallest])
claim(np.allclose(factors, [0.8, 0.989], atol=1e-3), "the slow rate keeps 0.80 and 0.989 of each")
overtaken = int(np.argmax(right < slow * (1 - 1e-9)))
claim(25 < overtaken < 35, "the best rate overtakes it near step 30", measured=overtaken)
rate = (right[150] / right[0]) ** (1 / 150)
claim(
    np.isclose(rate, (kappa - 1) / (kappa + 1)), "the best rate shrinks as derived", measured=rate
)
claim(
    below[-1] < 0.1 and over[-1] > 10,
    "2 % below the limit arrives, 2 % above explodes",
    measured=[below[-1], over[-1]],
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Change it: a game.** Now all ten measurements. Find the largest stable rate by trying.
#
# <!-- Notes:
# Open the notebook here and let the class call out numbers, higher or lower. The limit is
# 2/λmax of the ten inputs, and nobody can see λmax in the loss.
# -->

# %% slideshow={"slide_type": "skip"}
x10 = standardise(diabetes.data)
hessian10 = x10.T @ x10 / len(x10)
figure = plotting.learning_rate_game(hessian10, alpha=0.1)
plotting.show(figure, "The distance falls slowly over 100 steps at α = 0.1, and does not explode")

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
_ = interact(
    lambda α: plotting.show(plotting.learning_rate_game(hessian10, α), f"The game at α = {α}"),
    α=FloatSlider(0.1, min=0.005, max=1, step=0.005, readout_format=".3f"),
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A classic mistake: inputs in their own units
#
# What if descent gets the ten measurements as they stand in the file, sex as 1 or 2 and cholesterol as 189? To be
# fair, each version gets half of its own limit. Call the fall from the first loss to the lowest possible one
# 100 %. We measure how much is still to come.
#
# <!-- Notes:
# Answer: a single one. In own units a third of the gain is still missing after 1,000 steps. The temptation is always
# to tune the optimiser instead.
# -->

# %% slideshow={"code": false}
question = "How many steps with standardised inputs do as well as 1,000 in own units?"
choices = ["a single one", "about 30", "about 300", "just as many"]
quiz.predict("01.units", question, choices)

# %% slideshow={"slide_type": "skip"}
# The share of the fall that is still to come, at each of 1,000 steps.
raw = np.column_stack([np.ones(len(y)), diabetes.data])  # ones, for a constant term
lowest_loss = squared_loss(np.linalg.lstsq(raw, y)[0], raw, y)  # by least squares
missing = {}
for name, inputs in {"own units": raw, "standardised": x10}.items():
    half_limit = 1 / np.linalg.eigvalsh(inputs.T @ inputs / len(y)).max()
    downhill = partial(squared_gradient, x=inputs, y=y)
    path = descend(downhill, np.zeros(inputs.shape[1]), half_limit, 1000)
    above = np.array([squared_loss(theta, inputs, y) for theta in path]) - lowest_loss
    missing[name] = 100 * above / above[0]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
enough = np.argmax(missing["standardised"] < missing["own units"][-1])
quiz.reveal("01.units", choices[0] if enough == 1 else choices[1])

# %% slideshow={"slide_type": "subslide"}
ax = plotting.lines(missing, xlabel="step", ylabel="still to come (%)", yscale="log")
ax.set_title("Standardised inputs: one step does more than a thousand")
plotting.show(ax, "Still to come after 1000 steps: over 30 % in own units, 0.01 % standardised")

# %% [markdown] slideshow={"slide_type": "notes"}
# If one input is a hundred times as large as another, its curvature is ten thousand times as large, and the valley becomes
# a gorge. So every image in this course is scaled before it enters a network.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What is left to go, and the curvatures.
claim(enough == 1, "one standardised step does more than 1,000 in own units", measured=enough)
claim(
    missing["standardised"][10] < 1,
    "standardised, ten steps leave less than one per cent",
    measured=missing["standardised"][10],
)
sizes = np.mean(raw**2, 0)
claim(
    sizes.max() / sizes.min() > 10_000,
    "in own units curvatures differ more than 10,000-fold",
    measured=sizes.max() / sizes.min(),
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Do you need all the data for one step?
#
# J is the mean of the losses $L$ of all examples, so each step has to look at all of them. But
# the gradient of a single one already points roughly downhill:
#
# $$\theta\;\leftarrow\;\theta-\alpha\nabla L(\theta,x_i,y_i).$$
#
# This is **stochastic gradient descent**, or **SGD**, and so is a step with the mean gradient of a **batch** of B examples.
#
# <!-- Notes:
# Ask how many people a poll asks in a country of eighty million, and why that is enough.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# A batch's gradient is right on average, but noisy. Its noise should fall as 1/√B, as that of any mean. So a batch of
# 64 needs sixteen times as many examples as one of 4, for a quarter of the noise.
#
# <!-- Notes:
# Ask for the four before you show the line: it is the law of the retrieval question about 100 measurements.
# -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The spread of 2,000 batch gradients around the full one, for nine batch sizes.
rng = np.random.default_rng(0)
each = -x10 * y[:, None]  # at θ = 0, the gradient of each example, shape (442, 10)
sizes = 2 ** np.arange(9)
noise = []
for size in sizes:
    drawn = each[rng.integers(len(y), size=(2000, size))].mean(1)
    noise.append(np.sqrt(np.mean(np.sum((drawn - each.mean(0)) ** 2, 1))))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "fragment"}
# The law, and nine measurements.
B = np.geomspace(1, 256)
curves = {"noise(1) / √B": (B, noise[0] / np.sqrt(B)), "measured": (sizes, noise)}
ax = plotting.lines(curves, xscale="log", yscale="log")
ax.set(xlabel="batch size B", ylabel="noise of the gradient")
ax.set_title("Sixteen times the examples, a quarter of the noise")
ax.set_xticks([1, 4, 16, 64, 256], ["1", "4", "16", "64", "256"])
ax.set_yticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
ax.minorticks_off()
plotting.show(ax, "Noise over batch size, both logarithmic: nine points on the line 1/√B")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(abs(noise[2] / noise[6] - 4) < 0.2, "a quarter of the noise", measured=noise[2] / noise[6])


# %% [markdown] slideshow={"slide_type": "skip"}
# One pass through all examples, in random order, is an **epoch**. Which batch size is best? For each, and for each length of
# training, we try eight rates on five random orders, keep the best, and report it on five new orders.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Batches without end: each epoch in a new order, cut into pieces.
def batches(n, size, rng):
    while True:  # one epoch after the other
        yield from np.split(rng.permutation(n), range(size, n, size))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Descent on the ten measurements, with a new batch for each step.
def sgd(size, alpha, steps, seed):
    draw = batches(len(y), size, np.random.default_rng(seed))

    def gradient(theta):
        chosen = next(draw)
        return squared_gradient(theta, x10[chosen], y[chosen])

    return descend(gradient, np.zeros(10), alpha, steps)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The best rate for so many steps, and where five new orders end with it.
def tuned_sgd(size, steps):
    def ends(alpha, seeds):
        with np.errstate(all="ignore"):  # too large a rate overflows
            return [squared_loss(sgd(size, alpha, steps, seed)[-1], x10, y) for seed in seeds]

    rates = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1]
    best = min(rates, key=lambda alpha: np.mean(ends(alpha, range(5, 10))))
    return best, np.array(ends(best, range(5)))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
EPOCH = {1: 442, 32: 14, 442: 1}  # steps in one epoch
one_epoch = {size: tuned_sgd(size, steps) for size, steps in EPOCH.items()}
ten_epochs = {size: tuned_sgd(size, 10 * steps) for size, steps in EPOCH.items()}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "skip"} tags=["atol-0.001"]
print("loss: mean ± standard deviation over five orders")
for name, found in {"one epoch": one_epoch, "ten epochs": ten_epochs}.items():
    for size, (alpha, losses) in found.items():
        spread = losses.std(ddof=1)
        print(f"{name:10} B = {size:3}  best α = {alpha:<5}  {losses.mean():.4f} ± {spread:.4f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# After one epoch the full batch, with its single step, is far behind. Batches of 1 end 0.004 above those of 32, but the 95 %
# interval of the difference (chapter 06) goes from −0.006 to 0.014. It includes zero, so we cannot tell. After ten epochs it
# hardly matters.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
single, some, full = (losses for _, losses in one_epoch.values())
interval = stats.ttest_rel(single, some).confidence_interval()
claim(interval.low < 0 < interval.high, "we cannot tell 1 from 32", measured=tuple(interval))
claim(min(full) > max(*single, *some), "and the full batch is last", measured=full - some, seeds=5)
later = np.ptp([losses for _, losses in ten_epochs.values()])
claim(later < 0.001, "after ten epochs all are within 0.001", measured=later, seeds=5)
edges = {alpha for found in (one_epoch, ten_epochs) for alpha, _ in found.values()} & {0.0003, 1}
claim(not edges, "no best rate is at the edge of the eight")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### And in seconds?
#
# You wait for seconds, not examples.
#
# <!-- Notes:
# Answer: hardly longer, about 1.1 times. Expect: 32 times. Nearly all the time goes into calling NumPy.
# -->

# %% slideshow={"code": false}
choices = ["hardly longer", "about 6 times", "about 32 times"]
question = "How much longer does a step with 32 examples take than a step with one?"
quiz.predict("01.seconds", question, choices)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Processor seconds for a step, and how many steps fit into the time of one epoch with B = 1.
seconds = {}
for size in (1, 32, 442):
    run = partial(sgd, size, 0.001, 300, seed=0)
    seconds[size] = min(repeat(run, number=1, repeat=20, timer=process_time)) / 300
budget = len(y) * seconds[1]
steps = {size: int(budget / seconds[size]) for size in seconds}
equal_time = {size: tuned_sgd(size, steps[size]) for size in seconds}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
longer = seconds[32] / seconds[1]
quiz.reveal("01.seconds", choices[int(longer > 3) + int(longer > 16)])

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "fragment"} tags=["nbval-ignore-output"]
# Left: equal examples. Right: equal seconds. Five orders each, every curve at its own best rate.
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4), sharey=True)
for ax, found in ((left, one_epoch), (right, equal_time)):
    for size, (alpha, _) in found.items():
        n = EPOCH[size] if ax is left else steps[size]
        runs = [[squared_loss(t, x10, y) for t in sgd(size, alpha, n, seed)] for seed in range(5)]
        cost = np.minimum(size * np.arange(n + 1), len(y)) if ax is left else None
        cost = 1000 * seconds[size] * np.arange(n + 1) if cost is None else cost
        plotting.lines({f"B = {size}": (cost, runs)}, ax)
left.set(xlabel="examples seen", ylabel="loss, mean ± SD", title="Equal examples: 442 is last")
right.set(xlabel="milliseconds", title="Equal seconds: 1 is last")
left.legend()
plotting.show(
    figure, "Loss of three batch sizes: over examples the full batch is last, over time B = 1"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# In the time that B = 1 takes for one epoch, it is last. In so small a task nearly all the time goes into calling NumPy, so 32
# examples come almost free, and all 442 do as well. With a million photographs the arithmetic counts, and people choose 32
# or 256: enough to keep the machine busy, and still many steps.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Final losses and times of a batch of 1, of 32 and of all.
single, some, full = (losses for _, losses in equal_time.values())
claim(
    single.mean() > max(some.mean(), full.mean()),
    "at equal seconds a batch of one is last",
    measured=single.mean() - max(some.mean(), full.mean()),
    seeds=5,
)
claim(
    seconds[32] < 16 * seconds[1],
    "32 at once cost less than half of 32 one by one",
    measured=seconds[32] / seconds[1],
)
claim(
    abs(full.mean() - some.mean()) < 0.003,
    "all 442 end as low as 32, within 0.003",
    measured=full.mean() - some.mean(),
    seeds=5,
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Is my gradient right?
#
# Now for the cat. The network is still a closed box: a pixel's position in, its colour out, 3,235 numbers to turn. (Chapter 03
# opens it.)
#
# <!-- Notes:
# Ask what it can possibly know about a pixel that it has never seen. Only that it should fit to its neighbours.
# -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The photograph, 64 pixels wide, and which of its pixels are given.
SIDE = 64
cat = Image.fromarray(data.load_sample_photos()["cat"].image[20:290, 90:360])
colours = np.asarray(cat.resize((SIDE, SIDE))).reshape(-1, 3) / 255


def split(seed):
    """Half of the pixels to learn from, a quarter for validation, a quarter for the test."""
    shuffled = np.random.default_rng(seed).permutation(SIDE**2)
    return np.split(shuffled, [SIDE**2 // 2, 3 * SIDE**2 // 4])


given, validation, test = split(0)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
holes = np.ones_like(colours)
holes[given] = colours[given]
ax = plt.subplots(figsize=(5, 2.6))[1]
pictures = np.reshape([holes, colours], (2, SIDE, SIDE, 3))
ax = plotting.image_grid(pictures, ["what the network gets", "the photograph"], ax=ax)
ax.set_title("Half of the pixels are missing")
plotting.show(ax, "A cat's face of which half the pixels are white, and the same face whole")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Positions as 64 waves, because from bare rows and columns it paints only blurs (Tancik 2020).
rows, columns = np.mgrid[:SIDE, :SIDE].reshape(2, -1) / SIDE
frequencies = np.random.default_rng(0).normal(0, 2.5, (2, 32))
angles = 2 * np.pi * np.column_stack([rows, columns]) @ frequencies
waves = np.hstack([np.sin(angles), np.cos(angles)])
wanted = standardise(colours.reshape(-1)).reshape(-1, 3)
SIZES = [(64, 32), (32, 32), (32, 3)]


def new_network(seed):
    """Random weights and zero biases, all in one row of 3,235 numbers."""
    rng, parts = np.random.default_rng(seed), []
    for n, m in SIZES:
        parts += [rng.normal(0, n**-0.5, n * m), np.zeros(m)]
    return np.concatenate(parts)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What the network answers: chapter 03 explains it.
def layers(theta):
    """The weights and the biases of each layer."""
    end, network = 0, []
    for n, m in SIZES:
        begin, end = end, end + n * m
        network.append((theta[begin:end].reshape(n, m), theta[end : end + m]))
        end += m
    return network


def passed_on(network, x):
    """What each layer passes on to the next; the last passes on the colours."""
    *hidden, (last, bias) = network
    values = [x]
    for weights, shift in hidden:
        values.append(np.tanh(values[-1] @ weights + shift))
    return [*values, values[-1] @ last + bias]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Its gradient, by the chain rule from the last layer back to the first: chapter 03 derives it.
def network_gradient(theta, x, y):
    network = layers(theta)
    values = passed_on(network, x)
    error, parts = (values.pop() - y) / y.size, []
    while network:
        (weights, _), below = network.pop(), values.pop()
        parts = [(below.T @ error).ravel(), error.sum(0), *parts]
        if network:
            error = error @ weights.T * (1 - below**2)
    return np.concatenate(parts)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Half of the mean squared error, as for the cup; and the picture that the network paints.
def network_loss(theta, chosen):
    answer = passed_on(layers(theta), waves[chosen])[-1]
    return np.mean((answer - wanted[chosen]) ** 2) / 2


def paint(theta):
    answer = passed_on(layers(theta), waves)[-1] * colours.std() + colours.mean()
    return np.clip(answer, 0, 1).reshape(SIDE, SIDE, 3)


# %% [markdown] slideshow={"slide_type": "skip"}
# The loss is the same, and our five lines do the rest.

# %% slideshow={"slide_type": "skip"}
cat_gradient = partial(network_gradient, x=waves[given], y=wanted[given])
cat_path = descend(cat_gradient, new_network(0), alpha=1, steps=300)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"}
# What it gets, what it paints, and its loss on pixels that it has never seen.
moments = [0, 30, 300]
pictures = [holes.reshape(SIDE, SIDE, 3), *(paint(cat_path[step]) for step in moments)]
names = [f"step {step}: {network_loss(cat_path[step], test):.2f}" for step in moments]
names = ["what it gets", *names]
ax = plt.subplots(figsize=(7, 2.4))[1]
ax = plotting.image_grid(pictures, names, columns=4, limits=(0, 1), ax=ax)
ax.set_title("Our five lines paint a cat (and its loss on unseen pixels)")
plotting.show(ax, "Half of a cat's pixels, then coloured noise, a blur, and a cat, out of focus")

# %% [markdown] slideshow={"slide_type": "notes"}
# It is a cat! But is the gradient right? That the loss falls proves nothing: if you drop every second number of the
# gradient, it falls too.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
halved = descend(lambda theta: cat_gradient(theta) * (np.arange(3235) % 2), cat_path[0], 1, 300)
fell = network_loss(halved[-1], test) / network_loss(halved[0], test)
claim(fell < 0.3, "with half of the gradient the loss falls as well", measured=fell)


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Ask the loss itself.** You can check a gradient without understanding it: move one parameter by a small h both ways, and
# look how the loss changes.
#
# $$\frac{\partial J}{\partial\theta_k}\approx\frac{J(\theta_k+h)-J(\theta_k-h)}{2h}$$
#
# <!-- Notes:
# It costs two losses for each parameter, so it is for tests, not for training. It is the
# witness whenever somebody writes a gradient by hand.
# -->

# %%
def quotient(theta, k, h):
    step = np.zeros_like(theta)
    step[k] = h
    up, down = network_loss(theta + step, given), network_loss(theta - step, given)
    return (up - down) / (2 * h)


# %% [markdown] slideshow={"slide_type": "subslide"}
# We test thirty parameters with this **difference quotient**, with h from 1 down to 10⁻¹⁴.
#
# <!-- Notes:
# Answer: near 10⁻⁵. Expect: "smaller is better". Two errors add: the bend of
# the curve, and the rounding of a difference of nearly equal numbers.
# -->

# %% slideshow={"code": false}
choices = ["10⁻¹", "10⁻⁵", "10⁻⁹", "10⁻¹⁴"]
quiz.predict("01.quotient", "Which h gives the smallest error?", choices)

# %% slideshow={"slide_type": "skip"}
theta, tested = new_network(0), np.random.default_rng(0).choice(3235, 30, replace=False)
by_hand = network_gradient(theta, waves[given], wanted[given])[tested]
powers = np.arange(0, -15, -1)
quotients = np.array([[quotient(theta, k, 10.0**p) for k in tested] for p in powers])
errors = abs(quotients - by_hand).max(1)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("01.quotient", choices[1] if -7 < powers[np.argmin(errors)] < -3 else choices[3])

# %% slideshow={"slide_type": "fragment"}
ax = plotting.lines({"J": (10.0**powers, errors)}, xscale="log", yscale="log")
ax.set(xlabel="step h", ylabel="largest error")
ax.set_title("Too long: the curve bends. Too short: rounding")
plotting.show(ax, "Error over h, both logarithmic: a valley, lowest near 10 to the minus 5")

# %% [markdown] slideshow={"slide_type": "notes"}
# Gradient and quotient agree to ten decimals. With a long step the curve has bent away from its tangent. With a very short
# one, the two losses agree in nearly all of their 16 digits, and their difference is mostly rounding.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(errors.min() < 1e-10, "gradient and quotient agree to ten decimals", measured=errors.min())
order = np.polyfit(powers[1:4], np.log10(errors[1:4]), 1)[0]
claim(abs(order - 2) < 0.1, "for long steps the error falls as the square of h", measured=order)
claim(
    errors[-1] > 1e5 * min(errors),
    "the smallest h is far from the best",
    measured=errors[-1] / min(errors),
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Classic mistakes.** How wrong is a gradient a, if the true one is b? Its *relative error* is the length of a − b over that
# of b. Here a right gradient has less than 10⁻⁶. One with the wrong sign has 2, and so has one three times too long. The
# *ratio* a·b / b·b tells them apart: −1 and 3.
#
# <!-- Notes: Let them find a third cause of a 2: any error of twice the length of the gradient will do. -->

# %% slideshow={"slide_type": "-"}
b = quotients[5]
suspects = {"right": by_hand, "wrong sign": -by_hand, "three times": 3 * by_hand}
suspects["sum, not mean"] = by_hand * wanted[given].size
for name, a in suspects.items():
    error = np.linalg.norm(a - b) / np.linalg.norm(b)
    print(f"{name:14} relative error {error:8.3f}   ratio {a @ b / (b @ b):8.3f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# The last line takes the *sum* over 2,048 pixels and three colours, not the mean. The minimum is the same, but the limit for
# α is 6,144 times smaller. Change the loss, the scaling or the optimiser, and you must look for the rate again.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The relative error, and the sum in place of the mean.
small = np.linalg.norm(by_hand - b) / np.linalg.norm(b)
claim(small < 1e-6, "the right gradient's relative error is below 10⁻⁶", measured=small)
claim(wanted[given].size == 2048 * 3 == 6144, "the sum is 6,144 times the mean")
rate, ones = 0.9 * 2 / np.linalg.eigvalsh(hessian10)[-1], np.ones(10)
exploded = descend(lambda t: len(y) * squared_gradient(t, x10, y), ones, rate, 20)
claim(
    abs(exploded[-1]).max() > 1e30,
    "with the mean's learning rate the sum explodes",
    measured=abs(exploded[-1]).max(),
)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · Which optimiser should I use?
#
# With long steps, a walker in a narrow valley zigzags: it forgets where it was going. A rolling ball does not.
# **Momentum** (Polyak 1964) keeps a velocity v: across the valley the pushes cancel, and along it they add up. β says how
# much of v is kept; 0.9 remembers about ten steps.
#
# $$v\leftarrow\beta v-\alpha\nabla J(\theta),\qquad\theta\leftarrow\theta+v$$
#
# <!-- Notes:
# Ask what the picture of the ball gets wrong: nothing slows it but β.
# -->

# %%
def momentum(gradient, theta, alpha, steps, beta=0.9):
    path, v = [theta], 0
    for _ in range(steps):
        v = beta * v - alpha * gradient(path[-1])
        path.append(path[-1] + v)
    return np.array(path)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"}
# The diabetes valley again, from high up at its far end.
far = lowest + directions @ [1.7, 0.6]
walks = {
    "plain descent, α = 1": descend(gradient_xy, far, best, 127),
    "momentum, α = 0.5, β = 0.6": momentum(gradient_xy, far, 0.5, 61, beta=0.6),
}
figure, axes = plt.subplots(1, 2, figsize=(7, 3.5))
for ax, (name, path) in zip(axes, walks.items(), strict=True):
    plotting.paths_on_contours(on_map(J_xy), [path], reach, title=name, ax=ax)
    ax.set_aspect("equal")
plotting.show(figure, "Plain descent zigzags along a valley; momentum swings a little, and rolls")

# %% [markdown] slideshow={"slide_type": "notes"}
# To come a million times nearer, plain descent at its best rate needs 127 steps from here, and momentum 61.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# How far each is from the minimum; Polyak's settings are α = 1.39 and β = 0.39.
root = np.sqrt(kappa)
polyak = {"alpha": 4 / (np.sqrt(largest) + np.sqrt(smallest)) ** 2}
polyak["beta"] = ((root - 1) / (root + 1)) ** 2
rolling = momentum(gradient_xy, far, steps=200, **polyak)
gentle = momentum(gradient_xy, far, 0.5, 200, beta=0.6)
away = np.linalg.norm([descend(gradient_xy, far, best, 200), gentle, rolling] - lowest, axis=2)
needed = [int(n) for n in (away / away[:, :1] < 1e-6).argmax(1)]
text = "a million times nearer: 127 steps, 61 with momentum, 36 with Polyak's settings"
claim(needed == [127, 61, 36], text)

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it.** Say first what will happen: at α = 1.05; at α = 0.3 with momentum 0.9; without momentum, in batches of 16,
# and of 1.

# %% slideshow={"slide_type": "skip"}
figure = plotting.descent_on_data(x, y)
plotting.show(figure, "A path drops into a tilted valley and creeps along; the loss falls slowly")

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The same figure, drawn again for each position of four sliders.
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
# **A step for each parameter.** *RMSProp* (Tieleman & Hinton 2012) divides each parameter's gradient by its usual size, so
# that each parameter moves about equally far. *Adam* (Kingma & Ba 2015) adds momentum. *Going deeper* gives their formulas.
# Now all four learn the cat, in batches of 64.
#
# <!-- Notes:
# "Divide by how loud the gradient has been": each parameter gets its own step. Adam is momentum above, RMSProp below.
# -->

# %%
# `optimizers.descend` is our `momentum`. Each list reaches beyond the best rates on both sides.
rolled = partial(optimizers.descend, momentum=0.9)
optimisers = {
    "plain SGD": (optimizers.descend, [0.1, 0.3, 1, 3]),
    "momentum": (rolled, [0.03, 0.1, 0.3, 1]),
    "RMSProp": (optimizers.rmsprop, [0.001, 0.003, 0.01, 0.03]),
    "Adam": (optimizers.adam, [0.001, 0.003, 0.01, 0.03, 0.1]),
}


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# One training run: the path of all parameters.
def learn(optimiser, alpha, steps, seed, pixels):
    draw = batches(len(pixels), 64, np.random.default_rng(seed))

    def gradient(theta):
        chosen = pixels[next(draw)]
        return network_gradient(theta, waves[chosen], wanted[chosen])

    with np.errstate(all="ignore"):  # too large a rate overflows
        return optimiser(gradient, new_network(seed), alpha, steps)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Each of five **seeds** fixes which pixels are missing, the start and the order, the same for all four. For each of three lengths (100, 500 and 2,000 steps), each optimiser gets its own best rate, chosen on a
# quarter of the pixels (*validation*). Another quarter (*test*) judges it.
#
# <!-- Notes: Answer: we cannot tell them apart. Expect a favourite: Adam "is the best", or plain SGD "generalises better". -->

# %% slideshow={"code": false}
choices = ["it is clearly behind", "we cannot tell them apart", "it is clearly ahead"]
quiz.predict("01.optimiser", "After 2,000 steps, how does plain SGD stand against Adam?", choices)

# %% slideshow={"slide_type": "skip"}
# For each budget and optimiser, over five seeds: test loss at the best rate, and that rate.
BUDGETS = [100, 500, 2000]
scores = {steps: {name: [] for name in optimisers} for steps in BUDGETS}
for seed in range(5):
    given, validation, test = split(seed)
    for name, (optimiser, rates) in optimisers.items():
        tried = {steps: [] for steps in BUDGETS}
        for alpha in rates:
            path = learn(optimiser, alpha, max(BUDGETS), seed, given)
            for steps in BUDGETS:
                losses = [network_loss(path[steps], part) for part in (validation, test)]
                tried[steps].append((*losses, alpha))
        for steps in BUDGETS:
            _, tested_loss, best_alpha = min(tried[steps])  # lowest on validation
            scores[steps][name].append((tested_loss, best_alpha))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
# The difference of each to Adam, with its paired interval.
gaps, intervals = {}, {}
for steps in BUDGETS:
    for name in list(optimisers)[:3]:
        gap = np.subtract(scores[steps][name], scores[steps]["Adam"])[:, 0]
        gaps[name, steps], intervals[name, steps] = (
            gap,
            stats.ttest_1samp(gap, 0).confidence_interval(),
        )
low, high = intervals["plain SGD", 2000]
quiz.reveal("01.optimiser", choices[0] if low > 0 else choices[2] if high < 0 else choices[1])

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"}
# How much more loss each has than Adam.
figure, ax = plt.subplots(figsize=(7, 3.2))
for (name, steps), (low, high) in intervals.items():
    k, at, mean = list(optimisers).index(name), BUDGETS.index(steps), gaps[name, steps].mean()
    place, label = at + 0.2 * (k - 1), None if at else name
    bar = [[mean - low], [high - mean]]
    ax.errorbar(place, mean, bar, fmt="os^"[k], color=f"C{k}", capsize=4, label=label)
ax.axhline(0, color="black", lw=1)
own = [np.mean(scores[steps]["Adam"], 0)[0] for steps in BUDGETS]
labels = [f"{n:,} steps\n(Adam: {loss:.3f})" for n, loss in zip(BUDGETS, own, strict=True)]
ax.set_xticks(range(3), labels)
ax.set(
    ylabel="test loss above Adam's",
    title="Plain SGD is behind after 100 and 500 steps; then we cannot tell",
)
ax.legend()
plotting.show(
    figure, "Test loss of three optimisers above Adam's, at three budgets, with intervals"
)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The median of each one's best rates, and what it was given in time.
for name, (optimiser, rates) in optimisers.items():
    run = partial(learn, optimiser, rates[1], 100, 0, given)
    fastest = min(repeat(run, number=1, repeat=10, timer=process_time))
    best_rates = [float(np.median(scores[steps][name], 0)[1]) for steps in BUDGETS]
    print(f"{name:9}  best α at {BUDGETS} steps: {best_rates}   {10 * fastest:.2f} ms for a step")

# %% [markdown] slideshow={"slide_type": "notes"}
# The bars are 95 % intervals. After 100 and 500 steps, Adam leads plain SGD and momentum. After 2,000 we
# cannot tell any of them from Adam.
#
# **Which one should I use?** Adam was there early, and never clearly behind. This was one photograph and one network, but it
# makes Adam a fair first choice. Given time, we cannot tell plain SGD from it. Never compare two at one rate: the best was
# about 1 for plain SGD, and 0.01 for Adam.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What the intervals say, and where the best rates lie.
lows = [intervals[name, steps][0] for name in list(optimisers)[:2] for steps in (100, 500)]
claim(min(lows) > 0, "Adam leads SGD and momentum at 100 and 500 steps", measured=lows, seeds=5)
lows = [intervals[name, 2000][0] for name in list(optimisers)[:3]]
claim(max(lows) < 0, "at 2,000 steps none is clearly behind Adam", measured=lows, seeds=5)
highs = [interval[1] for interval in intervals.values()]
claim(min(highs) > 0, "Adam is never clearly behind", measured=highs, seeds=5)
inside = [
    min(rates) < alpha < max(rates)
    for found in scores.values()
    for name, (_, rates) in optimisers.items()
    for _, alpha in found[name]
]
claim(all(inside), "no best rate is at the edge of its list")
rates = {name: [np.median(scores[n][name], 0)[1] for n in BUDGETS] for name in optimisers}
right = all(0.3 <= a <= 3 for a in rates["plain SGD"]) and all(
    0.003 <= a <= 0.03 for a in rates["Adam"]
)
claim(right, "the best rates are about 1 for plain SGD, and about 0.01 for Adam")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Watch it paint
#
# Here are half the pixels of a cat, 3,235 random numbers, and 2,000 steps downhill with Adam.
#
# <!-- Notes: Scroll slowly. Nothing was drawn here by hand: the loss got smaller, that is all. -->

# %% slideshow={"slide_type": "skip"}
given, validation, test = split(0)
path = learn(optimizers.adam, 0.01, 2000, 0, given)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"}
# What it paints, and its loss on the test pixels.
moments = [0, 10, 30, 100, 500, 2000]
painted = [paint(path[step]) for step in moments]
pictures = [holes.reshape(SIDE, SIDE, 3), *painted, colours.reshape(SIDE, SIDE, 3)]
names = [f"step {step:,}: {network_loss(path[step], test):.2f}" for step in moments]
ax = plt.subplots(figsize=(7, 4.4))[1]
names = ["what it gets", *names, "photograph"]
ax = plotting.image_grid(pictures, names, columns=4, limits=(0, 1), ax=ax)
ax.set_title("From noise to a cat (and the loss on pixels never seen)")
plotting.show(ax, "From coloured noise to a cat's face in 2,000 steps, beside the photograph")

# %% [markdown] slideshow={"slide_type": "notes"}
# Half of these pixels it has never seen. It knows that neighbours are alike because we feed it positions as slow waves. (Interpolating between
# known neighbours does as well, as far as we can tell.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The rival: linear interpolation, and outside of the outermost pixels the nearest one.
rival = []
for seed in range(5):
    given, _, test = split(seed)
    places = np.column_stack([rows, columns])
    filled = griddata(places[given], wanted[given], places[test], "linear")
    nearest = griddata(places[given], wanted[given], places[test], "nearest")
    filled = np.where(np.isnan(filled), nearest, filled)
    rival.append(np.mean((filled - wanted[test]) ** 2) / 2)
gap = np.subtract([score for score, _ in scores[2000]["Adam"]], rival)
interval = stats.ttest_1samp(gap, 0).confidence_interval()
claim(
    interval.low < 0 < interval.high, "we cannot tell it from interpolation", measured=gap, seeds=5
)

# %% [markdown] slideshow={"slide_type": "skip"}
# **Make one.** Take another sample photograph, or a tenth of the pixels. Does Adam still lead?
#
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("01")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Flat, and no minimum

# %% [markdown] slideshow={"slide_type": "skip"}
# With two parameters the ground can be flat where it is no valley: on a **saddle** it rises in one direction and falls in
# another, as in J = (θ₁² − θ₂²)/2. A walker exactly on the ridge stops there. A walker who starts a
# hundredth to the side does get away, but slowly.

# %% slideshow={"slide_type": "skip"}
saddle = np.array([1, -1])
on_ridge, beside = (
    descend(lambda theta: saddle * theta, np.array(start), 0.09, 60)
    for start in ([-1.6, 0.0], [-1.6, 0.01])
)

# %% slideshow={"slide_type": "skip"}
# Both paths from above.
reach_saddle = (-2, 2, -1.2, 1.2)
ax = plt.subplots(figsize=(6, 3.8))[1]
plotting.paths_on_contours(lambda a, b: (a**2 - b**2) / 2, [on_ridge, beside], reach_saddle, ax=ax)
ax.set(aspect="equal", title="A saddle: exactly on the ridge it stops")
ax.text(0.15, -0.25, "exactly on the ridge", color="C0")
ax.text(0.15, 0.9, "a hundredth beside it", color="C1")
plotting.show(ax, "Two paths on a saddle: one runs to its middle and stops, one turns away")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    np.linalg.norm(on_ridge[-1]) < 0.01,
    "exactly on the ridge it stops at the saddle",
    measured=np.linalg.norm(on_ridge[-1]),
)
claim(abs(beside[-1, 1]) > 1, "a hundredth beside it escapes", measured=abs(beside[-1, 1]))

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · The limit, for any number of parameters

# %% [markdown] slideshow={"slide_type": "skip"}
# A quadratic loss with the lowest point θ\* has the gradient ∇J(θ) = H(θ − θ\*). One step therefore gives
#
# $$ \theta_{t+1} - \theta^* = (I - \alpha H)\,(\theta_t - \theta^*) , $$
#
# where $I$ is the matrix that changes nothing. Along each eigenvector of $H$ the matrix in brackets multiplies by
# $1 - \alpha\lambda$, and no direction disturbs another. The slowest two factors are those of the largest and the smallest
# eigenvalue. As in section 3, they are equally slow at
#
# $$ \alpha_{\text{best}} = \frac{2}{\lambda_{\max} + \lambda_{\min}}, \qquad
# \text{distance} \times \frac{\kappa - 1}{\kappa + 1} \text{ per step,} \qquad
# \kappa = \frac{\lambda_{\max}}{\lambda_{\min}} . $$
#
# With momentum at Polyak's best settings, √κ takes the place of κ. (Goh 2017 shows why, with pictures that move.)
#
# (Descent itself is older than computers: Cauchy 1847, *Méthode générale pour la résolution des systèmes d'équations
# simultanées*, Comptes rendus de l'Académie des sciences.)
#
# Why is the diabetes valley narrow, although both inputs are standardised? Because the two blood values say nearly the
# same. Of two standardised inputs the eigenvalues are 1 plus and 1 minus their correlation.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
r = np.corrcoef(x.T)[0, 1]
claim(np.allclose([smallest, largest], [1 - r, 1 + r]), "the eigenvalues are 1 ± the correlation")
long_run = (away[2, 80] / away[2, 40]) ** (1 / 40)
claim(abs(long_run - (root - 1) / (root + 1)) < 0.03, "momentum's factor is the one with the root")


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Let the learning rate decay

# %% [markdown] slideshow={"slide_type": "skip"}
# With a constant learning rate the noise of SGD never stops shaking the walker: it comes near the minimum
# and then jumps about. A rate that falls takes large steps first and quiet ones last. Robbins & Monro (1951, *A stochastic
# approximation method*, Annals of Mathematical Statistics) gave the condition for a run without end: the rates must add up to
# infinity, and their squares must not. A run of fixed length may do better with a rate that goes straight to zero, such as half
# a cosine wave.
#
# Here are batches of one, twenty epochs, and five seeds. All three start at the same rate of 0.01, so this is about the
# shape of the schedule, and no race of tuned rates.

# %% slideshow={"slide_type": "skip"}
# One example for each step, as in section 4; `rates` holds a rate for each step.
def falling_sgd(rates, seed):
    draw = batches(len(y), 1, np.random.default_rng(seed))

    def gradient(theta):
        chosen = next(draw)
        return squared_gradient(theta, x10[chosen], y[chosen])

    return optimizers.descend(gradient, np.zeros(10), rates, len(rates))


# %% slideshow={"slide_type": "skip"}
# Loss above the minimum, twice in each epoch, five seeds for each schedule.
t = np.arange(20 * len(y))
schedules = {
    "constant": 0.01 + 0 * t,
    "1 / (1 + t/N)": 0.01 / (1 + t / len(y)),
    "cosine": 0.005 * (1 + np.cos(np.pi * t / len(t))),
}
excess = {name: [] for name in schedules}
for name, falling in schedules.items():
    for seed in range(5):
        path = falling_sgd(falling, seed)[::221]
        excess[name].append([squared_loss(theta, x10, y) - lowest_loss for theta in path])

# %% slideshow={"slide_type": "skip"}
halves = {name: (np.arange(41) / 2, values) for name, values in excess.items()}
ax = plotting.lines(halves, xlabel="epoch", ylabel="loss above the minimum", yscale="log")
ax.set_title("A constant rate stays restless; a falling one settles")
plotting.show(ax, "Loss over 20 epochs, five seeds: a constant rate hovers, falling rates settle")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
last = {name: np.array(values)[:, -1] for name, values in excess.items()}
gain = last["constant"] - np.maximum(last["1 / (1 + t/N)"], last["cosine"])
claim(gain.min() > 0, "from every seed a falling rate ends lower", measured=gain, seeds=5)


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · RMSProp and Adam, from their papers

# %% [markdown] slideshow={"slide_type": "skip"}
# **RMSProp** (Tieleman & Hinton 2012) keeps a running mean v of the squared gradient and divides by its root, so that a steep
# direction and a flat one get steps of the same size. ε (epsilon) only keeps the division from meeting a zero.
#
# $$ v \leftarrow \rho v + (1-\rho)\, g^2, \qquad
# \theta \leftarrow \theta - \alpha\, \frac{g}{\sqrt{v + \varepsilon}}, \qquad g = \nabla J(\theta) $$

# %% slideshow={"slide_type": "skip"}
def rmsprop(gradient, theta, alpha, steps, rho=0.9, epsilon=1e-7):
    path, v = [theta], 0
    for _ in range(steps):
        g = gradient(path[-1])
        v = rho * v + (1 - rho) * g**2
        path.append(path[-1] - alpha * g / np.sqrt(v + epsilon))
    return np.array(path)


# %% [markdown] slideshow={"slide_type": "skip"}
# **Adam** (Kingma and Ba 2015) joins the two: a running mean m of the gradient, as in momentum, over the root of a
# running mean v of its square, as in RMSProp. Both start at zero and are therefore too small at first; two factors
# correct that.
#
# $$ m \leftarrow \beta_1 m + (1-\beta_1) g, \qquad v \leftarrow \beta_2 v + (1-\beta_2) g^2, $$
# $$ \theta \leftarrow \theta - \alpha \frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t} \cdot
# \frac{m}{\sqrt{v} + \varepsilon} $$

# %% slideshow={"slide_type": "skip"}
# `decay` is for the next section.
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


# %% [markdown] slideshow={"slide_type": "skip"}
# Here are all four in a valley that is twenty times as steep across as along. (The rates are not tuned, so this shows
# how they walk, and not which one wins.)

# %% slideshow={"slide_type": "skip"}
# Their paths from one start.
curvatures, here = np.array([1, 20]), np.array([-1.8, 0.9])


def narrow(theta):
    return curvatures * theta


walks = {
    "plain: zigzag": descend(narrow, here, 0.09, 40),
    "momentum: swings": momentum(narrow, here, 0.03, 40, beta=0.7),
    "RMSProp: sets out at 45°": rmsprop(narrow, here, 0.1, 40),
    "Adam: too, then swings": adam(narrow, here, 0.2, 40),
}


# %% slideshow={"slide_type": "skip"}
# The four paths, side by side.
def valley(a, b):
    return (a**2 + 20 * b**2) / 2


figure, axes = plt.subplots(2, 2, figsize=(7, 5), sharex=True, sharey=True)
for ax, (name, path) in zip(axes.flat, walks.items(), strict=True):
    plotting.paths_on_contours(valley, [path], (-2, 1, -1.1, 1.1), title=name, ax=ax)
    ax.set_aspect("equal")
    ax.label_outer()
plotting.show(
    figure,
    "Four paths in a narrow valley: plain descent zigzags, momentum swings, RMSProp "
    "and Adam set out at 45 degrees however steep it is",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Adam's first step is α in every direction, however steep the ground is. Multiply the loss by 1,000 and Adam
# does not notice. That is one reason why its default rate, 0.001, does tolerably for many networks. The functions above are
# those of `tlcourse.optimizers`.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The first step, a louder loss, and the functions of the package.
swings, scaled, both = list(walks.values())[1:]
first = np.allclose(both[1] - both[0], -0.2 * np.sign(narrow(here)), rtol=1e-5)
claim(first, "Adam's first step is α in every direction")
louder = adam(lambda theta: 1000 * narrow(theta), here, 0.2, 40)
claim(np.allclose(louder, both, atol=1e-4), "a loss that is 1,000 times as large changes nothing")
package = (
    optimizers.descend(narrow, here, 0.03, 40, momentum=0.7),
    optimizers.rmsprop(narrow, here, 0.1, 40),
    optimizers.adam(narrow, here, 0.2, 40),
)
claim(np.allclose(package, [swings, scaled, both]), "they are the functions of the package")


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Weight decay is not an L2 term, under Adam

# %% [markdown] slideshow={"slide_type": "skip"}
# To keep weights small you can add ½λ‖θ‖² to the loss (an **L2 term**: its gradient is λθ), or shrink every weight by a
# factor 1 − αλ in each step (**weight decay**). Under plain descent the two are the same. (This λ is a strength
# that you choose, and no eigenvalue.)
#
# Under Adam they are not, because there the λθ of the L2 term goes through the division as well. Take two weights about which
# the data say nothing: their gradients are pure noise, loud for one and quiet for the other. Both begin at 1, with λ = 1,
# α = 0.001 and 1,000 steps. Decay alone would leave 1/e, which is 0.368.

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
ax.set(xlim=(-0.5, 1.5), ylim=(0, 1.1), ylabel="weight after 1,000 steps, ± SD")
ax.set_title("An L2 term under Adam spares the loud weight")
ax.legend()
plotting.show(
    ax,
    "Two weights after 1000 steps, ten seeds: decay leaves both near 0.37; the L2 term "
    "leaves the loud one near 0.9, the quiet one near 0.26",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Adam with its weight decay apart from the gradient is called AdamW (Loshchilov & Hutter 2019, *Decoupled weight decay
# regularization*, ICLR).

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# L2 and weight decay, under plain descent and under a quiet and a loud gradient.
l2 = descend(lambda theta: gradient_xy(theta) + 0.1 * theta, start, 0.3, 30)
decayed = start
for _ in range(30):
    decayed = (1 - 0.3 * 0.1) * decayed - 0.3 * gradient_xy(decayed)
claim(np.allclose(l2[-1], decayed), "under plain descent they are the same")
with_l2, with_decay = (ends.mean(0) for ends in weights.values())
claim(np.allclose(with_decay, np.exp(-1), atol=0.05), "weight decay treats both alike")
claim(
    with_l2[0] > 0.85 and with_l2[1] < 0.3,
    "the L2 term shrinks the quiet one, and not the loud",
    measured=with_l2,
)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · The same in Keras: a third witness, ε, and float32

# %% [markdown] slideshow={"slide_type": "skip"}
# So far there was no framework. Keras leaves the arithmetic to a **backend**: TensorFlow, JAX or PyTorch. They all can
# do **automatic differentiation**, which follows the chain rule through every operation of a function. It is exact up
# to rounding, and gives the slopes for all parameters in one pass back. The quotient needs two losses for each of them, and
# a network of chapter 05 has 23 million.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
import sys

claim("keras" not in sys.modules, "everything so far was NumPy")

# %% slideshow={"slide_type": "skip"}
# (JAX computes in 64 bits only if told so.)
import os

os.environ["JAX_ENABLE_X64"] = "1"
from tlcourse.autodiff import gradient as automatic_gradient
from tlcourse.backend import keras


# %% slideshow={"slide_type": "skip"}
def loss_in_keras(theta):
    error = keras.ops.matmul(x10, theta) - y
    return keras.ops.mean(error**2) / 2


ones = np.ones(10)
mean10 = partial(squared_gradient, x=x10, y=y)
automatic = automatic_gradient(loss_in_keras, ones)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
eye = 1e-5 * np.eye(10)
slopes = [squared_loss(ones + h, x10, y) - squared_loss(ones - h, x10, y) for h in eye]
claim(np.allclose(automatic, mean10(ones), atol=1e-5), "automatic and by hand agree")
claim(np.allclose(np.array(slopes) / 2e-5, automatic, atol=1e-5), "and so does the quotient")


# %% [markdown] slideshow={"slide_type": "skip"}
# **Are our optimisers Keras' own?** Both walk 50 steps on the diabetes regression, in 64 bits. (We take
# β₂ = 1 − 1/1024 instead of 0.999, a number that 32 bits hold exactly. The reason follows below.)

# %% slideshow={"slide_type": "skip"}
# The path that an optimiser of Keras takes.
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
    "momentum": (momentum(mean10, ones, 0.05, 50), k.SGD(0.05, momentum=0.9)),
    "RMSProp": (rmsprop(mean10, ones, 0.01, 50), k.RMSprop(0.01)),
    "Adam": (adam(mean10, ones, 0.05, 50, beta_2=b2), k.Adam(0.05, beta_2=b2)),
    "AdamW": (
        adam(mean10, ones, 0.05, 50, beta_2=b2, decay=0.1),
        k.AdamW(0.05, beta_2=b2, weight_decay=0.1),
    ),
}

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for name, (ours, optimizer) in pairs.items():
    theirs = keras_path(optimizer, mean10, ones, 50)
    claim(np.allclose(ours, theirs, rtol=0, atol=1e-6), f"{name} agrees at each of 50 steps")

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
#   1 − β₂ loses digits: it is off by about 13 in a million. That is harmless, but a comparison to 10⁻⁶ sees it.
#
# Here is one step with α = 1. Without an ε, Adam's would be 1 and RMSProp's 1/√0.1 ≈ 3.162. How long are they when
# the gradient is as small as ε (Adam), or as √ε (RMSProp)?

# %% slideshow={"slide_type": "skip"}
# One step of each, with Keras' ε.
ε = 1e-7
algorithm_1 = ε / (np.sqrt(ε**2) + ε)  # the first step, bias corrected
adam_step = -keras_path(k.Adam(1.0), lambda _: np.array([ε]), np.zeros(1), 1)[1, 0]
outside = np.sqrt(ε) / (np.sqrt(0.1 * ε) + ε)
inside = -keras_path(k.RMSprop(1.0), lambda _: np.array([np.sqrt(ε)]), np.zeros(1), 1)[1, 0]
print(f"Adam      Algorithm 1 {algorithm_1:.3f}   Keras {adam_step:.3f}")
print(f"RMSProp   ε outside   {outside:.3f}   Keras {inside:.3f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
holds = np.isclose(adam_step, 1 / (1 + 1 / np.sqrt(0.001)), rtol=1e-3)
claim(holds, "in Adam's first step ε counts 32-fold", measured=1 / adam_step - 1)
claim(np.isclose(inside, 1 / np.sqrt(1.1), rtol=1e-3), "inside the root, ε takes two thirds away")
off = abs((1 - float(np.float32(0.999))) / 0.001 - 1)
claim(12e-6 < off < 14e-6, "in 32 bits 1 − β₂ is off by 13 in a million", measured=off)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - θ ← θ − α∇J(θ): minus the gradient is the steepest way down.
# - The steepest direction sets the limit, α < 2/λmax, and the flattest decides how long you wait. Standardise your inputs.
# - SGD takes a few examples for each step. Their noise falls as 1/√B.
# - Adam is a fair first choice: it was ahead early. With tuned rates and
#   enough steps, we could not tell plain SGD from it.
# - Test a gradient by the difference quotient, in 64 bits with h ≈ 10⁻⁵: its relative error *and* its ratio.
#
# <!-- Notes:
# Come back to the retrieval questions, or ask for the one thing that surprised them. What stands under "Going deeper" is
# for reading: decay, Adam's formula, decoupled weight decay, Keras. Then hand out exercise set 01.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# Next: the [exercise set](../exercises/ex01/ex01_gradient_descent.ipynb).
#
# ## Further reading
#
# - Polyak 1964, *Some methods of speeding up the convergence of iteration methods*, USSR Comp. Math. 4(5).
# - Tieleman & Hinton 2012, *Lecture 6.5: RMSProp*, Coursera.
# - Kingma & Ba 2015, *Adam: a method for stochastic optimization*, ICLR.
# - Goh 2017, *Why momentum really works*, Distill.
# - Bottou, Curtis & Nocedal 2018, *Optimization methods for large-scale machine learning*, SIAM Review.
# - Tancik and others 2020, *Fourier features let networks learn high frequency functions in low dimensional domains*,
#   NeurIPS.
#
# Photographs: coffee by Rachel Michetti, cat by Stéfan van der Walt (both CC0).
