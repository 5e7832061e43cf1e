"""The learner's progress as a table."""

from cyclegan_lessons.exercises import log
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES
from cyclegan_lessons.language import in_language


def progress_table(entries: list[dict]) -> str:
    """One line for each exercise, by chapter; what was right first, then how it came."""
    summary = log.summary(entries)
    width = max(len(name) for name in EXERCISES) + 2
    lines = []
    for subject, (number, title, _) in CHAPTERS.items():
        exercises = [exercise for exercise in EXERCISES.values() if exercise.subject == subject]
        done = sum(summary.get(e.name, {}).get("right", False) for e in exercises)
        share = in_language("{done} of {all}").format(done=done, all=len(exercises))
        lines.append(f"{number:>2}  {in_language(title)}: {share}")
        lines += [f"    {line_of(e.name, summary.get(e.name), width)}" for e in exercises]
    right = sum(state["right"] for name, state in summary.items() if name in EXERCISES)
    lines.append(in_language(f"{right} of {len(EXERCISES)} exercises are right."))
    return "\n".join(lines)


def line_of(name: str, state: dict | None, width: int) -> str:
    if state is None or not state["tries"]:
        return f"○ {name}"
    done = work(state["tries"], state["hints"], state["solution"])
    return f"{'✓' if state['right'] else '✗'} {name:{width}}{done}"


def work(tries: int, hints: int, solution: bool) -> str:
    """What somebody did for an exercise: "2 tries, 1 hint, solution seen"."""
    parts = [in_language("1 try") if tries == 1 else in_language("{n} tries").format(n=tries)]
    if hints:
        parts.append(
            in_language("1 hint") if hints == 1 else in_language("{n} hints").format(n=hints)
        )
    if solution:
        parts.append(in_language("solution seen"))
    return in_language(", ").join(parts)
