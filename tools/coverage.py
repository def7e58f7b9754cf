"""Adds up what gcov says of a build (coverage.sh): lines and branches of src/ by folder, what is not run by file.

A kernel is compiled once for each instruction set, a header into many objects: a line runs where one of them ran. Branches
are those of the source; of assertions, whose other side is a bug of ours, only the line counts."""
import collections, json, os, subprocess, sys

LINES, BRANCHES = 92.0, 80.0
MUCH = 12  # lines of a file that are not run; more need a reason
build = sys.argv[1]
root = os.path.realpath(".")
objects = [os.path.join(folder, name) for folder, _, names in os.walk(build) for name in names
           if name.endswith(".gcda") and ("innerloop" in folder or "kernels" in folder)]
if not objects:
    sys.exit("coverage: nothing was run in " + build)

lines = collections.defaultdict(dict)  # file: line: times
branches = collections.defaultdict(dict)  # file: line: [times]
source = {}


def text_of(path):
    if path not in source:
        with open(path, encoding="utf-8") as f:
            source[path] = [""] + f.read().split("\n")
    return source[path]


def take(report):
    for file in report["files"]:
        path = os.path.relpath(os.path.realpath(os.path.join(report["current_working_directory"], file["file"])), root)
        if not path.startswith("src/") or not os.path.exists(path):
            continue
        text = text_of(path)
        for line in file["lines"]:
            number = line["line_number"]
            lines[path][number] = lines[path].get(number, 0) + max(0, line["count"])
            taken = [max(0, b["count"]) for b in line["branches"]]
            if not taken or "assert(" in text[number]:
                continue
            known = branches[path].get(number)
            if known is None or len(known) < len(taken):
                branches[path][number] = taken
            elif len(known) == len(taken):
                branches[path][number] = [a + b for a, b in zip(known, taken)]


for start in range(0, len(objects), 40):
    out = subprocess.run(["gcov", "-b", "-c", "--json-format", "--stdout"] + objects[start:start + 40],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    for report in out.decode("utf-8", "replace").split("\n"):
        if report.startswith("{"):
            take(json.loads(report))

reasons = {}
for row in open("tools/coverage.txt", encoding="utf-8"):
    if row.strip() and not row.startswith("#"):
        name, reason = row.rstrip("\n").split(": ", 1)
        reasons[name] = reason


def share(part, whole):
    return 100.0 * part / whole if whole else 100.0


folders = collections.defaultdict(lambda: [0, 0, 0, 0])
files = {}
for path in lines:
    ran = sum(1 for n in lines[path].values() if n)
    both = [taken for row in branches[path].values() for taken in row]
    files[path] = [ran, len(lines[path]), sum(1 for n in both if n), len(both)]
    for i, n in enumerate(files[path]):
        folders["/".join(path.split("/")[:2])][i] += n
print(f"{'':16}{'lines':>8}{'run':>9}{'branches':>10}{'run':>9}")
total = [sum(f[i] for f in folders.values()) for i in range(4)]
for name, f in sorted(folders.items()) + [("src", total)]:
    print(f"{name:16}{f[1]:8}{share(f[0], f[1]):8.1f}%{f[3]:10}{share(f[2], f[3]):8.1f}%")

failed = False
print("\nnot run:")
for path, f in sorted(files.items(), key=lambda item: item[1][0] - item[1][1]):
    missing = f[1] - f[0]
    if missing <= MUCH:
        break
    reason = reasons.get(path)
    where, run = [], []
    for n in sorted(n for n, times in lines[path].items() if not times) + [None]:
        if run and n != run[-1] + 1:
            where.append(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]))
            run = []
        run.append(n)
    print(f"{path}: {missing} lines: {reason or 'NO REASON in tools/coverage.txt; lines ' + ' '.join(where)}")
    failed |= not reason
for name in reasons:
    if name not in files or files[name][1] - files[name][0] <= MUCH:
        print(f"{name}: has a reason in tools/coverage.txt and needs none")
for what, found, least in ("lines", share(total[0], total[1]), LINES), ("branches", share(total[2], total[3]), BRANCHES):
    if found < least:
        print(f"coverage: {found:.1f} % of {what} ran, expected {least:.0f} %")
        failed = True
sys.exit(1 if failed else 0)
