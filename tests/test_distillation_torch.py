"""The PyTorch assignment: the course's own notebook, read as printed where its text is at hand, and its figures.

The text is not ours, so it is not in this repository; the test reads it from beside the checkout.
"""

import re
from collections.abc import Callable

import pytest
from published import as_notebook, code_cells, find

from grader.pipeline import Context, grade
from grader.types import Graded, Submission, Verdict

SLUG = "distillation_torch"
TEXT, printed = find("001")

# The notebook breaks off in front of its last loop. A learner would have gone on like this.
LAST_LOOP = """
def train_mse_loss(teacher, student, train_loader, epochs, learning_rate,
                   feature_map_weight, ce_loss_weight, device):
    ce_loss = nn.CrossEntropyLoss()
    mse_loss = nn.MSELoss()
    optimizer = optim.Adam(student.parameters(), lr=learning_rate)
    teacher.to(device)
    student.to(device)
    teacher.eval()
    student.train()
    for epoch in range(epochs):
        running_loss = 0.0
        for inputs, labels in train_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            optimizer.zero_grad()
            with torch.no_grad():
                _, teacher_feature_map = teacher(inputs)
            student_logits, regressor_feature_map = student(inputs)
            hidden_rep_loss = mse_loss(regressor_feature_map, teacher_feature_map)
            label_loss = ce_loss(student_logits, labels)
            loss = feature_map_weight * hidden_rep_loss + ce_loss_weight * label_loss
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        print(f"Epoch {epoch+1}/{epochs}, Loss: {running_loss / len(train_loader)}")
"""


def cells() -> list[str]:
    """The sources of the printed notebook's code cells."""
    assert TEXT is not None
    return code_cells(TEXT.read_text("utf-8"))


@pytest.fixture(scope="module")
def context(context_of: Callable[[str], Context]) -> Context:
    pytest.importorskip("torch")
    return context_of(SLUG)


def graded(sources: list[str], context: Context) -> Graded:
    return grade(Submission("course", "course.ipynb", as_notebook(sources), "x"), context)


def verdicts(result: Graded) -> dict[str, Verdict]:
    return {r.exercise: r.verdict for r in result.results}


@pytest.mark.parametrize(
    ("exercise", "parameters"),
    [
        ("DeepNN", 1_186_986),
        ("LightNN", 267_738),
        ("ModifiedDeepNNCosine", 1_186_986),
        ("ModifiedLightNNCosine", 267_738),
        ("ModifiedDeepNNRegressor", 1_186_986),
        ("ModifiedLightNNRegressor", 267_738 + 16 * 32 * 9 + 32),
    ],
)
def test_networks_have_as_many_parameters_as_the_course_prints(
    exercise: str, parameters: int, context: Context
) -> None:
    answer = context.expectations.cases[f"{exercise}/typical"].families["reference"]
    assert answer.arrays["parameters"].item() == parameters


@printed
def test_the_text_was_cut_into_its_cells() -> None:
    code = cells()
    assert len(code) == 26
    names = re.findall(r"^(?:class|def) (\w+)", "\n".join(code), re.M)
    assert names == [
        *("DeepNN", "LightNN", "train", "test", "train_knowledge_distillation"),
        *("ModifiedDeepNNCosine", "ModifiedLightNNCosine", "train_cosine_loss", "test_multiple_outputs"),
        *("ModifiedDeepNNRegressor", "ModifiedLightNNRegressor", "train_mse"),
    ]


@printed
def test_what_the_course_wrote_earns_everything_and_what_it_left_open_nothing(context: Context) -> None:
    result = graded(cells(), context)
    unfinished = {name: v for name, v in verdicts(result).items() if v != Verdict.PASSED}
    assert unfinished == {"train_mse_loss": Verdict.MISSING}
    open_points = sum(s.criterion.points for s in result.grade.scores if s.criterion.exercise == "train_mse_loss")
    assert (result.grade.final, result.grade.earned) == (True, result.grade.possible - open_points)


@printed
def test_completed_it_earns_everything(context: Context) -> None:
    result = graded([*cells()[:-1], LAST_LOOP], context)
    assert set(verdicts(result).values()) == {Verdict.PASSED}
    assert result.grade.earned == result.grade.possible


@printed
def test_the_other_form_that_the_course_shows_is_known_by_name(context: Context) -> None:
    """It prints the cross-entropy too, commented out; who takes that one is told what the difference is."""
    kl = "loss = soft_target_loss_weight * soft_targets_loss_kl"
    code = [source.replace(kl, kl.removesuffix("_kl")) for source in cells()]
    assert code != cells()
    result = next(r for r in graded(code, context).results if r.exercise == "train_knowledge_distillation")
    assert (result.verdict, result.family) == (Verdict.PASSED, "cross_entropy")


@printed
@pytest.mark.parametrize(
    ("exercise", "before", "after", "mistake"),
    [
        ("train_knowledge_distillation", "reduction='batchmean'", "reduction='mean'", "kd_class_mean"),
        ("train_knowledge_distillation", "(teacher_logits/T", "(teacher_logits", "kd_temperature_student_only"),
        ("train_cosine_loss", "target=torch.ones(", "target=-torch.ones(", "cosine_apart"),
        ("test", "    accuracy = 100 * correct", "    accuracy = correct", "test_fraction"),
        ("DeepNN", "            nn.Dropout(0.1),\n", "", "DeepNoDropout"),
    ],
)  # fmt: skip
def test_a_slip_in_it_is_named_and_costs_its_own_exercise(
    exercise: str, before: str, after: str, mistake: str, context: Context
) -> None:
    code = cells()
    at = next(i for i, source in enumerate(code) if re.search(rf"^(class|def) {exercise}\b", source, re.M))
    assert before in code[at]
    code[at] = code[at].replace(before, after, 1)
    result = graded(code, context)
    wrong = {r.exercise: r.mistake for r in result.results if r.verdict == Verdict.FAILED}
    assert wrong == {exercise: mistake}
