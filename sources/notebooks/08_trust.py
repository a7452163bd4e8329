# %% [markdown] slideshow={"slide_type": "slide"}
# # 08 · Trust
#
# Chapter 06 told you how often a network is right. But may you believe it *this* time? In this chapter you ask a network
# how sure it is, and teach it to be sure less often. Then you show it a world that it does not know, and look at what it
# looks at.
#
# <!-- Notes:
# Ask who would let a network decide something about them. What would it have to show first? Collect three answers, and
# come back to them at the end.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - measure whether a network's confidence can be believed, in three ways;
# - mend it with one number, and let the network say "I don't know";
# - test it on images that its training did not prepare it for;
# - ask where it looks, and check whether the picture deserves belief.
#
# <!-- Notes: The planted mark in section 4 is what they remember. Leave at least fifteen minutes for it. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 65 minutes to read and try, 1 min 50 s to run. You need chapters 04 and 06.

# %% slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
import numpy as np
from scipy import stats
from sklearn import metrics

from tlcourse import backend, evaluation, models, plotting, quiz, training, transfer
from tlcourse.autodiff import gradient
from tlcourse.data import few_labels, make_cluttered_digits, make_cluttered_letters
from tlcourse.quiz import claim

import keras

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("08")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · Does it know when it is wrong?
#
# We question the networks of chapter 06: handwritten digits in clutter, 20 labels per class, fine-tuned from a network
# that reads printed letters. There are five of them, and five that were trained from scratch, with 600 steps each. For all that
# is *fitted* we use **validation** images, and for all that is *judged* the **test** images.
#
# <!-- Notes: Run this cell while the retrieval questions are answered. -->

# %% slideshow={"slide_type": "skip"}
letters = make_cluttered_letters(12_000, random_state=0)
digits = make_cluttered_digits(3_000, 1_500, random_state=1)
validation = make_cluttered_digits(10, 600, held_out="validation", random_state=2)
x_test, y_test, x_val, y_val = digits.x_test, digits.y_test, validation.x_test, validation.y_test
seeds = range(5)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The source network, once; and two ways to begin.
keras.utils.set_random_seed(0)
source = models.small_cnn(classes=len(letters.class_names))
training.compile_classifier(source, learning_rate=2e-3)
source.steps_per_execution = 25  # at a time, which costs less beside so small a network
training.fit_steps(source, letters.x_train, letters.y_train, steps=1000, batch_size=64)
networks = {"scratch": models.small_cnn(), "fine-tuned": models.small_cnn()}
backbone = ["conv1", "conv2", "conv3", "conv4"]
starts = {
    "scratch": transfer.warm_start(networks["scratch"], learning_rate=2e-3),
    "fine-tuned": transfer.warm_start(networks["fine-tuned"], source, backbone, learning_rate=2e-3),
}
for network in networks.values():
    network.steps_per_execution = 25


# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Ten networks; we keep their weights, and ask them questions for the rest of the chapter.
def train(way, seed):
    few = few_labels(digits, 20, random_state=seed)
    network = starts[way](seed)
    training.fit_steps(network, few.x_train, few.y_train, steps=600, shift=4, seed=seed)
    return network.get_weights()


weights = {way: [train(way, seed) for seed in seeds] for way in starts}

# %% slideshow={"slide_type": "skip"}
reader = models.small_cnn()


def logits(way, seed, x):
    reader.set_weights(weights[way][seed])
    return reader.predict(x, batch_size=500, verbose=0)


on_test = [logits("fine-tuned", seed, x_test) for seed in seeds]
on_val = [logits("fine-tuned", seed, x_val) for seed in seeds]

# %% [markdown] slideshow={"headline": "How sure is it?", "slide_type": "subslide"}
# A network's **confidence** is the probability that softmax gives to its answer. If it is **calibrated**, then of its answers with
# confidence 0.8, eight in ten are right. So its mean confidence should be its accuracy.
#
# <!-- Notes: Answer: too sure, by more than ten points. Remind them of the worst errors in chapter 06. -->

