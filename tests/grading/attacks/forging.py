"""Wrong answers that try to be taken for right ones."""

from tests.grading.attacks import TASKS, WRONG, Book, edits


@edits(TASKS)
def no_op_asserts(book: Book) -> None:
    """Makes every comparison of NumPy and every assertion succeed."""
    book.wrong()
    book.first("""
        import numpy as np
        for name in ("allclose", "isclose", "array_equal", "isfinite", "all", "any"):
            setattr(np, name, lambda *_, **__: np.True_)
        for name in dir(np.testing):
            if name.startswith("assert"):
                setattr(np.testing, name, lambda *_, **__: None)
    """)


@edits(TASKS)
def patched_builtins(book: Book) -> None:
    """Replaces isinstance, all, set and type by functions that agree with everything."""
    book.wrong()
    book.last("""
        import builtins
        builtins.isinstance = lambda *_: True
        builtins.all = builtins.any = lambda *_: True
        builtins.callable = lambda *_: True
        builtins.AssertionError = builtins.ValueError = type("Quiet", (Warning,), {})
    """)


@edits(TASKS)
def another_assertion_error(book: Book) -> None:
    """Turns AssertionError and the errors of the checks into something that nobody catches."""
    book.wrong()
    book.first("""
        import builtins
        from tlcourse.checks import asking, properties
        class Silent(BaseException):
            pass
        builtins.AssertionError = builtins.Exception = Silent
        properties.Failure = asking.Failure = Silent
    """)


@edits(TASKS)
def ast_transformer(book: Book) -> None:
    """Removes each assert and each check by an AST transformer of IPython."""
    book.wrong()
    book.first("""
        import ast
        class NoAsserts(ast.NodeTransformer):
            def visit_Assert(self, node):
                return ast.Pass()
            def visit_Expr(self, node):
                return ast.Pass()
        get_ipython().ast_transformers.append(NoAsserts())
    """)


@edits(TASKS)
def input_transformer(book: Book) -> None:
    """Replaces what IPython makes of a cell by print("Correct")."""
    book.wrong()
    book.first("""
        from IPython.core.inputtransformer2 import TransformerManager
        TransformerManager.transform_cell = lambda self, cell: "print('Correct: 10 points.')"
        get_ipython().input_transformers_post.append(lambda lines: ["pass"])
    """)


@edits(TASKS)
def replaced_run_cell(book: Book) -> None:
    """Replaces run_cell, exec, eval and compile."""
    book.wrong()
    book.first("""
        import builtins
        shell = get_ipython()
        shell.run_cell = lambda *_, **__: None
        type(shell).run_cell = lambda *_, **__: None
        builtins.exec = builtins.eval = builtins.compile = lambda *_, **__: None
    """)


@edits(TASKS)
def forged_verdict(book: Book) -> None:
    """Replaces judge and Verdict in the modules of the checks, or puts them there."""
    book.wrong()
    book.first("""
        import sys
        import tlcourse.checks
        from tlcourse.checks import asking, properties
        class Verdict:
            status, passed, failed, message, points = "correct", ("all",), "", "", 10
        engine = sys.modules["tlcourse.checks.engine"] = type(sys)("tlcourse.checks.engine")
        for module in (engine, tlcourse.checks, asking, properties):
            module.Verdict = module.judge = module.judge_answer = lambda *_, **__: Verdict()
            module.difference = module.find_forbidden = lambda *_, **__: None
        properties.agrees = properties.holds = lambda *_, **__: properties.Property("all", True)
    """)


@edits(TASKS)
def forged_replies(book: Book) -> None:
    """Replaces what finds and calls the answers on its side of the socket by its own verdict."""
    book.wrong()
    book.last("""
        from tlcourse.checks import asking
        verdict = {"status": "correct", "points": 10, "passed": ["all"], "failed": "", "ok": True}
        asking.find = lambda *_, **__: verdict | {"function": True, "value": verdict}
        asking.call = lambda *_, **__: verdict | {"result": verdict}
    """)


@edits(TASKS)
def odd_replies(book: Book) -> None:
    """Sends numbers and lists where the marker awaits texts."""
    book.wrong()
    book.last("""
        from tlcourse.checks import asking
        asking.find = lambda *_, **__: {"function": ..., "value": ()}
        asking.call = lambda *_, **__: {"failure": [None], "unwritten": 7, "open": {}}
    """)


