"""Every exercise: its solution is right, its stub untried, and a wrong answer gets a sentence."""

import ast
import importlib.util
import random
import resource
import subprocess
import sys
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mutants import mutants

from cyclegan_lessons import LessonError, exercises
from cyclegan_lessons.exercises import checking, log
from cyclegan_lessons.exercises.checking import RIGHT, UNTRIED, WRONG, judge
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES, exercises_of

ALL = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
WRONG_ANSWERS = [(e, w) for e in EXERCISES.values() for w in e.wrong]
numbers = count()


@pytest.fixture(autouse=True)
def own_log(tmp_path, monkeypatch):
    monkeypatch.setenv("CYCLEGAN_LESSONS_PROGRESS", str(tmp_path / "log" / "progress.jsonl"))


@pytest.fixture
def graph_mode(monkeypatch):
    monkeypatch.setattr(checking, "SECONDS", 600)  # compiling takes longer than any check
    mode = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE)
    yield
    ms.set_context(mode=mode)


def namespace_of(code: str) -> dict:
    """What a notebook holds after a cell with this code."""
    namespace = {"__name__": "__main__"}
    exec(compile(code, "<cell>", "exec"), namespace)
    return namespace


def module_of(code: str, folder) -> dict:
    """The same from a file, which a graph needs: MindSpore reads the source of what it compiles."""
    path = folder / f"answer_{next(numbers)}.py"
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return vars(module)


def said(answer) -> str:
    return answer.sentence.format(**answer.values)


def builds(exercise) -> bool:
    """Whether code is to be written, not a number or a letter."""
    return callable(namespace_of(exercise.solution)[exercise.names[0]])


@ALL
def test_the_solution_is_right(exercise):
    answer = judge(exercise, namespace_of(exercise.solution))
    assert answer.outcome == RIGHT, said(answer)


@ALL
def test_the_solution_is_right_in_graph_mode(exercise, graph_mode, tmp_path):
    answer = judge(exercise, module_of(exercise.solution, tmp_path))
    assert answer.outcome == RIGHT, said(answer)


@ALL
def test_the_stub_is_not_tried_yet(exercise):
    assert exercise.stub.count("...  # your code") >= len(exercise.names)
    assert judge(exercise, namespace_of(exercise.stub)).outcome == UNTRIED
    assert judge(exercise, {}).outcome == UNTRIED


@ALL
def test_hints_titles_and_chapters(exercise):
    assert len(exercise.hints) >= 2 and len(exercise.wrong) >= (4 if builds(exercise) else 1)
    assert exercise.subject in CHAPTERS and exercise.title and exercise.task
    for text in (*exercise.hints, exercise.right):
        assert text[-1] in ".?!)`", f"no sentence: {text}"


@pytest.mark.parametrize(
    "exercise, wrong", WRONG_ANSWERS, ids=[f"{e.name}-{w.sentence[:40]}" for e, w in WRONG_ANSWERS]
)
def test_a_wrong_answer_gets_its_own_sentence(exercise, wrong):
    code = wrong.code(exercise.solution)
    assert code != exercise.solution, f"{wrong.old!r} is not in the solution"
    answer = judge(exercise, namespace_of(code))
    assert answer.outcome == WRONG and answer.sentence.startswith(wrong.sentence), said(answer)


class Hostile:
    """Does what no answer does, whatever is asked of it."""

    def __init__(self, result):
        self.result = result

    def __call__(self, *inputs, **options):
        return self.answer()

    def __getattr__(self, name):
        return lambda *inputs, **options: self.answer()

    def answer(self):
        if isinstance(self.result, type) and issubclass(self.result, BaseException):
            raise self.result("no\nsecond line, /home/someone/file, 0x7ffffffffff")
        return self.result


HOSTILE = {
    "None": None,
    "a string": "text",
    "a list of strings": ["a", "b"],
    "a wrong shape": np.zeros((7, 1, 2), np.float32),
    "a wrong Tensor": ms.Tensor(np.zeros((7, 1, 2), np.float32)),
    "not finite": float("nan"),
    "a ragged list": [[1], [1, 2]],
    "an exception": RuntimeError,
    "exit": SystemExit,
}


@pytest.mark.parametrize("result", HOSTILE.values(), ids=HOSTILE)
@ALL
def test_what_is_no_answer_gets_a_sentence(exercise, result, capsys):
    namespace, name = namespace_of(exercise.solution), exercise.names[-1]
    answers = Hostile(result) if builds(exercise) else result
    if isinstance(namespace[name], type):
        namespace[name] = lambda *inputs, **options: answers
    else:
        namespace[name] = answers
    answer = judge(exercise, namespace)
    assert answer.outcome == WRONG
    text = said(answer)
    assert text[-1] in ".?" and "\n" not in text and "/" not in text and "0x" not in text, text
    assert capsys.readouterr() == ("", "")