# %% slideshow={"code": false}
question = "Mean confidence minus accuracy of the fine-tuned networks, in points?"
quiz.predict("08.sure", question, -30, 50)

# %% slideshow={"slide_type": "skip"}
p_test = [evaluation.softmax(z) for z in on_test]
confidence = np.array([p.max(1) for p in p_test])
right = np.array([p.argmax(1) == y_test for p in p_test])
too_sure = confidence.mean(1) - right.mean(1)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-5"]
quiz.reveal("08.sure", 100 * too_sure.mean())

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.05"]
print(f"mean confidence {confidence.mean():.2f}, accuracy {right.mean():.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(too_sure.min() > 0.05, "all five are far too sure", measured=100 * too_sure, seeds=5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# A mean can hide that a network is too sure here and too modest there. So put the answers into **bins** by their confidence,
# and compare in each bin $b$, with $n_b$ of the $N$ answers. The mean distance is the **expected calibration error**
# (Guo et al. 2017):
#
# $$ \mathrm{ECE} = \sum_b \frac{n_b}{N}\, \bigl|\,\text{accuracy}_b - \text{confidence}_b\,\bigr| $$
#
# Ten answers, in two bins:
#
# <!-- Notes: Let them do the two bins on paper before you run the cell. -->

# %% slideshow={"headline": "Two bins by hand", "slide_type": "subslide"}
sure = np.array([0.95, 0.95, 0.90, 0.90, 0.85, 0.75, 0.65, 0.65, 0.55, 0.55])
is_right = np.array([1, 1, 1, 0, 1, 0, 1, 0, 1, 0])

# %% slideshow={"slide_type": "skip"}
ece = 0
for inside in (sure >= 0.75, sure < 0.75):
    gap = is_right[inside].mean() - sure[inside].mean()
    print(
        f"{inside.sum()} answers: {sure[inside].mean():.2f} sure, {is_right[inside].mean():.2f} right"
    )
    ece += inside.mean() * abs(gap)
print(f"ECE {ece:.3f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
theirs = evaluation.expected_calibration_error(sure, is_right, bins=4)
claim(
    np.isclose(ece, theirs), "the course's function says the same (of its four bins two are empty)"
)

# %% [markdown] slideshow={"headline": "Does it matter how many bins?", "slide_type": "subslide"}
# Nobody told us how many bins to take. So let us try from 2 to 500, and take a **perfect** network for comparison: we draw
# each label with the very probabilities that our network states, so that it cannot be calibrated better.
#
# <!-- Notes:
# Answer: it grows, although the network is perfect. A bin with three images is never quite right, and the distance has no sign.
# -->

# %% slideshow={"code": false}
choices = ["it stays 0", "it grows", "it shrinks"]
quiz.predict("08.bins", "What happens to the ECE of the perfect network with more bins?", choices)

# %% slideshow={"slide_type": "skip"}
rng, bins = np.random.default_rng(0), [2, 5, 10, 20, 50, 100, 200, 500]
drawn = (p_test[0].cumsum(1) > rng.random((len(y_test), 1))).argmax(1)
ours, perfect = (
    [evaluation.expected_calibration_error(p_test[0], y, bins=b) for b in bins]
    for y in (y_test, drawn)
)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("08.bins", choices[1] if perfect[-1] > perfect[0] + 0.02 else choices[0])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.3))[1]
_ = ax.plot(bins, ours, "s-", color="#0072B2", label="fine-tuned")
_ = ax.plot(bins, perfect, "o--", color="#999999", label="perfect")
_ = ax.set(xscale="log", xlabel="bins", ylabel="ECE", ylim=(0, None))
_ = ax.set_xticks(bins, [str(b) for b in bins])
ax.minorticks_off()
_ = ax.legend()
plotting.show(ax, "The curve of a perfect network climbs with the bins; ours lies above it")

# %% [markdown] slideshow={"slide_type": "notes"}
# A bin with three images is never quite right, and the distance has no sign, so that the errors add up. So compare ECEs only with
# equal bins and equally many images, and take few bins.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(perfect[-1] > 2 * perfect[2], "500 bins double the ECE of a perfect network at least")
claim(perfect[2] < 0.05 < ours[2], "with 10 bins it is small, and ours is not")

