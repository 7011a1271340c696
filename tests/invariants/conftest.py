from collections import Counter
from pathlib import Path


def pytest_terminal_summary(terminalreporter):
    """After the long suite, say how many properties held, and on how many drawn scenarios each."""
    from scenarios.drawn import DRAWN, LONG  # noqa: PLC0415 - reads the profile, which is chosen after this file is loaded

    if not LONG:
        return
    held = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            if "hypothesis" in report.keywords:
                held[Path(report.nodeid.split("::")[0]).stem, outcome] += 1
    terminalreporter.section("properties")
    terminalreporter.write_line(f"{'file':<28}{'held':>8}{'broken':>8}{'drawn for each':>16}")
    for name in sorted({name for name, _ in held}):
        terminalreporter.write_line(f"{name:<28}{held[name, 'passed']:>8}{held[name, 'failed']:>8}{DRAWN:>16}")
    total = [sum(count for (_, outcome), count in held.items() if outcome == wanted) for wanted in ("passed", "failed")]
    terminalreporter.write_line(f"{'all':<28}{total[0]:>8}{total[1]:>8}")
