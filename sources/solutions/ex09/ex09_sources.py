# %% [markdown]
# # Exercises 09 · Choosing a source
#
# Six tasks and an open question on chapter 09, about 70 minutes. Each task has a cell for your answer and
# below it a cell that checks it, as often as you like, on numbers that are new each time. Write each answer yourself,
# without the library function that does the task.
#
# - `ex.leep.hint()` gives a hint; call it again for the next. There are three.
# - `ex.progress()` shows what is done. Each task is worth 10 points, all or nothing, and its last check counts,
#   until `tlcourse reset ex09` in a terminal gives you a fresh copy of the set (and keeps yours).
# - An answer does not change the arrays that it is given. What it prints is not shown by its check.
# - Leave the names of the functions and the cells that check as they are.
# - A check cell that is not yet right stops nothing: Run All goes on.
# - Run each cell, save, then `tlcourse submit ex09` in a terminal of JupyterLab writes the file to hand in.
#
# NumPy is all that you need.

# %% tags=["setup"]
import numpy as np

from tlcourse import exercise

ex = exercise("ex09", edition=1)


# %% [markdown]
# ## 1 · LEEP, from a table of predictions
#
# A source network has Z outputs, for classes of its own. It looks at n labelled images of your target, and says of each how
# probable every *source* class is: `probabilities`, shape (n, Z), all above 0, each row with the sum 1. The target's classes
# are `y`, shape (n,), from 0 to K − 1, and each of them occurs. How well do the source's answers tell the target's classes apart?
# LEEP (Nguyen et al. 2020) needs no training to say so. It has three steps:
#
# $$ \hat P(c, z) = \frac1n \sum_{i:\, y_i = c} p_{iz}, \qquad
# \hat P(c \mid z) = \frac{\hat P(c, z)}{\sum_{c'} \hat P(c', z)}, \qquad
# \mathrm{LEEP} = \frac1n \sum_i \log \sum_z \hat P(y_i \mid z)\, p_{iz} . $$
#
# The first adds up, for each target class c and source class z, the probabilities of z over the images of class c. The second
# is a table that translates: if the source says z, how probable is c? The third translates the answer on each image, looks up how
# probable the *right* class is then, and takes the mean logarithm. Return LEEP, a number of at most 0; higher is better.

# %%
def leep(probabilities, y):
    ### BEGIN SOLUTION
    truth = np.eye(y.max() + 1)[y]
    joint = truth.T @ probabilities / len(y)
    translated = joint / joint.sum(axis=0)
    expected = probabilities @ translated.T
    return np.log(expected[np.arange(len(y)), y]).mean()
    ### END SOLUTION


# %%
ex.leep.check(leep)


# %% [markdown]
# ## 2 · Was the forecast any good?
#
# You have measured how well each of S sources does on the target: `truth`, shape (S,). A score like LEEP had given its forecast
# beforehand: `scores`, shape (S,). Higher is better in both, and neither holds a number twice. Did the score put the sources into the right order?
#
# Kendall's τ looks at each pair of sources: it counts as +1 if both arrays put the two into the same order, and as −1 if they
# do not. In the weighted version (Vigna 2015) the best sources count most, because one of them is what you want to choose.
# Let $\rho_i$ be the rank of source i *by the truth*: 1 for the best, 2 for the next, and S for the worst. Then
#
# $$ \tau_w = \frac{\sum_{i<j} w_{ij}\, s_{ij}}{\sum_{i<j} w_{ij}}, \qquad w_{ij} = \frac1{\rho_i} + \frac1{\rho_j}, $$
#
# where $s_{ij}$ is the +1 or −1 of the pair. Return $\tau_w$: it is 1 for the same order and −1 for the reverse.
#
# (This is `scipy.stats.weightedtau(truth, scores, rank=None)`. Without `rank=None`, SciPy returns the mean of this
# and of what you get with the ranks by the scores.)

