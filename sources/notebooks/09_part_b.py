# %% [markdown] slideshow={"slide_type": "skip"}
# # Sections 3 and 4 of chapter 09
#
# (A takes these cells over. The setup below holds what they need beyond the chapter's own.)

# %% slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the two sections need.
import numpy as np
from scipy import stats

from tlcourse import plotting, quiz
from tlcourse.course.content import benchmark
from tlcourse.data import make_cluttered_digits, make_cluttered_letters
from tlcourse.quiz import claim

import keras

layers = keras.layers


def lead(ours, theirs):
    """Mean of the paired differences d, in points, and the ends mean ± t · s/√5 of its interval."""
    d = 100 * (np.array(ours) - theirs)
    return d.mean(), *stats.ttest_1samp(d, 0).confidence_interval()


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · Can a network learn two tasks at once?
#
# You have named five images of each digit, and you are tired. But two easier questions have been answered for all 2,000
# images: is the digit odd, and is it drawn in a pale, a middle or a bright shade? Could a network that learns one of these
# beside your own task become better at *yours*?
#
# So far the source came first and the target after it. Now both train at the same time: this is **multi-task learning**
# (Caruana 1997).
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

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "One image, three questions", "slide_type": "subslide"}
# Eight images with their three labels, in one scale of grey.
names = [
    f"{digit}, {'odd' if digit % 2 else 'even'},\n{('pale', 'middle', 'bright')[tone]}"
    for digit, tone in zip(y_train[:8], shade[:8], strict=True)
]
ax = plotting.image_grid(x_train[:8, ..., 0], names, columns=8, limits=(0, 1))
plotting.show(ax, "Eight digits, each with its name, whether it is odd, and its shade")


# %% [markdown] slideshow={"headline": "One backbone, two heads", "slide_type": "subslide"}
# The network is a **backbone** with a head for each task. Every head reads the same features, and the gradients of all tasks
# meet in the backbone. With Keras' functional API you write down what goes where:
#
# <!-- Notes: Draw it: one stem, two branches. Where do the two gradients meet? -->