@ALL
def test_a_name_that_holds_none_or_text_gets_a_sentence(exercise):
    for value in (None, "text", ["text"]):
        namespace = namespace_of(exercise.solution) | {exercise.names[0]: value}
        answer = judge(exercise, namespace)
        assert answer.outcome == WRONG and exercise.names[0] in said(answer)


@ALL
def test_a_check_leaves_the_random_numbers_alone(exercise):
    np.random.seed(5)
    random.seed(5)
    namespace = namespace_of(exercise.solution)
    expected = np.random.RandomState(5).rand(), random.Random(5).random()
    judge(exercise, namespace)
    assert (np.random.rand(), random.random()) == expected


@contextmanager
def limited_memory(more: int = 4 << 30):
    """Some changes ask for an array of many gigabytes: let them fail."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + more, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def refused(exercise, code: str) -> bool:
    with limited_memory():
        try:
            namespace = namespace_of(code)
        except Exception:
            return True
        return judge(exercise, namespace).outcome != RIGHT


@ALL
def test_unknown_wrong_answers_are_refused(exercise, monkeypatch):
    """A fixed sample; ``python tests/test_exercises.py`` tries every change of every solution."""
    monkeypatch.setattr("cyclegan_lessons.exercises.checking.SECONDS", 5)
    changed = mutants(exercise.solution, exercise.given)
    sample = random.Random(1).sample(changed, min(5, len(changed)))
    passed = [code for code in sample if not refused(exercise, code)]
    assert len(passed) <= 1, "\n\n".join(passed)


def test_every_subject_has_an_exercise_that_builds_and_names_are_distinct():
    for subject in CHAPTERS:
        assert any(builds(exercise) for exercise in exercises_of(subject)), subject
        assert any(exercise.name.startswith("change-") for exercise in exercises_of(subject))
    names = [name for exercise in EXERCISES.values() for name in exercise.names]
    assert len(set(names)) == len(names)


def test_check_prints_one_line_and_logs_what_was_tried(capsys):
    scope = {"check": exercises.check}
    exec(EXERCISES["pool"].stub + 'check("pool")', scope)
    assert capsys.readouterr().out.startswith("○ pool: not tried yet.")
    assert not log.log_file().exists()
    exec(EXERCISES["pool"].wrong[0].code(EXERCISES["pool"].solution) + 'check("pool")', scope)
    out = capsys.readouterr().out
    assert out.startswith("✗ pool: your pool hands back what it was") and out.count("\n") == 1
    exec(EXERCISES["pool"].solution + 'check("pool")', scope)
    assert capsys.readouterr().out.startswith("✓ pool: right.")
    assert [entry["event"] for entry in log.read()] == ["wrong", "right"]
    state = log.summary(log.read())["pool"]
    assert state["right"] and state["tries"] == 2 and len(state["findings"]) == 1


def test_an_unknown_wrong_number_or_letter_is_said(capsys):
    """``check`` itself prints it, with all values that belong to the sentence."""
    for exercise in EXERCISES.values():
        if builds(exercise):
            continue
        for name in exercise.names:
            for value in (123456, "q", [1, 2], object()):
                code = exercise.solution + f"{name} = given\ncheck({exercise.name!r})"
                exec(code, {"check": exercises.check, "given": value})
                assert capsys.readouterr().out.startswith(f"✗ {exercise.name}: "), name


BROKEN_NORM = EXERCISES["norm"].solution.replace(", keep_dims=True", "")


def test_a_tensor_that_cannot_be_computed_names_the_line():
    text = said(judge(EXERCISES["norm"], namespace_of(BROKEN_NORM)))
    assert text.startswith("your code stops with ValueError in line 4 of my_instance_norm, which")


def test_a_tensor_that_cannot_be_computed_later_is_said_with_the_reason():
    """Where Python does not wait, MindSpore computes later, so the exception comes from the
    check. `select_device` cannot be taken back, so it is tried in another process."""
    program = f"""