# %%
def weighted_tau(truth, scores):
    ### BEGIN SOLUTION
    rank = np.argsort(np.argsort(-truth)) + 1
    i, j = np.triu_indices(len(truth), 1)
    weight = 1 / rank[i] + 1 / rank[j]
    same = np.sign((truth[i] - truth[j]) * (scores[i] - scores[j]))
    return np.sum(weight * same) / np.sum(weight)
    ### END SOLUTION


# %%
ex.weighted_tau.check(weighted_tau)


# %% [markdown]
# ## 3 · One trunk, two heads
#
# Two tasks share a trunk: which digit is it, and how is it turned? Here is a softmax to use as it is.

# %%
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# %% [markdown]
# `x` holds N examples, shape (N, D). The trunk has the weights `w`, shape (D, H), and no bias; it returns
# h = max(0, x w), of shape (N, H). The first head has the weights `a`, shape (H, K): its logits are h a, and its labels `y`, shape (N,).
# The second head has the weights `b`, shape (H, M): its logits are h b, and its labels `v`, shape (N,). The loss of a head is the
# mean cross-entropy of its N answers, and the loss J of the network is the *sum* of the two.
#
# Return two values: J, and its gradient with respect to the trunk's weights `w`, shape (D, H). Remember from chapter 02 that the gradient of one
# cross-entropy with respect to its logits is softmax minus one-hot label.

# %%
def two_heads(x, y, v, w, a, b):
    ### BEGIN SOLUTION
    h = np.maximum(x @ w, 0)
    p, q = softmax(h @ a), softmax(h @ b)
    rows = np.arange(len(x))
    loss = -np.log(p[rows, y]).mean() - np.log(q[rows, v]).mean()
    from_first = (p - np.eye(a.shape[1])[y]) @ a.T
    from_second = (q - np.eye(b.shape[1])[v]) @ b.T
    gradient = x.T @ ((from_first + from_second) * (h > 0)) / len(x)
    return loss, gradient
    ### END SOLUTION


# %%
ex.two_heads.check(two_heads)


# %% [markdown]
# ## 4 · Do the tasks pull together?
#
# The two losses of a network have gradients with respect to the same trunk: `first` and `second`, both of shape (D, H), and neither
# of them is all zeros. For this task each is one long vector of D·H numbers. In a short step along −α g the loss of a task with the
# gradient $g_t$ falls, to first order, by α times the scalar product $g_t \cdot g$. Where that is negative, the loss *rises*.
#
# Return a dict with four entries:
#
# - `"cosine"`: the cosine of the angle between the two gradients;
# - `"weights"`: two positive loss weights, shape (2,), whose sum is 2 and which make both weighted gradients equally long;
# - `"plain"`: $g_t \cdot g$ of the first and of the second task, shape (2,), for the plain sum g = `first` + `second`;
# - `"balanced"`: the same two numbers if g is the sum with your weights. The gradients $g_t$ themselves stay without weights.

# %%
def balance(first, second):
    ### BEGIN SOLUTION
    length = np.sqrt(np.array([np.sum(first**2), np.sum(second**2)]))
    cosine = np.sum(first * second) / (length[0] * length[1])
    weights = 2 * length[::-1] / length.sum()

    def falls(g):
        return np.array([np.sum(first * g), np.sum(second * g)])

    plain = falls(first + second)
    balanced = falls(weights[0] * first + weights[1] * second)
    return {"cosine": cosine, "weights": weights, "plain": plain, "balanced": balanced}
    ### END SOLUTION


# %%
ex.balance.check(balance)


# %% [markdown]
# With the balanced weights neither loss rises, whatever the two gradients are. (Why? Draw two arrows of the same length and
# their sum.) With the plain sum the longer gradient decides, and may push the other loss up. That says nothing yet about which weights
# give the better network: only validation data can.
#
# ## 5 · Which source is the best?
#
# S sources were tried on a target, each with the same R seeds. `scores`, shape (S, R), holds their accuracies, and `names` is the list of
# their S names. The **leader** is the source with the highest mean accuracy. (No two means are equal.) Is it really the best, or was it lucky?
#
# Compare the leader with each source. The R differences, the leader's score minus the source's on the same seed, have the 95 % interval
# mean ± t · s / √R. Here s is their standard deviation with R − 1 in the denominator, and `t` is given: it is the 97.5 % point of
# Student's distribution with R − 1 degrees of freedom. Return a dict with
#
# - `"low"`: the lower end of each source's interval, shape (S,). The leader's own is 0, because it differs from itself by nothing;
# - `"candidates"`: the names, in the order of `names`, of the leader and of each source whose lower end is not above 0;
# - `"verdict"`: the leader's name if it is the only candidate, otherwise `"we cannot tell"`.

