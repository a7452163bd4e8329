# %% [markdown]
# # Exercises 11 · Small budgets
#
# Five tasks and an open question on chapter 11, about 75 minutes. They use words of earlier chapters, too: momentum and Adam come from
# chapter 01, softmax and cross-entropy from chapter 02, kernels and the backward pass from chapter 03. Each task has a cell for your answer and
# below it a cell that checks it, as often as you like, on numbers that are new each time. Write each answer yourself,
# without the library function that does the task.
#
# - `ex.quantise.hint()` gives a hint; call it again for the next. There are three.
# - `ex.progress()` shows what is done. Each task is worth 10 points, all or nothing, and its last check counts,
#   until `tlcourse reset ex11` in a terminal gives you a fresh copy of the set (and keeps yours).
# - An answer does not change the arrays that it is given. What it prints is not shown by its check.
# - Leave the names of the functions and the cells that check as they are.
# - A check cell that is not yet right stops nothing: Run All goes on.
# - Run each cell, save, then `tlcourse submit ex11` in a terminal of JupyterLab writes the file to hand in.
#
# NumPy is all that you need.

# %% tags=["setup"]
import math

import numpy as np

from tlcourse import exercise

ex = exercise("ex11", edition=1)


# %% [markdown]
# ## 1 · Weights in a few bits
#
# A dense layer has the weights `w`, shape (D, K): each column belongs to one output channel, that is, to one of the K numbers that the layer returns. You want to store each weight in
# `bits` bits, from 2 to 8, as a whole number from −Q to Q with $Q = 2^{\mathrm{bits} - 1} - 1$. The codes below zero mirror those above;
# therefore this kind of quantisation is called *symmetric*. A channel of large weights should not spoil a channel of small ones, so each
# channel gets a **scale** of its own (Krishnamoorthi 2018). There are three steps:
#
# 1. The scale of a channel is the largest absolute value among its weights, divided by Q. So this weight gets the code Q or −Q, and comes back as it was.
#    The scale of a channel in which all weights are 0 is 1.
# 2. A weight's **code** is the weight divided by its channel's scale, rounded to the nearest whole number (`np.round`).
# 3. The weight is **restored** as its code times the scale.
#
# Return a dict with `"codes"`, shape (D, K), of the type `np.int8`; `"scale"`, shape (K,); and `"restored"`, shape (D, K).

# %%
def quantise(w, bits):
    ### BEGIN SOLUTION
    top = 2 ** (bits - 1) - 1
    largest = np.abs(w).max(axis=0)
    scale = np.where(largest > 0, largest / top, 1)
    codes = np.round(w / scale).astype(np.int8)
    return {"codes": codes, "scale": scale, "restored": codes * scale}
    ### END SOLUTION


# %%
ex.quantise.check(quantise)


# %% [markdown]
# No weight has moved by more than half a scale. With 8 bits you can hardly see that; with 2 bits only −1, 0 and 1 are left. Here each
# code takes a whole byte even so: a file would pack four codes of 2 bits into one.
#
# ## 2 · LoRA: two thin matrices
#
# A pretrained dense layer with the weights `w`, shape (D, K), and the `bias`, shape (K,), is frozen. Low-rank adaptation (LoRA; Hu et al.
# 2022) adds a correction to the output. The correction is made of two thin matrices, `a`, shape (D, r), and `b`, shape (r, K), and only these are trained. For the inputs
# `x`, shape (N, D), the adapted layer returns
#
# $$ x\,w + \text{bias} + \frac{\alpha}{r}\,(x\,a)\,b , $$
#
# with the given number `alpha` for α. So `a` and `b` have r (D + K) numbers to train, in place of D K.
#
# After the training you can **merge** the correction into the weights. Then a plain dense layer with the same bias gives the same outputs,
# and costs no more than before. Return two values: the output, shape (N, K), and the merged weights, shape (D, K).

# %%
def lora(x, w, bias, a, b, alpha):
    ### BEGIN SOLUTION
    scale = alpha / a.shape[1]
    output = x @ w + bias + scale * (x @ a) @ b
    merged = w + scale * (a @ b)
    return output, merged
    ### END SOLUTION


# %%
ex.lora.check(lora)