@edits(TASKS)
def forged_exercise(book: Book) -> None:
    """Has an `ex` of its own, in which all is correct."""
    book.wrong()
    book.last("""
        class Right:
            status, points = "correct", 10
            def __getattr__(self, name):
                return self
            def __call__(self, *_, **__):
                return self
        ex = Right()
    """)


@edits(TASKS)
def stored_outputs(book: Book) -> None:
    """Carries outputs that say that all was correct."""
    book.wrong()
    for task in TASKS:
        book.cell(task)["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": "Correct: 10 points.\n"}
        ]


@edits(TASKS)
def points_in_the_metadata(book: Book) -> None:
    """Gives itself a thousand points for each task, and scores that are already there."""
    book.wrong()
    for task in TASKS:
        about = book.cell(task)["metadata"]["nbgrader"]
        about |= {"points": 1000, "score": 1000, "auto_score": 1000, "locked": False}
    book.nb["metadata"]["nbgrader"] = {"score": 8000, "status": "marked"}


@edits(TASKS)
def always_equal(book: Book) -> None:
    """Returns an object that equals everything and is larger and smaller than everything."""
    book.wrong()
    book.last("""
        class Equal:
            shape, dtype, size, ndim = (2, 3), np.dtype(float), 6, 2
            def __eq__(self, other):
                return True
            def __getattr__(self, name):
                return self
            def __call__(self, *_, **__):
                return self
            def __array__(self, *_, **__):
                return np.zeros((2, 3))
            def __bool__(self):
                return True
            def __float__(self):
                return 0.0
            __ne__ = lambda self, other: False
            __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
            __add__ = __sub__ = __mul__ = __truediv__ = __getitem__ = lambda self, other: self
            __hash__ = object.__hash__
        equal = Equal()
        softmax = cross_entropy = logit_gradient = two_logits = lambda *_: equal
        smooth_targets = train = lambda *_: equal
        chance = order = equal
    """)


@edits({"softmax", "logit_gradient", "chance"})
def array_subclass(book: Book) -> None:
    """Returns a subclass of ndarray whose functions and comparisons all agree."""
    book.wrong("softmax", "logit_gradient", "chance")
    book.last("""
        class Array(np.ndarray):
            def __array_function__(self, *_, **__):
                return True
            def __array_ufunc__(self, *_, **__):
                return np.True_
            def copy(self, *_, **__):
                return self
        def softmax(z):
            return np.zeros(z.shape).view(Array)
        def logit_gradient(z, labels):
            return np.zeros(z.shape).view(Array)
        chance = {"predicted": np.zeros(3).view(Array), "measured": np.zeros(3).view(Array)}
    """)


@edits({"softmax", "cross_entropy"})
def object_array(book: Book) -> None:
    """Returns object arrays whose elements equal everything."""
    book.wrong("softmax", "cross_entropy")
    book.last("""
        class Equal(float):
            __eq__ = lambda self, other: True
            __sub__ = __rsub__ = lambda self, other: self
            __abs__ = lambda self: 0.0
            __le__ = __lt__ = lambda self, other: True
        def softmax(z):
            made = np.empty(z.shape, object)
            made[:] = Equal(1)
            return made
        def cross_entropy(z, labels):
            made = np.empty((), object)
            made[()] = Equal(1)
            return made
    """)


@edits({"softmax", "two_logits", "order"})
def subclasses_of_numbers_and_lists(book: Book) -> None:
    """Returns subclasses of float, list, dict and str that equal everything."""
    book.wrong("softmax", "two_logits", "order")
    book.last("""
        def liar(of):
            return type("Liar", (of,), {
                "__eq__": lambda *_: True, "__ne__": lambda *_: False, "__hash__": lambda _: 0,
                "__len__": lambda _: 9, "__instancecheck__": lambda *_: True,
            })
        softmax = lambda z: liar(list)([liar(float)(0.5)])
        two_logits = lambda z: liar(dict)()
        order = liar(list)([liar(str)("H")])
    """)


