# %% [markdown] slideshow={"slide_type": "slide"}
# # 09 · Choosing a source, and several tasks at once
#
# In chapter 04 one source helped and another did harm. Now you stand before a whole shelf of trained networks, with a new
# task and a few labels. Which one do you take? And must a network give up one task to learn another?
#
# <!-- Notes:
# Ask who has ever chosen a pretrained network, and by what: the name, the size, the download count? Write the answers down.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - read a table of sources and targets;
# - test scores that promise to know the best source beforehand;
# - train one network for two tasks, and say when the second one helps;
# - keep a network from forgetting what it knew;
# - choose a source for your own task.
#
# <!-- Notes: The test of the promise in section 2 is the heart of the chapter. Sections 3 and 4 can be a lesson of their own. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 70 minutes to read and try, 1 min 20 s to run. You need chapters 04 to 06.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
from dataclasses import replace
from itertools import combinations, product

import numpy as np
from scipy import stats

from tlcourse import backend, models, plotting, quiz, rivals, training, transfer
from tlcourse.course.content import benchmark, photo_scores
from tlcourse.data import few_labels, load_textures, make_cluttered_digits, make_cluttered_letters
from tlcourse.data import make_scene_digits, make_scene_letters
from tlcourse.quiz import claim
from tlcourse.transferability import few_label_accuracy, h_score, leep, log_me

import keras

layers = keras.layers

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("09")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · A shelf of sources
#
# Five of our seven networks are chapter 04's small CNN, and differ in one thing at a time:
#
# | source | learned from |
# |---|---|
# | letters, small CNN | 16,000 letters in clutter, 500 steps |
# | 500 letters | **500** letters, 500 steps |
# | letters, 50 steps | 16,000 letters, **50** steps |
# | stripes, small CNN | 16,000 **stripes**, 500 steps |
# | random small CNN | nothing |
# | ImageNet, EfficientNet | more than a million photographs |
# | letters, ResNet50 | 184,320 letters in coloured scenes |
#
# <!-- Notes:
# Cover the right column and let them guess. Then: which pairs of rows differ in a single thing? Similarity, amount of data and
# computing time each have such a pair.
# -->

# %% [markdown] slideshow={"headline": "Four targets, seen by three networks", "slide_type": "subslide"}
# Each of the four targets has 20 labels of each class; the textures are brick, grass and gravel. `models.fit_images` shows every
# network the same images in its own way; the small CNN sees 28×28 grey pixels.
#
# <!-- Notes: Ask what is lost on the way to 28 grey pixels, and for which target it matters. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Four images of each target, in colour.
def in_colour(x):
    """Grey in 0–1 as RGB in 0–255."""
    return np.repeat(np.rint(255 * x), 3, axis=-1).astype("uint8")


greek = "θκνπρτυφχψ"  # which none of the sources has learned
examples = {
    "scene digits": make_scene_digits(10, 10).x_train[:4],
    "Greek letters": make_scene_letters(10, 10, alphabet=greek, penned=True).x_train[:4],
    "cluttered digits": in_colour(make_cluttered_digits(10, 10, random_state=3).x_train[:4]),
    "textures": load_textures(32).x_train[[0, 5, 130, 260]],
}

# %% jupyter={"source_hidden": true} slideshow={"code": false}
# Four images of each target; above as they are, below as the small CNN sees them.
small = models.small_cnn()
figure, axes = plotting.plt.subplots(2, 4, figsize=(plotting.WIDTH, 3.9), layout="constrained")
for (above, below), (name, images) in zip(axes.T, examples.items(), strict=True):
    _ = plotting.image_grid(images, columns=2, title=name, limits=(0, 255), ax=above)
    seen = models.fit_images(images, small)
    _ = plotting.image_grid(seen, columns=2, limits=(0, 1), ax=below)
figure.get_layout_engine().set(wspace=0.08)  # between the targets
_ = axes[0, 0].text(-6, 66, "as they are", rotation=90, ha="right", va="center")
_ = axes[1, 0].text(-3, 30, "for the small CNN", rotation=90, ha="right", va="center")
plotting.show(figure, "Four targets, each as four pictures in colour and as four small grey ones")

# %% [markdown] slideshow={"headline": "Frozen and fine-tuned", "slide_type": "subslide"}
# `python -m benchmarks.sources` tried each pair in two ways, with five seeds. **Frozen** is a logistic regression on the source's
# features. **Fine-tuned**: this head and the network's last block train for 80 more steps. The learning rate and C (how
# freely the regression fits) were tuned for every pair. Guessing gets 10 %, but 33 % on textures.
#
# <!-- Notes:
# Answers: see the next slides. Let them bet on one source for all four targets first; nobody should win that bet.
# -->

# %% slideshow={"code": false}
sources = ["letters, small CNN", "letters, ResNet50", "ImageNet, EfficientNet"]
question = "Which source will be best, frozen, for handwritten digits in grey clutter?"
quiz.predict("09.clutter", question, sources)

# %% slideshow={"code": false}
question = "On the same digits, by how many points will 16,000 letters lead 500, frozen?"
quiz.predict("09.amount", question, -10, 40)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What the benchmark has stored, and how to ask it.
zoo = benchmark("sources")
shelf, targets = list(zoo["sources"]), list(zoo["targets"])
rivals_without = {"scratch": "from scratch", "pixels": "regression on pixels"}


def record(way, source, target):
    """What was chosen and found for a pair, or for a rival that has no source."""
    arm = source if source in rivals_without else f"{way} {source}"
    return next(iter(zoo["arms"][target][arm].values()))


def reached(way, source, target):
    """The accuracies of the five seeds."""
    return np.array(record(way, source, target)["results"])


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def lead(ours, theirs):
    """Mean of the paired differences in points, and the ends of its 95 % interval (chapter 04)."""
    d = 100 * (np.array(ours) - theirs)
    return d.mean(), *stats.ttest_1samp(d, 0).confidence_interval()


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
best = max(sources, key=lambda name: reached("frozen", name, "cluttered digits").mean())
quiz.reveal("09.clutter", best)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
many, less = (reached("frozen", name, "cluttered digits") for name in (shelf[0], "500 letters"))
quiz.reveal("09.amount", round(lead(many, less)[0], 1))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "The table, frozen and fine-tuned", "slide_type": "subslide"}
# Means over five seeds; below the line, the rivals that have no source.
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 4.8), sharey=True)
rows = [*shelf, *rivals_without]
for ax, way in zip(axes, ("frozen", "fine-tuned"), strict=True):
    means = 100 * np.array([[reached(way, row, t).mean() for t in targets] for row in rows])
    _ = ax.imshow(means, cmap="cividis", vmin=0, vmax=100, aspect="auto")
    for (i, j), mean in np.ndenumerate(means):
        _ = ax.text(j, i, f"{mean:.0f}", ha="center", va="center", color="w" if mean < 55 else "k")
    _ = ax.axhline(len(shelf) - 0.5, color="w", lw=4)
    _ = ax.set_xticks(range(4), [t.replace(" ", "\n") for t in targets], fontsize=9)
    _ = ax.set_title(way)
    ax.grid(visible=False)
_ = axes[0].set_yticks(range(len(rows)), [*shelf, *rivals_without.values()])
plotting.show(figure, "Accuracies of seven sources and two rivals on four targets, in percent")

# %% [markdown] slideshow={"slide_type": "notes"}
# Read **down a column**. For digits and Greek letters the ResNet50 that knows letters leads, in scenes by more than 40 points;
# for textures ImageNet's network does. Then read **along a row**. The network of a million photographs hardly reads digits
# in scenes, and in clutter it loses to a network from scratch. No source is the best everywhere.
#
# In scenes fine-tuning brings ImageNet's network six or seven points, and leaves it far behind the *frozen* ResNet50. In clutter
# it costs the ResNet50 two. Fine-tuning the letters' small CNN gains nothing that we can tell.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The best of each column, ahead of all others.
winners = dict.fromkeys(targets, "letters, ResNet50") | {"textures": "ImageNet, EfficientNet"}
for target, winner in winners.items():
    others = [reached("frozen", s, target) for s in shelf if s != winner]
    ahead = min((lead(reached("frozen", winner, target), o) for o in others), key=lambda d: d[1])
    least = 40 if target in targets[:2] else 0  # points
    claim(ahead[1] > least, f"{target}: {winner} leads all others", measured=ahead, seeds=5)
