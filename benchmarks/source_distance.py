"""How near must the source be? Chapter 04, section 7.

Three sources at growing distance from handwritten digits in clutter: printed digits (another
domain), printed letters (another domain and task), stripes (nothing in common). 20
labels per class, five paired seeds, one source network each.
"""

from benchmarks import label_efficiency as base
from tlcourse import data, models, training, transfer

LABELS = 20
SOURCES = {
    "printed digits": lambda: data.make_cluttered_letters(16_000, alphabet=data.DIGITS),
    "printed letters": lambda: data.make_cluttered_letters(16_000),
    "stripes": lambda: data.make_stripes(16_000),
}

if __name__ == "__main__":
    aim = base.target()
    result = {"labels": LABELS, "seeds": len(base.SEEDS)}
    result["accuracy"] = {"fine-tuned": {}, "frozen": {}}
    for name, make in SOURCES.items():
        store = base.RESULTS / f"source_distance_{name.replace(' ', '_')}.unfinished"
        source = base.train_source(make())
        starts = {
            way: transfer.warm_start(
                models.small_cnn(), source, base.BACKBONE,
                frozen=way == "frozen", learning_rate=base.RATES[way],
            )
            for way in ("fine-tuned", "frozen")
        }  # fmt: skip
        found = training.label_efficiency(
            starts,
            aim,
            [LABELS],
            base.SEEDS,
            steps=base.STEPS["short"],
            shift=base.SHIFT,
            store=store,
        )
        for way in starts:
            result["accuracy"][way] |= base.scores({name: found[way][0]})
    base.save("source_distance", result)
    for leftover in base.RESULTS.glob("source_distance_*.unfinished"):
        leftover.unlink()
