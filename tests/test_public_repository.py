"""What GitHub reads: workflows, forms and pages. It is not asked, so its rules are written here."""

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tools.owner import committed

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHONS = [
    f"3.{minor}"
    for minor in range(100)
    if f"3.{minor}.0" in SpecifierSet(PROJECT["requires-python"])
]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


class Loader(yaml.SafeLoader):
    """YAML as GitHub takes it: `on` is a word, and no key stands twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(
                None, None, "a key stands twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = Loader.yaml_implicit_resolvers | {"o": []}


def load(path):
    return yaml.load(path.read_text("utf-8"), Loader)


def shown(path):
    return path.relative_to(ROOT).as_posix()


def parametrize(name, paths):
    return pytest.mark.parametrize(name, sorted(paths), ids=shown)


@parametrize("path", [p for p in committed() if p.suffix in {".yml", ".yaml", ".cff"}])
def test_every_yaml_file_can_be_read(path):
    assert load(path)


def test_a_key_that_stands_twice_is_found(tmp_path):
    (tmp_path / "a.yml").write_text("on: push\njobs: 1\non: tag\n")
    with pytest.raises(yaml.YAMLError, match="twice"):
        load(tmp_path / "a.yml")


# --- workflows -----------------------------------------------------------------------------------

WORKFLOWS = {path.stem: path for path in (GITHUB / "workflows").glob("*.yml")}
WRITES = {  # what a job may write, or sign; all else is read-only
    ("site", "publish"): {"pages": "write", "id-token": "write"},
    ("release", "publish"): {"id-token": "write"},
}


def jobs():
    """The name of a workflow, the name of a job, and the job."""
    for name, path in WORKFLOWS.items():
        for job, content in load(path)["jobs"].items():
            yield pytest.param(name, job, content, id=f"{name}-{job}")


def commands(job):
    """Each line that a job's steps run, split into words."""
    for step in job["steps"]:
        for line in step.get("run", "").splitlines():
            yield shlex.split(line)


def test_there_is_a_workflow_for_tests_site_and_release():
    assert WORKFLOWS.keys() == {"test", "site", "release"}


@parametrize("path", [*WORKFLOWS.values(), GITHUB / "dependabot.yml"])
def test_a_file_that_the_authors_could_not_run_says_so_first(path):
    assert path.read_text("utf-8").startswith("# Not run by the authors")


@parametrize("path", WORKFLOWS.values())
def test_a_workflow_may_only_read_and_runs_once_at_a_time(path):
    workflow = load(path)
    assert {"name", "on", "permissions", "concurrency", "jobs"} == workflow.keys()
    assert workflow["permissions"] == {"contents": "read"}
    assert {"group", "cancel-in-progress"} == workflow["concurrency"].keys()


def test_the_events_are_those_that_were_meant():
    on = {name: load(path)["on"] for name, path in WORKFLOWS.items()}
    assert on == {
        "test": {"push": {"branches": ["main"]}, "pull_request": None},
        "site": {"push": {"branches": ["main"]}, "workflow_dispatch": None},
        "release": {"push": {"tags": ["v*"]}},
    }


@pytest.mark.parametrize(("workflow", "name", "job"), [*jobs()])
def test_a_job_has_a_limit_a_fixed_system_and_no_more_rights_than_it_needs(workflow, name, job):
    assert 0 < job["timeout-minutes"] <= 120
    systems = job.get("strategy", {}).get("matrix", {}).get("os", [job["runs-on"]])
    assert [s for s in systems if not re.fullmatch(r"(ubuntu|macos|windows)-\d+(\.\d+)?", s)] == []
    assert job.get("permissions", {}) == WRITES.get((workflow, name), {})


@pytest.mark.parametrize(("workflow", "name", "job"), [*jobs()])
def test_every_step_is_a_command_or_an_action_that_is_pinned(workflow, name, job):
    text = WORKFLOWS[workflow].read_text("utf-8")
    for step in job["steps"]:
        assert ("run" in step) != ("uses" in step)
        if action := step.get("uses"):
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
            assert re.search(rf"uses: {action} # v\d+\.\d+\.\d+$", text, re.MULTILINE), action
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"] == {"persist-credentials": False}


def test_an_action_has_the_same_version_in_every_workflow():
    versions = {}
    for path in WORKFLOWS.values():
        for action, version in re.findall(r"uses: (.*)@(.* # .*)", path.read_text("utf-8")):
            versions.setdefault(action, set()).add(version)
    assert [action for action, found in versions.items() if len(found) > 1] == []


