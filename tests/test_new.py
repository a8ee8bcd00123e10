"""`grader new`: a scaffold vets green, is changed as an author would, and grades; the grader stays as it is."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.cli import main
from grader.commands import OK, USAGE
from grader.commands import new as module
from grader.context import Grading, bake
from grader.notebook import parse_notebook
from grader.pipeline import Context, grade
from grader.reports.feedback import to_markdown
from grader.sandbox.plain import PlainRunner
from grader.sandbox.pool import Zygote
from grader.spec import load_assignment
from grader.types import Call, Chunk, Graded, Limits, Program, Submission
from grader.vetting.assignment import Bench, checks

SLUG = "line_fit"


@pytest.fixture(scope="module")
def numpy_sandbox() -> Iterator[Zygote | PlainRunner]:
    if sys.platform == "linux":
        with Zygote("numpy") as zygote:
            yield zygote
    else:
        yield PlainRunner("numpy")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with nothing in it but the folder that makes it one."""
    (tmp_path / "assignments").mkdir()
    monkeypatch.setenv("GRADER_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, numpy_sandbox: Zygote) -> None:
    """`grader new` with a sandbox that is open already."""
    monkeypatch.setattr(module, "open_sandbox", lambda framework: contextlib.nullcontext(numpy_sandbox))


@pytest.fixture
def made(empty: Path, quick: None) -> Path:
    """A root with one scaffold."""
    assert main(["new", SLUG, "--title-en", 'Lines: a "fit"', "--title-ko", "직선 맞추기"]) == OK
    return empty


def vetted(root: Path, slug: str, sandbox: Any, secret: bytes) -> dict[str, list[str]]:
    """What is wrong, by check."""
    bench = Bench(Grading(root, slug, secret), sandbox, sandbox)
    return {check.name: check.run() for check in checks(bench)}


def tree(root: Path) -> dict[str, bytes]:
    """Every file but the grader's own."""
    files = (p for p in root.rglob("*") if p.is_file() and ".grader" not in p.parts)
    return {str(p.relative_to(root)): p.read_bytes() for p in files}


# ---------------------------------------------------------------- the scaffold


def test_a_scaffold_vets_green_as_it_stands(made: Path, numpy_sandbox: Zygote, dev_secret: bytes) -> None:
    found = vetted(made, SLUG, numpy_sandbox, dev_secret)
    assert len(found) == 13  # with a second solution
    assert not any(found.values()), found
    assert not list((made / ".grader").glob("new-*"))


@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
def test_a_scaffold_vets_green_in_every_framework(
    framework: str,
    empty: Path,
    monkeypatch: pytest.MonkeyPatch,
    dev_secret: bytes,
    request: pytest.FixtureRequest,
) -> None:
    pytest.importorskip(framework)
    sandbox = request.getfixturevalue("tf_sandbox" if framework == "tensorflow" else "torch")
    monkeypatch.setattr(module, "open_sandbox", lambda framework: contextlib.nullcontext(sandbox))
    assert main(["new", SLUG, "--framework", framework]) == OK
    found = vetted(empty, SLUG, sandbox, dev_secret)
    assert not any(found.values()), found
    spec = (empty / "assignments" / SLUG / "spec.yaml").read_text("utf-8")
    assert "gradient: [p]" in spec


def test_the_titles_are_written_as_given(made: Path) -> None:
    folder = made / "assignments" / SLUG
    assert load_assignment(folder).title == {"en": 'Lines: a "fit"', "ko": "직선 맞추기"}
    cells = json.loads((folder / "notebook.ipynb").read_text("utf-8"))["cells"]
    assert "".join(cells[0]["source"]).startswith('# 직선 맞추기 · Lines: a "fit"')
    assert [c["id"] for c in cells if c["cell_type"] == "code"] == ["imports", "squared-error", "line"]


def test_the_notebook_is_a_valid_one(made: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(made / "assignments" / SLUG / "notebook.ipynb", as_version=4))


def test_it_says_what_to_do_next(empty: Path, quick: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "my_own"]) == OK
    told = capsys.readouterr().out
    assert (
        f"{empty / 'assignments' / 'my_own'}/: README.md, notebook.ipynb, probes.py, public.npz, spec.yaml" in told
    )
    assert told.index("grader bake my_own") < told.index("grader vet my_own")
    assert "# My own · My own" in (empty / "assignments" / "my_own" / "notebook.ipynb").read_text("utf-8")


