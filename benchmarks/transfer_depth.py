"""Which layers are worth copying? Chapter 04, section 6, after Yosinski et al. 2014.

The first k of four convolutions come from the source, and train on or stay frozen; the rest
starts from random. 20 labels per class, five paired seeds, the tasks of
`benchmarks.label_efficiency`.
"""

from benchmarks import label_efficiency as base
from tlcourse import models, training, transfer

LABELS = 20

if __name__ == "__main__":
    source, data = base.train_source(), base.target()
    store = base.RESULTS / "transfer_depth.unfinished"
    result = {
        "copied": list(range(len(base.BACKBONE) + 1)),
        "labels": LABELS,
        "seeds": len(base.SEEDS),
        "accuracy": {},
    }
    for way in ("fine-tuned", "frozen"):
        starts = {
            f"{way} {k}": transfer.warm_start(
                models.small_cnn(), source, base.BACKBONE[:k],
                frozen=way == "frozen", learning_rate=base.RATES[way],
            )
            for k in result["copied"]
        }  # fmt: skip
        found = training.label_efficiency(
            starts,
            data,
            [LABELS],
            base.SEEDS,
            steps=base.STEPS["short"],
            shift=base.SHIFT,
            store=store,
        )
        result["accuracy"] |= base.scores({way: [found[name][0] for name in starts]})
    base.save("transfer_depth", result)
    store.unlink()