@pytest.mark.parametrize(("workflow", "name", "job"), [*jobs()])
def test_every_command_and_file_of_a_job_is_there(workflow, name, job):
    for words in commands(job):
        tool = Path(words[0]).name
        assert tool in {"make", "python", "sudo", "touch"}, words
        if tool == "make":
            assert set(words[1:]) <= TARGETS, words
        if tool == "python":
            assert words[1] == "-m", words
            assert importlib.util.find_spec(words[2]), words
        if words[-2:-1] in (["-r"], ["--ignore"]):
            assert (ROOT / words[-1]).exists(), words
    for step in job["steps"]:
        if "cache" in (settings := step.get("with", {})):
            assert settings["cache"] == "pip"
            assert settings["cache-dependency-path"] == "requirements.lock"
            assert (ROOT / "requirements.lock").is_file()


@pytest.mark.parametrize(("workflow", "name", "job"), [*jobs()])
def test_nothing_from_outside_is_pasted_into_a_command(workflow, name, job):
    assert [words for words in commands(job) if "${{" in " ".join(words)] == []


def test_the_tests_run_on_exactly_the_pythons_of_the_package():
    for job in load(WORKFLOWS["test"])["jobs"].values():
        assert job["strategy"]["matrix"]["python"] == PYTHONS
        assert job["strategy"]["fail-fast"] is False
        given = [s["with"]["python-version"] for s in job["steps"] if "setup-python" in str(s)]
        assert given == ["${{ matrix.python }}"]


@pytest.mark.parametrize("name", ["site", "release"])
def test_what_is_published_is_made_with_a_python_of_the_package(name):
    versions = re.findall(r'python-version: "(.*)"', WORKFLOWS[name].read_text("utf-8"))
    assert versions
    assert set(versions) <= set(PYTHONS)


def test_the_tests_run_on_linux_macos_and_windows():
    linux, elsewhere = load(WORKFLOWS["test"])["jobs"].values()
    assert "ubuntu" in linux["runs-on"]
    assert ["make", "test"] in list(commands(linux))
    assert [s.split("-")[0] for s in elsewhere["strategy"]["matrix"]["os"]] == ["macos", "windows"]
    readme = (ROOT / "README.md").read_text("utf-8")
    for words in commands(elsewhere):
        if words[2] == "pip":  # the lines that the README gives
            assert f"`{' '.join(words[2:])}`" in readme


def test_the_release_is_checked_and_tried_before_it_is_published():
    build, publish = load(WORKFLOWS["release"])["jobs"].values()
    modules = [words[2] for words in commands(build) if words[0].endswith("python")]
    assert modules == ["tools.release", "hatchling", "tools.lower_bounds"]
    assert publish["needs"] == "build"
    assert publish["environment"] == "pypi"
    assert all("uses" in step for step in publish["steps"])  # no code of ours beside the token


# --- issue forms ---------------------------------------------------------------------------------
#
# GitHub's form schema, as far as the forms could break it: the keys of a form and of each kind of
# element, which of them are required and of what kind; ids of letters, digits, - and _ that are
# unique; options and labels that differ from each other; and an element that takes an answer.

FORMS = [p for p in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if p.name != "config.yml"]
FORM = {"name": str, "description": str, "body": list}
FORM_MAY = {"title": str, "labels": list, "assignees": list, "projects": list, "type": str}
TEXTS = {"description": str, "placeholder": str, "value": str}
ELEMENTS = {  # what the attributes of a kind of element must have, and what they may have
    "markdown": ({"value": str}, {}),
    "input": ({"label": str}, TEXTS),
    "textarea": ({"label": str}, TEXTS | {"render": str}),
    "dropdown": (
        {"label": str, "options": list},
        {"description": str, "multiple": bool, "default": int},
    ),
    "checkboxes": ({"label": str, "options": list}, {"description": str}),
}


def keys(what, must, may):
    """What is wrong with the keys of a mapping and the kinds of their values."""
    for key in must.keys() - what.keys():
        yield f"{key} is missing"
    for key, value in what.items():
        kind = {**must, **may}.get(key)
        if kind is None:
            yield f"{key} is not known"
        elif not isinstance(value, kind) or value in ("", []):
            yield f"{key} is {value!r}"


