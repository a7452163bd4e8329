"""Which layers are worth copying? Chapter 04, section 6, after Yosinski et al. 2014.

The first k of four convolutions come from the source, and train on or stay frozen; the rest
starts anew. 20 labels per class, five paired seeds, the tasks of `benchmarks.label_efficiency`.
"""

from benchmarks.label_efficiency import (
    BACKBONE,
    RATES,
    RESULTS,
    SEEDS,
    SHIFT,
    STEPS,
    save,
    summary,
    target,
    train_source,
)
from tlcourse import models, training, transfer

LABELS = 20

if __name__ == "__main__":
    source, data = train_source(), target()
    store = RESULTS / "transfer_depth.unfinished"
    result = {"copied": list(range(len(BACKBONE) + 1)), "labels": LABELS, "seeds": len(SEEDS)}
    for way in ("fine-tuned", "frozen"):
        starts = {
            f"{way} {k}": transfer.warm_start(
                models.small_cnn(), source, BACKBONE[:k],
                frozen=way == "frozen", learning_rate=RATES[way],
            )
            for k in result["copied"]
        }  # fmt: skip
        got = training.label_efficiency(
            starts, data, [LABELS], SEEDS, steps=STEPS["short"], shift=SHIFT, store=store
        )
        result[way] = [summary(got[name])[0] for name in starts]
    save("transfer_depth", result)
    store.unlink()