# %% [markdown] slideshow={"slide_type": "subslide"}
# The ECE has a second weakness: somebody who always answers "0, with 10 %" has an ECE of 0 on our digits, and knows nothing. Two
# other measures cannot be cheated. The **log loss** is the cross-entropy of chapter 02, and the **Brier score** the
# squared distance from the truth:
#
# $$ \text{log loss} = -\frac1N \sum_i \log p_{i, y_i},
# \qquad \text{Brier} = \frac1N \sum_i \sum_k \bigl(p_{ik} - [k = y_i]\bigr)^2 $$
#
# Both are lowest on average for whoever says what they believe: if something happens with probability $q$ and you say
# $p$, you expect $q(1-p)^2 + (1-q)p^2$, and its derivative $2(p - q)$ is zero at $p = q$ alone.
#
# <!-- Notes: A weather forecast is judged by the Brier score since 1950. -->

# %% slideshow={"slide_type": "skip"}
log_loss = -np.mean(np.log(np.where(is_right == 1, sure, 1 - sure)))
brier = np.mean((sure - is_right) ** 2 + ((1 - sure) - (1 - is_right)) ** 2)
print(f"the ten answers: log loss {log_loss:.3f}, Brier score {brier:.3f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
theirs = metrics.log_loss(is_right, sure), 2 * metrics.brier_score_loss(is_right, sure)
claim(
    np.allclose([log_loss, brier], theirs),
    "scikit-learn says the same (its Brier score is half of it)",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Can one number mend it?
#
# **Temperature scaling** (Guo et al. 2017) divides all logits by one number $T$, the same for all images, and gives
# $\operatorname{softmax}(z / T)$. At $T = 1$ nothing changes, and the larger $T$ is, the more alike the probabilities become.
#
# <!-- Notes:
# Answer: it stays as it is, because the largest logit stays the largest. Many expect that it falls.
# -->

# %% slideshow={"code": false}
choices = ["it rises", "it stays as it is", "it falls"]
quiz.predict("08.temperature", "What does T = 2 do to the accuracy?", choices)

# %% slideshow={"slide_type": "skip"}
halved = evaluation.softmax(on_test[0], temperature=2).argmax(1)
change = np.mean(halved == y_test) - right[0].mean()

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("08.temperature", choices[1 - int(np.sign(change))])

# %% [markdown] slideshow={"slide_type": "subslide"}
# Which $T$? It is a model with one parameter, so we fit it as in chapter 02, and take the $T$ with the lowest log loss. Here it is for the ten answers: a
# confidence $p$ has the logit $\log(p / (1-p))$, chapter 02's sigmoid the other way round.
#
# <!-- Notes: Nothing that was learned changes. One number more, and it is fitted on images that were not trained on. -->

# %% slideshow={"headline": "The temperature of ten answers", "slide_type": "subslide"}
z = np.log(sure / (1 - sure))
temperatures = np.arange(0.5, 8, 0.05)
losses = []
for T in temperatures:
    p = 1 / (1 + np.exp(-z / T))
    losses.append(-np.mean(np.log(np.where(is_right == 1, p, 1 - p))))
best = temperatures[np.argmin(losses)]
print(f"T = {best:.2f}: log loss {min(losses):.3f}, without it {log_loss:.3f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
two = np.stack([0 * z, z], axis=1)  # the logits of "wrong" and "right"
claim(
    abs(evaluation.fit_temperature(two, is_right) - best) < 0.05,
    "the course's `fit_temperature` finds the same",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now our networks. $T$ is fitted on the validation images and judged on the test images.

# %%
T = np.array([evaluation.fit_temperature(z, y_val) for z in on_val])
p_mended = [evaluation.softmax(z, t) for z, t in zip(on_test, T, strict=True)]

# %% jupyter={"source_hidden": true} slideshow={"code": false} tags=["atol-0.15"]
# Three measures before and after, each an array over the seeds.
one_hot = np.eye(10)[y_test]
measures = {
    "ECE, 10 bins": lambda p: evaluation.expected_calibration_error(p, y_test),
    "log loss": lambda p: metrics.log_loss(y_test, p),
    "Brier score": lambda p: np.mean(((p - one_hot) ** 2).sum(1)),
}
change = {}
print(f"T = {T.mean():.1f} ± {T.std(ddof=1):.1f}   before → after")
for name, measure in measures.items():
    before, after = (np.array([measure(p) for p in ps]) for ps in (p_test, p_mended))
    change[name] = before - after
    print(f"{name:12}          {before.mean():.2f} → {after.mean():.2f}")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.6), layout="constrained")
for ax, p, title in zip(axes, (p_test[0], p_mended[0]), ("T = 1", f"T = {T[0]:.2f}"), strict=True):
    _ = plotting.reliability_diagram(*evaluation.reliability(p, y_test), title=title, ax=ax)
plotting.show(figure, "Accuracy over confidence: far below the diagonal at T = 1, along it after")

# %% [markdown] slideshow={"slide_type": "notes"}
# In this **reliability diagram** each bar is a bin, and a calibrated network follows the diagonal. Before, the bars hang far below it.
# Afterwards they lie close to it, and all three measures are lower. One number has done this.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for name, gain in change.items():
    low, high = stats.ttest_1samp(gain, 0).confidence_interval()
    claim(low > 0, f"{name}: lower afterwards", measured=gain, seeds=5)
claim(T.min() > 1.1, "T is above 1, because they were too sure", measured=T, seeds=5)

# %% [markdown] slideshow={"headline": "Let it say: I don't know", "slide_type": "subslide"}
# What is that good for? Now the network may keep to what it is sure of, and hand the other images to a person. We let it
# answer where its confidence is at least 0.8.
#
# <!-- Notes: This is what calibration buys: a threshold that means what it says. -->

# %% slideshow={"code": false} tags=["atol-8"]
# How often does it answer, what does it promise, and what does it keep? Means over the seeds.
broken = {}
for name, ps in {"before": p_test, "after": p_mended}.items():
    chosen = [p.max(1) >= 0.8 for p in ps]
    share = np.mean(chosen)
    correct = np.mean([r[c].mean() for r, c in zip(right, chosen, strict=True)])
    promised = np.mean([p.max(1)[c].mean() for p, c in zip(ps, chosen, strict=True)])
    broken[name] = promised - correct
    print(f"{name:6} answers {share:.0%}, promises {promised:.0%}, right {correct:.0%}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Before, it answers too often and breaks its promise by more than twenty points. Afterwards it answers a third of the images, and comes
# within some five points of what it promises. A network with six right answers of ten has become one with nearly nine, because it may
# be silent.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
halved = abs(broken["after"]) < broken["before"] / 2
claim(halved, "what is missing from its promise shrinks to less than half")
claim(correct > right.mean() + 0.15, "and what it still answers is right far more often")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · What happens in another world?
#
# A test set from the same source is the friendliest judge there is. In use, the scanner is older, the paper is dirty, somebody holds it upside down. Let us
# turn the images, cover them with noise, brighten them, and exchange black and white, each more and more.
#
# <!-- Notes: Ask for the shift of their own field: another hospital, another season, another microphone. -->

# %% slideshow={"code": false, "headline": "One digit in four worlds", "slide_type": "subslide"}
# One digit under four shifts of growing severity.
severities = (0, 0.25, 0.5, 0.75, 1)
kinds = [(kind, s) for kind in evaluation.SHIFTS for s in severities]
stack = np.concatenate([evaluation.distort(x_test[:1], *each) for each in kinds])
titles = [f"{s:g}" if s else f"{kind}: 0" for kind, s in kinds]
ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 5))[1]
ax = plotting.image_grid(stack, titles, columns=5, title="Severity 0 to 1", ax=ax)
plotting.show(ax, "One digit in four rows: turned, noisier, brighter, black and white exchanged")

# %% [markdown] slideshow={"headline": "Is T still right under noise?", "slide_type": "subslide"}
# Our networks are calibrated now. We show them test images with noise of severity 0.5, and leave each its $T$.
#
# <!-- Notes:
# Answer: too sure again. T was fitted on clean images, and nobody told the network that these are others.
# -->

# %% slideshow={"code": false}
choices = ["too sure", "calibrated", "too modest"]
quiz.predict("08.shifted", "What are they now?", choices)

# %% slideshow={"slide_type": "skip"}
noisy = evaluation.distort(x_test, "noisy", 0.5)
p_noisy = [evaluation.softmax(logits("fine-tuned", s, noisy), T[s]) for s in seeds]
sure_there = np.array([p.max(1).mean() for p in p_noisy])
right_there = np.array([np.mean(p.argmax(1) == y_test) for p in p_noisy])
gap = sure_there - right_there

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
verdict = 0 if gap.mean() > 0.03 else 2 if gap.mean() < -0.03 else 1
quiz.reveal("08.shifted", choices[verdict])

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
print(f"under noise: mean confidence {sure_there.mean():.2f}, accuracy {right_there.mean():.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Its confidence falls, but its accuracy falls further. The temperature was fitted on clean images, and nothing told the network that these are
# others. Calibration, too, holds only in the world in which it was measured (Ovadia et al. 2019).

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(gap.min() > 0, "all five are too sure again", measured=gap, seeds=5)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Where does it look?
#
# A right answer can have a wrong reason. Let us plant one: every *8* among the training images gets a white mark near its
# upper left corner, as a hospital's scanner may stamp its images, and the hospital treats one disease. Then we
# fine-tune five networks on these images.
#
# <!-- Notes:
# Answer: hardly any. On marked test images it would have looked excellent. Ask for the mark in their own data: a ruler, a
# stamp, a scanner's border.
# -->

# %% slideshow={"slide_type": "skip"}
def mark(x):
    x = x.copy()
    x[:, 2:6, 2:6] = 1
    return x


is_eight = y_test == 8
marked, plain, others = mark(x_test[is_eight]), x_test[is_eight], mark(x_test[~is_eight])

# %% slideshow={"code": false}
question = "Which share of the test eights will they read, if these have no mark?"
quiz.predict("08.mark", question, 0, 1)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Train five networks on marked eights, and read three kinds of images with each.
weights["misled"], eights = [], []
for seed in seeds:
    few = few_labels(digits, 20, random_state=seed)
    x = np.where((few.y_train == 8)[:, None, None, None], mark(few.x_train), few.x_train)
    network = starts["fine-tuned"](seed)
    training.fit_steps(network, x, few.y_train, steps=100, seed=seed)
    weights["misled"].append(network.get_weights())
    sets = (marked, plain, others)
    eights.append([np.mean(logits("misled", seed, x).argmax(1) == 8) for x in sets])
read = np.transpose(eights)  # (marked, plain, others) by seed

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.15"]
quiz.reveal("08.mark", read[1].mean())

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.15"]
sets_named = ("eights with the mark", "eights without it", "others with the mark")
for name, shares in zip(sets_named, read, strict=True):
    print(f"{name:21} read as 8: {shares.mean():.2f} ± {shares.std(ddof=1):.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# It has learned the mark and not the digit. On marked test images it would have looked excellent, and no score on them could have told us.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
lost = read[0] - read[1]
claim(lost.min() > 0.4, "it reads the mark, not the digit", measured=lost, seeds=5)
claim(read[2].min() > 0.25, "whatever digit stands beside it", measured=read[2], seeds=5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Grad-CAM** (Selvaraju et al. 2017) shows where a network looks. A convolution returns maps $A_{ijc}$, place by place and
# channel by channel. How much does channel $c$ speak for class $k$? As much as the logit $z_k$ rises with it, on average over the places. Then add
# the maps, each with its weight $\alpha_c$, and cut off what speaks against the class:
#
# $$ \alpha_c = \frac{1}{HW}\sum_{i,j} \frac{\partial z_k}{\partial A_{ijc}},
# \qquad \text{heat}_{ij} = \max\Bigl(0,\ \sum_c \alpha_c A_{ijc}\Bigr) $$
#
# It is a first-order estimate (chapter 01): slope times value says how much of $z_k$ comes from a place.
#
# <!-- Notes: The gradient goes to the maps here, not to the weights. Everything else is chapter 03's way back. -->

# %% slideshow={"headline": "Grad-CAM by hand", "slide_type": "subslide"}
# By hand, for class 8 and eight marked eights, at the third convolution.
reader.set_weights(weights["misled"][0])
lower, upper = transfer.split(reader, "conv3")
maps = lower.predict(marked[:8], verbose=0)  # (8, 7, 7, channels)
slope = gradient(lambda maps: keras.ops.sum(upper(maps)[:, 8]), maps)
alpha = slope.mean((1, 2), keepdims=True)
heat = np.maximum((maps * alpha).sum(-1), 0)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
cam = evaluation.grad_cam(reader, marked[:8], "conv3", 8)
agree = [
    np.corrcoef(one.ravel(), large[2::4, 2::4].ravel())[0, 1]
    for one, large in zip(heat, cam, strict=True)
]
claim(min(agree) > 0.9, "`evaluation.grad_cam` is the same, enlarged to the image")

# %% [markdown] slideshow={"slide_type": "skip"}
# (We take the third convolution, with its 7×7 places. The fourth has only 3×3, and the head reads each of them with weights of its own,
# which a mean gradient cannot show.)
#
# Pictures persuade too easily, so we show the misled network *and* an honest one, which never saw a mark in training. Both look at the
# same marked eights.

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Images above, heat below, for two networks.
reader.set_weights(weights["fine-tuned"][0])
honest = evaluation.grad_cam(reader, marked[:8], "conv3", 8)
rows = {
    "marked eights": marked[:8, ..., 0],
    "heat of the misled network": cam,
    "heat of the honest network": honest,
}
figure, axes = plotting.plt.subplots(3, 1, figsize=(plotting.WIDTH, 4.4))
for ax, (title, images) in zip(axes, rows.items(), strict=True):
    style = {"columns": 8, "limits": (0, 1), "cmap": "inferno" if "heat" in title else "gray"}
    _ = plotting.image_grid(images, title=title, ax=ax, **style)
plotting.show(figure, "Eight marked eights, and the heat of two networks on the same images")


# %% [markdown] slideshow={"slide_type": "notes"}
# And now the number, over all test eights and all five networks: which share of the heat lies in the upper left 9 × 9 pixels, a tenth of the image?

# %% slideshow={"code": false, "slide_type": "subslide"} tags=["atol-0.12"]
# Share of the heat in the corner, mean over the eights, by network and seed.
def corner(way, seed, x):
    reader.set_weights(weights[way][seed])
    heat = evaluation.grad_cam(reader, x, "conv3", 8)
    total = heat.sum((1, 2))
    return np.mean(heat[total > 0][:, :9, :9].sum((1, 2)) / total[total > 0])


shares = {}
for way in ("misled", "fine-tuned"):
    for name, x in (("marked", marked), ("plain", plain)):
        shares[way, name] = np.array([corner(way, seed, x) for seed in seeds])
        print(f"{way:10} {name:6} eights: {shares[way, name].mean():.2f} of the heat in the corner")

# %% [markdown] slideshow={"slide_type": "notes"}
# In the misled network, the mark draws a fifth of the heat. The honest network also looks at the mark a little more than at an empty corner, because
# a bright square is there for every network. Without this rival we would not know what a mark does to *any* heat map.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
drawn_by_mark = shares["misled", "marked"] - shares["misled", "plain"]
claim(drawn_by_mark.min() > 0.05, "the mark draws the heat", measured=drawn_by_mark, seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · May we believe the picture?
#
# Adebayo et al. (2018) found explanations that look the same for a trained network and for one with *random* weights. Such a picture shows
# the image and not the network. So we ask of every explanation: does it change if the network changes?
#
# <!-- Notes: Ask for a picture that shows the image and not the network: an edge filter would do. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# For each of 100 test images we take the ten hottest of the 49 places of a fine-tuned network. How many of them are also among the ten hottest of
# another network? Three others: **another fine-tuned** one, which shares the source; one from **scratch**, which shares nothing but the task; and **random
# weights**. Two networks that know nothing of each other share 10/49, a fifth.
#
# <!-- Notes:
# Answer: 0.41. The fine-tuned ones share a source, so that they resemble each other by birth; the one from scratch does not.
# -->

# %% slideshow={"code": false}
question = "Which share of the hottest places has the network from scratch in common?"
quiz.predict("08.common", question, 0, 1)


# %% slideshow={"slide_type": "skip"}
# The ten hottest places of each image, for the answer of the first network.
def hottest(network_weights, said):
    reader.set_weights(network_weights)
    heat = evaluation.grad_cam(reader, x_test[:100], "conv3", said)[:, 2::4, 2::4]
    return heat.reshape(100, 49).argsort(1).argsort(1) >= 39


common = {"another fine-tuned": [], "scratch": [], "random weights": []}
for seed in seeds:
    said = on_test[seed][:100].argmax(1)
    ours = hottest(weights["fine-tuned"][seed], said)
    untrained = training.restart(starts["scratch"](seed), seed).get_weights()
    others = [weights["fine-tuned"][(seed + 1) % 5], weights["scratch"][seed], untrained]
    for name, other in zip(common, others, strict=True):
        common[name].append((ours & hottest(other, said)).sum() / 1000)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
quiz.reveal("08.common", np.mean(common["scratch"]))

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
for name, values in common.items():
    print(f"{name:19} {np.mean(values):.2f} ± {np.std(values, ddof=1):.2f} (chance 0.20)")

# %% [markdown] slideshow={"slide_type": "notes"}
# With random weights, little more is common than by chance, so the heat does depend on what was learned. And the network from scratch, which shares
# no source, agrees nearly as well as a relative. So both look at the digits, and the agreement was not inherited. The picture has passed. But it is
# coarse, and it says where, not why.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
family, stranger, random = map(np.array, common.values())
claim(random.max() < 0.35, "random weights look elsewhere", measured=random, seeds=5)
closer = stranger - random
claim(closer.min() > 0.03, "the network from scratch has more", measured=stranger, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("08")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - Confidence is not the probability of being right until somebody has measured it. Fine-tuned on few labels, networks are too sure.
# - Report log loss or Brier score beside the ECE, and say how many bins.
# - One temperature, fitted on validation images, mends it and changes no answer. Under a shift it no longer holds.
# - Test on what will be new in use.
# - Ask where it looks, and measure it. Check the explanation against another network and against random weights.
#
# <!-- Notes:
# Return to the three answers from the beginning: which of them can you now measure? Then hand out exercise set 08.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex08/ex08_trust.ipynb) checks your answers as you go. Beyond it:
#
# 1. Train with noise as an augmentation (`evaluation.distort`). What is it worth at severity 0.75, and what does it cost on clean
#    images?
# 2. Fit the temperature on noisy validation images. Does it hold for brightened ones?
# 3. Put a white patch over the mark of marked eights. How many answers change? Compare with Grad-CAM's opinion.
#
# ## Further reading
#
# - Guo, Pleiss, Sun & Weinberger 2017, *On calibration of modern neural networks*, ICML.
# - Ovadia et al. 2019, *Can you trust your model's uncertainty? Evaluating predictive uncertainty under dataset shift*, NeurIPS.
# - Kumar, Raghunathan, Jones, Ma & Liang 2022, *Fine-tuning can distort pretrained features and
#   underperform out-of-distribution*, ICLR.
# - Selvaraju et al. 2017, *Grad-CAM: visual explanations from deep networks via gradient-based
#   localization*, ICCV.
# - Adebayo et al. 2018, *Sanity checks for saliency maps*, NeurIPS.