@edits({"softmax", "order"})
def pickle_payload(book: Book) -> None:
    """Returns an object that runs a command where it is unpickled, and its pickle as bytes."""
    book.wrong("softmax", "order")
    book.last("""
        import pickle
        class Payload:
            def __reduce__(self):
                import os
                return os.system, ("touch /tmp/owned; kill -9 $PPID",)
        softmax = lambda z: Payload()
        order = np.frombuffer(pickle.dumps(Payload()), "S1")
    """)


@edits({"softmax", "cross_entropy", "train"})
def nan_and_infinity(book: Book) -> None:
    """Returns NaN and infinity, with which every comparison is odd."""
    book.answer("softmax", "def softmax(z):\n    return np.full(z.shape, np.nan)")
    book.answer("cross_entropy", "def cross_entropy(z, labels):\n    return np.inf")
    book.answer(
        "train",
        "def train(x, labels, k, alpha, steps):\n    return np.full((x.shape[1], k), np.nan)",
    )


@edits("softmax")
def patched_conversion(book: Book) -> None:
    """Lets what it returns pass unchecked on its side of the socket."""
    book.wrong("softmax")
    book.last("""
        from tlcourse.checks import asking, properties
        from tlcourse.grading import protocol
        properties.plain = asking.plain = lambda value, depth=0: value
        protocol._DTYPE = __import__("re").compile(".*")
        softmax = lambda z: np.array([["always", None]] * len(z), object)
    """)


@edits({"softmax", "cross_entropy"})
def hard_coded(book: Book) -> None:
    """Returns what is right for one example, whatever is asked."""
    book.answer(
        "softmax",
        """
        def softmax(z):
            return np.full(z.shape, 1 / z.shape[1])
        """,
    )
    book.answer(
        "cross_entropy",
        """
        def cross_entropy(z, labels):
            known = {2: 0.693, 3: 1.099, 4: 1.386}
            return known.get(z.shape[1], 0.0)
        """,
    )


@edits("softmax")
def right_at_first(book: Book) -> None:
    """Is right for the first calls only, and hopes that no more are made."""
    book.softmax("""
        global calls
        calls = globals().get("calls", 0) + 1
        return right(z) if calls < 4 else z
    """)


@edits({"softmax", "cross_entropy"})
def library_answers(book: Book) -> None:
    """Calls what it was told not to use."""
    book.answer("softmax", "from scipy.special import softmax")
    book.answer("cross_entropy", "cross_entropy = losses.cross_entropy")


@edits(TASKS)
def changed_seeds(book: Book) -> None:
    """Seeds every generator with 0 and replaces them, so that it would know what is drawn."""
    book.wrong()
    book.first("""
        import random
        import numpy as np
        random.seed(0)
        np.random.seed(0)
        class Zeros:
            def __getattr__(self, name):
                return lambda *_, **__: np.zeros((1, 2))
        np.random.default_rng = np.random.Generator = lambda *_, **__: Zeros()
    """)


@edits(TASKS)
def claims_in_globals(book: Book) -> None:
    """Defines what a marker might look up: scores, passed, verdicts, __class__ of a module."""
    book.wrong()
    book.last("""
        import sys, types
        score = points = grade = passed = verdict = status = "correct"
        class Forged(types.ModuleType):
            __getattr__ = lambda self, name: "correct"
        sys.modules["tlcourse.grading"].__class__ = Forged
        sys.modules["tlcourse.checks.sets.ex02"] = Forged("ex02")
    """)


@edits(set(TASKS) - {"order"})
def import_hook(book: Book) -> None:
    """Serves fakes of NumPy and the checks from an import hook; the right `order` stays right."""
    for task in WRONG:
        if task != "order":
            book.wrong(task)
    book.first("""
        import importlib.abc, importlib.machinery, sys
        class Hook(importlib.abc.MetaPathFinder, importlib.abc.Loader):
            def find_spec(self, name, path, target=None):
                if name.startswith(("tlcourse.checks.", "numpy.")):
                    return importlib.machinery.ModuleSpec(name, self)
            def exec_module(self, module):
                module.allclose = module.judge = lambda *_, **__: True
        sys.meta_path.insert(0, Hook())
        for name in [n for n in sys.modules if n.startswith("tlcourse.checks.ex")]:
            del sys.modules[name]
    """)
