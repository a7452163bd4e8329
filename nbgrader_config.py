"""For nbgrader: where the exercises come from and where they go.

`make exercises` runs `nbgrader generate_assignment` with this. A lecturer who marks with plain
nbgrader works from a folder with this file, `solutions/` and `exercises/`.
"""

from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "tlcourse"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.ClearSolutions.text_stub = "*Your answer here.*"


class ForLearners(ClearSolutions):
    """Leave a stub that Run All gets past, and that the checks know as not attempted."""

    def _replace_solution_region(self, cell, language):
        begin = next((x for x in cell.source.split("\n") if self.begin_solution_delimeter in x), "")
        stub = "# YOUR CODE HERE"
        if begin.startswith(" "):  # in a function
            stub += "\nraise NotImplementedError"
        self.code_stub = {**self.code_stub, "python": stub}
        return super()._replace_solution_region(cell, language)

    def preprocess(self, nb, resources):
        nb, resources = super().preprocess(nb, resources)
        nb.metadata.get("tlcourse", {}).pop("code", None)
        nb.metadata.get("tlcourse", {}).pop("text", None)
        for cell in nb.cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
                cell.metadata["tags"] = ["raises-exception"]  # Run All goes on past an open task
        return nb, resources


c.GenerateAssignment.preprocessors = [
    ForLearners if step is ClearSolutions else step
    for step in GenerateAssignment.preprocessors.default()
]