def form_problems(form):
    """Everything about a form that GitHub would refuse."""
    yield from keys(form, FORM, FORM_MAY)
    ids, labels, answers = [], [], 0
    for element in form.get("body") or []:
        kind = element.get("type")
        if kind not in ELEMENTS:
            yield f"type is {kind!r}"
            continue
        may = {} if kind == "markdown" else {"id": str, "validations": dict}
        yield from keys(element, {"type": str, "attributes": dict}, may)
        attributes = element.get("attributes") or {}
        yield from keys(attributes, *ELEMENTS[kind])
        yield from keys(element.get("validations") or {}, {}, {"required": bool})
        answers += kind != "markdown"
        labels += [attributes.get("label")] * (kind != "markdown")
        if "id" in element:
            ids.append(element["id"])
            if not re.fullmatch(r"[\w-]+", str(element["id"]), re.ASCII):
                yield f"id is {element['id']!r}"
        options = attributes.get("options") or []
        if kind == "checkboxes":
            for option in options:
                yield from keys(option, {"label": str}, {"required": bool})
            options = [option.get("label") for option in options]
        elif not all(isinstance(option, str) for option in options):
            yield f"options are {options!r}"
        if len(set(map(str, options))) < len(options):
            yield "an option stands twice"
    for what, found in (("id", ids), ("label", labels)):
        if len(set(found)) < len(found):
            yield f"the same {what} stands twice"
    if not answers:
        yield "nothing takes an answer"


@parametrize("path", FORMS)
def test_a_form_is_one_that_github_takes(path):
    assert list(form_problems(load(path))) == []


def test_there_is_a_form_for_a_mistake_a_check_and_a_question():
    assert {path.stem for path in FORMS} == {"mistake", "check", "question"}


def broken():
    """Forms with one fault each, and what is said of it."""
    text = {"type": "input", "id": "a", "attributes": {"label": "A"}}
    choice = {"type": "dropdown", "attributes": {"label": "B", "options": ["x", "y"]}}
    yield {"description": "d", "body": [text]}, "name is missing"
    yield {"name": "", "description": "d", "body": [text]}, "name is ''"
    whole = {"name": "n", "description": "d"}
    yield whole, "body is missing"
    yield whole | {"body": [text], "about": "x"}, "about is not known"
    yield whole | {"body": [text | {"type": "text"}]}, "type is 'text'"
    yield whole | {"body": [{"type": "input"}]}, "attributes is missing"
    yield whole | {"body": [text | {"id": "a b"}]}, "id is 'a b'"
    yield whole | {"body": [text, text]}, "the same id stands twice"
    yield whole | {"body": [choice, choice]}, "the same label stands twice"
    yield whole | {"body": [text | {"required": True}]}, "required is not known"
    yield whole | {"body": [text | {"validations": {"required": "yes"}}]}, "required is 'yes'"
    for options, said in ((["x", "x"], "an option stands twice"), ([], "options is []")):
        attributes = {"label": "B", "options": options}
        yield whole | {"body": [choice | {"attributes": attributes}]}, said
    attributes = {"label": "B", "options": [True, "no"]}
    yield whole | {"body": [choice | {"attributes": attributes}]}, "options are [True, 'no']"
    yield (
        whole | {"body": [{"type": "markdown", "attributes": {"value": "v"}}]},
        "nothing takes an answer",
    )


@pytest.mark.parametrize(("form", "said"), [*broken()])
def test_a_form_that_github_refuses_is_found(form, said):
    assert said in list(form_problems(form))


def test_the_chooser_of_forms_leads_to_the_private_report():
    config = load(GITHUB / "ISSUE_TEMPLATE" / "config.yml")
    assert config.keys() == {"blank_issues_enabled", "contact_links"}
    assert config["blank_issues_enabled"] is False
    for link in config["contact_links"]:
        assert list(keys(link, {"name": str, "url": str, "about": str}, {})) == []
        assert link["url"] in (ROOT / "SECURITY.md").read_text("utf-8")


# --- pages ---------------------------------------------------------------------------------------

PAGES = ["SECURITY.md", "CODE_OF_CONDUCT.md", "RELEASING.md", ".github/pull_request_template.md"]


@pytest.mark.parametrize("name", PAGES)
def test_every_file_and_command_that_a_page_names_is_there(name):
    text = (ROOT / name).read_text("utf-8")
    code = re.findall(r"`([^`\n]+)`", text)
    local = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    paths = [c for c in code if re.fullmatch(r"[\w./-]+/[\w./-]*|[\w-]+\.(md|toml|cff|lock)", c)]
    for path in local + [p for p in paths if p != "marks/"]:
        found = [ROOT / path, GITHUB / "workflows" / path]
        assert any(p.exists() for p in found), path
    for command in code:
        words = command.split()
        if words[0] == "make":
            assert words[1] in TARGETS, command
        if words[:2] == ["python", "-m"]:
            assert importlib.util.find_spec(words[2]), command


def test_the_code_of_conduct_names_its_source_and_licence():
    text = (ROOT / "CODE_OF_CONDUCT.md").read_text("utf-8")
    for needed in ("Contributor Covenant", "version 2.1", "CC BY 4.0", "/security/advisories/new"):
        assert needed in text