# %%
def best_source(names, scores, t):
    ### BEGIN SOLUTION
    leader = np.argmax(scores.mean(axis=1))
    ahead = scores[leader] - scores
    reach = t * ahead.std(axis=1, ddof=1) / np.sqrt(scores.shape[1])
    low = ahead.mean(axis=1) - reach
    candidates = [name for name, end in zip(names, low, strict=True) if end <= 0]
    verdict = names[leader] if len(candidates) == 1 else "we cannot tell"
    return {"low": low, "candidates": candidates, "verdict": verdict}
    ### END SOLUTION


# %%
ex.best_source.check(best_source)

# %% [markdown]
# "We cannot tell" is no shrug: the candidates are a result. Take the one that costs least.
#
# ## 6 · Put the lines in order
#
# A network with the weights `w` was trained on the source's images `x_old`. Now it learns the target's images `x_new`. So that it
# forgets less, you keep 20 images of the source, and only these, and mix some of them into every batch. At the end you want to know how much
# of the source's accuracy is lost, on test images of the source that nothing has trained on. `gradient(w, x, y)` returns the gradient of the
# loss, and `accuracy(w, x, y)` the share of right answers.
#
# These are the lines, out of order. Three of them are not needed.

# %%
ex.order.show()

# %% [markdown]
# Give the labels of the lines in order: `order = ["A", "B", …]`. In Jupyter the buttons above write the list for you
# to copy.

# %%
order = ...
### BEGIN SOLUTION
order = ["H", "C", "L", "E", "A", "J", "D", "M", "G", "B"]
### END SOLUTION

# %%
ex.order.check(order)

# %% [markdown]
# ## 7 · An experiment of your own
#
# A museum wants to sort photographs of beetles into twelve species. It has 15 labelled photographs of each. Three networks are at hand: a large one that
# was trained on everyday objects, a small one trained on 40,000 photographs of butterflies, and a small one trained on drawings of
# beetles. LEEP puts the drawings first, LogME the butterflies. The 40,000 butterflies are at hand as well, and a colleague proposes
# to train on both at once: one trunk, a head for the beetles and a head for the butterflies. The network must go on reading butterflies
# in any case. Plan how you would choose: what you compare with what, on which photographs, how you give the second head a fair chance and notice
# if it harms, what becomes of the butterflies, and which result would make you say "we cannot tell". Five to ten sentences.

# %% [markdown]
# <!-- BEGIN SOLUTION -->
# LEEP and LogME disagree, so they are forecasts and not results: I let them decide what I try first, and drop none of the three sources because of them. I
# set five photographs of each species aside as the test, and choose everything by cross-validation on the other ten. Each source is used frozen, with
# logistic regression on its features, and fine-tuned, with learning rate and steps tuned for each by the same effort; a small network from scratch is the rival
# that has to be beaten. Five seeds draw the split, the same split for every arm, so I report paired differences with their intervals, and
# the seconds and the size of each network beside them. For the two heads I try several loss weights, from 0 up to where it clearly hurts, and several shares of beetles in a
# batch, because 40,000 butterflies would otherwise drown 120 beetles. The weight 0, trained as long and tuned as carefully, tells me whether the second head helps or
# harms; the cosine between the two gradients may explain it, and decides nothing. The butterflies are measured before and after on test photographs of their own, for two heads and
# for fine-tuning alone with 100 and with 1,000 butterflies replayed, and a loss of more than two points rules an arm out. With 60 test photographs an interval is many points wide; if that of the best
# and the second best holds 0, I say "we cannot tell", take the cheaper one, and ask for more labelled beetles.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
ex.progress()