from cyclegan_lessons.exercises.checking import judge
from cyclegan_lessons.exercises.registry import EXERCISES
answer = {{"__name__": "__main__"}}
exec({BROKEN_NORM!r}, answer)
result = judge(EXERCISES["norm"], answer)
print(result.sentence.format(**result.values))
"""
    run = [sys.executable, "-c", program]
    text = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert text.startswith("MindSpore cannot compute the result of my_instance_norm, which says")


def test_an_exception_outside_of_the_learners_code_names_no_line():
    code = EXERCISES["pool"].solution.replace("def query(self, images)", "def query(images)")
    text = said(judge(EXERCISES["pool"], namespace_of(code)))
    assert "takes 1 positional argument but 2 were given. Compare its names" in text


def test_hints_come_one_after_the_other_and_the_solution_is_logged(capsys):
    for text in (*EXERCISES["pool"].hints, EXERCISES["pool"].hints[-1]):
        exercises.hint("pool")
        assert text in capsys.readouterr().out
    exercises.solution("pool")
    assert capsys.readouterr().out == EXERCISES["pool"].solution
    state = log.summary(log.read())["pool"]
    assert state["solution"] and state["hints"] == len(EXERCISES["pool"].hints)


@pytest.mark.parametrize("function", [exercises.check, exercises.hint, exercises.solution])
@pytest.mark.parametrize("name", ["poool", "", None, 5])
def test_an_unknown_exercise_is_a_sentence(function, name, capsys):
    function(name)
    assert capsys.readouterr().out.startswith(f"there is no exercise {name!r}; perhaps you mean")


def test_a_log_that_cannot_be_written_is_said_and_nothing_raises(capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CYCLEGAN_LESSONS_PROGRESS", str(tmp_path / "file" / "progress.jsonl"))
    exec(EXERCISES["pool"].solution + 'check("pool")', {"check": exercises.check})
    out = capsys.readouterr().out
    assert out.startswith("✓ pool") and "could not be saved" in out


def test_damaged_lines_of_a_log_are_left_out(tmp_path):
    log.append(exercise="pool", event="wrong", finding="no")
    with open(log.log_file(), "ab") as file:
        file.write(b'{"torn": \n[1, 2]\n\xff\xfe\n{"time": 1}\n')
    log.append(exercise="pool", event="right")
    assert [entry["event"] for entry in log.read()] == ["wrong", "right"]


def test_a_log_that_cannot_be_read_is_said_and_a_hint_needs_none(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("CYCLEGAN_LESSONS_PROGRESS", str(tmp_path))  # a folder in its place
    with pytest.raises(LessonError, match="cannot be read"):
        log.read()
    exercises.hint("pool")
    assert EXERCISES["pool"].hints[0] in capsys.readouterr().out


def test_code_without_an_end_is_stopped(monkeypatch):
    monkeypatch.setattr("cyclegan_lessons.exercises.checking.SECONDS", 1)
    code = EXERCISES["pool"].solution.replace("answers = []", "while True: pass")
    answer = judge(EXERCISES["pool"], namespace_of(code))
    assert answer.outcome == WRONG and "does not come to an end" in answer.sentence


def test_an_exception_is_said_with_its_place():
    code = EXERCISES["pool"].solution.replace("answers = []", "answers = 1 / len([])")
    answer = judge(EXERCISES["pool"], namespace_of(code))
    assert said(answer) == (
        "your code stops with ZeroDivisionError in line 3 of query, which says: division by zero. "
        "Run that line by itself to see why."
    )


def test_stubs_and_solutions_have_the_look_of_the_course(tmp_path):
    for exercise in EXERCISES.values():
        (tmp_path / f"{exercise.name}_stub.py").write_text(exercise.stub, encoding="utf-8")
        (tmp_path / f"{exercise.name}.py").write_text(exercise.solution, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "format", "--diff", "--line-length", "100"]
    result = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def main():
    checking.SECONDS = 5
    """Try every change of every solution, and print those that a check takes for right."""
    chosen = sys.argv[1:] or list(EXERCISES)
    total = survived = 0
    for exercise in (EXERCISES[name] for name in chosen):
        changed = mutants(exercise.solution, exercise.given)
        passed = [code for code in changed if not refused(exercise, code)]
        total, survived = total + len(changed), survived + len(passed)
        print(
            f"{exercise.name}: {len(changed) - len(passed)} of {len(changed)} refused", flush=True
        )
        original = set(normal(exercise.solution))
        for code in passed:
            print("   ", *[line.strip() for line in normal(code) if line not in original])
    print(f"{total - survived} of {total} refused")


def normal(code: str) -> list[str]:
    return ast.unparse(ast.parse(code)).splitlines()


if __name__ == "__main__":
    main()