# %% [markdown]
# In practice `a` begins with small random numbers and `b` with zeros, so that the network does at the start just what it did before. (Why
# must they not both begin with zeros? Look for the gradient of `a`, and then for that of `b`.)
#
# ## 3 · Learning from a teacher
#
# A large network, the teacher, has given its logits for N images, and a small one, the student, gives its own: `teacher` and `student`, both of shape (N, K). Here is a
# softmax to use as it is.

# %%
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# %% [markdown]
# Distillation (Hinton et al. 2015) lets the student learn from the teacher's probabilities. A temperature `T` makes them softer, so that the small
# probabilities of the wrong classes count as well: let p = softmax(student / T) and q = softmax(teacher / T). The true classes are `y`, shape (N,), and
# `share`, from 0 to 1, is λ: how much the teacher counts. The loss has a soft part, made with the teacher's
# probabilities, and a hard part, made with the labels:
#
# $$ J = \lambda\, T^2 \cdot \frac1N \sum_i \sum_k -\,q_{ik} \log p_{ik} \;+\; (1 - \lambda) \cdot \frac1N \sum_i -\log s_{i, y_i}, $$
#
# where $s$ = softmax(student) has *no* temperature. The soft part is a cross-entropy with the teacher's probabilities, and the T² keeps the size of
# its gradient about the same for every T. (With the Kullback–Leibler divergence, which some libraries take, J is smaller by a number that does not depend on the student.)
#
# Return two values: J, and its gradient with respect to the student's logits, shape (N, K). Derive the gradient; do not estimate it by
# differences of J. Remember that the gradient of a cross-entropy with respect to its logits is softmax minus target, also if the targets are probabilities. And p is a softmax of
# student / T, not of student: mind the chain rule.

# %%
def distil(student, teacher, y, T, share):
    ### BEGIN SOLUTION
    n = len(y)
    p, q, s = softmax(student / T), softmax(teacher / T), softmax(student)
    soft = -np.sum(q * np.log(p)) / n
    hard = -np.mean(np.log(s[np.arange(n), y]))
    loss = share * T**2 * soft + (1 - share) * hard
    truth = np.eye(s.shape[1])[y]
    gradient = (share * T * (p - q) + (1 - share) * (s - truth)) / n
    return loss, gradient
    ### END SOLUTION


# %%
ex.distil.check(distil)

# %% [markdown]
# ## 4 · Several machines: put the lines in order
#
# Several machines train one network together. They all have the same weights `w`. Each batch of N images is divided among them: `split(N)` returns a list with one array of indices for
# each machine, so that every image goes to exactly one of them. Some machines are faster than others, so their shares are *not equally large*.
# Each machine computes `gradient(w, x, y)`, the gradient of the *mean* loss of its own images. Together they should take the same step as one
# machine with the whole batch (Goyal et al. 2017), with a learning rate of 0.1. `batches` is a list of pairs: images `x` and labels `y`.
#
# These are the lines, out of order. Four of them are not needed. (In this program the machines take turns; real ones work at the same time.)

# %%
ex.order.show()

# %% [markdown]
# Give the labels of the lines in order: `order = ["A", "B", …]`. In Jupyter the buttons above write the list for you
# to copy.

# %%
order = ...
### BEGIN SOLUTION
order = ["K", "D", "J", "F", "I", "C", "M", "A", "G"]
### END SOLUTION

# %%
ex.order.check(order)