# %%
def several_heads(classes):
    """A small backbone, and for each task a head that returns its logits."""
    x = image = keras.Input((14, 14, 1))
    for channels in (16, 32):
        x = layers.Conv2D(channels, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    features = layers.Dropout(0.5)(layers.Flatten()(x))
    heads = {task: layers.Dense(k, name=task)(features) for task, k in classes.items()}
    return keras.Model(image, heads)


# %% [markdown] slideshow={"headline": "One loss out of two", "slide_type": "subslide"}
# Two losses have to become one, with a weight $w$ between 0 and 1 that you choose:
#
# $$ J = w\, J_\text{digit} + (1 - w)\, J_\text{odd} $$
#
# An image without a label for a task must not count there. In each step we take 32 images for each task, and give an image the
# weight 0 in the loss of the other.
#
# <!-- Notes: What happens at w = 1, and at w = 0? The other head then never learns. -->


# %% slideshow={"slide_type": "skip"}
def learn(network, parts, steps, seed=0):
    """Train on batches with images of each task; `parts` holds (x, y, images in a batch)."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(list(parts), [size for *_, size in parts.values()])
    draws = {t: rng.integers(len(y), size=(steps, size)) for t, (_, y, size) in parts.items()}
    x = np.concatenate([parts[t][0][i] for t, i in draws.items()], axis=1)
    labels = np.concatenate([parts[t][1][i] for t, i in draws.items()], axis=1)
    x, y, weight = x.reshape(-1, 14, 14, 1), {}, {}
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
# One network answers two questions. But is it better at the digits than a network that learned nothing else? `python -m
# benchmarks.several_tasks` compared, with 800 steps and five seeds, each arm with a learning rate of its own: the digit
# **alone**, alone with **twice the images** in each step (as many as two tasks see), and the digit with each of the second tasks,
# at $w = 0.5$.
#
# <!-- Notes: Answer at the next slide. Let each side give its reason: what does the shade know about a digit? -->

# %% slideshow={"code": false}
choices = ["only odd or even", "only the shade", "both", "neither"]
quiz.predict("09.second", "Which second task makes the network better at the digits?", choices)

# %% slideshow={"slide_type": "skip"}
stored = benchmark("several_tasks")


def digit(arm, labels=5, steps=800):
    """Accuracy at the digits, five seeds."""
    return [found["digit"] for found in stored["arms"][str(labels)][arm][str(steps)]["results"]]


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
helps = tuple(lead(digit(f"with {task}"), digit("alone"))[1] > 0 for task in ("odd", "shade"))
answers = {(True, False): 0, (False, True): 1, (True, True): 2, (False, False): 3}
quiz.reveal("09.second", choices[answers[helps]])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Five labels of each digit, and 200", "slide_type": "subslide"}
# Mean and standard deviation over five seeds.
arms = {
    "alone": "#777777",
    "twice the images": "#777777",
    "with odd": "#56B4E9",
    "with shade": "#E69F00",
}
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3), sharey=True)
for ax, labels in zip(axes, stored["labels"], strict=True):
    mean, sd = plotting.mean_and_sd([digit(arm, labels) for arm in arms])
    _ = ax.barh(range(4), 100 * mean, xerr=100 * sd, color=list(arms.values()), capsize=4)
    _ = ax.set(xlabel="test accuracy on digits (%)", xlim=(0, 100))
    _ = ax.set_title(f"{labels} labels of each digit")
_ = axes[0].set_yticks(range(4), arms)
axes[0].invert_yaxis()
plotting.show(figure, "Accuracy on digits of four arms, with 5 labels of each digit and with 200")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "notes"}
# Leads in points, with their intervals of 95 %.
for labels in stored["labels"]:
    for arm in ("with odd", "with shade"):
        for rival in ("alone", "twice the images"):
            mean, low, high = lead(digit(arm, labels), digit(rival, labels))
            print(f"{labels:3} labels: {arm} − {rival}: {mean:+.0f} ({low:+.1f} to {high:+.1f})")

# %% [markdown] slideshow={"slide_type": "notes"}
# With five labels, odd or even helps, and by more than twice the images of the same 50 digits do. To tell odd from even, the backbone has
# to find out what separates a 3 from an 8, and it sees 2,000 images of that. The shade does harm. It asks how bright an image is, which has
# nothing to do with the digit's name. (After 200 steps the harm is there, and of the help we cannot tell yet.)
#
# With 200 labels of each digit we cannot tell whether odd or even helps. Twice the images of digits do, a little.

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

# %% [markdown] slideshow={"slide_type": "notes"}
# The transfer of chapter 04 is a rival too: 800 steps of odd or even first, then 800 steps of digits on the same backbone. Beside it we
# cannot tell which is better:

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "notes"}
for arm in ("alone", "with odd", "after odd"):
    print(f"{arm:9} {100 * np.mean(digit(arm)):.0f} %")
apart = lead(digit("with odd"), digit("after odd"))
print("with − after: {:+.0f} points ({:+.1f} to {:+.1f})".format(*apart))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
words = "together or one after the other: we cannot tell"
claim(apart[1] < 0 < apart[2], words, measured=apart, seeds=5)
ahead = lead(digit("after odd"), digit("alone"))
claim(ahead[1] > 0, "both are better than alone", measured=ahead, seeds=5)

# %% [markdown] slideshow={"headline": "What w decides", "slide_type": "subslide"}
# What does $w$ do? We give the digit's loss a tenth of the weight, a half, and nine tenths, and measure *both* tasks.
#
# <!-- Notes: Read each panel from left to right. Which task pays for which? -->

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What w decides: both tasks", "slide_type": "subslide"}
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

# %% [markdown] slideshow={"slide_type": "notes"}
# The shade is easy and is learned at every weight; the digits pay for it, and most where its weight is largest. Odd or even helps most at
# equal weights. So $w$ is a setting like the learning rate: choose it on validation data, for the task that you care about.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
paid = lead(digit("with shade, w 0.1"), digit("with shade"))
claim(paid[2] < 0, "the digits pay most where the shade weighs most", measured=paid, seeds=5)
for w in (0.1, 0.9):
    less = lead(digit(f"with odd, w {w}"), digit("with odd"))
    claim(less[2] < 0, f"odd helps less at w = {w}", measured=less, seeds=5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Do the gradients say why?
#
# Both losses pull at the backbone. Let $g_1$ and $g_2$ be their gradients with respect to its weights, each written as one long row.
# The cosine of the angle between them,
#
# $$ \cos(g_1, g_2) = \frac{g_1 \cdot g_2}{\lVert g_1 \rVert\, \lVert g_2 \rVert} , $$
#
# is 1 if both tasks want the same step, and 0 if they do not mind each other. Where it is negative, a small step for one makes the other
# worse. Yu et al. (2020) call that a conflict, and cut the conflicting part out of the gradients.
#
# <!-- Notes: A dot product of two rows with thousands of weights. Random rows of that length have a cosine near 0. -->

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
# Mean over five seeds, on training images, with equal weights.
print("cosine after" + "".join(f"{n:>7}" for n in (0, 50, 200, 400, 800)) + "  steps")
cosines = {}
for labels in stored["labels"]:
    for task in ("odd", "shade"):
        found = stored["arms"][str(labels)][f"with {task}"]["800"]["results"]
        cosines[task, labels] = np.array([list(each["cosines"].values()) for each in found])
        row = "".join(f"{value:7.2f}" for value in cosines[task, labels].mean(0))
        print(f"{task:5}, {labels:3}  {row}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Once training has begun, the digit and odd or even agree on average. That fits the help, but not all of it: with 200 labels they agree
# too, and nothing is gained. And between digit and shade we see no conflict on average, although the shade did harm. (In single runs the
# cosine jumps between −0.9 and 0.9.) A cosine says whether one small step suits both tasks. It does not say whether the second task knows
# anything that the first one lacks.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Each seed's mean over the moments after the first; intervals of 95 %.
for (task, labels), values in cosines.items():
    later = values[:, 1:].mean(1)
    low, high = stats.ttest_1samp(later, 0).confidence_interval()
    ok = low > 0 if task == "odd" else low < 0 < high
    words = "agrees with the digit" if task == "odd" else "cannot be told from 0"
    claim(ok, f"{task}, {labels} labels: {words}", measured=[low, high], seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · What becomes of the source?
#
# A network reads printed letters, light on dark. Now it learns digits that are dark on light. In chapter 04 nobody looked back once
# the weights were copied. But suppose you need *both*: will it still read letters?
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

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "The source above, the target below", "slide_type": "subslide"}
# Ten of each, in one scale of grey.
dark, dark_test = 1 - halve(drawn.x_train), 1 - halve(drawn.x_test)
some = np.concatenate([x_letters[:10], dark[:10]])[..., 0]
names = [letters.class_names[k] for k in letters.y_train[:10]] + [str(k) for k in y_train[:10]]
ax = plotting.image_grid(some, names, columns=10, limits=(0, 1))
plotting.show(ax, "Ten letters, light on dark, and below them ten digits, dark on light")

# %% slideshow={"code": false} tags=["atol-0.08"]
before = accuracy(reader, "letter", x_letters_test, letters.y_test)
print(f"it reads {before:.2f} of new letters")

# %% [markdown] slideshow={"headline": "How many letters will it still read?", "slide_type": "subslide"}
# The target has 200 labels of each digit, and trains for 600 steps. No letter is shown any more.
#
# <!-- Notes: Answer: about one in four. Collect guesses first, and ask what a person would still know. -->

# %% slideshow={"code": false}
question = "What share of the letters will it read afterwards?"
quiz.predict("09.forget", question, 0, 1)


# %% slideshow={"slide_type": "skip"}
def study(**parts):
    """Learn the digits from the letters' weights, and look at both on the way."""
    reader.set_weights(knows)
    reader.optimizer.learning_rate.assign(6e-3)  # the best for the digits
    seen = []
    for steps in (25, 75, 200, 300):
        learn(reader, {"digit": (dark, y_train, 32), **parts}, steps, seed=steps)
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
# Every step makes the digits better, and none asks what it does to the letters. McCloskey & Cohen (1989) described this
# **catastrophic forgetting** in a small network that learned sums: one set after the other.
#
# The oldest remedy is simple: keep some old examples and show them again, as **replay** (Robins 1995 compared several ways). We
# keep five images of each letter, 130 in all, and add eight of them to each batch of 32 digits.

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
kept = np.concatenate([np.flatnonzero(letters.y_train == k)[:5] for k in range(26)])
replayed = study(letter=(x_letters[kept], letters.y_train[kept], 8))

# %% slideshow={"slide_type": "fragment"} tags=["atol-0.15"]
for name, (on_digits, on_letters) in {"without": alone[-1], "with": replayed[-1]}.items():
    print(f"{name:7} replay: digits {on_digits:.2f}, letters {on_letters:.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gap = replayed[-1, 1] - alone[-1, 1]
claim(gap > 0.1, "130 letters bring most of the letters back", measured=gap)

# %% [markdown] slideshow={"headline": "Is that the best remedy?", "slide_type": "subslide"}
# Two rivals keep no images at all: a tenth of the learning rate, and a **frozen** backbone, which cannot forget anything. The
# stored benchmark gave each arm the rate that is best for its digits, with five sources.
#
# <!-- Notes: What would you lose with a frozen backbone? Chapter 04 has the answer. -->

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What is kept, and what it costs", "slide_type": "subslide"}
# Mean over five seeds; the band is one standard deviation.
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.6), sharey=True)
ways = {
    "fine-tuned": (plotting.COLORS["fine-tuned"], "s"),
    "a tenth of the rate": ("black", "v"),
    "replay 5": (plotting.COLORS["source"], "P"),
    "frozen": (plotting.COLORS["frozen"], "^"),
}
for ax, task in zip(axes, ("letter", "digit"), strict=True):
    for way, (colour, marker) in ways.items():
        runs = stored["forgetting"][way]["results"]
        rows = np.transpose([[moment[task] for moment in one] for one in runs])
        mean, sd = (100 * values for values in plotting.mean_and_sd(rows))
        _ = ax.plot(stored["moments"], mean, marker=marker, color=colour, label=way, ms=5)
        _ = ax.fill_between(stored["moments"], mean - sd, mean + sd, color=colour, alpha=0.2, lw=0)
    _ = ax.set(xlabel="steps on the digits", title=f"{task}s", xscale="symlog", xlim=(0, 620))
    _ = ax.set_xticks([0, 10, 100, 600], ["0", "10", "100", "600"])