guess = reached("frozen", "ImageNet, EfficientNet", "scene digits")
claim(guess.max() < 0.25, "ImageNet's network hardly reads scene digits", measured=guess, seeds=5)

imagenet_there = reached("frozen", "ImageNet, EfficientNet", "cluttered digits")
ahead = lead(reached("", "scratch", "cluttered digits"), imagenet_there)
claim(ahead[1] > 0, "in clutter it loses to scratch", measured=ahead, seeds=5)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Fine-tuned beside frozen; means of the paired differences in points, with 95 % intervals.
for target in targets[:2]:
    tuned = reached("fine-tuned", "ImageNet, EfficientNet", target)
    more = lead(tuned, reached("frozen", "ImageNet, EfficientNet", target))
    claim(more[1] > 0, f"{target}: fine-tuning helps ImageNet's", measured=more, seeds=5)
    behind = lead(reached("frozen", "letters, ResNet50", target), tuned)
    claim(behind[1] > 40, "and the frozen ResNet50 is 40 points ahead", measured=behind, seeds=5)
less = lead(*(reached(way, shelf[6], "cluttered digits") for way in ("fine-tuned", "frozen")))
claim(less[2] < -1, "clutter: fine-tuning costs the ResNet50 points", measured=less, seeds=5)
for target in targets:
    more = lead(*(reached(way, shelf[0], target) for way in ("fine-tuned", "frozen")))
    words = f"{target}, letters' small CNN: we cannot tell"
    claim(more[1] < 0 < more[2], words, measured=more, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# Compute two entries of the last column yourself, with one draw of labels and the benchmark's C.
#
# <!-- Notes: Two networks, 396 images, a few seconds. It is all that "frozen" means: look once, solve once. -->

# %% slideshow={"slide_type": "skip"}
# `top=True` keeps ImageNet's own thousand answers.
imagenet, scene_reader = models.efficientnet_lite0(side=96, top=True), models.letter_reader()
few = few_labels(load_textures(32), 20, random_state=0)


def features(network, x):
    """What the head of a network sees."""
    short = keras.Model(network.inputs, network.layers[-1].input)
    return short.predict(models.fit_images(x, network), verbose=0)


# %% slideshow={"slide_type": "skip"}
def frozen_accuracy(network, few, C):
    """Logistic regression on the features of the labelled images, judged on the test images."""
    kernel, bias = rivals.logistic_regression(features(network, few.x_train), few.y_train, C)
    return np.mean((features(network, few.x_test) @ kernel + bias).argmax(1) == few.y_test)


# %% slideshow={"slide_type": "skip"} tags=["atol-0.06"]
live = {"ImageNet, EfficientNet": imagenet, "letters, ResNet50": scene_reader}
for name, network in live.items():
    stored = record("frozen", name, "textures")
    live[name] = frozen_accuracy(network, few, C=stored["setting"])
    print(f"{name:23} {live[name]:.2f} live, {np.mean(stored['results']):.2f} stored")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
apart = [live[name] - reached("frozen", name, "textures").mean() for name in live]
claim(max(map(abs, apart)) < 0.08, "your own entries agree with what is stored", measured=apart)
chosen = [record("frozen", source, target) for source, target in product(shelf, targets)]
ends = [f(each["setting"] for each in chosen) for f in (min, max)]
words = "each pair has a C of its own, and none lies at the edge of what was tried"
claim(all(each["inside"] for each in chosen), words, measured=ends)

# %% [markdown] slideshow={"slide_type": "notes"}
# ### Similarity, data, computing time: each on its own
#
# The large networks differ in everything at once. Four pairs of small ones differ in *one* thing:
#
# <!-- Notes: Let them order similarity, data and time by what they bring, before the figure comes. -->

# %% slideshow={"slide_type": "skip"}
pairs = {
    "similarity": ("letters, small CNN", "stripes, small CNN"),
    "amount of data": ("letters, small CNN", "500 letters"),
    "computing time": ("letters, small CNN", "letters, 50 steps"),
    "any training": ("letters, small CNN", "random small CNN"),
}


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def gain(cause, target, way="frozen"):
    return lead(*(reached(way, source, target) for source in pairs[cause]))


# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What makes a source good?", "slide_type": "subslide"}
# Leads in points, frozen, with their 95 % intervals, for each pair that differs in one thing.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 4.2), layout="constrained")
colours = dict(zip(targets, ("#0072B2", "#56B4E9", "#D55E00", "#009E73"), strict=True))
for place, target in enumerate(targets):
    ends = np.array([gain(cause, target) for cause in pairs])
    at = np.arange(len(pairs)) + 0.15 * (place - 1.5)
    bars = np.abs(ends[:, 1:].T - ends[:, 0])
    style = {"fmt": "os^D"[place], "color": colours[target], "capsize": 4, "ms": 7}
    _ = ax.errorbar(ends[:, 0], at, xerr=bars, label=target, **style)
_ = ax.axvline(0, color="#999999", lw=1)
_ = ax.set_yticks(range(len(pairs)), pairs)
_ = ax.set(xlabel="lead of the letters' small CNN, frozen (points)", ylim=(3.6, -0.6))
_ = figure.legend(loc="outside lower center", ncols=4, fontsize=9)
plotting.show(
    figure, "Leads of the letters' small CNN for four causes and four targets, with intervals"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# In clutter, the letters' own world, everything counts: each cause brings about 15 points or more. In coloured scenes only computing
# time brings something, about five; of similarity and data we cannot tell. On textures 16,000 letters lead 500 by ten points, and yet
# we cannot tell them from random weights: 500 letters, or 50 steps, do *worse* there than these. A little training can do harm.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Each cause at home, in scenes and on textures, with 95 % intervals.
home = {cause: gain(cause, "cluttered digits") for cause in pairs}
for cause, ahead in home.items():
    words = f"at home {cause} brings about 15 points or more in the mean, and surely five"
    claim(ahead[0] > 14 and ahead[1] > 5, words, measured=ahead, seeds=5)
for target, cause in product(targets[:2], list(pairs)[:3]):
    ahead = gain(cause, target)
    helps = cause == "computing time"
    words = f"{target}: {cause} {'helps' if helps else 'or not, we cannot tell'}"
    claim(ahead[1] > 0 if helps else ahead[1] < 0 < ahead[2], words, measured=ahead, seeds=5)
ahead = gain("amount of data", "textures")
claim(ahead[1] > 0, "textures: 16,000 letters lead 500", measured=ahead, seeds=5)
for little in ("500 letters", "letters, 50 steps"):
    worse = lead(*(reached("frozen", name, "textures") for name in (little, shelf[4])))
    claim(worse[2] < 0, f"textures: {little}, worse than random", measured=worse, seeds=5)
level = gain("any training", "textures")
words = "on textures we cannot tell the letters from random weights"
claim(level[1] < 0 < level[2], words, measured=level, seeds=5)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper · And on photographs?

# %% [markdown] slideshow={"slide_type": "skip"}
# Chapter 04's benchmark of photographs has both large networks on flowers and on hand signs, and a control: the same EfficientNet with
# *random* weights, which shows what its shape does without any photograph.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# With 20 labels of each class, at the end of the larger budget; five seeds.
sets = {"flowers_160": "flowers", "sign_language_digits": "hand signs"}
rows = {
    "ImageNet, frozen": "frozen EfficientNet-Lite0",
    "ImageNet, fine-tuned": "fine-tuned EfficientNet-Lite0",
    "the same with random weights, frozen": "random EfficientNet-Lite0",
    "letters, ResNet50, frozen": "frozen letters-ResNet50",
    "letters, ResNet50, fine-tuned": "fine-tuned letters-ResNet50",
    "scratch": "scratch",
}
photos = {(s, row): photo_scores(s, arm) for s, (row, arm) in product(sets, rows.items())}
print(f"{'':37}" + "".join(f"{title:>12}" for title in sets.values()))
for row in rows:
    cells = [photos[s, row] for s in sets]
    texts = ["–" if c is None else f"{100 * c.mean():.0f} %" for c in cells]
    print(f"{row:37}" + "".join(f"{text:>12}" for text in texts))

# %% [markdown] slideshow={"slide_type": "skip"}
# Of the frozen networks ImageNet's now leads the one that knows letters. Its lead over the random weights is what the photographs taught it, and on both sets it is large. On the
# hand signs we cannot tell ImageNet's frozen network from one from scratch, whose mean is higher.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Paired leads on both sets, with 95 % intervals.
for s, title in sets.items():
    ours = photos[s, "ImageNet, frozen"]
    for row in ("the same with random weights, frozen", "letters, ResNet50, frozen"):
        ahead = lead(ours, photos[s, row])
        words = f"{title}: ImageNet leads {row.removesuffix(', frozen')}"
        claim(ahead[1] > 0, words, measured=ahead, seeds=5)
hands = (photos["sign_language_digits", row] for row in ("scratch", "ImageNet, frozen"))
ahead = lead(*hands)
words = "hand signs: scratch or ImageNet, frozen, we cannot tell"
claim(ahead[1] < 0 < ahead[2], words, measured=ahead, seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Can one know beforehand?
#
# Trying every source costs minutes here, and weeks with large networks. A **transferability score** promises to spare you that:
# show the labelled images to each source *once*, compute one number, and take the source with the largest.
#
# <!-- Notes: Ask what such a score can look at: the source's answers, its features, and the labels. Nothing else is there yet. -->

# %% [markdown] slideshow={"headline": "LEEP: what does the source call them?", "slide_type": "subslide"}
# ### LEEP, by hand
#
# A source that knows the letters O, I and S looks at ten images of the digits 0 and 1. To each image $x_i$ it gives a probability
# $\theta_z(x_i)$ for each of its classes $z$. If it calls all zeros O and all ones I, you can use what it knows.
#
# <!-- Notes: Let them find the image that the source gets most wrong: the last zero looks like an I to it. -->

# %% slideshow={"slide_type": "fragment"}
y = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
zeros = [[8, 1, 1], [9, 0, 1], [7, 1, 2], [8, 1, 1], [2, 7, 1]]  # tenths for O, I, S
ones = [[1, 8, 1], [0, 9, 1], [1, 8, 1], [2, 6, 2], [1, 7, 2]]
theta = np.array(zeros + ones) / 10

# %% [markdown] slideshow={"headline": "LEEP of one image", "slide_type": "subslide"}
# **LEEP** (Nguyen et al. 2020) translates the source's answers into your labels. Added up, O gets 3.4 from the five zeros and 0.5
# from the ones. So when this source says O, the label is 0 with probability 3.4/3.9 = 0.87. For I this is 0.21, for S 0.46.
#
# The first image is a zero, and the source calls it O with 0.8, I with 0.1 and S with 0.1. So its true label gets
#
# $$ 0.8\cdot 0.87 + 0.1\cdot 0.21 + 0.1\cdot 0.46 = 0.76 . $$
#
# <!-- Notes:
# Do the column of O on the board: 3.4 of zeros, 0.5 of ones, so P(0 | O) = 3.4 / 3.9.
# Answer: 0.37, from 0.2 · 0.87 + 0.7 · 0.21 + 0.1 · 0.46. Give them a minute to add it up.
# -->

# %% slideshow={"code": false}
question = (
    "The last zero is called O with 0.2, I with 0.7, S with 0.1. What does its true label get?"
)
quiz.predict("09.leep", question, 0, 1)

# %% [markdown] slideshow={"slide_type": "notes"}
# LEEP is the mean logarithm of what the true labels get:
#
# $$ \hat P(y,z)=\frac1n\sum_{i:\,y_i=y}\theta_z(x_i), \quad
# \hat P(y\mid z)=\frac{\hat P(y,z)}{\sum_{y'}\hat P(y',z)} $$
#
# $$ \mathrm{LEEP}=\frac1n\sum_i\log\sum_z\hat P(y_i\mid z)\,\theta_z(x_i) $$

# %% slideshow={"headline": "LEEP of ten images", "slide_type": "subslide"}
joint = np.array([theta[y == k].sum(0) for k in (0, 1)]) / len(y)
given = joint / joint.sum(0)  # P(y | z): each column divided by its sum
print(given.round(2))
got = (theta * given[y]).sum(1)  # given[y]: for each image the row of its true label
print(f"LEEP = {np.log(got).mean():.3f}; a coin would have {np.log(0.5):.3f}")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("09.leep", round(got[4], 2))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
by_hand = np.allclose([*given[0], got[0]], [0.87, 0.21, 0.46, 0.76], atol=0.005)
claim(by_hand, "the sums by hand are right", measured=got[0])
claim(np.isclose(np.log(got).mean(), leep(theta, y)), "`transferability.leep` says the same")

# %% [markdown] slideshow={"headline": "The H-score: spread between the classes", "slide_type": "subslide"}
# ### Two scores of the features
#
# LEEP needs a source that answers in classes. The **H-score** (Bao et al. 2019) needs only features: how much of their spread
# lies *between* the classes? For a single feature, divide the variance of the class means by the variance of all images:
#
# <!-- Notes: Which of the two features would you rather have? The bar says how much rather. -->

# %% jupyter={"source_hidden": true} slideshow={"code": false}
# One feature, three classes: images, class means (tall bars), and the shares of the variance.
draw, three = np.random.default_rng(1), np.repeat([0, 1, 2], 12)
figure, axes = plotting.plt.subplots(
    2, 2, figsize=(plotting.WIDTH, 3.4), height_ratios=(4, 1), sharex="row"
)
shares = []
for (ax, bar), apart in zip(axes.T, (1.0, 0.1), strict=True):
    f = 3 * apart * (three - 1) + draw.normal(0, 0.7, 36)
    shares.append(np.var([f[three == k].mean() for k in range(3)]) / f.var())
    for k, colour in enumerate(("#0072B2", "#E69F00", "#009E73")):
        _ = ax.plot(f[three == k], draw.uniform(-0.6, 0.6, 12), "os^"[k], color=colour, ms=5)
        _ = ax.axvline(f[three == k].mean(), color=colour, lw=3)
    _ = ax.set(title=f"H-score {shares[-1]:.2f}", xlabel="feature", yticks=[], ylim=(-1, 1))
    _ = bar.barh(0, shares[-1], color="#555555", label="between the classes")
    _ = bar.barh(0, 1 - shares[-1], left=shares[-1], color="#dddddd", label="within them")
    _ = bar.set(xlim=(0, 1), xticks=[0, 0.5, 1], yticks=[], xlabel="share of the variance")
figure.get_layout_engine().set(wspace=0.1)
_ = figure.legend(*bar.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
plotting.show(figure, "Two features of three classes: one keeps their means apart, one mixes them")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
agree = np.isclose(shares[-1], h_score(f[:, None], three, shrink=False))
claim(agree, "`h_score` says the same of the second feature", measured=shares[-1])

# %% [markdown] slideshow={"headline": "Many features", "slide_type": "subslide"}
# With many features, divide by the covariance matrix, and add up the diagonal (the *trace*):
# $\operatorname{trace}\bigl(\operatorname{cov}(f)^{-1}\operatorname{cov}(\mathbb E[f\mid y])\bigr)$. The covariance matrix holds
# the variance of each feature, and how two of them vary together. With $K$ classes the largest H-score is $K-1$.
#
# <!-- Notes: With one feature the covariance matrix is its variance, and the formula is the one of the figure. -->

# %% [markdown] slideshow={"headline": "LogME: how probable are the labels?", "slide_type": "subslide"}
# **LogME** (You et al. 2021) tries all linear functions of the features at once, and asks: how probable are these labels
# under an average one? Larger is better. Features that say nothing get −0.27 with ten
# classes and −0.87 with three, so compare sources on *one* target only.
#
# <!-- Notes: Ask what a LogME of 0.2 says by itself. Nothing, until you know what another source gets on the same images. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
nothing = {k: log_me(np.zeros((30, 5)), np.arange(30) % k) for k in (10, 3)}
as_said = np.allclose([nothing[10], nothing[3]], [-0.27, -0.87], atol=0.005)
claim(as_said, "these are LogME's values of nothing", measured=list(nothing.values()))

# %% [markdown] slideshow={"headline": "A source that knows nothing", "slide_type": "subslide"}
# ### A source that knows nothing
#
# Before you trust a score, give it something worthless: a "source" that answers 50 images of ten classes with 1,280 random
# numbers each, or, for LEEP, with random probabilities of 1,000 classes.
#
# <!-- Notes:
# Answer: only LogME. The H-score gets 9, the most that there is: with more columns than images each class can be told from all
# others exactly.
# -->

# %% slideshow={"code": false}
choices = ["only the H-score", "only LEEP", "only LogME", "all three", "none"]
quiz.predict(
    "09.noise", "Which of the three scores will notice that this source is worthless?", choices
)

# %% slideshow={"slide_type": "skip"}
rng = np.random.default_rng(0)
ten, noise = np.arange(50) % 10, rng.normal(size=(50, 1280))
plain = h_score(noise, ten, shrink=False)  # as in the formula
answers = rng.dirichlet(np.full(1000, 0.01), 50)  # a few favourites among 1,000 classes, at random

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
# A score has noticed if it gives noise within 0.5 of what pure guessing gets.
apart = [plain - 0, leep(answers, ten) - np.log(0.1), log_me(noise, ten) - nothing[10]]
noticed = np.flatnonzero(np.abs(apart) < 0.5)
quiz.reveal("09.noise", choices[noticed[0] if len(noticed) == 1 else 3 if len(noticed) else 4])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What four scores make of noise", "slide_type": "subslide"}
# The last column is what pure guessing should get.
print("                  of noise   at most   knows nothing")
print(f"plain H-score     {plain:8.2f}         9            0")
print(f"H-score, shrunk   {h_score(noise, ten):8.2f}         9            0")
print(f"LEEP              {leep(answers, ten):8.2f}         0        {np.log(0.1):.2f}")
print(f"LogME             {log_me(noise, ten):8.2f}         –        {nothing[10]:.2f}")
print(f"cross-validation  {few_label_accuracy(noise, ten):8.2f}         1         0.10")

# %% [markdown] slideshow={"slide_type": "notes"}
# With more columns than images, *any* features separate the classes, so the plain H-score says the same of every source. The
# **shrunk** one (Ibrahim et al. 2022), which we use from here, pretends that the features vary together less than they seem to. That
# takes the 9 down to 4.7, still far from 0. LEEP is fooled, too, because a thousand classes can name 50 images one by one.
#
# LogME notices, and so does **cross-validation**: a logistic regression is fitted to four fifths of the images and judged on
# the rest, five times over. It also picks its C on these folds, which flatters it a little.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Five draws of noise.
drawn = [np.random.default_rng(s) for s in range(5)]
noises = [(r.normal(size=(50, 1280)), r.dirichlet(np.full(1000, 0.01), 50)) for r in drawn]
fooled = [h_score(f, ten) for f, _ in noises]
claim(plain > 8.99, "the plain H-score of noise is the largest possible", measured=plain)
claim(min(fooled) > 3, "shrunk, it still praises noise", measured=fooled, seeds=5)
fooled = [leep(p, ten) for _, p in noises]
claim(min(fooled) > -1, "LEEP praises a thousand random classes", measured=fooled, seeds=5)
fair = [log_me(f, ten) - nothing[10] for f, _ in noises]
claim(max(map(abs, fair)) < 0.02, "LogME is not fooled", measured=fair, seeds=5)
fair = [few_label_accuracy(f, ten) for f, _ in noises]
claim(max(fair) < 0.3, "nor is cross-validation", measured=fair, seeds=5)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper · The formula of LogME

# %% [markdown] slideshow={"slide_type": "skip"}
# Let $F$ hold the features, a row for each image. The weights are drawn with the variance $1/\alpha$, the noise with $1/\beta$. Then the labels of a class, a column $y$ of zeros and ones, are normal with mean 0, and the score is their log density at the
# best $\alpha$ and $\beta$:
#
# $$ \mathrm{LogME} = \max_{\alpha, \beta}\ \tfrac1n \log \mathcal N\bigl(y;\ 0,\ \tfrac1\beta I + \tfrac1\alpha F F^\top\bigr),
# \quad \text{averaged over the classes} $$
#
# <!-- Notes: Averaging punishes features that fit only with extreme weights. This is what "evidence" means. -->

# %% slideshow={"slide_type": "skip"}
# LogME by trying all α and β of a grid, with features of which one column helps.
draw = np.random.default_rng(0)
F = np.column_stack([y + draw.normal(0, 0.3, 10), draw.normal(0, 1, 10)])
grid = 10 ** np.linspace(-2, 3, 30)
best = []
for k in (0, 1):
    covariances = [np.eye(10) / b + F @ F.T / a for a, b in product(grid, grid)]
    found = [stats.multivariate_normal.logpdf(y == k, np.zeros(10), c) for c in covariances]
    best.append(max(found) / 10)
print(f"LogME = {np.mean(best):.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
above = log_me(F, y) - np.mean(best)
claim(0 <= above < 0.01, "`log_me` finds this maximum without a grid", measured=above)

# %% [markdown] slideshow={"headline": "Do they keep their promise?", "slide_type": "subslide"}
# ### Do they keep their promise?
#
# Cross-validation is our plain rival. Three scores and the rival saw the same 20 or 5 labels of each class, and each chose one of
# the six trained sources. How many points of frozen accuracy (always with 20 labels) does its choice lie behind the best source?
#
# <!-- Notes:
# Answer: none at all, from 20 labels. Ask for reasons before the reveal: what does praise of noise say about real sources?
# -->

# %% slideshow={"code": false}
question = "How many points behind is the H-score's first choice from 20 labels, on average?"
quiz.predict("09.lost", question, 0, 30)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Accuracies (targets, sources, seeds) of the six trained sources, and what each score said of them.
names = {"leep": "LEEP", "log_me": "LogME", "h_score": "H-score"}
names["few_label_accuracy"] = "plain rival"
trained = [name for name in shelf if zoo["sources"][name]["task"]]
truth = 100 * np.array([[reached("frozen", name, t) for name in trained] for t in targets])


def scores(score, labels):
    """Shape (targets, sources, seeds)."""
    return np.array([[zoo["scores"][t][s][str(labels)][score] for s in trained] for t in targets])


def lost(score, labels=20):
    """Points of the first choice behind the best source, shape (targets, seeds)."""
    said = scores(score, labels)
    if score == "few_label_accuracy":  # LogME decides between equals, as in `rank_sources`
        said = said + 1e-6 * scores("log_me", labels)
    first = said.argmax(1)[:, None]
    return truth.max(1) - np.take_along_axis(truth, first, 1)[:, 0]


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("09.lost", round(lost("h_score").mean(), 1))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What does it cost to believe a score?", "slide_type": "subslide"}
# Points lost by target, means over the seeds; processor seconds for a source, with 20 labels,
# without the network's own pass.
print(f"{'20 · 5 labels':18}" + "".join(f"{name:>14}" for name in names.values()))
points = {labels: [lost(score, labels).mean(1) for score in names] for labels in (20, 5)}
for place, target in enumerate(targets):
    pairs_of = zip(*(np.array(points[labels])[:, place] for labels in (20, 5)), strict=True)
    print(
        f"{target:18}"
        + "".join(f"{f'{all_20:.1f} · {five:4.1f}':>14}" for all_20, five in pairs_of)
    )
rows = [zoo["scores"][t][s]["20"]["seconds"] for t in targets for s in trained]
seconds = [np.mean([each[score] for row in rows for each in row]) for score in names]
print(f"{'seconds':18}" + "".join(f"{each:14.3f}" for each in seconds))

# %% [markdown] slideshow={"slide_type": "notes"}
# From 20 labels all but LEEP find the best source every time, even the H-score: in most columns this source is far ahead. LEEP falls for ImageNet's thousand classes in grey clutter, with every seed.
#
# From 5 labels a choice can be unlucky: one draw in five cost the plain rival 24 points on textures, and one cost LogME 24 in
# clutter. The H-score went wrong on textures in four draws of five, LEEP in clutter in all.

# %% [markdown] slideshow={"headline": "Choose by what you can check", "slide_type": "subslide"}
# Does LEEP fail on one target in four, or is this one bad luck? *We cannot tell.* Larger studies see the best score change with the
# sources and targets (Agostinelli et al. 2022).
#
# So choose by what you can check. Cross-validation passed the test with noise, and its answer is an accuracy; it costs half a
# second. LogME passed, too, and is far quicker.
#
# <!-- Notes: Ask how many targets one would need. The folded section below has the whole order, with its intervals. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What the first choices cost.
for score in ("log_me", "h_score", "few_label_accuracy"):
    most = lost(score).max()
    claim(most == 0, f"20 labels: {names[score]} always finds the best", measured=most, seeds=5)
rival = "few_label_accuracy"
for score, target in ((rival, 3), ("log_me", 2)):
    draws = lost(score, 5)[target]
    words = f"5 labels, {targets[target]}: {names[score]} once loses over 20 points"
    claim(np.sum(draws > 20) == 1, words, measured=draws, seeds=5)
draws = lost("h_score", 5)[3]
words = "5 labels, textures: the H-score is wrong in four draws"
claim(np.sum(draws > 0) == 4, words, measured=draws, seeds=5)
clutter = [lost("leep", labels)[2] for labels in (5, 20)]
claim(np.min(clutter) > 10, "LEEP loses over ten in clutter", measured=clutter, seeds=5)
taken = [trained[k] for labels in (5, 20) for k in scores("leep", labels)[2].argmax(0)]
claim(set(taken) == {"ImageNet, EfficientNet"}, "it takes ImageNet's network there", seeds=5)


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper · The whole order of the sources

# %% [markdown] slideshow={"slide_type": "skip"}
# Does a score order *all* sources well? A **weighted Kendall τ** (Vigna 2015) compares its order with the true one: the share of pairs of sources in the
# right order, less the share in the wrong one, where pairs at the top of the true order weigh more. It is 1 for the same order, and 0 on
# average for one that knows nothing.
#
# For the intervals we draw four targets and five seeds with replacement, 2,000 times, and keep the middle 95 % of the means (chapter
# 06). Four targets are few: take these intervals for too narrow.
#
# <!-- Notes: Let them read the intervals before the points. Which of the four can we tell apart? -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Mean of an array (targets, seeds), and a 95 % bootstrap interval over both, 2,000 draws.
def interval(values):
    values, draw = np.asarray(values), np.random.default_rng(0)
    rows, columns = values.shape
    again = [
        values[draw.integers(0, rows, rows)][:, draw.integers(0, columns, columns)].mean()
        for _ in range(2000)
    ]
    return values.mean(), *np.quantile(again, (0.025, 0.975))


def tau(score, labels):
    """SciPy's weighted τ of each target and seed; without `rank=None` both orders would weigh."""
    said = scores(score, labels)
    found = [
        stats.weightedtau(truth[t, :, s], said[t, :, s], rank=None).statistic
        for t, s in product(range(len(targets)), range(5))
    ]
    return np.reshape(found, (-1, 5))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Mean weighted τ with its interval; a small mark for each target.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.8))
for labels, aside, colour in ((5, -0.15, "#E69F00"), (20, 0.15, "#0072B2")):
    for place, score in enumerate(names):
        mean, low, high = interval(tau(score, labels))
        style = {"color": colour, "capsize": 4, "ms": 8, "label": f"{labels} labels of each class"}
        style["label"] = style["label"] if place == 0 else None
        _ = ax.errorbar(place + aside, mean, [[mean - low], [high - mean]], fmt="o", **style)
        each = tau(score, labels).mean(1)
        _ = ax.plot(np.full(4, place + aside + 0.08), each, "_", color=colour, ms=9, alpha=0.7)
_ = ax.plot([], [], "_", color="#555555", ms=9, label="one target, mean of five seeds")
_ = ax.axhline(0, color="#999999", lw=1)
_ = ax.set_xticks(range(4), names.values())
_ = ax.set(ylabel="agreement with the true order (weighted τ)", ylim=(-0.2, 1.05))
_ = ax.legend(loc="lower right", fontsize=9, ncols=3, columnspacing=1)
plotting.show(
    ax, "Weighted τ of four scores with intervals that overlap, from 5 and from 20 labels"
)

# %% [markdown] slideshow={"slide_type": "skip"}
# From 20 labels the plain rival comes first, from 5 LogME, and we cannot tell these two apart. Of the six pairs, one differs both
# times: LogME orders the sources better than the H-score. Their intervals overlap, but that of the paired difference excludes 0.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Paired differences of τ for all six pairs, with their 95 % bootstrap intervals.
differ = {}
for (one, other), labels in product(combinations(names, 2), (20, 5)):
    apart = interval(tau(one, labels) - tau(other, labels))
    differ[one, other, labels] = not apart[1] < 0 < apart[2]
    if {one, other} == {"log_me", "h_score"}:
        words = f"{labels} labels: LogME orders better than the H-score"
        claim(apart[1] > 0, words, measured=apart, seeds=5)
    if {one, other} == {"log_me", rival}:
        words = f"{labels} labels: the rival or LogME, we cannot tell"
        claim(apart[1] < 0 < apart[2], words, measured=apart, seeds=5)
always = [p for p in combinations(names, 2) if differ[*p, 20] and differ[*p, 5]]
claim(always == [("log_me", "h_score")], "no other pair differs both times", seeds=5)
first = [tau("few_label_accuracy", n).mean() - tau("log_me", n).mean() for n in (20, 5)]
words = "the rival's mean is the first with 20 labels, and behind LogME's with 5"
claim(first[0] > 0 > first[1], words, measured=first, seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · Can a network learn two tasks at once?
#
# This is a good place for a break.
#
# You have named five images of each digit, and you are tired. But two easier questions have been answered for all 2,000
# images: is the digit odd, and is it drawn in a pale, a middle or a bright shade? Could a network that learns one of these
# beside your own task become better at *yours*? To learn both at once is **multi-task learning** (Caruana 1997).
#
# <!-- Notes:
# Ask for pairs from their own work: an expensive label, and a cheap one for the same images.
# -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Digits at 14×14 pixels, each in one of three shades; three questions have an answer.
drawn = make_cluttered_digits(2_000, 1_000, difficulty=0.2, random_state=1)


def halve(x):
    return x.reshape(-1, 14, 2, 14, 2, 1).mean((2, 4))


def shaded(x, seed):
    shade = np.random.default_rng(seed).integers(3, size=len(x))
    return halve(x) * np.array([0.5, 0.75, 1])[shade, None, None, None], shade


(x_train, shade), (x_test, shade_test) = shaded(drawn.x_train, 2), shaded(drawn.x_test, 3)
y_train, y_test = drawn.y_train, drawn.y_test

# %% jupyter={"source_hidden": true} slideshow={"code": false}
# Eight images with their three labels, in one scale of grey.
titles = [
    f"{digit}, {'odd' if digit % 2 else 'even'},\n{('pale', 'middle', 'bright')[tone]}"
    for digit, tone in zip(y_train[:8], shade[:8], strict=True)
]
ax = plotting.image_grid(x_train[:8, ..., 0], titles, columns=8, limits=(0, 1))
plotting.show(ax, "Eight digits, each with its name, whether it is odd, and its shade")


# %% [markdown] slideshow={"headline": "One backbone, two heads", "slide_type": "subslide"}
# The network is a **backbone** with a head for each task. Every head reads the same features, and the gradients of all tasks
# meet in the backbone.
#
# <!-- Notes: Draw it: one stem, two branches. Where do the two gradients meet? -->

# %%
# A backbone that all tasks share, and heads.
def several_heads(classes):
    """A small backbone, and for each task a head that returns its logits."""
    image = keras.Input((14, 14, 1))
    x = image
    for channels in (16, 32):
        x = layers.Conv2D(channels, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    features = layers.Dropout(0.5)(layers.Flatten()(x))
    heads = {task: layers.Dense(k, name=task)(features) for task, k in classes.items()}
    return keras.Model(image, heads)


# %% [markdown] slideshow={"headline": "One loss out of two", "slide_type": "subslide"}
# Two losses have to become one, with a weight $w$ between 0 and 1:
#
# $$ J=w\,J_\text{digit}+(1-w)\,J_\text{odd} $$
#
# An image without a label for a task must not count there. In each step the folded `learn` takes 32 images for each task, and gives
# an image the weight 0 in the loss of the other. It also shifts images by up to two pixels.
#
# <!-- Notes: What happens at w = 1, and at w = 0? The other head then never learns. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Each batch holds images of every task, and each image counts for its own task alone.
def learn(network, parts, steps, seed=0, shift=2):
    """Train on shifted images of each task; `parts` holds (x, y, images in a batch)."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(list(parts), [size for *_, size in parts.values()])
    draws = {t: rng.integers(len(y), size=(steps, size)) for t, (_, y, size) in parts.items()}
    x = np.concatenate([parts[t][0][i] for t, i in draws.items()], axis=1)
    labels = np.concatenate([parts[t][1][i] for t, i in draws.items()], axis=1)
    x, y, weight = training.shift_images(x.reshape(-1, 14, 14, 1), shift, rng), {}, {}
    for task in network.output:
        mine = owner == task
        y[task] = np.where(mine, labels, 0).ravel()
        # Keras divides by the whole batch; we want the mean over the task's own images.
        weight[task] = np.tile(mine * len(owner) / max(1, mine.sum()), steps)
    network.fit(x, y, sample_weight=weight, batch_size=len(owner), shuffle=False, verbose=0)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Build and compile; and the accuracy of one head.
def prepare(classes, loss_weights=None):
    keras.utils.set_random_seed(0)
    network = several_heads(classes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    adam = keras.optimizers.Adam(2e-3)
    network.compile(
        adam, dict.fromkeys(classes, loss), loss_weights=loss_weights, jit_compile=False
    )
    network.steps_per_execution = 25  # at a time, which costs less beside so small a network
    return network


def accuracy(network, task, x, y):
    return np.mean(network.predict(x, verbose=0)[task].argmax(1) == y)


# %%
both = prepare({"digit": 10, "odd": 2}, loss_weights={"digit": 0.5, "odd": 0.5})
five = np.concatenate([np.flatnonzero(y_train == k)[:5] for k in range(10)])

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
parts = {"digit": (x_train[five], y_train[five], 32), "odd": (x_train, y_train % 2, 32)}
learn(both, parts, steps=800)

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.12"]
for task, truth in {"digit": y_test, "odd": y_test % 2}.items():
    print(f"{task:5} {accuracy(both, task, x_test, truth):.2f} right")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
learned = accuracy(both, "digit", x_test, y_test), accuracy(both, "odd", x_test, y_test % 2)
claim(learned[0] > 0.3 and learned[1] > 0.7, "one network answers both", measured=learned)

# %% [markdown] slideshow={"headline": "Which second task helps?", "slide_type": "subslide"}
# One network answers two questions. Is it better at the digits than one that learned nothing else? `python -m
# benchmarks.several_tasks` compared, with 800 steps, five seeds and a learning rate for each arm: the digit **alone**, alone with
# **twice the images** in each step (as many as two tasks see), and the digit with each of the second tasks, at $w=0.5$.
#
# <!-- Notes: Answer: it costs about six points. Let each side give its reason: what does the shade know about a digit? -->

# %% slideshow={"code": false}
question = "Five labels of each digit: by how many points does the shade change the digits?"
quiz.predict("09.second", question, -20, 20)

# %% slideshow={"slide_type": "skip"}
stored = benchmark("several_tasks")


def digit(arm, labels=5, steps=800):
    """Accuracy at the digits, five seeds."""
    return [found["digit"] for found in stored["arms"][str(labels)][arm][str(steps)]["results"]]


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("09.second", round(lead(digit("with shade"), digit("alone"))[0], 1))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Five labels of each digit, and 200", "slide_type": "subslide"}
# Mean and standard deviation over five seeds.
arms = {
    "alone": "#777777",
    "twice the images": "#777777",
    "with odd": "#56B4E9",
    "with shade": "#E69F00",
}
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.3), sharey=True)
for ax, labels in zip(axes, stored["labels"], strict=True):
    mean, sd = plotting.mean_and_sd([digit(arm, labels) for arm in arms])
    _ = ax.barh(range(4), 100 * mean, xerr=100 * sd, color=list(arms.values()), capsize=4)
    _ = ax.set(xlabel="test accuracy on digits (%)", xlim=(0, 100))
    _ = ax.set_title(f"{labels} labels of each digit")
_ = axes[0].set_yticks(range(4), arms)
axes[0].invert_yaxis()
_ = figure.suptitle("With five labels one second task helps, and the other harms", fontsize=11)
plotting.show(figure, "Accuracy on digits of four arms, with 5 labels of each digit and with 200")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "notes"}
# Leads in points, with their intervals of 95 %.
for labels in stored["labels"]:
    for arm, rival in [*product(["with odd", "with shade"], list(arms)[:2]), list(arms)[1::-1]]:
        mean, low, high = lead(digit(arm, labels), digit(rival, labels))
        print(f"{labels:3} labels: {arm} − {rival}: {mean:+.0f} ({low:+.1f} to {high:+.1f})")

# %% [markdown] slideshow={"slide_type": "notes"}
# With five labels, odd or even helps, and does more than twice the images of the same 50 digits. Perhaps it teaches, from 2,000 images,
# what separates a 3 from an 8. The shade does harm, on the very same 2,000 images. So it is not the images that help, but what is
# asked about them. (We picked these two on validation images, so that
# one helps and one harms. Turning or tilting did neither clearly.)
#
# With 200 labels of each digit we cannot tell whether odd or even helps. Twice the images help by three points (1.1 to 4.8).

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Intervals of 95 % over five seeds.
for rival in ("alone", "twice the images"):
    ahead = lead(digit("with odd"), digit(rival))
    claim(ahead[1] > 0, f"five labels: odd helps, beside {rival}", measured=ahead, seeds=5)
    behind = lead(digit("with shade"), digit(rival))
    claim(behind[2] < 0, f"the shade does harm, beside {rival}", measured=behind, seeds=5)
early = [lead(digit(f"with {t}", steps=200), digit("alone", steps=200)) for t in ("odd", "shade")]
claim(early[0][1] < 0 < early[0][2], "200 steps: odd, we cannot tell", measured=early[0], seeds=5)
claim(early[1][2] < 0, "200 steps: the shade does harm", measured=early[1], seeds=5)
level = lead(digit("with odd", 200), digit("alone", 200))
words = "with 200 labels we cannot tell whether odd helps"
claim(level[1] < 0 < level[2], words, measured=level, seeds=5)
more = lead(digit("twice the images", 200), digit("alone", 200))
claim(more[1] > 0, "and that twice the images do", measured=more, seeds=5)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper · What the weight decides, and what the gradients say

# %% [markdown] slideshow={"slide_type": "skip"}
# What does $w$ do? We give the digit's loss a tenth of the weight, a half, and nine tenths, and measure *both* tasks.
#
# <!-- Notes: Read each panel from left to right. Which task pays for which? -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Mean and standard deviation over five seeds; the dashed lines are networks of one task.
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.2), sharey=True)
marks = {"digit": ("o", "black"), "odd": ("s", "#56B4E9"), "shade": ("D", "#E69F00")}
weights = {0.1: ", w 0.1", 0.5: "", 0.9: ", w 0.9"}
for ax, second in zip(axes, ("odd", "shade"), strict=True):
    for task in ("digit", second):
        records = [stored["arms"]["5"][f"with {second}{w}"]["800"] for w in weights.values()]
        alone = (
            stored["arms"]["5"]["alone"] if task == "digit" else stored["alone"][f"{task} alone"]
        )
        rows = [[found[task] for found in each["results"]] for each in [*records, alone["800"]]]
        mean, sd = plotting.mean_and_sd(rows)
        style = {"color": marks[task][1], "marker": marks[task][0], "capsize": 3, "label": task}
        _ = ax.errorbar(list(weights), 100 * mean[:3], 100 * sd[:3], **style)
        _ = ax.axhline(100 * mean[3], color=marks[task][1], ls="--", lw=1)
    _ = ax.set(xlabel="weight w of the digit's loss", title=f"digit with {second}")
    _ = ax.legend(loc="lower right")
_ = axes[0].set(ylabel="test accuracy (%)", ylim=(0, 103))
plotting.show(figure, "Accuracy of both tasks over w; dashed, the networks of one task")

# %% [markdown] slideshow={"slide_type": "skip"}
# The shade is easy and is learned at every weight; the digits pay for it, and most where its weight is largest. Odd or even helps most at
# equal weights. So $w$ is a setting like the learning rate: choose it on validation data, for the task that you care about.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
paid = lead(digit("with shade, w 0.1"), digit("with shade"))
claim(paid[2] < 0, "the digits pay most where the shade weighs most", measured=paid, seeds=5)
for w in (0.1, 0.9):
    less = lead(digit(f"with odd, w {w}"), digit("with odd"))
    claim(less[2] < 0, f"odd helps less at w = {w}", measured=less, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# #### Do the gradients say why?
#
# Both losses pull at the backbone. Let $g_1$ and $g_2$ be their gradients with respect to its weights, each written as one long row.
# The cosine of the angle between them,
#
# $$ \cos(g_1, g_2) = \frac{g_1 \cdot g_2}{\sqrt{g_1 \cdot g_1}\, \sqrt{g_2 \cdot g_2}} , $$
#
# is 1 if both tasks want the same step, and 0 if they do not mind each other. Where it is negative, a small step for one makes the other
# worse. Yu et al. (2020) call that a conflict, and cut the conflicting part out of the gradients.
#
# <!-- Notes: A dot product of two rows with thousands of weights. Random rows of that length have a cosine near 0. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Mean over five seeds, on training images, with equal weights.
print("cosine after" + "".join(f"{n:>7}" for n in (0, 50, 200, 400, 800)) + "  steps")
cosines = {}
for labels in stored["labels"]:
    for task in ("odd", "shade"):
        found = stored["arms"][str(labels)][f"with {task}"]["800"]["results"]
        cosines[task, labels] = np.array([list(each["cosines"].values()) for each in found])
        row = "".join(f"{value:7.2f}" for value in cosines[task, labels].mean(0))
        print(f"{task:5}, {labels:3}  {row}")

# %% [markdown] slideshow={"slide_type": "skip"}
# Once training has begun, the digit and odd or even agree on average. That fits the help, but not all of it: with 200 labels they agree
# too, and nothing is gained. And between digit and shade we see no conflict on average, although the shade did harm. A cosine says whether one small step suits both tasks. It does not say whether the second task knows
# anything that the first one lacks.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Each seed's mean over the moments after the first; intervals of 95 %.
for (task, labels), values in cosines.items():
    later = values[:, 1:].mean(1)
    low, high = stats.ttest_1samp(later, 0).confidence_interval()
    ok = low > 0 if task == "odd" else low < 0 < high
    words = "agrees with the digit" if task == "odd" else "cannot be told from 0"
    claim(ok, f"{task}, {labels} labels: {words}", measured=[low, high], seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# #### One after the other
#
# Chapter 04's transfer is a rival too: 800 steps of odd or even first, then 800 steps of digits on the same backbone. These are
# twice the steps of one network. We cannot tell whether together or one after the other is better. One after the other
# beats the digit alone, but beside twice the images we cannot tell.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Means over five seeds, and paired differences in points with intervals of 95 %.
for arm in ("alone", "twice the images", "with odd", "after odd"):
    print(f"{arm:17}{100 * np.mean(digit(arm)):.0f} %")
for rival in ("with odd", "alone", "twice the images"):
    apart = lead(digit("after odd"), digit(rival))
    print("after odd − {}: {:+.1f} ({:+.1f} to {:+.1f})".format(rival, *apart))
    if rival == "alone":
        claim(apart[1] > 0, "after odd or even is better than alone", measured=apart, seeds=5)
    else:
        words = f"after odd, or {rival}: we cannot tell"
        claim(apart[1] < 0 < apart[2], words, measured=apart, seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · What becomes of the source?
#
# A network reads printed letters, light on dark. Now it learns digits that are dark on light. Suppose you need *both*: will it
# still read letters?
#
# We keep the head of the letters, add one for the digits, and let everything train.
#
# <!-- Notes: In section 3 both tasks were there all the time. Here one of them is over. -->

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The source: 8,000 letters of the same size.
letters = make_cluttered_letters(8_000, 1_000, difficulty=0.2, random_state=0)
x_letters, x_letters_test = halve(letters.x_train), halve(letters.x_test)
reader = prepare({"digit": 10, "letter": 26})
learn(reader, {"letter": (x_letters, letters.y_train, 64)}, steps=1000)
knows = reader.get_weights()

# %% jupyter={"source_hidden": true} slideshow={"code": false}
# Ten of each, in one scale of grey.
dark, dark_test = 1 - halve(drawn.x_train), 1 - halve(drawn.x_test)
some = np.concatenate([x_letters[:10], dark[:10]])[..., 0]
titles = [letters.class_names[k] for k in letters.y_train[:10]] + [str(k) for k in y_train[:10]]
ax = plotting.image_grid(some, titles, columns=10, limits=(0, 1))
plotting.show(ax, "Ten letters, light on dark, and below them ten digits, dark on light")

# %% slideshow={"code": false} tags=["atol-0.08"]
before = accuracy(reader, "letter", x_letters_test, letters.y_test)
print(f"it reads {before:.2f} of new letters")

# %% [markdown] slideshow={"headline": "How many letters will it still read?", "slide_type": "subslide"}
# The target has 200 labels of each digit. The folded `study` trains on them for 600 steps, and shows no letter any more.
#
# <!-- Notes: Answer: about one in five, in some runs fewer. Collect guesses first, and ask what a person would still know. -->

# %% slideshow={"code": false}
question = "What share of the letters will it read afterwards?"
quiz.predict("09.forget", question, 0, 1)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Digits from the letters' weights, with two accuracies on the way.
def study(**parts):
    """Learn the digits from the letters' weights, and look at both on the way."""
    reader.set_weights(knows)
    for variable in reader.optimizer.variables:  # Adam begins again, too
        variable.assign(keras.ops.zeros_like(variable))
    reader.optimizer.learning_rate.assign(6e-3)  # the best for the digits
    seen = []
    for steps in (25, 75, 200, 300):
        learn(reader, {"digit": (dark, y_train, 32), **parts}, steps, seed=steps, shift=0)
        on_digits = accuracy(reader, "digit", dark_test, y_test)
        seen.append((on_digits, accuracy(reader, "letter", x_letters_test, letters.y_test)))
    return np.array(seen)


# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
alone = study()

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.15"]
quiz.reveal("09.forget", alone[-1, 1])

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.15"]
for steps, (on_digits, on_letters) in zip((25, 100, 300, 600), alone, strict=True):
    print(f"after {steps:3} steps: digits {on_digits:.2f}, letters {on_letters:.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Nothing in the loss mentions the letters, so nothing keeps them. McCloskey & Cohen (1989) described this
# **catastrophic forgetting**, as *interference*, in a small network that learned sums.
#
# A simple remedy is **replay**: keep some old examples, and show them again (Robins 1995). We keep five images of each letter,
# 130 in all, and add eight of them to each batch of 32 digits.

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Five places of each letter, and eight letters in each batch.
kept = np.concatenate([np.flatnonzero(letters.y_train == k)[:5] for k in range(26)])
replayed = study(letter=(x_letters[kept], letters.y_train[kept], 8))

# %% slideshow={"slide_type": "notes"} tags=["atol-0.15"]
for name, (on_digits, on_letters) in {"without": alone[-1], "with": replayed[-1]}.items():
    print(f"{name:7} replay: digits {on_digits:.2f}, letters {on_letters:.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gap = replayed[-1, 1] - alone[-1, 1]
claim(gap > 0.1, "130 letters bring many letters back", measured=gap)

# %% [markdown] slideshow={"slide_type": "notes"}
# Two rivals keep no images at all: a tenth of the learning rate, and a **frozen** backbone. The stored benchmark has five sources.
# Every arm has the rate that is best for its digits, except the one at a tenth of it.
#
# <!-- Notes: What would you lose with a frozen backbone? Chapter 04 has the answer. -->

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What is kept, and what it costs", "slide_type": "subslide"}
# Mean over five seeds; the band is one standard deviation. The moments stand at equal distances.
ways = {
    "fine-tuned": (plotting.COLORS["fine-tuned"], "s"),
    "a tenth of the rate": ("black", "v"),
    "replay 5": (plotting.COLORS["source"], "P"),
    "frozen": (plotting.COLORS["frozen"], "^"),
}
at = range(len(stored["moments"]))
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.6), sharey=True)
for ax, task in zip(axes, ("letter", "digit"), strict=True):
    for way, (colour, marker) in ways.items():
        rows = [[100 * run[k][task] for run in stored["forgetting"][way]["results"]] for k in at]
        mean, sd = plotting.mean_and_sd(rows)
        _ = ax.plot(at, mean, marker + "-", color=colour, label=way, ms=5)
        _ = ax.fill_between(at, mean - sd, mean + sd, color=colour, alpha=0.2, lw=0)
    _ = ax.set(xlabel="steps on the digits", title=f"{task}s")
    _ = ax.set_xticks(at, stored["moments"])
_ = axes[0].set(ylabel="test accuracy (%)", ylim=(0, 100))
_ = axes[1].legend(fontsize=9, loc="lower right")
plotting.show(figure, "Accuracy on letters and on digits over steps, for four ways to train")


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "notes"}
# After 600 steps; beside fine-tuning, in points, with intervals of 95 %.
def ends(way, task):
    return [run[-1][task] for run in stored["forgetting"][way]["results"]]


print("                      letters  digits   digits, beside fine-tuned")
for way in stored["forgetting"]:
    both_ends = [100 * np.mean(ends(way, task)) for task in ("letter", "digit")]
    mean, low, high = lead(ends(way, "digit"), ends("fine-tuned", "digit"))
    aside = "" if way == "fine-tuned" else f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"
    print(f"{way:21} {both_ends[0]:5.0f} % {both_ends[1]:5.0f} %   {aside}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Fine-tuning loses nearly three quarters of what it knew: its five runs still read 17 to 27 % of the letters, and yours was
# one more. Five images of each letter keep most of it, for about three points of the
# digits; a single one keeps more than half, at a price that we cannot tell from nothing. A tenth of the rate is worse than five
# images at both tasks. The frozen backbone forgets nothing, and learns the digits worst.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Intervals of 95 % over five seeds, after 600 steps.
knew = [run[0]["letter"] for run in stored["forgetting"]["fine-tuned"]["results"]]
fell = lead(ends("fine-tuned", "letter"), knew)
left = ends("fine-tuned", "letter")
claim(min(left) > 0.16 and max(left) < 0.28, "17 to 27 % are left", measured=left, seeds=5)
claim(fell[2] < -50, "fine-tuning forgets more than 50 points", measured=fell, seeds=5)
missing = lead(ends("replay 5", "letter"), knew)
claim(missing[1] > -25, "with replay it is less than 25", measured=missing, seeds=5)
price = lead(ends("replay 5", "digit"), ends("fine-tuned", "digit"))
claim(price[2] < 0 and price[1] > -6, "and costs few points", measured=price, seeds=5)
free = lead(ends("replay 1", "digit"), ends("fine-tuned", "digit"))
claim(free[1] < 0 < free[2], "what one image costs we cannot tell", measured=free, seeds=5)
for task in ("letter", "digit"):
    worse = lead(ends("a tenth of the rate", task), ends("replay 5", task))
    claim(worse[2] < 0, f"a tenth of the rate is worse at the {task}s", measured=worse, seeds=5)
for way in (way for way in stored["forgetting"] if way != "frozen"):
    price = lead(ends("frozen", "digit"), ends(way, "digit"))
    words = f"the frozen backbone learns the digits worse than {way}"
    claim(price[2] < 0, words, measured=price, seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · A recipe for your own task
#
# We take a new target, ten arrows and signs in
# grey clutter, with 10 labels of each, and four sources.
#
# <!-- Notes: Let them apply the recipe to a task of their own in five sentences before you run it. -->

# %% slideshow={"slide_type": "skip"}
signs = make_cluttered_letters(400, 200, alphabet="←↑→↓↔∀∂∃∑√", random_state=9)
labelled = few_labels(signs, 10, random_state=0)
# The same labels, and the images in colour.
labelled = replace(labelled, x_train=in_colour(labelled.x_train), x_test=in_colour(labelled.x_test))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The letters' small CNN learns here and now, as it did for the table.
large = make_cluttered_letters(16_000, 10, random_state=0)
keras.utils.set_random_seed(0)
clutter_reader = models.small_cnn(26)
training.compile_classifier(clutter_reader, learning_rate=2e-3)
clutter_reader.steps_per_execution = 25
training.fit_steps(clutter_reader, large.x_train, large.y_train, steps=500, batch_size=64)

# %% slideshow={"slide_type": "skip"}
mine = {
    "ImageNet, EfficientNet": imagenet,
    "letters, ResNet50": scene_reader,
    "letters, small CNN": clutter_reader,
    "random small CNN": models.small_cnn(26),
}

# %% jupyter={"source_hidden": true} slideshow={"code": false}
names_of = [labelled.class_names[k] for k in labelled.y_train[:20]]
ax = plotting.image_grid(labelled.x_train[:20], names_of)
plotting.show(ax, "Twenty arrows and mathematical signs in grey clutter, with their names")

# %% [markdown] slideshow={"headline": "Which of them do the labels rule out?", "slide_type": "subslide"}
# `transfer.rank_sources` shows the labelled images to each network, orders the sources by cross-validation, and says which of them
# these labels cannot tell from the first.
#
# <!-- Notes: Answer: three, all but the random weights. Ask how far apart two accuracies on 100 images must be. -->

# %% slideshow={"code": false}
question = "How many of the four can be the best, by these 100 labels, the first included?"
quiz.predict("09.recipe", question, 1, 4)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
ranking = transfer.rank_sources(mine, labelled.x_train, labelled.y_train)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["nbval-ignore-output"]
quiz.reveal("09.recipe", 1 + len(ranking.level))

# %% slideshow={"code": false, "slide_type": "notes"} tags=["nbval-ignore-output"]
# The seconds include the network's own pass over the images.
print(ranking)

# %% [markdown] slideshow={"headline": "Was it right?", "slide_type": "subslide"}
# Now the truth, which you would not have: 200 test images, with the C that section 1 stored for digits in the same clutter.
#
# <!-- Notes: This is the step that nobody can do beforehand. Ask what they would do if it disagreed. -->

# %% slideshow={"slide_type": "skip"} tags=["atol-0.08"]
truth_there = {}
for name in ranking.scores:
    C = record("frozen", name, "cluttered digits")["setting"]
    truth_there[name] = frozen_accuracy(mine[name], labelled, C)
    print(f"{name:24} {truth_there[name]:.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# The first choice is the best, or close to it. LogME, the H-score and LEEP would take the ResNet50; in our run it is two images
# of 200 behind, so the truth cannot tell. The random network's H-score is 8 of 9: remember the noise.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What came first, beside the truth; and what the scores would take.
best_there = max(truth_there, key=truth_there.get)
first = next(iter(ranking.scores))
behind = truth_there[best_there] - truth_there[first]
claim(behind < 0.03, "the first choice is within three points of the best", measured=behind)
praised = ranking.scores["random small CNN"]["h_score"]
claim(7.5 < praised < 8.5, "the H-score praises the random network", measured=praised)
for score in ("log_me", "h_score", "leep"):
    taken = max(ranking.scores, key=lambda name: ranking.scores[name][score])
    claim(taken == "letters, ResNet50", f"{names[score]} takes the ResNet50")

# %% [markdown] slideshow={"headline": "The recipe", "slide_type": "subslide"}
# > **The recipe.** Collect a few sources, one of them as near to your images as you can find. Keep a few labels of each class for validation. With the others, rank the
# > sources by cross-validation on frozen features, and keep those that your labels cannot tell apart. Fine-tune these, beside a network from scratch, and
# > let the validation images decide. Trust no score that is judged on the images it was fitted to.
#
# As a whole this is our advice, and untested.
#
# <!-- Notes: Let each of them name their second source, the one that they would not have tried before this chapter. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("09")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - No source is the best everywhere. Read your own column.
# - In the source's own world, similarity, data and computing time all count.
# - Give a score noise before you trust it. LEEP and the H-score praise it.
# - Few sources and targets can hardly tell good scores apart. Cross-validation gives an accuracy that you can read.
# - A second task helps where it teaches what your few labels cannot.
# - A network forgets what it no longer sees. A few old examples in each batch keep most of it.
#
# <!-- Notes:
# Go back to the answers from the beginning: by what did they choose a network, and what would they do now? Then hand out exercise
# set 09.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# First give chapter 02's network a source: train it with 26 outputs on printed letters (`difficulty=0`), copy its
# hidden layer, and compare five labels of each digit with and without it. Then take the
# [exercise set](../exercises/ex09/ex09_sources.ipynb); task 2 uses section 2's *Going deeper*.
#
# ## Further reading
#
# - Agostinelli et al. 2022, *How stable are transferability metrics evaluations?*, ECCV.