# %% [markdown]
# ## 5 · How many bytes?
#
# Will a training run fit into your memory? You can count before you start. `layers` is a list of dicts, from the input to the output of a chain of layers. There are three kinds, and `trained` may be True or False in
# the first two:
#
# - `{"kind": "dense", "shape": [D, K], "trained": True}` has a kernel of this shape and K biases; its input has D numbers for each image.
# - `{"kind": "conv", "shape": [H, W, C, K], "side": S, "trained": False}` has a kernel of this shape, H by W places, and K biases. Its input has side S and C channels: S · S · C numbers for each image.
# - `{"kind": "relu", "size": M}` gets and returns M numbers for each image, and has no weights.
#
# A layer with `"trained": False` is frozen, its biases as well. Each number is a float32, of four bytes. `batch` is the number of images of a step, and `optimizer` is
# `"sgd"` (without momentum), `"momentum"` or `"adam"`. Return a dict with four numbers of bytes:
#
# - `"weights"`: of all kernels and biases, trained or frozen;
# - `"gradients"`: one number for each trained weight;
# - `"state"`: what the optimizer remembers from one step to the next. Plain SGD remembers nothing, momentum one number for each trained weight, Adam two;
# - `"activations"`: what the layers keep from the forward pass, for the whole batch, because the backward pass needs it.
#
# What is kept follows three rules. A *trained* layer keeps what it got, because the gradient of its kernel needs it. A *frozen* dense layer or convolution keeps nothing:
# what goes back through it needs its kernel alone. And the backward pass starts at the output and stops at the trained layer *nearest the input*, so a ReLU keeps its M numbers,
# once, only if some trained layer stands *before* it. Nothing else is counted: no scratch memory, and none of the framework's own. The images count only if the first layer is trained, because then it keeps them.

# %%
def budget(layers, batch, optimizer):
    ### BEGIN SOLUTION
    weights = trained = kept = 0
    for layer in layers:
        if layer["kind"] == "relu":
            kept += layer["size"] if trained else 0
            continue
        inputs, outputs = layer["shape"][-2:]
        count = math.prod(layer["shape"]) + outputs
        weights += count
        if layer["trained"]:
            trained += count
            kept += inputs * layer.get("side", 1) ** 2
    copies = {"sgd": 0, "momentum": 1, "adam": 2}[optimizer]
    state = 4 * copies * trained
    found = {"weights": 4 * weights, "gradients": 4 * trained, "state": state}
    return found | {"activations": 4 * batch * kept}
    ### END SOLUTION


# %%
ex.budget.check(budget)

# %% [markdown]
# Compare a network that is fine-tuned as a whole with one whose head alone is trained. Which of the four numbers shrink, and which one does freezing leave as it is?
#
# ## 6 · An experiment of your own
#
# A school wants to recognise forty plants of its meadow. It has 30 labelled photographs of each, a network that was pretrained on everyday objects and takes 80 MB in float32, and one laptop with 8 GB of memory and
# no graphics card, which may train for one night. The finished network should run on the pupils' old phones: the file may have 5 MB at most, and an answer may take half a second. Three people propose three ways: to fine-tune with LoRA
# and then quantise to 4 bits; to distil the fine-tuned network into a small one; and to train a head on the frozen features of a smaller pretrained network. Somebody else offers
# four more laptops, with a wireless network that carries about 5 MB a second. Plan how you would decide: what you count before you train anything, what you measure and on which photographs, what each way is
# compared with and how it is tuned, and what would make you take the laptops, or say "we cannot tell". Five to ten sentences.

# %% [markdown]
# <!-- BEGIN SOLUTION -->
# First I count, because that costs nothing. At 4 bits the 80 MB of float32 weights become 10 MB, so the first way misses the 5 MB by a factor of two whatever its accuracy is, unless
# 2 bits are enough, which I doubt and would measure. Then I count weights, gradients, state and activations of each way at the batch that I want: LoRA saves the
# gradients and Adam's state of the frozen weights, but hardly any activations, so I choose the batch, or the size of the images, by these. I time twenty steps of each way on the laptop, and one answer on the oldest phone, because quantised weights are smaller and
# not of themselves faster. Six photographs of each plant, taken on other days than the rest, are the test; everything else is chosen on validation photographs out of the other
# 24. The rivals are logistic regression on the frozen features, and the small network trained without a teacher, once with plain labels and once with label smoothing, because otherwise I do not know what the teacher's
# answers are worth. Every way gets the same night in total, its learning rate tuned, and LoRA's rank or the temperature and λ with it; accuracy is measured *after* quantisation, in the file that
# goes onto the phone. Five seeds draw the splits, the same for all ways, and I report paired differences with intervals, beside megabytes, seconds for an answer and hours of training. I take the four laptops only if
# a night is too short for what was chosen *and* the time to send one gradient over the school's network, measured, is small beside the time of a step; LoRA's gradients are few, those of the whole network are 80 MB for each step, which take 16 s one way. If the interval
# between the best two ways that fit holds 0, I say "we cannot tell" and take the one that is smaller and simpler, which may well be the head on frozen features.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
ex.progress()