_ = axes[0].set(ylabel="test accuracy (%)", ylim=(0, 100))
_ = axes[1].legend(fontsize=9, loc="upper left")
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
# Fine-tuning loses nearly three quarters of what it knew. Five images of each letter keep most of it, for about three points of the
# digits; a single one keeps more than half, at a price that we cannot tell from nothing. A tenth of the rate is worse than five
# images at both tasks. The frozen backbone keeps every letter, and learns the digits worst.
#
# What if the old images are gone? You can also hold on to the weights that the source needs most (Kirkpatrick et al. 2017). And if you
# need the target alone, let the network forget.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Intervals of 95 % over five seeds, after 600 steps.
knew = [run[0]["letter"] for run in stored["forgetting"]["fine-tuned"]["results"]]
lost = lead(ends("fine-tuned", "letter"), knew)
claim(lost[2] < -50, "fine-tuning forgets more than 50 points", measured=lost, seeds=5)
missing = lead(ends("replay 5", "letter"), knew)
claim(missing[1] > -25, "with replay it is less than 25", measured=missing, seeds=5)
price = lead(ends("replay 5", "digit"), ends("fine-tuned", "digit"))
claim(price[2] < 0 and price[1] > -6, "and costs few points", measured=price, seeds=5)
free = lead(ends("replay 1", "digit"), ends("fine-tuned", "digit"))
claim(free[1] < 0 < free[2], "what one image costs we cannot tell", measured=free, seeds=5)
for task in ("letter", "digit"):
    worse = lead(ends("a tenth of the rate", task), ends("replay 5", task))
    claim(worse[2] < 0, f"a tenth of the rate is worse at the {task}s", measured=worse, seeds=5)
price = lead(ends("frozen", "digit"), ends("replay 5", "digit"))
claim(price[2] < 0, "the frozen backbone is worse at the digits", measured=price, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading (for these two sections)
#
# - McCloskey & Cohen 1989, *Catastrophic interference in connectionist networks: the sequential learning problem*,
#   Psychology of Learning and Motivation 24.
# - Robins 1995, *Catastrophic forgetting, rehearsal and pseudorehearsal*, Connection Science 7(2).
# - Caruana 1997, *Multitask learning*, Machine Learning 28.
# - Kirkpatrick et al. 2017, *Overcoming catastrophic forgetting in neural networks*, PNAS 114(13).
# - Yu et al. 2020, *Gradient surgery for multi-task learning*, NeurIPS.