def test_the_rest_of_the_rubric_is_left_as_it_is(empty: Path, quick: None) -> None:
    before = "# Punkte · 점수\nother: {criteria: {}}   # no newline at the end"
    (empty / "rubric.yaml").write_text(before, "utf-8")
    assert main(["new", SLUG]) == OK
    after = (empty / "rubric.yaml").read_text("utf-8")
    assert after.startswith(before + "\n" + SLUG + ":\n")
    again = after
    assert main(["new", "second_one"]) == OK
    assert (empty / "rubric.yaml").read_text("utf-8").startswith(again)


def test_every_template_is_used_and_travels_with_the_package() -> None:
    there = {p.name for p in (resources.files("grader") / "scaffold").iterdir()}
    assert there == {*module.FILES.values(), "rubric.yaml.txt"}
    project = (Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8")
    assert '"scaffold/*.txt"' in project


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "slug", ["", "Upper", "1st", "a/b", "../up", "a b", "한글", "true", "null", "-x", "x" * 61]
)
def test_what_is_no_name_is_refused(empty: Path, slug: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--", slug]) == USAGE
    assert "not a name" in capsys.readouterr().err
    assert tree(empty) == {}


@pytest.mark.parametrize("taken", ["assignments", "reference", "rubric.yaml"])
def test_what_exists_is_never_touched(
    empty: Path, quick: None, taken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if taken == "rubric.yaml":
        (empty / taken).write_text(f"{SLUG}: {{}}\n", "utf-8")
    else:
        (empty / taken / SLUG).mkdir(parents=True)
        (empty / taken / SLUG / "mine.txt").write_text("mine", "utf-8")
    before = tree(empty)
    assert main(["new", SLUG]) == USAGE
    told = capsys.readouterr().err
    assert str(empty / taken) in told
    assert "already; choose another name or remove it" in told
    assert tree(empty) == before


def test_a_rubric_that_is_no_yaml_is_named(empty: Path, quick: None, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "rubric.yaml").write_text("a: [1\n", "utf-8")
    before = tree(empty)
    assert main(["new", SLUG]) == USAGE
    assert "rubric.yaml" in capsys.readouterr().err
    assert tree(empty) == before


def test_a_rubric_of_comments_is_an_empty_one(empty: Path, quick: None) -> None:
    (empty / "rubric.yaml").write_text("# nothing yet\n", "utf-8")
    assert main(["new", SLUG]) == OK


def test_a_missing_framework_leaves_nothing(
    empty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from grader.sandbox import pool

    monkeypatch.setattr(pool.importlib.util, "find_spec", lambda name: None)
    assert main(["new", SLUG, "--framework", "torch"]) == USAGE
    assert "pip install" in capsys.readouterr().err
    assert tree(empty) == {}
    assert not list((empty / ".grader").iterdir())


def half_written(*args: Any, **options: Any) -> Any:
    """`open` on a disk that is full after a few bytes."""
    with open(*args, **options) as file:
        file.write("half of")
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("rubric", [None, "other: {criteria: {}}\n"])
def test_nothing_half_written_is_left_after_an_error(
    empty: Path, quick: None, monkeypatch: pytest.MonkeyPatch, rubric: str | None
) -> None:
    if rubric is not None:
        (empty / "rubric.yaml").write_text(rubric, "utf-8")
    before = tree(empty)
    monkeypatch.setattr(module, "open", half_written, raising=False)
    assert main(["new", SLUG]) == USAGE
    assert tree(empty) == before
    assert not list((empty / "reference").iterdir())
    assert not list((empty / "assignments").iterdir())


def test_an_interruption_leaves_nothing_either(empty: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []

    def stop(source: object, target: object) -> None:
        if len(moved) == 3:
            raise KeyboardInterrupt
        moved.append(str(target))
        os.rename(str(source), str(target))

    monkeypatch.setattr(module.os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        module.new(SLUG, "numpy", "", "")
    assert len(moved) == 3
    assert tree(empty) == {}


def test_the_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["new", "--help"])
    assert left.value.code == 0
    assert "grader new my_assignment --framework torch" in capsys.readouterr().out


# ---------------------------------------------------------------- an author's own assignment

CELL = """
class Average:
    def __init__(self):
        self.rows = []

    def add(self, row):
        ?

    def value(self):
        return sum(self.rows) / len(self.rows)
"""
SPEC = """\
  average:
    definition: Average.add
    title: {en: Q3 average, ko: Q3 평균}
    probes:
      after_each_row:
        inputs: [x]
        observes:
          mean: {en: the average of all rows, ko: 모든 행의 평균}
    cases:
      typical: {public: true, inputs: {x: {normal: [4, 3]}}}
      hidden: {inputs: {x: {normal: [7, 2], scale: 5}}}
"""
PROBE = """

def after_each_row(learner, x):
    average = learner.Average()
    for row in x:
        average.add(row)
    return {"mean": average.value()}
"""
ADD = CELL.replace("?", "self.rows.append(row)")
KEPT_ONE = CELL.replace("?", "self.rows = [row]")
MISTAKE = '@mistake("average", en="Only the last row is kept.", ko="마지막 행만 남아 있습니다.")'
VARIANT = '@variant("average", en="a longer list each time", ko="매번 더 긴 리스트")'


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text("utf-8")), "utf-8")


def marked(mark: str, name: str, source: str) -> str:
    return f"\n\n{mark}{source.replace('class Average', f'class {name}')}"


@pytest.fixture
def changed(made: Path, numpy_sandbox: Zygote) -> Path:
    """The scaffold with a third exercise, a probe and a mistake of the author's own."""
    folder, reference = made / "assignments" / SLUG, made / "reference" / SLUG
    notebook = json.loads((folder / "notebook.ipynb").read_text("utf-8"))
    notebook["cells"].append(code(CELL))
    (folder / "notebook.ipynb").write_text(json.dumps(notebook), "utf-8")
    edit(folder / "spec.yaml", lambda text: text + SPEC)
    edit(folder / "probes.py", lambda text: text + PROBE)
    for name in ("solution_numpy.py", "solution_second.py"):
        edit(reference / name, lambda text: text + "\n" + ADD)
    edit(
        reference / "variants.py",
        lambda text: text + marked(VARIANT, "Longer", CELL.replace("?", "self.rows = [*self.rows, row]")),
    )
    edit(reference / "mistakes.py", lambda text: text + marked(MISTAKE, "KeptOne", KEPT_ONE))
    edit(made / "rubric.yaml", lambda text: text + "    average: {points: 20, exercise: average}\n")
    return made


def code(source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "id": "own", "metadata": {}, "execution_count": None, "outputs": []}
    return {**cell, "source": source.strip("\n").splitlines(keepends=True)}


def test_an_author_changes_it_and_it_vets_green_again(
    changed: Path, numpy_sandbox: Zygote, dev_secret: bytes
) -> None:
    stale = vetted(changed, SLUG, numpy_sandbox, dev_secret)
    assert [name for name, wrong in stale.items() if wrong] == ["public.npz is up to date"]
    grading = Grading(changed, SLUG, dev_secret)
    bake(changed / "assignments" / SLUG, grading.reference, numpy_sandbox)
    assert not any(vetted(changed, SLUG, numpy_sandbox, dev_secret).values())


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [
        ("mistakes.py", "self.rows = [row]", "self.rows.append(row)", "every mistake is named as itself"),
        ("variants.py", "[*self.rows, row]", "[row]", "every variant earns everything"),
        ("solution_second.py", "append(row)", "append(2 * row)", "both solutions agree in float64 to 1e-10"),
    ],
)
def test_a_slip_of_the_author_is_told(
    changed: Path, numpy_sandbox: Zygote, dev_secret: bytes, file: str, old: str, new: str, check: str
) -> None:
    path = changed / "reference" / SLUG / file
    assert old in path.read_text("utf-8")
    edit(path, lambda text: text.replace(old, new))
    found = vetted(changed, SLUG, numpy_sandbox, dev_secret)
    assert any(wrong for name, wrong in found.items() if name.startswith(check)), found


def filled(root: Path, **answers: str) -> bytes:
    """The notebook with some of its cells written anew, by id."""
    notebook = json.loads((root / "assignments" / SLUG / "notebook.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        if answer := answers.get(cell["id"].replace("-", "_")):
            cell["source"] = answer
    return json.dumps(notebook, ensure_ascii=False).encode()


@pytest.fixture
def judged(changed: Path, numpy_sandbox: Zygote, dev_secret: bytes) -> Callable[..., tuple[Graded, Context]]:
    context = Grading(changed, SLUG, dev_secret).context(numpy_sandbox)

    def one(**answers: str) -> tuple[Graded, Context]:
        data = filled(changed, **answers)
        parse_notebook(data, "submission.ipynb")
        return grade(Submission("kim", "kim.ipynb", data, ""), context), context

    return one


SOLVED = {
    "squared_error": "def squared_error(y, p):\n    return ((p - y) ** 2).mean()",
    "line": """class Line:
    def __init__(self, w):
        self.w = w
    def train_step(self, x, y, learning_rate):
        error = x @ self.w - y
        self.w = self.w - learning_rate * 2 * x.T @ error / len(x)
        return float((error * error).mean())
""",
    "own": ADD,
}


def verdicts(graded: Graded) -> dict[str, str]:
    return {result.exercise: result.verdict.value for result in graded.results}


def test_a_right_notebook_earns_everything(judged: Callable[..., tuple[Graded, Context]]) -> None:
    graded, _ = judged(**SOLVED)
    assert (graded.grade.earned, graded.grade.possible) == (120, 120)
    assert verdicts(graded) == dict.fromkeys(("squared_error", "train_step", "average"), "passed")


def test_a_blank_notebook_earns_nothing(judged: Callable[..., tuple[Graded, Context]]) -> None:
    graded, context = judged()
    assert graded.grade.earned == 0
    assert verdicts(graded) == dict.fromkeys(("squared_error", "train_step", "average"), "not_attempted")
    for lang, told in (
        ("en", "Average.add is not filled in yet"),
        ("ko", "Average.add 부분이 아직 비어 있습니다"),
    ):
        assert told in to_markdown(graded, context.expectations, lang, {})


def test_a_wrong_notebook_is_told_its_mistake_in_both_languages(
    judged: Callable[..., tuple[Graded, Context]],
) -> None:
    uphill = SOLVED["line"].replace("self.w - learning", "self.w + learning")
    graded, context = judged(squared_error=SOLVED["squared_error"], line=uphill, own=KEPT_ONE)
    assert verdicts(graded) == {"squared_error": "passed", "train_step": "failed", "average": "failed"}
    assert [r.mistake for r in graded.results] == [None, "Uphill", "KeptOne"]
    assert graded.grade.earned == 40
    english = to_markdown(graded, context.expectations, "en", {})
    korean = to_markdown(graded, context.expectations, "ko", {})
    assert "The step goes uphill" in english
    assert "Only the last row is kept." in english
    assert "the average of all rows: value differs" in english
    assert "부호를 살펴보세요" in korean
    assert "마지막 행만 남아 있습니다." in korean
    assert "모든 행의 평균: 값이 다릅니다" in korean


def test_an_accepted_form_of_the_scaffold_passes_and_is_noted(
    judged: Callable[..., tuple[Graded, Context]],
) -> None:
    graded, context = judged(
        **{**SOLVED, "squared_error": "def squared_error(y, p):\n    return ((p-y)**2).mean()/2"}
    )
    assert graded.results[0].family == "half"
    assert "You halved the error" in to_markdown(graded, context.expectations, "en", {})


# ---------------------------------------------------------------- numpy alone


def test_a_numpy_assignment_loads_no_framework(made: Path, numpy_sandbox: Zygote) -> None:
    source = """
import sys
FRAMEWORKS = {"tensorflow", "torch", "keras", "tf_keras", "jax"}
def loaded(x):
    return float(len({name.partition(".")[0] for name in sys.modules} & FRAMEWORKS))
def numpy_too(x):
    return float("numpy" in sys.modules)
"""
    probes = (made / "assignments" / SLUG / "probes.py").read_text("utf-8")
    program = Program((Chunk(source, 1),), {}, {1: source}, probes=probes)
    calls = [Call(f"{f}/a", f, ("x",), (), {"x": np.zeros(2, np.float32)}) for f in ("loaded", "numpy_too")]
    run = numpy_sandbox.run(program, calls, Limits())
    assert [float(o.value) for o in run.observations.values()] == [0, 1]
    assert set(numpy_sandbox.versions) == {"numpy", "python"}
